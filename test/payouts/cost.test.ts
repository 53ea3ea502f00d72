/**
 * What a create costs, by a measure that does not depend on the machine: fibers and steps, counted. Time is the bench's job.
 */
import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  type ConfigError,
  Effect,
  identity,
  Layer,
  Redacted,
  RuntimeFlags,
  RuntimeFlagsPatch,
  Supervisor
} from "effect"
import { BillwerkClient, PayoutRequest, Payouts } from "effect-billwerk-payouts"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import { Acting, controller } from "../undici/dispatchers.js"

const input = (handle: string): PayoutRequest.Input => ({
  handle,
  destination: "ca_fcfac2016614418f969fa5697383e47c",
  amount: 12_500,
  currency: "DKK"
})

const created = "2025-10-01T09:29:58.120+00:00"
const transaction = { id: "dafba2016614418f969fa5697383e47c", state: "paid", amount: 12_500, created }
const paid = (handle: string) => ({
  ...{ handle, state: "paid", amount: 12_500, currency: "DKK", customer: "customer-006" },
  ...{ created, paid: created, transactions: [{ ...transaction, payout: handle, card_type: "visa_dk" }] }
})

const decoder = new TextDecoder()
const encoder = new TextEncoder()

const answerTo = (body: Uint8Array): Uint8Array => {
  const asked: { readonly handle: string } = JSON.parse(decoder.decode(body))
  return encoder.encode(JSON.stringify(paid(asked.handle)))
}

/** Answers as a connection would: later, but at once. */
const loopback = new Acting((handler, { body }) =>
  queueMicrotask(() => {
    const answer = answerTo(body instanceof Uint8Array ? body : new Uint8Array())
    handler.onRequestStart?.(controller, {})
    handler.onResponseStart?.(controller, 200, { "content-length": String(answer.byteLength) })
    handler.onResponseData?.(controller, Buffer.from(answer))
    handler.onResponseEnd?.(controller, {})
  })
)

const direct = UndiciTransport.layerWith({ dispatcher: loopback })
const general = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(identity))
).pipe(Layer.provide(direct))

const live = (http: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>) =>
  Payouts.layer.pipe(
    Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make("priv_cost_0123456789abcdef0123456789abcd") })),
    Layer.provide(http)
  )

const pay = (handle: string) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    Effect.flatMap(PayoutRequest.make(input(handle)), (request) => payouts.create(request))
  )

class Counting extends Supervisor.AbstractSupervisor<void> {
  override readonly value = Effect.void
  fibers = 0
  steps = 0
  override onStart(): void {
    this.fibers += 1
  }
  override onEffect(): void {
    this.steps += 1
  }
}

const counted = Effect.gen(function* () {
  yield* pay("warm")
  const counting = new Counting()
  yield* pay("counted").pipe(
    Effect.withRuntimeFlagsPatch(RuntimeFlagsPatch.enable(RuntimeFlags.OpSupervision)),
    Effect.supervised(counting)
  )
  return { fibers: counting.fibers, steps: counting.steps }
})

describe("A create that succeeds takes", () => {
  for (const { fibers, http, name, steps } of [
    { name: "UndiciTransport", http: direct, fibers: 0, steps: 50 },
    { name: "any other client", http: general, fibers: 1, steps: 88 }
  ]) {
    it.live(`at most ${fibers} fibers of its own and ${steps} steps over ${name}`, () =>
      Effect.gen(function* () {
        const taken = yield* counted
        assert.strictEqual(taken.fibers, fibers)
        assert.isAtMost(taken.steps, steps)
      }).pipe(Effect.provide(live(http)))
    )
  }
})
