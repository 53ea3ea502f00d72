/** What is simulated: this library, or any other client that promises the same and may be wrong about it. */
import { HttpClient } from "@effect/platform"
import { Effect } from "effect"
import {
  BillwerkClient,
  type Outcome,
  type PayoutError,
  type PayoutRequest,
  Payouts,
  type RetryPolicy,
  Sandbox
} from "effect-billwerk-payouts"
import { anotherProcess } from "../support.js"

/** What a call ended with, success or failure. */
export type Said = Outcome.Outcome | PayoutError.PayoutError

type Call<Options> = (
  request: PayoutRequest.PayoutRequest,
  options?: Options
) => Effect.Effect<Outcome.Outcome, PayoutError.PayoutError>

/** The part of the service that moves money. */
export interface Client {
  readonly create: Call<Payouts.CallOptions>
  readonly resume: Call<Payouts.ResumeOptions>
}

/** Makes a client for one process. */
export interface Subject {
  readonly name: string
  readonly make: (http: HttpClient.HttpClient, policy: RetryPolicy.RetryPolicy) => Effect.Effect<Client>
}

/** The provider's own exchanges, over an HTTP client. */
export const billwerk = (http: HttpClient.HttpClient) =>
  BillwerkClient.make({ apiKey: Sandbox.apiKey }).pipe(
    Effect.provideService(HttpClient.HttpClient, http),
    // The key is the sandbox's own.
    Effect.orDie
  )

/** This library, as it is. */
export const library: Subject = {
  name: "library",
  make: (http, policy) =>
    Effect.flatMap(billwerk(http), (client) =>
      Effect.provideService(anotherProcess({ policy }), BillwerkClient.BillwerkClient, client)
    )
}
