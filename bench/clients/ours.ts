/** This library, over whichever transport a row brings. All rows of ours are this file and one layer. */
import type { HttpClient } from "@effect/platform"
import { type ConfigError, Effect, Layer, ManagedRuntime, Redacted, Schedule } from "effect"
import { BillwerkClient, PayoutRequest, Payouts, RetryPolicy, type PayoutError } from "effect-billwerk-payouts"
import type { Answer, Client } from "../Client.js"

const key = "priv_bench_0123456789abcdef0123456789abcdef"

// Two repeats after 50 and 100 ms, as in the peers. Nobody sends a processing error again within a call, ours included:
// "later", says the provider, and the standard policy's minute would measure the minute.
const transient = Schedule.exponential("50 millis").pipe(Schedule.intersect(Schedule.recurs(2)))
const policy = RetryPolicy.make({ communication: transient, rateLimited: transient, processingError: Schedule.stop })

const answerOfError = ({ certainty }: PayoutError.PayoutError): Answer =>
  certainty === "NotMoved" ? "failed" : "unclear"

export const openWith =
  (http: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>) =>
  async (baseUrl: string): Promise<Client> => {
    const runtime = ManagedRuntime.make(
      Payouts.layerWith({ policy }).pipe(
        Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make(key), baseUrl, requestLimits: "None" })),
        Layer.provide(http),
        Layer.orDie
      )
    )
    const payouts = await runtime.runPromise(Payouts.Payouts)
    return {
      pay: (input) =>
        PayoutRequest.make(input).pipe(
          Effect.flatMap((request) => payouts.create(request)),
          Effect.match({
            onFailure: answerOfError,
            onSuccess: ({ _tag }): Answer => (_tag === "Paid" ? "paid" : "unclear")
          }),
          runtime.runPromise
        ),
      close: () => runtime.dispose()
    }
  }
