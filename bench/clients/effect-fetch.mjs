/** What one writes with Effect alone: its `HttpClient` over fetch, `Schema` for the answer, `timeout` and `retry`. */
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Effect, ManagedRuntime, Schedule, Schema } from "effect"
import { answerOf, answerOfStatus, delayMillis, headers, isTransient, retries, timeoutMillis } from "./shared.mjs"

const Transaction = Schema.Struct({
  id: Schema.String,
  state: Schema.Literal("paid", "processing", "failed"),
  payout: Schema.String,
  amount: Schema.NonNegativeInt,
  created: Schema.String,
  card_type: Schema.String,
  error: Schema.optional(Schema.String),
  error_state: Schema.optional(Schema.String)
})

const Payout = Schema.Struct({
  handle: Schema.String,
  state: Schema.Literal("created", "processing", "failed", "paid"),
  amount: Schema.Positive.pipe(Schema.int()),
  currency: Schema.optional(Schema.String),
  customer: Schema.String,
  created: Schema.String,
  paid: Schema.optional(Schema.String),
  failed: Schema.optional(Schema.String),
  transactions: Schema.Array(Transaction)
})

const readPayout = HttpClientResponse.schemaBodyJson(Payout)

/** @param {unknown} error */
const statusOf = (error) =>
  error instanceof Object && "response" in error && error.response instanceof Object && "status" in error.response
    ? Number(error.response.status)
    : undefined

const schedule = Schedule.exponential(delayMillis).pipe(Schedule.intersect(Schedule.recurs(retries)))

/** @type {import("../Client.js").Open} */
export const open = async (baseUrl) => {
  const runtime = ManagedRuntime.make(FetchHttpClient.layer)
  const http = HttpClient.filterStatusOk(await runtime.runPromise(HttpClient.HttpClient))
  const request = HttpClientRequest.post(`${baseUrl}/v1/payout`, { headers })

  return {
    pay: (input) =>
      HttpClientRequest.bodyJson(request, input).pipe(
        Effect.flatMap(http.execute),
        Effect.flatMap(readPayout),
        Effect.timeout(timeoutMillis),
        Effect.retry({ schedule, while: (error) => isTransient(statusOf(error) ?? 500) }),
        Effect.match({ onFailure: (error) => answerOfStatus(statusOf(error)), onSuccess: answerOf }),
        runtime.runPromise
      ),
    close: () => runtime.dispose()
  }
}
