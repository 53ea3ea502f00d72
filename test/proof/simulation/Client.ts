/** What is simulated: this library, or any other client that promises the same and may be wrong about it. */
import { HttpClient } from "@effect/platform"
import { Effect, type Scope } from "effect"
import {
  BillwerkClient,
  type Exposure,
  type Handle,
  type Outcome,
  type PayoutError,
  type PayoutRequest,
  Payouts,
  type RequestLimits,
  type RetryPolicy
} from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"

/** What a call ended with, success or failure. */
export type Said = Outcome.Outcome | PayoutError.PayoutError

type Call<Options> = (
  request: PayoutRequest.PayoutRequest,
  options?: Options
) => Effect.Effect<Outcome.Outcome, PayoutError.PayoutError>

/** The part of the service that moves money, and the part that waits for it. */
export interface Client {
  readonly create: Call<Payouts.CallOptions>
  readonly recover: Call<Payouts.RecoverOptions>
  readonly settle: (
    target: Outcome.Outcome | Handle.Handle
  ) => Effect.Effect<Outcome.Outcome, PayoutError.PayoutError | PayoutError.LookupError>
}

/** What a client may leave aside: a wrong one does. */
export interface Options {
  readonly requestLimits: RequestLimits.Limits | "None"
  readonly beforeCreate: (evidence: Exposure.Evidence) => Effect.Effect<void>
}

/** Makes a client for one process, or for one call. */
export interface Subject {
  readonly name: string
  readonly make: (
    http: HttpClient.HttpClient,
    policy: RetryPolicy.RetryPolicy,
    options?: Options
  ) => Effect.Effect<Client, never, Scope.Scope>
}

/** The provider's own exchanges, over an HTTP client. */
export const billwerk = (http: HttpClient.HttpClient, requestLimits: RequestLimits.Limits | "None" = "None") =>
  BillwerkClient.make({ requestLimits, apiKey: Sandbox.apiKey }).pipe(
    Effect.provideService(HttpClient.HttpClient, http),
    // The key is the sandbox's own.
    Effect.orDie
  )

/** The service, over the provider's exchanges. */
export const service = (
  exchanges: BillwerkClient.BillwerkClient["Type"],
  policy: RetryPolicy.RetryPolicy,
  beforeCreate?: Options["beforeCreate"]
) =>
  Payouts.make({ policy, beforeCreate }).pipe(
    Effect.provideService(BillwerkClient.BillwerkClient, exchanges),
    Effect.map((payouts): Client => ({
      create: payouts.create,
      recover: payouts.recover,
      settle: (target) => (typeof target === "string" ? payouts.awaitFinal(target) : payouts.awaitFinal(target))
    }))
  )

/** This library, as it is. */
export const library: Subject = {
  name: "library",
  make: (http, policy, options) =>
    Effect.flatMap(billwerk(http, options?.requestLimits), (exchanges) =>
      service(exchanges, policy, options?.beforeCreate)
    )
}
