/**
 * What the provider may add to an answer, or leave to chance in it, never changes what is made of it (64, 65, 67, 68).
 * From the text of the answer to the end of the call: bytes, client, verdict, evidence.
 */
import { assert, describe } from "@effect/vitest"
import { DateTime, Effect, FastCheck as fc, Schedule } from "effect"
import type { Payout } from "effect-billwerk-payouts"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { requestOf } from "../../support.js"
import { ended } from "../simulation/VirtualTime.js"
import { counters, property } from "./property.js"
import { type Said, World } from "./World.js"

const request = requestOf({ customer: "c-1" })

// --- an answer as the provider may mean it ---

type Json = Readonly<Record<string, unknown>>

const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
const often = <A>(usual: A, ...others: ReadonlyArray<A>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) })

const isoOf = (millis: number): string => DateTime.formatIso(DateTime.unsafeMake(millis)).replace("Z", "+0000")
const newYear = new World().time.now
// Before and after the create, and far enough before it to be too old to be its doing.
const dates = fc.integer({ min: newYear - 3_600_000, max: newYear + 3_600_000 }).map(isoOf)

const transactionOf = (created: fc.Arbitrary<string | undefined>) =>
  fc.record({
    id: fc.hexaString({ minLength: 1, maxLength: 8 }),
    state: fc.constantFrom("failed", "failed", "paid", "processing", "retired"),
    amount: often(12_500, 20_000),
    created,
    error_state: fc.constantFrom("hard_declined", "soft_declined", "processing_error", "pending", "shy", undefined),
    error: optional(fc.constantFrom("insufficient_funds", "credit_card_expired")),
    acquirer_code: optional(fc.constant("51")),
    acquirer_message: optional(fc.constant("Not sufficient funds"))
  })

const payoutOf = <A extends Json>(transactions: fc.Arbitrary<ReadonlyArray<A>>) =>
  fc.record({
    handle: often<string>(request.handle, "another"),
    state: fc.constantFrom("failed", "failed", "paid", "processing", "created", "on_hold"),
    amount: often(12_500, 20_000),
    currency: often<string | undefined>("DKK", "SEK", undefined),
    customer: often<string | undefined>("c-1", "c-2", undefined),
    created: optional(dates),
    paid: optional(dates),
    failed: optional(dates),
    transactions
  })

// --- the same, as it may come ---

const fieldsOf = {
  payout: ["handle", "state", "amount", "currency", "text", "customer", "created", "paid", "failed", "transactions"],
  transaction: ["id", "state", "payout", "amount", "created", "paid", "failed", "error_state", "error"].concat([
    "acquirer_code",
    "acquirer_message",
    "card_type",
    "provider"
  ])
}

/** `JSON.stringify` writes a field of this name, if it is one: not so an object literal. */
const proto = (value: unknown): Json => Object.fromEntries([["__proto__", value]])

const misleading: ReadonlyArray<unknown> = [
  { handle: "another", state: "paid", amount: 1, transactions: [{ state: "paid" }] },
  { code: 134, error: "Payout already paid" },
  proto({ state: "paid", error_state: "hard_declined" }),
  [proto({ amount: 1 })],
  [[[{ state: "failed" }]]]
]

/** A field that nobody knows; at times one that looks as if somebody did. */
const unknownField: fc.Arbitrary<readonly [string, unknown]> = fc.oneof(
  fc.tuple(
    fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "toString", "hasOwnProperty", "then", "0", "")),
    fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...misleading))
  ),
  // An error's fields, in a payout; and its own, written as they are not.
  fc.constantFrom<readonly [string, unknown]>(
    ["code", 134],
    ["http_status", 500],
    ["request_id", "r-1"],
    ["message", "Payout already paid"],
    ["STATE", "paid"],
    ["errorState", "hard_declined"],
    ["transaction", misleading[0]]
  )
)

/** How one object of an answer is written. */
const dress = fc.record({
  extra: fc.array(unknownField, { maxLength: 4 }),
  nulls: fc.boolean(),
  reversed: fc.boolean()
})
type Dress = typeof dress extends fc.Arbitrary<infer A> ? A : never

const dressed = (value: Json, fields: ReadonlyArray<string>, { extra, nulls, reversed }: Dress): Json => {
  const entries: Array<readonly [string, unknown]> = [
    ...extra.filter(([name]) => !fields.includes(name)),
    ...(nulls ? fields.map((name) => [name, null] as const) : []),
    ...Object.entries(value).filter(([, one]) => one !== undefined)
  ]
  // Of a name said twice the last counts, here as in JSON; so the order is turned when each is there once.
  const once = [...new Map(entries)]
  return Object.fromEntries(reversed ? once.reverse() : once)
}

interface Variation {
  readonly plain: Json
  readonly varied: Json
}

const variationOf = <A extends Json>(
  transactions: fc.Arbitrary<ReadonlyArray<A>>,
  permuted: (all: ReadonlyArray<A>) => fc.Arbitrary<ReadonlyArray<A>>
): fc.Arbitrary<Variation> =>
  payoutOf(transactions).chain((plain) =>
    fc
      .record({
        order: permuted(plain.transactions),
        outer: dress,
        inner: fc.array(dress, { minLength: plain.transactions.length, maxLength: plain.transactions.length })
      })
      .map(({ inner, order, outer }) => {
        const bare = { extra: [], nulls: false, reversed: false }
        const list = order.map((one, index) => dressed(one, fieldsOf.transaction, inner[index] ?? bare))
        return { plain, varied: dressed({ ...plain, transactions: list }, fieldsOf.payout, outer) }
      })
  )

const shuffled = <A>(all: ReadonlyArray<A>): fc.Arbitrary<ReadonlyArray<A>> =>
  fc.shuffledSubarray([...all], { minLength: all.length, maxLength: all.length })

// --- what is made of it ---

const policy = RetryPolicy.make({
  communication: Schedule.recurs(1),
  softDeclined: Schedule.recurs(1),
  processingError: Schedule.recurs(2)
})

/** A payout whose transactions stand in an order of their own. */
const sorted = (payout: Payout.Payout): Payout.Payout => ({
  ...payout,
  transactions: [...payout.transactions].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
})

/** All that a caller can see of an end. */
const seen = (said: Said) => ({
  tag: said._tag,
  certainty: said.certainty,
  exposure: said.exposure,
  message: said instanceof Error ? said.message : "",
  attempts: said.attempts,
  payout: "payout" in said ? sorted(said.payout) : undefined
})

/** Every exchange is answered with this text. */
const ends = (answer: Json) => {
  const world = new World()
  world.always(Script.reply({ status: 200, body: JSON.stringify(answer) }))
  const created = seen(world.create(request, { policy }))
  const found = ended(world.run(Effect.merge(world.payouts.get(request.handle, { policy }))))
  return { created, found: "state" in found ? sorted(found) : { tag: found._tag, message: found.message } }
}

describe("An answer is taken for the same, with the same evidence,", () => {
  const met = counters<string>()
  const distinct = fc.uniqueArray(transactionOf(dates), { maxLength: 5, selector: ({ created }) => created })

  property(
    "in whatever order its transactions stand, with whatever unknown fields, nulls and order of fields (65, 67, 68)",
    100,
    variationOf(distinct, shuffled),
    ({ plain, varied }) => {
      const expected = ends(plain)
      met.count(expected.created.tag)
      assert.deepStrictEqual(ends(varied), expected)
    },
    () => {
      const tags = ["Paid", "Processing", "HardDeclined", "SoftDeclined", "ProcessingError", "UnexpectedResponse"]
      for (const tag of tags) assert.isAbove(met.of(tag), 0, tag)
    }
  )

  const before = isoOf(newYear - 60_000)
  const few = fc.constantFrom(before, isoOf(newYear), isoOf(newYear + 60_000), undefined)
  const someEqual = fc.array(transactionOf(few), { minLength: 1, maxLength: 6 })

  property(
    "in whatever order, as long as those of one date keep theirs (65)",
    50,
    variationOf(someEqual, (all) =>
      shuffled(all).map((order) => {
        const left = new Map(order.map(({ created }) => [created, all.filter((one) => one.created === created)]))
        return order.flatMap(({ created }) => left.get(created)?.shift() ?? [])
      })
    ),
    ({ plain, varied }) => assert.deepStrictEqual(ends(varied), ends(plain))
  )

  const tagOf: Readonly<Record<string, string>> = {
    hard_declined: "HardDeclined",
    soft_declined: "SoftDeclined",
    processing_error: "ProcessingError"
  }

  property(
    "by the latest of its transactions: of equal dates the last in the list, and without a date before all others (65)",
    50,
    someEqual,
    (transactions) => {
      const byDate = (date: string | undefined) => transactions.filter(({ created }) => created === date)
      const dated = transactions.flatMap(({ created }) => created ?? []).sort()
      const latest = byDate(dated.at(-1)).at(-1)
      const { created } = ends({ handle: request.handle, state: "failed", amount: 12_500, transactions })
      const expected = tagOf[latest?.error_state ?? ""] ?? "UnexpectedResponse"
      // A decline that is older than the create, or of another amount, is not of its arguments.
      const isOfOthers = latest?.created === before || latest?.amount !== 12_500
      if (isOfOthers && expected.endsWith("Declined")) assert.notStrictEqual(created.tag, expected)
      else assert.strictEqual(created.tag, expected)
    }
  )
})
