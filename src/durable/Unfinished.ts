/**
 * The durable payouts that are not finished, from the engine's own tables: no list of the caller's is needed. It reads in
 * pages, writes nothing, and shows no destination.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Chunk from "effect/Chunk"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import * as engineRows from "./engineRows.js"
import { submissionOf, workflow } from "./execution.js"
import * as listed from "./listed.js"
import * as PayoutWorkflow from "./PayoutWorkflow.js"
import * as tables from "./tables.js"

export { Execution, State } from "./listed.js"

/**
 * Where the engine keeps its tables.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The engine's `prefix`. Default: `cluster`. */
  readonly prefix?: string | undefined
}

/**
 * The executions that have no result, in the order in which they were submitted. It reads them in pages of 200 with the
 * steps of each page in one statement, so the memory does not grow with their number. What is submitted meanwhile may be
 * listed or not. It needs only the right to read the tables, and no engine: `SqliteEngine` and `PostgresEngine` provide
 * the `SqlClient`. One list reads the engine's table of messages once, from begin to end.
 *
 * @example
 * ```ts
 * import { Console, Stream } from "effect"
 * import * as Unfinished from "effect-billwerk-payouts/Unfinished"
 *
 * const inDoubt = Unfinished.list().pipe(
 *   Stream.filter(({ certainty }) => certainty === "MayHaveMoved"),
 *   Stream.runForEach(({ currency, exposure, handle }) => Console.log(handle, exposure.max, currency))
 * )
 * ```
 *
 * @category listing
 * @since 0.1.0
 */
export const list = (options: Options = {}): Stream.Stream<listed.Execution, SqlError, SqlClient> =>
  Stream.filter(shown(options, { _tag: "Unfinished" }), ({ state }) => state !== "Ended")

/**
 * All payouts that may have moved money, or more than is certain: the unfinished ones, and those that have **ended** in
 * doubt. The sum of `exposure.max` is how much may have moved at most. Of a payout that was taken up again, only the latest
 * execution counts. What waits in an `Outbox` has not been sent. It reads the engine's table of messages once.
 *
 * @category listing
 * @since 0.1.0
 */
export const inDoubt = (options: Options = {}): Stream.Stream<listed.Execution, SqlError, SqlClient> =>
  pages(options, { _tag: "MayBeInDoubt" }, (reader, runs) =>
    Effect.gen(function* () {
      const steps = yield* reader.steps(runs)
      const marks = yield* reader.begun(runs.map(listed.markAfter))
      return runs.flatMap((run) => {
        const one = listed.executionOf(run, steps.get(run.executionId))
        return one.exposure.max > one.exposure.min && !marks.has(listed.markAfter(run)) ? [one] : []
      })
    })
  )

/**
 * All executions of a handle, ended ones too, in the order in which they were submitted: one for each amount, method or
 * other argument that was submitted under it. It reads the engine's table of messages once.
 *
 * @category listing
 * @since 0.1.0
 */
export const ofHandle = (
  handle: string,
  options: Options = {}
): Effect.Effect<ReadonlyArray<listed.Execution>, SqlError, SqlClient> =>
  shown(options, { _tag: "Handle", handle }).pipe(
    Stream.filter((one) => one.handle === handle),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray)
  )

/**
 * Wakes all executions that wait, to check whether they still must, and returns how many. It asks the provider nothing
 * that they would not ask by themselves. Run it regularly, so that no payout stays stuck, or after a failure of the
 * database. Unlike `PayoutWorkflow.sweep` it needs no list; unlike that it submits nothing. Safe to repeat, and for
 * several processes at once; a process that only submits may run it.
 *
 * @category waking
 * @since 0.1.0
 */
export const sweep = (options: Options = {}): Effect.Effect<number, SqlError, SqlClient | WorkflowEngine> =>
  forEachWaiting(options, PayoutWorkflow.resume)

/**
 * `PayoutWorkflow.wake` for all executions that wait, and returns how many: when the key is mended, or the provider is back.
 * Those that are processing look their payouts up, within the provider's request limits.
 *
 * @category waking
 * @since 0.1.0
 */
export const wakeAll = (options: Options = {}): Effect.Effect<number, SqlError, SqlClient | WorkflowEngine> =>
  forEachWaiting(options, PayoutWorkflow.wake)

const forEachWaiting = (options: Options, act: (executionId: string) => Effect.Effect<void, never, WorkflowEngine>) =>
  pages(options, { _tag: "Waiting" }, (_, runs) => Effect.succeed(runs)).pipe(
    Stream.mapEffect(({ executionId }) => act(executionId), { concurrency: wakesAtOnce }),
    Stream.runCount
  )

const wakesAtOnce = 8

/**
 * Wakes the unfinished executions of a handle and returns them as they were before: one that waits for the payout's end
 * looks it up now, as for a hint; the others check whether they still must wait.
 *
 * @category waking
 * @since 0.1.0
 */
export const wake = (
  handle: string,
  options: Options = {}
): Effect.Effect<ReadonlyArray<listed.Execution>, SqlError, SqlClient | WorkflowEngine> =>
  Effect.gen(function* () {
    const unfinished = (yield* ofHandle(handle, options)).filter(({ state }) => state !== "Ended")
    for (const { executionId } of unfinished) {
      yield* PayoutWorkflow.wake(executionId)
    }
    return unfinished
  })

/**
 * Several payouts of a handle have ended and could be taken up again: with other methods or amounts. Say which one, by
 * its execution id.
 *
 * @category errors
 * @since 0.1.0
 */
export class SeveralEnded extends Data.TaggedError("SeveralEnded")<{
  readonly handle: string
  readonly executionIds: ReadonlyArray<string>
}> {
  override get message(): string {
    return (
      `Several payouts of ${this.handle} have ended, with other methods or amounts: ${this.executionIds.join(", ")}. ` +
      "Nothing was done. Name the execution."
    )
  }
}

/**
 * Which payout to take up again.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReopenOptions extends Options {
  /** Which one, if several payouts of the handle have ended. */
  readonly executionId?: string | undefined
}

/**
 * `PayoutWorkflow.retry` for the payout of a handle, with the stored request: the caller needs none. It gives what became
 * of each payout of the handle, or of the named one. Empty: no request that can be read has this handle.
 *
 * @category reopening
 * @since 0.1.0
 */
export const retry = (
  handle: string,
  options: ReopenOptions = {}
): Effect.Effect<ReadonlyArray<PayoutWorkflow.Reopened>, SqlError | SeveralEnded, SqlClient | WorkflowEngine> =>
  reopen(handle, options, "Retry")

/**
 * `PayoutWorkflow.assess`, as `retry` here.
 *
 * @category reopening
 * @since 0.1.0
 */
export const assess = (
  handle: string,
  options: ReopenOptions = {}
): Effect.Effect<ReadonlyArray<PayoutWorkflow.Reopened>, SqlError | SeveralEnded, SqlClient | WorkflowEngine> =>
  reopen(handle, options, "Assess")

/**
 * `PayoutWorkflow.assess` for every payout that has ended, and returns how many were taken up. **Run it after a restore from
 * a backup, before anybody asks for an end**: the copy's ends may be out of date. When it returns, none of them is told any
 * more. It needs a process that runs the payouts, and waits for it. It is safe to repeat.
 *
 * @category reopening
 * @since 0.1.0
 */
export const assessAll = (options: Options = {}): Effect.Effect<number, SqlError, SqlClient | WorkflowEngine> =>
  pages(options, { _tag: "Ended" }, (_, runs) => Effect.succeed(runs.flatMap(requestOf))).pipe(
    Stream.mapEffect((request) => Effect.orDie(PayoutWorkflow.assessBegun(request)), { concurrency: wakesAtOnce }),
    Stream.filter((isReopened) => isReopened),
    Stream.runCount
  )

const reopen = Effect.fnUntraced(function* (
  handle: string,
  { executionId, ...options }: ReopenOptions,
  mode: PayoutWorkflow.Mode
) {
  const requests = yield* pages(options, { _tag: "Handle", handle }, (_, runs) =>
    Effect.succeed(runs.flatMap(requestOf).filter((request) => request.handle === handle))
  ).pipe(Stream.runCollect)
  const found = yield* Effect.forEach(requests, (request) =>
    Effect.map(Effect.orDie(PayoutWorkflow.reopenable(request, mode)), (state) => ({ request, ...state }))
  )
  const ended = found.filter(({ status }) => status === "Ended")
  const chosen = executionId === undefined ? ended : ended.filter((one) => one.executionId === executionId)
  if (chosen.length > 1) {
    return yield* new SeveralEnded({ handle, executionIds: chosen.map(({ executionId }) => executionId) })
  }
  const take = mode === "Retry" ? PayoutWorkflow.retry : PayoutWorkflow.assess
  const named = found.filter((one) => executionId === undefined || one.executionId === executionId)
  return yield* Effect.forEach(named, ({ executionId, request, status }) =>
    status === "Ended"
      ? Effect.orDie(take(request))
      : Effect.succeed({ executionId, status } satisfies PayoutWorkflow.Reopened)
  )
})

/** The request of a payout's first execution, if it can be read. */
const requestOf = ({ payload }: engineRows.Run): ReadonlyArray<PayoutRequest> =>
  Either.match(decodeJson(payload), {
    onLeft: () => [],
    onRight: (json) => {
      const submission = submissionOf(json)
      return submission._tag === "Readable" && submission.value.reopening === undefined
        ? [submission.value.request]
        : []
    }
  })

const decodeJson = Schema.decodeEither(Schema.parseJson(workflow.payloadSchema))

const shown = (options: Options, wanted: engineRows.Wanted) =>
  pages(options, wanted, (reader, runs) =>
    Effect.map(reader.steps(runs), (steps) => runs.map((run) => listed.executionOf(run, steps.get(run.executionId))))
  )

const pages = <A>(
  { prefix = tables.prefixDefault }: Options,
  wanted: engineRows.Wanted,
  show: (reader: engineRows.Reader, runs: ReadonlyArray<engineRows.Run>) => Effect.Effect<ReadonlyArray<A>, SqlError>
): Stream.Stream<A, SqlError, SqlClient> =>
  Stream.unwrap(
    Effect.map(engineRows.make(prefix), (reader) =>
      Stream.paginateChunkEffect(0n, (after) =>
        Effect.gen(function* () {
          const runs = yield* reader.runs(wanted, after)
          const last = runs.length < engineRows.pageMax ? undefined : runs.at(-1)?.id
          return [Chunk.unsafeFromArray(yield* show(reader, runs)), Option.fromNullable(last)] as const
        })
      )
    )
  )
