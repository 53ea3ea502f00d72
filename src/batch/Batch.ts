/**
 * Pays a batch that can be killed at any moment and run again. Each row is on record before it is sent and after it has
 * ended, so the next run skips what is done, recovers what was begun, and sends the rest.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Ref from "effect/Ref"
import { BillwerkClient } from "../provider/BillwerkClient.js"
import * as Exposure from "../domain/Exposure.js"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import * as bulk from "../execution/bulk.js"
import * as Payouts from "../Payouts.js"
import { type BatchLocked, BatchStore, type Opened, type StoreFailed } from "./BatchStore.js"
import { begun, ended, type Entry, type Recorded } from "./entries.js"
import { type BatchRefused, type Missing, missingOf, type Planned, planRows } from "./plan.js"
import * as progresses from "./progress.js"
import type { Progress } from "./progress.js"
import * as stopRules from "./stopRules.js"
import type { Stop, StopRules } from "./stopRules.js"

export { BatchRefused, type Missing } from "./plan.js"
export { leastTime, type Preview, preview, type Problem } from "./preview.js"
export type { Progress, Sum, Sums } from "./progress.js"
export { type Row, rows } from "./rows.js"
export type { Stop, StopRules } from "./stopRules.js"

/**
 * The settings of one run. The others are those of the service that it makes for itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<R = never> extends Omit<Payouts.Options, "beforeCreate" | "pollPolicy"> {
  /** How many rows may be under way at once: an integer of 1 or more, or the run dies. Default: 16. */
  readonly concurrency?: number | undefined
  /** When to begin no further row. In any case, the run stops when the provider refuses the key (401, 403). */
  readonly stop?: StopRules | undefined
  /**
   * Tries rows again of which an earlier run recorded that they certainly moved nothing: refused by the provider, or
   * declined for now. Rows that were declined for good are never tried again. Default: false.
   */
  readonly retryFailed?: boolean | undefined
  /**
   * Something else may have sent some rows, and the store does not know of it: it was lost, or another program paid them.
   * Each row that is not done is then looked up before it is sent, and a failure stays in doubt until the arrival
   * horizon, also that of a row that an earlier run began. Default: false.
   */
  readonly mayBeSent?: boolean | undefined
  /**
   * What to do if an earlier run left rows open that are not among the requests. `Stop` recovers what was begun and sends
   * nothing new: a request may be such a row under another handle. `Leave` sends all the same. Default: `Stop`.
   */
  readonly missing?: "Stop" | "Leave" | undefined
  /** Runs for each row, one at a time, when its result is on record. Rows that were done before come first. */
  readonly onResult?: ((result: Result, progress: Progress) => Effect.Effect<void, never, R>) | undefined
}

/**
 * How a row ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Result {
  /** Its place among the requests, from 0. */
  readonly index: number
  readonly request: PayoutRequest
  /** In short, as it is on record. */
  readonly recorded: Recorded
  /** In full, unless an earlier run ended it, or the store failed before it was on record. */
  readonly result: Either.Either<Outcome, PayoutError> | undefined
}

/**
 * How a run ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary extends Progress {
  /** The rows that this run did not begin. Run the batch again to send them. */
  readonly notBegun: number
  /** Why it did not begin them. */
  readonly stopped: Stop | undefined
  /**
   * Rows that an earlier run left open, and that are not among the requests. They are in doubt beside `inDoubt`. A
   * `KeyValueStore` cannot say which handles it has, so there are none over it.
   */
  readonly missing: ReadonlyArray<Missing>
}

/**
 * What an earlier run left of a batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Plan {
  /** The rows that are done: a run makes no request for them. */
  readonly done: number
  /** The rows that were begun, or ended unclear: a run recovers them first. */
  readonly begun: number
  /** The requests that a run would send as new ones. */
  readonly fresh: ReadonlyArray<PayoutRequest>
  /** What is in doubt now. */
  readonly inDoubt: progresses.Sums
  /**
   * Handles that an earlier run left open, and that are not among the requests: no run ends their doubt. A
   * `KeyValueStore` cannot say which handles it has, so there are none over it.
   */
  readonly missing: ReadonlyArray<string>
}

/**
 * What `run` would do, without taking the store and without sending anything. Fails with `BatchRefused` as `run` would.
 *
 * @category running
 * @since 0.1.0
 */
export const plan = (
  requests: ReadonlyArray<PayoutRequest>,
  { arrivalHorizon, retryFailed = false }: Pick<Options, "arrivalHorizon" | "retryFailed"> = {}
): Effect.Effect<Plan, BatchRefused | StoreFailed, BatchStore> =>
  Effect.gen(function* () {
    const store = yield* BatchStore
    const entries = yield* store.peek(requests.map(({ handle }) => handle))
    const rows = yield* planRows(requests, (handle) => Effect.succeed(entries.get(handle)), retryFailed)
    const { inDoubt } = progresses.begin(rows.map(beginsAs), horizonOf(arrivalHorizon))
    const count = (tag: Planned["standing"]["_tag"]) => rows.filter(({ standing }) => standing._tag === tag)
    return {
      done: count("Done").length,
      begun: count("Begun").length,
      fresh: count("Fresh").map(({ request }) => request),
      inDoubt,
      missing: missingOf(entries, requests, horizonOf(arrivalHorizon)).map(({ handle }) => handle)
    }
  })

/**
 * Pays the requests of one batch, and says how each ended. It makes a service of its own over the client in the context,
 * and takes the store of the batch until it ends. **After a kill, an interruption, a stop or a failure, run it again**
 * with the same requests and the same store.
 *
 * It fails before anything is sent: with `BatchRefused` if two requests have one handle, or if a handle is on record
 * with other arguments; with `BatchLocked` while another run has the store; with `StoreFailed` if the store cannot be
 * read. If the store fails later, or another run takes it over, what was sent ends, nothing more is sent, and the
 * summary says so. A row that ends after that and is not paid counts as in doubt: another run may be paying it.
 *
 * Even where two runs could not see each other's lock, the provider's handle holds: it allows one success per handle
 * (documented for charges, inferred for payouts). Only a processing error may then have paid twice, and only a run that
 * does not know of the other's creates could say less than what may have moved.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import { Batch, BatchStore, type PayoutRequest } from "effect-billwerk-payouts"
 *
 * const pay = (requests: ReadonlyArray<PayoutRequest.PayoutRequest>) =>
 *   Batch.run(requests, {
 *     stop: { inDoubt: { DKK: 1_000_000 }, failuresInARow: 20 },
 *     onResult: ({ recorded, request }) => Console.log(request.handle, recorded.outcome, recorded.certainty)
 *   }).pipe(Effect.provide(BatchStore.layerFile("prizes.journal.ndjson")))
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const run = <R = never>(
  requests: ReadonlyArray<PayoutRequest>,
  options: Options<R> = {}
): Effect.Effect<Summary, BatchRefused | BatchLocked | StoreFailed, BatchStore | BillwerkClient | R> =>
  Effect.gen(function* () {
    const {
      concurrency = bulk.concurrencyDefault,
      onResult = () => Effect.void,
      retryFailed = false,
      stop: rules = {}
    } = options
    if (!bulk.isConcurrency(concurrency)) return yield* Effect.die(bulk.noConcurrency(concurrency))
    const { account } = yield* BillwerkClient
    const { open, peek } = yield* BatchStore
    const store = yield* open(account)
    const rows = yield* planRows(requests, store.find, retryFailed)
    const horizon = horizonOf(options.arrivalHorizon)
    const missing = missingOf(yield* peek([]), requests, horizon)
    const books = yield* openBooks(store, rows, horizon)
    const isHeld = missing.length > 0 && options.missing !== "Leave"
    const pay = yield* paying(books, options)
    const oneAtATime = yield* Effect.makeSemaphore(1)

    const tell = ({ index, request }: Planned, recorded: Recorded, result?: Either.Either<Outcome, PayoutError>) =>
      Effect.flatMap(Ref.get(books.progress), (progress) => onResult({ index, request, recorded, result }, progress))

    const payRow = (row: Planned) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          if (!(yield* mayBegin(books, rules, row))) return
          const { recorded, result } = yield* conclude(books, row, yield* restore(pay(row)))
          yield* restore(oneAtATime.withPermits(1)(tell(row, recorded, result)))
        })
      )

    for (const row of rows) if (row.standing._tag === "Done") yield* tell(row, row.standing.result)
    // First, what ends doubt. So the limit of doubt is about what is really in doubt when new rows are sent.
    for (const tag of ["Begun", "Fresh"] as const) {
      const some = rows.filter(({ standing }) => standing._tag === tag)
      if (tag === "Fresh" && some.length > 0 && isHeld) {
        yield* stop(books.stopped, { _tag: "Missing", rows: missing.length })
      }
      yield* Effect.forEach(some, payRow, { concurrency, discard: true })
    }
    return yield* summaryOf(books, missing)
  }).pipe(Effect.scoped)

const horizonOf = (arrivalHorizon: Payouts.Options["arrivalHorizon"]): number =>
  Duration.toMillis(arrivalHorizon ?? Exposure.arrivalHorizonDefault)

const beginsAs = ({ request: { amount, currency }, standing }: Planned): progresses.Begins => ({
  amount,
  currency,
  standing
})

/** The results so far, and whether more may begin. */
interface Books {
  readonly horizon: number
  readonly progress: Ref.Ref<Progress>
  /** The first reason to stop, or that the store failed. It stays, also if it is no longer so. */
  readonly stopped: Ref.Ref<Stop | undefined>
  readonly append: (entry: Entry) => Effect.Effect<void, StoreFailed>
}

const openBooks = Effect.fnUntraced(function* (store: Opened, rows: ReadonlyArray<Planned>, horizon: number) {
  const progress = yield* Ref.make(progresses.begin(rows.map(beginsAs), horizon))
  const stopped = yield* Ref.make<Stop | undefined>(undefined)
  const failure = yield* Ref.make<StoreFailed | undefined>(undefined)
  const write = (entry: Entry) =>
    Effect.tapError(store.append(entry), (error) =>
      Effect.zipRight(Ref.set(failure, error), stop(stopped, { _tag: "StoreFailed", reason: error.reason }))
    )
  const append = (entry: Entry) => Effect.flatMap(Ref.get(failure), (before) => before ?? write(entry))
  const books: Books = { horizon, progress, stopped, append }
  return books
})

// A store that failed says more than any earlier reason: what this run knows is not all there is.
const stop = (stopped: Books["stopped"], why: Stop | undefined) =>
  Ref.update(stopped, (before) => (why?._tag === "StoreFailed" ? why : (before ?? why)))

/** Whether the next row may begin. A row that was begun is recovered even if too much is in doubt: that ends doubt. */
const mayBegin = Effect.fnUntraced(function* ({ progress, stopped }: Books, rules: StopRules, { standing }: Planned) {
  const now = yield* Ref.get(progress)
  const doubt = standing._tag === "Fresh" ? stopRules.byDoubt(rules, now) : undefined
  yield* stop(stopped, stopRules.byFailures(rules, now) ?? doubt)
  return (yield* Ref.get(stopped)) === undefined
})

/** How a row's call ended: with a result, or at a create that could not be put on record. */
type CallEnded =
  | { readonly _tag: "Answered"; readonly result: Either.Either<Outcome, PayoutError> }
  | { readonly _tag: "Unrecorded"; readonly evidence: Exposure.Evidence }

/** Puts a result on record. If that fails, its last entry still has every create that was sent. */
const conclude = Effect.fnUntraced(function* (books: Books, row: Planned, call: CallEnded) {
  const { horizon, progress } = books
  const concluded =
    call._tag === "Answered"
      ? yield* keep(books, row, call.result)
      : { recorded: unrecorded(row.request, Exposure.exposure(call.evidence, horizon)), result: undefined }
  yield* Ref.update(progress, (before) => progresses.end(before, beginsAs(row), concluded.recorded, horizon))
  return concluded
})

const keep = Effect.fnUntraced(function* (
  books: Books,
  { request }: Planned,
  result: Either.Either<Outcome, PayoutError>
) {
  const value = Either.merge(result)
  const entry = ended(request, value)
  yield* stop(books.stopped, stopRules.byRefusal(value.attempts))
  const isKept = yield* Effect.isSuccess(books.append(entry))
  // Nothing that another run does takes back what certainly moved.
  return isKept || value.certainty === "Moved"
    ? { recorded: entry.result, result }
    : { recorded: unrecorded(request, value.exposure), result: undefined }
})

/** The result of a row that another run may have taken over. This one does not know what that has sent. */
const unrecorded = ({ amount }: PayoutRequest, { max, min }: Exposure.Exposure): Recorded => {
  const exposure = { min, max: Math.max(max, amount) }
  return { outcome: "StoreFailed", certainty: Exposure.certainty(exposure), exposure }
}

const summaryOf = ({ progress, stopped }: Books, missing: Summary["missing"]): Effect.Effect<Summary> =>
  Effect.gen(function* () {
    const now = yield* Ref.get(progress)
    return { ...now, notBegun: now.rows - now.ended, stopped: yield* Ref.get(stopped), missing }
  })

/** A row under way: what goes on record before its creates, and the evidence of the one that could not. */
interface UnderWay {
  readonly fingerprint: string
  readonly unrecorded: Deferred.Deferred<Exposure.Evidence>
}

/**
 * The service of a run. It puts each create on record before it sends it. If it cannot, the row ends there: the policy's
 * retries would fail as well.
 */
const paying = (
  { append }: Books,
  { arrivalHorizon, mayBeSent = false, onContradiction, policy }: Omit<Options, "onResult">
) =>
  Effect.gen(function* () {
    const underWay = new Map<string, UnderWay>()
    const payouts = yield* Payouts.make({
      arrivalHorizon,
      onContradiction,
      policy,
      beforeCreate: (evidence) =>
        Effect.flatMap(Effect.orDie(Effect.fromNullable(underWay.get(evidence.handle))), (row) =>
          Effect.tapError(append(begun(row.fingerprint, evidence)), () => Deferred.succeed(row.unrecorded, evidence))
        )
    })
    const send = ({ request, standing }: Planned): Effect.Effect<Outcome, PayoutError> => {
      if (standing._tag === "Begun") {
        const { evidence } = standing
        // The store has every create that a run sent. If nothing else sent one, there is none beside its evidence.
        return payouts.recover(request, mayBeSent ? { evidence } : { evidence, outstandingCreates: 0 })
      }
      if (mayBeSent) return payouts.recover(request)
      return payouts.create(request, standing._tag === "Fresh" ? { evidence: standing.evidence } : {})
    }
    return (row: Planned): Effect.Effect<CallEnded> =>
      Effect.gen(function* () {
        const { handle } = row.request
        const unrecorded = yield* Deferred.make<Exposure.Evidence>()
        underWay.set(handle, { fingerprint: row.fingerprint, unrecorded })
        return yield* Effect.raceFirst(
          Effect.map(Effect.either(send(row)), (result): CallEnded => ({ _tag: "Answered", result })),
          Effect.map(Deferred.await(unrecorded), (evidence): CallEnded => ({ _tag: "Unrecorded", evidence }))
        ).pipe(Effect.ensuring(Effect.sync(() => underWay.delete(handle))))
      })
  })
