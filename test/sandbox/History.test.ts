import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Option, Redacted, TestClock } from "effect"
import { inspect } from "node:util"
import * as Acquirer from "../../src/sandbox/Acquirer.js"
import * as Ledger from "../../src/sandbox/Ledger.js"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import { create, gist, handle, lookup, transactions } from "./fixture.js"
import { everything } from "../everything.js"

const start = Date.UTC(2025, 9, 1, 9, 30)

/** A sandbox that starts at `start`, with a history. */
const withHistory =
  (history: ReadonlyArray<Sandbox.PastPayout>, options: Sandbox.Options = {}) =>
  <A, E>(test: Effect.Effect<A, E, Sandbox.Sandbox | Layered>) =>
    Effect.zipRight(
      TestClock.setTime(start),
      Effect.provide(test, Sandbox.layerHttpClientWith({ ...options, history }))
    )

type Layered = Effect.Effect.Context<ReturnType<typeof lookup>>

const ledger = Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.ledger)

const failedOnce: Sandbox.PastPayout = {
  handle,
  amount: 12_500,
  transactions: [{ created: { age: "2 hours" }, destination: "ca_1", outcome: Acquirer.processingError() }]
}

describe("A payout of the history", () => {
  it.effect("is on record as if it had been received, by its age and at its dates", () =>
    Effect.gen(function* () {
      const answer = yield* lookup()
      const card = (id: string) => ({
        id,
        state: "active",
        customer: "customer-006",
        card_type: "visa",
        exp_date: "12-49",
        masked_card: "411111XXXXXX1111"
      })
      const common = { payout: handle, card_type: "visa", provider: "test" }
      assert.deepStrictEqual(answer.json, {
        handle,
        state: "paid",
        amount: 12_500,
        currency: "SEK",
        text: "Prize",
        customer: "customer-006",
        created: "2025-10-01T07:30:00.000+00:00",
        paid: "2025-10-01T09:00:00.000+00:00",
        transactions: [
          {
            ...common,
            id: "a0000000000000000000000000000001",
            state: "failed",
            amount: 10_000,
            created: "2025-10-01T07:30:00.000+00:00",
            failed: "2025-10-01T07:30:00.000+00:00",
            error_state: "soft_declined",
            error: "insufficient_funds",
            card: card("ca_1")
          },
          {
            ...common,
            id: "a0000000000000000000000000000002",
            state: "paid",
            amount: 12_500,
            created: "2025-10-01T09:00:00.000+00:00",
            paid: "2025-10-01T09:00:00.000+00:00",
            card: card("ca_2")
          }
        ]
      })
    }).pipe(
      withHistory([
        {
          handle,
          amount: 12_500,
          currency: "SEK",
          customer: "customer-006",
          text: "Prize",
          transactions: [
            {
              created: { age: "2 hours" },
              amount: 10_000,
              destination: "ca_1",
              outcome: Acquirer.softDeclined()
            },
            {
              created: DateTime.unsafeMake(Date.UTC(2025, 9, 1, 9)),
              destination: "ca_2",
              outcome: Acquirer.paid
            }
          ]
        }
      ])
    )
  )

  it.effect("has the account's currency, and the customer of its method, unless it says another", () =>
    Effect.gen(function* () {
      const answer = yield* lookup()
      assert.deepStrictEqual([answer.json["currency"], answer.json["customer"]], ["SEK", "owner"])
      assert.deepStrictEqual(gist(yield* create({ customer_handle: "another", destination: "ca_2" })), [400, 136])
      assert.deepStrictEqual(gist(yield* create({ customer_handle: "owner" })), [200, "paid"])
    }).pipe(withHistory([failedOnce], { currency: "SEK", methods: { ca_1: { customer: "owner" } } }))
  )

  it.effect("that failed takes another attempt, and keeps when it was created", () =>
    Effect.gen(function* () {
      const paid = yield* create()
      assert.deepStrictEqual(
        transactions(paid).map(({ created, id, state }) => [id, state, created]),
        [
          ["a0000000000000000000000000000001", "failed", "2025-10-01T07:30:00.000+00:00"],
          ["a0000000000000000000000000000002", "paid", "2025-10-01T09:30:00.000+00:00"]
        ]
      )
      assert.strictEqual(paid.json["created"], "2025-10-01T07:30:00.000+00:00")
      assert.strictEqual(Ledger.moved(yield* ledger, handle), 12_500)
    }).pipe(withHistory([failedOnce]))
  )

  it.effect("that is paid is not paid again", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(gist(yield* create()), [400, 134])
      assert.strictEqual(Ledger.moved(yield* ledger, handle), 12_500)
    }).pipe(
      withHistory([
        {
          handle,
          amount: 12_500,
          transactions: [{ created: { age: "1 day" }, destination: "ca_1", outcome: Acquirer.paid }]
        }
      ])
    )
  )

  it.effect("moved what it moved, seen or hidden, when it did", () =>
    Effect.gen(function* () {
      const now = yield* ledger
      assert.deepStrictEqual(
        Ledger.movements(now, handle).map(({ amount, hidden, when }) => [amount, hidden, when.epochMillis]),
        [
          [1, true, start - 7_200_000],
          [20, false, start - 3_600_000]
        ]
      )
      assert.deepStrictEqual([Ledger.moved(now, handle), now.totalMoved], [21, 21])
      assert.deepStrictEqual([Ledger.movedTwice(now), Ledger.paidTwice(now)], [[handle], []])
      assert.strictEqual(Option.getOrThrow(Ledger.payout(now, handle)).amount, 300)
    }).pipe(
      withHistory([
        {
          handle,
          amount: 300,
          transactions: [
            {
              created: { age: "2 hours" },
              amount: 1,
              destination: "ca_1",
              outcome: Acquirer.processingError({ moved: true })
            },
            { created: { age: "1 hour" }, amount: 20, destination: "ca_1", outcome: Acquirer.paid }
          ]
        }
      ])
    )
  )

  it.effect("that is processing settles by hand, or when its time comes: from its creation on", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(gist(yield* create({ handle: "by-hand" })), [400, 133])
      yield* sandbox.settle("by-hand", Acquirer.hardDeclined())
      assert.deepStrictEqual(gist(yield* lookup("by-hand")), [200, "failed"])
      assert.deepStrictEqual(gist(yield* lookup("due")), [200, "processing"])
      yield* TestClock.adjust("30 minutes")
      const due = yield* lookup("due")
      assert.deepStrictEqual([gist(due), due.json["paid"]], [[200, "paid"], "2025-10-01T10:00:00.000+00:00"])
      const overdue = yield* lookup("overdue")
      assert.deepStrictEqual(
        [gist(overdue), overdue.json["failed"]],
        [[200, "failed"], "2025-10-01T08:35:00.000+00:00"]
      )
    }).pipe(
      withHistory([
        {
          handle: "by-hand",
          amount: 1,
          transactions: [{ created: { age: "1 hour" }, destination: "ca_1", outcome: Acquirer.processing() }]
        },
        {
          handle: "due",
          amount: 1,
          transactions: [
            { created: { age: "1 hour" }, destination: "ca_1", outcome: Acquirer.processing({ after: "90 minutes" }) }
          ]
        },
        {
          handle: "overdue",
          amount: 1,
          transactions: [
            {
              created: { age: "1 hour" },
              destination: "ca_1",
              outcome: Acquirer.processing({ after: "5 minutes", as: Acquirer.hardDeclined() })
            }
          ]
        }
      ])
    )
  )

  it.effect("without a transaction is created, and takes an attempt", () =>
    Effect.gen(function* () {
      const created = yield* lookup()
      assert.deepStrictEqual(
        [gist(created), created.json["created"], transactions(created)],
        [[200, "created"], "2025-10-01T08:30:00.000+00:00", []]
      )
      const paid = yield* create()
      assert.deepStrictEqual([gist(paid), paid.json["created"]], [[200, "paid"], "2025-10-01T08:30:00.000+00:00"])
    }).pipe(withHistory([{ handle, amount: 12_500, created: { age: "1 hour" }, transactions: [] }]))
  )

  it.effect("has used its card token up, unless it failed and the switch says that this does not", () =>
    Effect.gen(function* () {
      const again = create({ destination: "ct_1", customer_handle: "customer-006" })
      const tokens: Sandbox.PastPayout = {
        handle,
        amount: 12_500,
        customer: "customer-006",
        transactions: [{ created: { age: "1 hour" }, destination: "ct_1", outcome: Acquirer.hardDeclined() }]
      }
      assert.deepStrictEqual(gist(yield* again.pipe(withHistory([tokens]))), [400, 103])
      const answer = yield* again.pipe(withHistory([tokens], { failureUsesToken: false }))
      assert.deepStrictEqual(gist(answer), [200, "paid"])
      assert.notInclude(answer.text, "ct_1")
    })
  )

  it.effect("comes after older ones, whatever the order in which they are given", () =>
    Effect.gen(function* () {
      yield* create({ handle: "new" })
      const payouts = Ledger.payouts(yield* ledger)
      assert.deepStrictEqual(
        payouts.map((payout) => [payout.handle, payout.transactions[0]?.id.at(-1)]),
        [
          ["oldest", "1"],
          ["opened", undefined],
          [handle, "2"],
          ["new", "3"]
        ]
      )
    }).pipe(
      withHistory([
        failedOnce,
        { handle: "opened", amount: 1, created: { age: "3 hours" }, transactions: [] },
        {
          handle: "oldest",
          amount: 1,
          transactions: [{ created: { age: "1 day" }, destination: "ca_1", outcome: Acquirer.paid }]
        }
      ])
    )
  )

  it.effect("is there again after a reset, as old as it was", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* create()
      yield* TestClock.adjust("1 hour")
      yield* sandbox.reset
      const answer = yield* lookup()
      assert.deepStrictEqual([gist(answer), answer.json["created"]], [[200, "failed"], "2025-10-01T08:30:00.000+00:00"])
    }).pipe(withHistory([failedOnce]))
  )

  it.effect("does not print its destination from the ledger", () =>
    Effect.gen(function* () {
      const now = yield* ledger
      for (const printed of [inspect(now, everything), JSON.stringify(now)]) {
        assert.include(printed, "<redacted>")
        assert.notInclude(printed, "ca_1")
      }
      const [transaction] = Option.getOrThrow(Ledger.payout(now, handle)).transactions
      assert(transaction !== undefined)
      assert.strictEqual(Redacted.value(transaction.card), "ca_1")
    }).pipe(withHistory([failedOnce]))
  )

  it("has no attempt after one that did not fail: that does not compile", () => {
    const one = { created: { age: "1 hour" }, destination: "ca_1" } as const
    const impossible: Sandbox.PastPayout = {
      handle,
      amount: 1,
      // @ts-expect-error only a failed payout is attempted again
      transactions: [
        { ...one, outcome: Acquirer.paid },
        { ...one, outcome: Acquirer.paid }
      ]
    }
    assert.isDefined(impossible)
  })
})
