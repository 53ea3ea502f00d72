/** What the tests of `Reconciliation` share: rows of our books, the provider's records, and lookups of a table. */
import { DateTime, Effect, Either, Option, Stream } from "effect"
import { Exposure, Handle, Payout, PayoutError, Payouts, Reconciliation } from "effect-billwerk-payouts"
import * as NodeContext from "@effect/platform-node/NodeContext"

export const minute = 60_000
export const start = Date.UTC(2026, 0, 2, 12)
export const handle = "prize-1"

/** Our clock and the provider's are the same to the second. */
export const clocks = { here: { min: -500, max: 500 }, later: { min: -500, max: 500 } }

export const row = (over: Partial<Parameters<typeof Reconciliation.ofRow>[0]> = {}): Reconciliation.Expectation =>
  Either.getOrThrow(Reconciliation.ofRow({ handle, amount: 12_500, currency: "DKK", ...over }))

export const tx = (over: Partial<Payout.Transaction> = {}): Payout.Transaction => ({
  id: "t1",
  state: "paid",
  amount: 12_500,
  created: DateTime.unsafeMake(start),
  ...over
})

export const payout = (over: Partial<Payout.Payout> = {}): Payout.Payout => ({
  handle,
  state: "paid",
  amount: 12_500,
  currency: "DKK",
  transactions: [tx({ amount: over.amount ?? 12_500 })],
  ...over
})

export const failed = (errorState = "hard_declined"): Payout.Payout =>
  payout({ state: "failed", transactions: [tx({ state: "failed", errorState })] })

export const processing: Payout.Payout = payout({ state: "processing", transactions: [tx({ state: "processing" })] })

/** The end of a call that is stored: what the provider showed, or nothing, and a create that may be under way. */
export const stored = (
  standing: Reconciliation.Standing,
  shown: Payout.Payout | undefined,
  creates: ReadonlyArray<Exposure.Create> = []
): Reconciliation.Expectation => ({
  ...row(),
  standing,
  evidence: {
    ...(shown === undefined
      ? Exposure.empty(handle)
      : Exposure.ofPayout(handle, shown, { clock: "here", at: start + minute })),
    creates,
    clocks
  }
})

/** A create of the stored call, whose answer never came. */
export const create: Exposure.Create = {
  id: "c1",
  count: 1,
  clock: "here",
  from: start,
  to: start,
  amount: 12_500,
  before: [],
  guess: false
}

export type Assess = Payouts.Payouts["Type"]["assess"]

/** What the provider shows in lookups, by handle, so many minutes after the start. What it does not have is proven. */
export const lookups =
  (shown: ReadonlyArray<Payout.Payout>, minutes = 10, asked: Array<string> = []): Assess =>
  (of, { evidence = Exposure.empty(of) } = {}) =>
    Effect.sync(() => {
      asked.push(of)
      const found = shown.find((one) => one.handle === of)
      const read = { clock: "later", at: start + minutes * minute }
      const seen =
        found === undefined ? { ...Exposure.empty(of), read, clocks } : Exposure.ofPayout(of, { ...found }, read)
      const all = Exposure.merge(evidence, seen)
      const exposure = Exposure.exposure(all)
      return {
        handle: of,
        payout: Option.fromNullable(found),
        attempts: [],
        certainty: Exposure.certainty(exposure),
        exposure,
        evidence: all
      }
    })

/** Every lookup fails. */
export const unreachable: Assess = (of) =>
  new PayoutError.LookupFailed({
    handle: Handle.Handle.make(of),
    attempts: [],
    category: "ServerError",
    why: "HTTP 503"
  })

/** All that a reconciliation says, of small books: the differences, and the summary. */
export const reconcile = (
  ours: ReadonlyArray<Reconciliation.Expectation>,
  listed: ReadonlyArray<Payout.Payout>,
  options: Partial<Reconciliation.Options> = {}
) =>
  Reconciliation.reconcile({
    expected: Stream.fromIterable(ours),
    shown: Stream.fromIterable(listed),
    ...options
  }).pipe(Stream.runCollect, Effect.map(split), Effect.provide(NodeContext.layer))

const split = (all: Iterable<Reconciliation.Difference | Reconciliation.Summary>) => {
  const found = [...all]
  const summary = found.pop()
  if (summary?._tag !== "Summary") throw new Error("the last element is no summary")
  return {
    differences: found.filter((one): one is Reconciliation.Difference => one._tag !== "Summary"),
    summary,
    /** How many of each class there are. */
    counts: Object.fromEntries(
      Reconciliation.classes.flatMap((name) => {
        const { count } = summary.classes[name]
        return count === 0 ? [] : [[name, count] as const]
      })
    )
  }
}
