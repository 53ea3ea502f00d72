/**
 * Does a reconciliation find every difference among a million rows a side, and does memory stay where it is?
 *
 * Run: `npm run bench:reconcile -- --rows 1000000` (default: 100,000), and `--held 0` for all rows in files or
 * `--held Infinity` for all in memory. Both sides come shuffled. One row in a hundred is of each kind below. The script
 * knows which, and fails if a single finding is another one.
 */
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, DateTime, Effect, Either, Option, Stream } from "effect"
import { Exposure, type Payout, PayoutError, type Payouts, Reconciliation } from "effect-billwerk-payouts"
import { cpus } from "node:os"
import { parseArgs } from "node:util"

const { values } = parseArgs({ options: { rows: { type: "string" }, held: { type: "string" } } })
const count = Number(values.rows ?? 100_000)
const heldMax = values.held === undefined ? undefined : Number(values.held)

type Found = Reconciliation.Difference["_tag"] | "Matched" | "NotPaid"

interface Side {
  readonly ours: ReadonlyArray<Reconciliation.Expectation>
  readonly listed: ReadonlyArray<Payout.Payout>
  /** What a lookup shows: nothing, if it is absent. */
  readonly lookup?: Payout.Payout | "Fails"
  /** What must be found, once for each. */
  readonly found: ReadonlyArray<Found>
}

const day = Date.UTC(2026, 0, 2)
const handleOf = (index: number) => `payout-2026-${String(index).padStart(8, "0")}`
const amountOf = (index: number) => 100 + (index % 50_000)
const hex = (index: number) => index.toString(16).padStart(32, "0")

const transaction = (index: number, over: Partial<Payout.Transaction> = {}): Payout.Transaction => ({
  id: hex(index),
  state: "paid",
  amount: amountOf(index),
  created: DateTime.unsafeMake(day + index),
  cardType: "visa",
  ...over
})

const payout = (index: number, over: Partial<Payout.Payout> = {}): Payout.Payout => ({
  handle: handleOf(index),
  state: "paid",
  amount: amountOf(index),
  currency: "DKK",
  customer: `customer-${index}`,
  created: DateTime.unsafeMake(day + index),
  transactions: [transaction(index)],
  ...over
})

const failed = (index: number, errorState: string) =>
  payout(index, { state: "failed", transactions: [transaction(index, { state: "failed", errorState })] })
const processing = (index: number) =>
  payout(index, { state: "processing", transactions: [transaction(index, { state: "processing" })] })

const row = (index: number, over: { readonly amount?: number } = {}) =>
  Either.getOrThrow(
    Reconciliation.ofRow({
      handle: handleOf(index),
      amount: amountOf(index),
      currency: "DKK",
      customer: `customer-${index}`,
      ...over
    })
  )

/** A row with the end of a call: what the provider showed in it, and when. */
const stored = (
  index: number,
  standing: Reconciliation.Standing,
  shown: Payout.Payout
): Reconciliation.Expectation => ({
  ...row(index),
  standing,
  evidence: Exposure.ofPayout(handleOf(index), shown, { clock: "another", at: day + index })
})

const kinds: ReadonlyArray<(index: number) => Side> = [
  (index) => ({ ours: [row(index)], listed: [], found: ["MissingThere"] }),
  (index) => ({ ours: [], listed: [payout(index)], found: ["UnknownHere"] }),
  (index) => ({ ours: [row(index)], listed: [payout(index, { amount: amountOf(index) + 1 })], found: ["Differs"] }),
  (index) => ({ ours: [row(index)], listed: [payout(index, { currency: "EUR" })], found: ["Differs"] }),
  (index) => ({ ours: [row(index)], listed: [payout(index, { customer: "another" })], found: ["Differs"] }),
  (index) => {
    const shown = failed(index, "hard_declined")
    return { ours: [row(index)], listed: [shown], lookup: shown, found: ["Differs"] }
  },
  (index) => ({ ours: [row(index), row(index)], listed: [payout(index)], found: ["Matched", "Duplicate"] }),
  (index) => ({
    ours: [row(index, { amount: 99 }), row(index)],
    listed: [payout(index)],
    found: ["Matched", "Duplicate"]
  }),
  (index) => {
    const shown = failed(index, "processing_error")
    return { ours: [stored(index, "InDoubt", shown)], listed: [shown], lookup: shown, found: ["InDoubt"] }
  },
  (index) => ({
    ours: [stored(index, "Processing", processing(index))],
    listed: [payout(index)],
    found: ["FinalSince"]
  }),
  (index) => ({ ours: [row(index)], listed: [processing(index)], found: ["Processing"] }),
  (index) => ({ ours: [row(index)], listed: [], lookup: "Fails", found: ["NotAsked"] }),
  (index) => {
    const shown = failed(index, "hard_declined")
    return { ours: [stored(index, "Paid", payout(index))], listed: [shown], lookup: shown, found: ["Differs"] }
  },
  (index) => ({
    ours: [stored(index, "NotMoved", failed(index, "hard_declined"))],
    listed: [payout(index)],
    lookup: payout(index),
    found: ["Differs"]
  }),
  // Outside of the list's window.
  (index) => ({ ours: [row(index)], listed: [], lookup: payout(index), found: ["Matched"] }),
  (index) => {
    const shown = failed(index, "hard_declined")
    return { ours: [stored(index, "NotMoved", shown)], listed: [shown], found: ["NotPaid"] }
  },
  // On two pages of the list.
  (index) => ({ ours: [row(index)], listed: [processing(index), payout(index)], found: ["Matched"] })
]

const sideOf = (index: number): Side => {
  const kind = kinds[index % 100]
  if (kind !== undefined) return kind(index)
  const ours = index % 100 < 40 ? stored(index, "Paid", payout(index)) : row(index)
  return { ours: [ours], listed: [payout(index)], found: ["Matched"] }
}

/** The numbers below `count`, shuffled by a generator of its own, so that each run is the same. */
const shuffled = (seed: number): Uint32Array => {
  const all = Uint32Array.from({ length: count }, (_, index) => index)
  let state = seed
  for (let last = count - 1; last > 0; last--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (last + 1))
    const held = all[last] ?? 0
    all[last] = all[other] ?? 0
    all[other] = held
  }
  return all
}

const inOrder = <A>(order: Uint32Array, of: (index: number) => ReadonlyArray<A>): Stream.Stream<A> =>
  Stream.range(0, count - 1).pipe(Stream.mapConcat((place) => of(order[place] ?? 0)))

const assess: Payouts.Payouts["Type"]["assess"] = (handle, { evidence = Exposure.empty(handle) } = {}) =>
  Effect.suspend(() => {
    const { lookup } = sideOf(Number(handle.slice(-8)))
    if (lookup === "Fails") {
      return new PayoutError.LookupFailed({ handle, attempts: [], category: "ServerError", why: "HTTP 503" })
    }
    const read = { clock: "here", at: day + count }
    const seen =
      lookup === undefined
        ? { ...Exposure.empty(handle), read }
        : Exposure.ofPayout(handle, { ...lookup, handle }, read)
    const both = Exposure.merge(evidence, seen)
    const exposure = Exposure.exposure(both)
    return Effect.succeed({
      handle,
      payout: Option.fromNullable(lookup),
      attempts: [],
      certainty: Exposure.certainty(exposure),
      exposure,
      evidence: both
    })
  })

/** What must be found, by name. */
const expectedCounts = (): ReadonlyMap<Found, number> => {
  const counts = new Map<Found, number>()
  for (let index = 0; index < count; index++) {
    for (const found of sideOf(index).found) counts.set(found, (counts.get(found) ?? 0) + 1)
  }
  return counts
}

interface Sample {
  readonly seconds: number
  readonly rss: number
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6)

/** One sample of each tenth of the time. */
const overTime = (samples: ReadonlyArray<Sample>): string =>
  Array.from({ length: 10 }, (_, tenth) => {
    const part = samples.slice(
      Math.floor((tenth * samples.length) / 10),
      Math.floor(((tenth + 1) * samples.length) / 10)
    )
    return megabytes(Math.max(0, ...part.map(({ rss }) => rss)))
  }).join(" ")

const main = Effect.gen(function* () {
  const [ours, theirs] = [shuffled(1), shuffled(2)]
  const samples: Array<Sample> = []
  const started = performance.now()
  // Not by a timer: a program that never waits would keep it from running.
  const sampled = <A>(all: ReadonlyArray<A>): ReadonlyArray<A> => {
    const seconds = (performance.now() - started) / 1000
    if (seconds - (samples.at(-1)?.seconds ?? -1) >= 0.1) samples.push({ seconds, rss: process.memoryUsage.rss() })
    return all
  }
  let wrong = 0
  const seen = new Uint8Array(count)
  const summary = yield* Reconciliation.reconcile({
    expected: inOrder(ours, (index) => sampled(sideOf(index).ours)),
    shown: inOrder(theirs, (index) => sampled(sideOf(index).listed)),
    assess,
    concurrency: 16,
    heldMax
  }).pipe(
    Stream.runFold(Option.none<Reconciliation.Summary>(), (last, one) => {
      sampled([])
      if (one._tag === "Summary") return Option.some(one)
      const index = Number(one.handle.slice(-8))
      seen[index] = (seen[index] ?? 0) + 1
      if (!sideOf(index).found.includes(one._tag)) wrong += 1
      return last
    }),
    Effect.flatMap(Effect.orDie)
  )
  const seconds = (performance.now() - started) / 1000
  const counts = expectedCounts()
  const differences = [...counts].filter(([name]) => name !== "Matched" && name !== "NotPaid")
  for (let index = 0; index < count; index++) {
    const due = sideOf(index).found.filter((name) => name !== "Matched" && name !== "NotPaid").length
    if (seen[index] !== due) wrong += 1
  }
  for (const name of Reconciliation.classes) if (summary.classes[name].count !== (counts.get(name) ?? 0)) wrong += 1
  yield* Console.log(`${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}`)
  yield* Console.log(Reconciliation.summaryLines(summary).join("\n"))
  yield* Console.log(
    `\n${differences.reduce((sum, [, many]) => sum + many, 0)} differences, ${wrong} wrong. ` +
      `${seconds.toFixed(1)} s; RSS at most ${megabytes(Math.max(...samples.map(({ rss }) => rss)))} MB; ` +
      `the most in each tenth of the time, MB: ${overTime(samples)}`
  )
  if (wrong > 0) return yield* Effect.dieMessage(`${wrong} findings are wrong`)
})

NodeRuntime.runMain(Effect.provide(main, NodeContext.layer))
