/**
 * Intents to pay, written in a transaction of the host's own database together with the host's rows. After the commit a
 * relay submits them to the durable engine, at least once; the same request twice is one payout.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { SqlError } from "@effect/sql/SqlError"
import type { WorkflowEngine } from "@effect/workflow/WorkflowEngine"
import * as Cause from "effect/Cause"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type { InvalidRequest } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import { log, nameOf } from "../host/hostCode.js"
import * as outboxLoop from "./outboxLoop.js"
import * as outboxRows from "./outboxRows.js"
import * as PayoutWorkflow from "./PayoutWorkflow.js"

/**
 * `add` was called outside a transaction of the host's client, or `relay` inside one. An intent that is not in the
 * transaction of its business row could be lost, or be paid although that row was rolled back.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongTransaction extends Data.TaggedError("WrongTransaction")<{
  readonly call: "add" | "relay"
}> {
  override get message(): string {
    return this.call === "add"
      ? "Outbox.add was called outside a transaction: nothing was written. Call it inside sql.withTransaction, beside the row that it belongs to."
      : "Outbox.relay was called inside a transaction: nothing was submitted. Call it outside, after the commit."
  }
}

/**
 * The engine did not take a payout: its database is away, for example. The rows are kept, and the next pass tries again.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotSubmitted extends Data.TaggedError("NotSubmitted")<{
  /** The name of the defect, or `timeout`. */
  readonly reason: string
}> {
  override get message(): string {
    return `The durable engine did not take a payout (${this.reason}). Its row is kept, and is tried again.`
  }
}

/**
 * What one pass did. `unreadable` rows are kept, and read again after `unreadableRetry`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Relayed {
  /** Rows that the engine took. */
  readonly submitted: number
  readonly unreadable: number
}

/**
 * The rows of the table: `waiting` to be submitted, and those that are kept because this version, or an earlier one,
 * could not read them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  readonly waiting: number
  /** Kept, because no version so far could read them. */
  readonly unreadable: number
}

/**
 * Submits a request to the engine, safely more than once: `PayoutWorkflow.submit`, or a workflow of the host's around a
 * payout, with `{ discard: true }`.
 *
 * @category models
 * @since 0.1.0
 */
export type Submit<R> = (request: PayoutRequest) => Effect.Effect<unknown, InvalidRequest, R>

/**
 * A table of requests in the host's own database: a request is stored in the transaction that decides to pay, and a
 * relay submits it to the engine afterwards. So neither is ever done without the other.
 *
 * @category services
 * @since 0.1.0
 */
export class Outbox extends Context.Tag("effect-billwerk-payouts/Outbox")<
  Outbox,
  {
    /** Puts a request into the table, within the caller's transaction. See `add` of the module. */
    readonly add: (request: PayoutRequest) => Effect.Effect<void, InvalidRequest | SqlError | WrongTransaction>
    /** Runs an effect in a transaction, and pokes the relay when it has committed. */
    readonly withTransaction: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | SqlError, R>
    /** One pass over the waiting rows. See `relay` of the module. */
    readonly relay: <R>(submit: Submit<R>) => Effect.Effect<Relayed, SqlError | NotSubmitted | WrongTransaction, R>
    /** How many rows the table has. */
    readonly counts: Effect.Effect<Counts, SqlError>
    /** Lets a `layerRelay` of this process relay at once. */
    readonly poke: Effect.Effect<void>
    /** Waits for the next poke. */
    readonly poked: Effect.Effect<void>
    /** The name of the table, with its schema if it has one. */
    readonly table: string
  }
>() {}

/**
 * The settings of the outbox.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The table, with its schema if it needs one: letters, digits and `_`. Default: `tableDefault`. */
  readonly table?: string | undefined
}

/**
 * The default name of the table.
 *
 * @category settings
 * @since 0.1.0
 */
export const tableDefault = "payout_outbox"

/**
 * How long a relay keeps the rows that it took. The rows of a relay that was killed are free again after that.
 *
 * @category limits
 * @since 0.1.0
 */
export const claimMax: Duration.Duration = outboxRows.claimMax

/**
 * How long a row that could not be read is left alone. A later version of this library reads it at once.
 *
 * @category limits
 * @since 0.1.0
 */
export const unreadableRetry: Duration.Duration = outboxRows.unreadableRetry

const submitMax = Duration.minutes(1)
const rowsMax = 100
const atOnceMax = 10
const pollDefault = Duration.seconds(5)

/**
 * The statement that makes the table, for the host's migrations. PostgreSQL, SQLite and MySQL read it alike. The table has the
 * request in the clear (no card token, no personal data), so give it the rights of the host's other payment tables.
 *
 * @example
 * ```ts
 * import * as Outbox from "effect-billwerk-payouts/Outbox"
 * import { SqlClient } from "@effect/sql"
 * import { Effect } from "effect"
 *
 * const migration = Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(Outbox.createTable()))
 * ```
 *
 * @category migrations
 * @since 0.1.0
 */
export const createTable = (table: string = tableDefault): string => outboxRows.createTable(table)

/**
 * The outbox over the host's `SqlClient` (PostgreSQL or SQLite are tested). It makes the table if there is none; with the table
 * there, it runs no DDL. Fails with a `ConfigError` if the table's name is not plain.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (
  options: Options
): Layer.Layer<Outbox, SqlError | ConfigError.ConfigError, SqlClient.SqlClient> =>
  Layer.effect(
    Outbox,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const table = yield* outboxRows.plainName(options.table ?? tableDefault)
      const rows = yield* outboxRows.make(sql, table)
      const pokes = yield* Queue.sliding<void>(1)
      const poke = Effect.asVoid(Queue.offer(pokes, undefined))
      return Outbox.of({
        add: adding(rows),
        withTransaction: (self) => Effect.zipLeft(sql.withTransaction(self), poke),
        relay: relaying(rows, table),
        counts: rows.counts,
        poke,
        poked: Queue.take(pokes),
        table
      })
    })
  )

/**
 * `layerWith`, with `tableDefault`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Outbox, SqlError | ConfigError.ConfigError, SqlClient.SqlClient> = layerWith({})

/**
 * Writes the intent to pay, in the transaction that the caller has begun. Nothing is paid unless that commits. A card
 * token or a new customer gives an `InvalidRequest`, as with `PayoutWorkflow.submit`. Adding a request that still waits
 * changes nothing. Another amount under the same handle is another payout, which ends as `HandleConflict`.
 *
 * @category intents
 * @since 0.1.0
 */
export const add = (
  request: PayoutRequest
): Effect.Effect<void, InvalidRequest | SqlError | WrongTransaction, Outbox> =>
  Effect.flatMap(Outbox, (outbox) => outbox.add(request))

/**
 * Runs an effect in a transaction of the host's client, and then lets this process's relay look at once. The host's own
 * `sql.withTransaction` does as well: the relay then finds the intent at its next look.
 *
 * @category intents
 * @since 0.1.0
 */
export const withTransaction = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R | Outbox> =>
  Effect.flatMap(Outbox, (outbox) => outbox.withTransaction(self))

/**
 * Submits up to 100 waiting payouts, and deletes each one's row when the engine has it. It is safe to repeat and
 * to interrupt, also in several processes at once: a relay skips what another one took.
 *
 * @category relaying
 * @since 0.1.0
 */
export const relay: Effect.Effect<Relayed, SqlError | NotSubmitted | WrongTransaction, Outbox | WorkflowEngine> =
  Effect.flatMap(Outbox, (outbox) => outbox.relay(PayoutWorkflow.submit))

/**
 * How many rows wait, and how many could not be read. Alert if `waiting` grows, or `unreadable` is not 0.
 *
 * @category watching
 * @since 0.1.0
 */
export const counts: Effect.Effect<Counts, SqlError, Outbox> = Effect.flatMap(Outbox, (outbox) => outbox.counts)

/**
 * The settings of the relay.
 *
 * @category models
 * @since 0.1.0
 */
export interface RelayOptions<R> {
  /** How a request gets to the engine, such as `PayoutWorkflow.submit`. */
  readonly submit: Submit<R>
  /** How often to look. Default: 5 seconds. */
  readonly interval?: Duration.DurationInput | undefined
}

/**
 * Relays for as long as the layer lives: at its start, every `interval`, and at once after `withTransaction` in the same
 * process. A failure is logged when it begins and when it is over.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as Outbox from "effect-billwerk-payouts/Outbox"
 * import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
 *
 * const relay = Outbox.layerRelayWith({ submit: PayoutWorkflow.submit, interval: "1 second" }).pipe(
 *   Layer.provideMerge(Outbox.layer) // over the host's SqlClient, and a durable engine
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRelayWith = <R>(options: RelayOptions<R>): Layer.Layer<never, never, Outbox | R> =>
  Layer.scopedDiscard(Effect.flatMap(Outbox, (outbox) => Effect.forkScoped(relayForever(outbox, options))))

/**
 * `layerRelayWith`, for `PayoutWorkflow.submit` and every 5 seconds.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRelay: Layer.Layer<never, never, Outbox | WorkflowEngine> = layerRelayWith({
  submit: PayoutWorkflow.submit
})

const relayForever = <R>(outbox: Outbox["Type"], { interval = pollDefault, submit }: RelayOptions<R>) =>
  outboxLoop.forever({
    table: outbox.table,
    interval: Duration.decode(interval),
    poked: outbox.poked,
    pass: Effect.catchAllDefect(outbox.relay(submit), (defect) => failed(Cause.die(defect))).pipe(
      // A full pass may have left more.
      Effect.map(({ submitted, unreadable }) => submitted + unreadable >= rowsMax),
      Effect.mapError(wordsOf)
    )
  })

const failed = (cause: Cause.Cause<never>) =>
  Effect.fail(new NotSubmitted({ reason: Cause.isInterruptedOnly(cause) ? "interrupted" : nameOf(cause) }))

/** The driver's own words may hold values of rows, and its code does not. */
const wordsOf = (error: SqlError | NotSubmitted | WrongTransaction) =>
  error._tag === "SqlError"
    ? `its table cannot be read or written (${outboxRows.codeOf(error)}); the rows are kept.`
    : error.message

const adding = (rows: outboxRows.Rows) => (request: PayoutRequest) =>
  Effect.gen(function* () {
    const executionId = yield* PayoutWorkflow.executionId(request)
    if (!(yield* outboxRows.isInTransaction)) return yield* new WrongTransaction({ call: "add" })
    yield* rows.insert(executionId, request)
  })

const relaying =
  (rows: outboxRows.Rows, table: string) =>
  <R>(submit: Submit<R>) =>
    Effect.gen(function* () {
      if (yield* outboxRows.isInTransaction) return yield* new WrongTransaction({ call: "relay" })
      const claimed = yield* rows.claim(rowsMax)
      const ids = claimed.map(({ executionId }) => executionId)
      const results = yield* Effect.forEach(claimed, relayOne(rows, table, submit), { concurrency: atOnceMax }).pipe(
        // The row that failed waits for `claimMax`, so that it does not stand before the others.
        Effect.tapError((failed) => Effect.ignore(rows.release(ids.filter((id) => id !== failed.executionId)))),
        Effect.mapError(({ error }) => error),
        Effect.onInterrupt(() => Effect.ignore(rows.release(ids)))
      )
      const submitted = results.filter((isSubmitted) => isSubmitted).length
      return { submitted, unreadable: results.length - submitted }
    })

const relayOne =
  <R>(rows: outboxRows.Rows, table: string, submit: Submit<R>) =>
  ({ executionId, request, version }: outboxRows.Row) =>
    Effect.gen(function* () {
      if (request !== undefined && (yield* submitted(submit, request))) {
        yield* rows.remove(executionId)
        return true
      }
      const row = `row ${executionId} of version ${version}`
      yield* log(Effect.logError(`Outbox ${table}: ${row} is no durable request that this version reads. It is kept.`))
      yield* rows.markUnreadable(executionId)
      return false
    }).pipe(Effect.mapError((error) => ({ executionId, error })))

/** Whether the engine has it; false if it refuses the request. */
const submitted = <R>(submit: Submit<R>, request: PayoutRequest): Effect.Effect<boolean, NotSubmitted, R> =>
  Effect.suspend(() => submit(request)).pipe(
    Effect.as(true),
    Effect.catchAll(() => Effect.succeed(false)),
    // An engine that is closing interrupts it, and this fiber is to go on.
    Effect.catchAllCause(failed),
    Effect.timeoutFail({ duration: submitMax, onTimeout: () => new NotSubmitted({ reason: "timeout" }) })
  )
