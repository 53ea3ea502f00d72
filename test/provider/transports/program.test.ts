/** One program over each transport, and in memory. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Runtime, Schedule } from "effect"
import { BillwerkClient, PayoutRequest, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { answer, serve } from "../../servers.js"
import { transports, lowered } from "./fixture.js"

describe("One program", () => {
  /** Knows nothing of HTTP, of sockets, or of which layers it gets. */
  const program = Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const pay = (handle: string, amount: number) =>
      Effect.gen(function* () {
        const request = yield* PayoutRequest.make({ handle, destination: "ca_1", amount, currency: "DKK" })
        const end = yield* Effect.merge(payouts.create(request))
        return {
          end: end._tag,
          certainty: end.certainty,
          exposure: end.exposure,
          attempts: end.attempts.map(({ code, decision, kind, outcome, status }) => [
            kind,
            status,
            code,
            outcome,
            decision
          ])
        }
      })
    return [
      yield* pay("p-paid", 12_500),
      yield* pay("p-declined", 3002),
      yield* pay("p-lost", 7),
      yield* pay("p-gone", 9)
    ]
  })

  const prepare = Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
    sandbox.script(
      Script.dropAfterCommit.pipe(Script.forHandle("p-lost")),
      Script.apiError({ status: 404, code: 40 }).pipe(Script.forHandle("p-gone"))
    )
  )

  const expected = [
    {
      end: "Paid",
      certainty: "Moved",
      exposure: { min: 12_500, max: 12_500 },
      attempts: [["Create", 200, undefined, "Paid", "Succeed"]]
    },
    {
      end: "HardDeclined",
      certainty: "NotMoved",
      exposure: { min: 0, max: 0 },
      attempts: [["Create", 200, undefined, "HardDeclined", "Fail"]]
    },
    {
      end: "Paid",
      certainty: "Moved",
      exposure: { min: 7, max: 7 },
      attempts: [
        ["Create", undefined, undefined, "CommunicationError", "LookUp"],
        ["Lookup", 200, undefined, "Paid", "Succeed"]
      ]
    },
    {
      end: "PaymentMethodNotFound",
      certainty: "NotMoved",
      exposure: { min: 0, max: 0 },
      attempts: [["Create", 404, 40, "PaymentMethodNotFound", "Fail"]]
    }
  ]

  const payouts = (baseUrl: string) =>
    Payouts.layerWith({ policy: RetryPolicy.make({ communication: Schedule.recurs(1) }) }).pipe(
      Layer.provide(BillwerkClient.layer({ apiKey: Sandbox.apiKey, baseUrl }))
    )

  /** The sandbox behind a socket. */
  const sandboxServer = Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const run = Runtime.runPromise(yield* Effect.runtime())
    return yield* serve((socket, received) => {
      const [method = "", path = ""] = received.line.split(" ")
      const incoming = { method, path, headers: lowered(received), body: Buffer.from(received.body) }
      void run(sandbox.receive(incoming)).then((delivery) => {
        if (delivery._tag !== "Answered") return socket.destroy()
        const { body, headers, status } = delivery.message
        return socket.write(answer(status, body, headers))
      })
    })
  })

  it.live("pays in memory", () =>
    Effect.gen(function* () {
      yield* prepare
      assert.deepStrictEqual(yield* program, expected)
      assert.strictEqual((yield* (yield* Sandbox.Sandbox).ledger).totalMoved, 12_507)
    }).pipe(
      Effect.provide(
        payouts("https://api.frisbii.com").pipe(Layer.provideMerge(Sandbox.layerHttpClientWith({ testAmounts: true })))
      )
    )
  )

  for (const { layer, name } of transports) {
    it.scopedLive(`pays over ${name}`, () =>
      Effect.gen(function* () {
        const { url } = yield* sandboxServer
        yield* prepare
        assert.deepStrictEqual(yield* program.pipe(Effect.provide(payouts(url).pipe(Layer.provide(layer)))), expected)
        assert.strictEqual((yield* (yield* Sandbox.Sandbox).ledger).totalMoved, 12_507)
      }).pipe(Effect.provide(Sandbox.layerSandboxWith({ testAmounts: true })))
    )
  }
})
