import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, HashMap, Logger } from "effect"
import type { Payout, Reply, Verdict } from "effect-billwerk-payouts"
import { logAnomaly } from "../../src/execution/anomalies.js"

const answer: Reply.Reply = { _tag: "Response", status: 200, requestId: "r-1", body: { _tag: "Unreadable", why: "x" } }
const date = DateTime.unsafeMake(0)

const payout = (state: string, over: Partial<Payout.Payout> = {}): Payout.Payout => ({
  handle: "p-1",
  state,
  amount: 100,
  transactions: [],
  ...over
})
const tx = (id: string, state: string): Payout.Transaction => ({ id, state, amount: 100 })

/** What is logged, and with which annotations. */
const logged = (verdict: Verdict.Verdict, reply: Reply.Reply = answer) =>
  Effect.suspend(() => {
    const lines: Array<ReadonlyArray<unknown>> = []
    const logger = Logger.make(({ annotations, logLevel, message }) => {
      lines.push([logLevel.label, String(message), Object.fromEntries(HashMap.toEntries(annotations))])
    })
    return Effect.as(
      Effect.provide(logAnomaly("p-1", verdict, reply), Logger.replace(Logger.defaultLogger, logger)),
      lines
    )
  })

describe("anomalies", () => {
  const table: ReadonlyArray<readonly [verdict: Verdict.Verdict, text: string]> = [
    [{ _tag: "UnexpectedResponse", why: "HTTP 302" }, "HTTP 302"],
    [{ _tag: "UnreadableRefusal" }, "HTTP 400 whose code cannot be read"],
    [{ _tag: "RejectedInDoubt" }, "refused, for a transaction that may have paid all the same"],
    [{ _tag: "Unsettled", payout: payout("x"), why: "its state is x" }, "its state is x"],
    [{ _tag: "HandleConflict", differs: ["amount"], payout: payout("paid") }, "the handle's payout has another amount"],
    [
      { _tag: "Paid", payout: payout("paid", { transactions: [tx("a", "paid"), tx("b", "paid")] }) },
      "the provider's record shows 2 paid transactions"
    ],
    [
      { _tag: "HardDeclined", payout: payout("failed", { transactions: [tx("a", "paid")] }) },
      "the payout failed, but one of its transactions is paid"
    ],
    [
      { _tag: "SoftDeclined", payout: payout("failed", { paid: date }) },
      "the payout failed, but has a date of payment"
    ],
    [{ _tag: "Paid", payout: payout("paid", { failed: date }) }, "the payout is paid, but has a date of failure"]
  ]
  for (const [verdict, text] of table) {
    it.effect(`warns of ${verdict._tag}: ${text}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* logged(verdict), [
          ["WARN", `Payout p-1: ${text}`, { handle: "p-1", requestId: "r-1" }]
        ])
      })
    )
  }

  it.effect("is silent about what is as it should be", () =>
    Effect.gen(function* () {
      const usual: ReadonlyArray<Verdict.Verdict> = [
        { _tag: "Paid", payout: payout("paid", { paid: date, transactions: [tx("a", "paid")] }) },
        { _tag: "Processing", payout: payout("processing", { paid: date, failed: date }) },
        { _tag: "HardDeclined", payout: payout("failed", { failed: date, transactions: [tx("a", "failed")] }) },
        { _tag: "NotFound", proven: true },
        { _tag: "CommunicationError" },
        { _tag: "RequestRejected" }
      ]
      for (const verdict of usual) assert.deepStrictEqual(yield* logged(verdict), [], verdict._tag)
    })
  )

  it.effect("says of an exchange without an id, or without an answer, that its id is unknown", () =>
    Effect.gen(function* () {
      const verdict = { _tag: "UnexpectedResponse", why: "x" } as const
      const { requestId: _, ...unnamed } = answer
      for (const reply of [unnamed, { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }] as const) {
        assert.deepStrictEqual(yield* logged(verdict, reply), [
          ["WARN", "Payout p-1: x", { handle: "p-1", requestId: "unknown" }]
        ])
      }
    })
  )
})
