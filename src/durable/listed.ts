/**
 * One execution of a durable payout as it is listed: what the engine's rows say of it, read as far as this version can.
 */
import * as Snowflake from "@effect/cluster/Snowflake"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { Certainty, Exposure } from "../domain/Exposure.js"
import * as engineRows from "./engineRows.js"
import * as history from "./history.js"

/**
 * What an execution does. `UnderWay`: it runs, or the next process runs it. `Waiting`: it waits for its next look, or for
 * a hint. `Ended`: it has a result. `Broken`: the engine stored an end that is no result of the payout, or one that this
 * version cannot read, and does not go on by itself.
 *
 * @category models
 * @since 0.1.0
 */
export const State = Schema.Literal("UnderWay", "Waiting", "Ended", "Broken")

/**
 * @category models
 * @since 0.1.0
 */
export type State = typeof State.Type

/**
 * One execution of a durable payout, as the tables show it: a snapshot. **An execution that is not `Ended` may send at
 * any moment**, whatever its certainty is now: never pay its payout in another way.
 *
 * @category models
 * @since 0.1.0
 */
export const Execution = Schema.Struct({
  /** The engine's id of it. */
  executionId: Schema.String,
  /** Absent, as amount and currency, only if the stored request cannot be read. */
  handle: Schema.optional(Schema.String),
  /** Minor units. */
  amount: Schema.optional(Schema.Number),
  /** ISO 4217. */
  currency: Schema.optional(Schema.String),
  /** Whether it works, waits, has ended, or cannot be read. */
  state: State,
  /** The latest answer: the tag of an outcome or a `PayoutError`; `Lost` if a process died while it sent. */
  latest: Schema.optional(Schema.String),
  /** What a waiting one waits for: the payout's end, its next try, or the end of a pause. */
  waitsFor: Schema.optional(Schema.Literal("End", "NextTry", "Pause")),
  /** Which execution of its payout it is: 0 is the first one, and each `retry` or `assess` adds one. */
  ordinal: Schema.NonNegativeInt,
  /** When it was submitted, by the submitting process's clock. */
  submitted: Schema.DateTimeUtc,
  /** When it last stored something: since when it waits, when it ended, or when its latest step began or ended. */
  since: Schema.DateTimeUtc,
  /** What is stored of the money so far. Before the arrival horizon, doubt counts as doubt; no horizon passes here. */
  certainty: Certainty,
  /** The least and the most that can have left the account so far, in minor units. */
  exposure: Exposure,
  /** When it goes on by itself: looks the payout up, or sends again. Absent if no durable clock is set. */
  nextLook: Schema.optional(Schema.DateTimeUtc),
  /** How many rounds of sending have begun, each with at most one create. */
  rounds: Schema.NonNegativeInt,
  /**
   * The stored rows that cannot be read: `run` (the request or the result) and steps such as `send/2`. What such a step
   * may have sent counts as money that may have moved.
   */
  unreadable: Schema.Array(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Execution extends Schema.Schema.Type<typeof Execution> {}

/** The mark of the execution after this one. */
export const markAfter = (run: engineRows.Run): string => {
  const { of = run.executionId, ordinal } = subjectOf(run.payload).place
  return engineRows.markOf(of, ordinal + 1)
}

// Read field by field: a request that a later version cannot decode still has a handle and an amount.
const Payload = Schema.parseJson(
  Schema.Struct({
    request: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
    reopening: Schema.optional(
      Schema.Struct({ of: Schema.String, ordinal: Schema.Number, most: Schema.optional(Schema.Number) })
    )
  })
)
const decodePayload = Schema.decodeEither(Payload)

const subjectOf = (payload: string) => {
  const found = Either.getOrElse(decodePayload(payload), () => ({ request: {}, reopening: undefined }))
  const request: { readonly [field: string]: unknown } = found.request
  const { amount, currency, handle } = request
  const shown = {
    ...(typeof handle === "string" ? { handle } : {}),
    ...(typeof amount === "number" ? { amount } : {}),
    ...(typeof currency === "string" ? { currency } : {})
  }
  return { shown, place: found.reopening ?? { of: undefined, ordinal: 0, most: undefined } }
}

/** An execution, from its rows. */
export const executionOf = (
  { executionId, id, payload, reply, replyId }: engineRows.Run,
  { rings, steps }: engineRows.Steps = { steps: [], rings: undefined }
): Execution => {
  const {
    place: { most, ordinal },
    shown: subject
  } = subjectOf(payload)
  const end = reply === undefined ? undefined : history.endOf(reply)
  const common = { executionId, ...subject, ordinal, submitted: timeOf(id) }
  const { waitsFor, ...past } = history.fold({ ...subject, isReopened: ordinal > 0, most }, steps)
  if (typeof end === "object") {
    const { certainty, exposure, tag } = end
    const { rounds, unreadable } = past
    return {
      ...common,
      state: "Ended",
      latest: tag,
      since: timeOf(replyId ?? id),
      certainty,
      exposure,
      rounds,
      unreadable
    }
  }
  const isComplete = subject.handle !== undefined && subject.amount !== undefined && subject.currency !== undefined
  const isRead = isComplete && end !== "Unreadable"
  return {
    ...common,
    ...past,
    ...(end === "Suspended" && waitsFor !== undefined ? { waitsFor } : {}),
    state: end === undefined ? "UnderWay" : end === "Suspended" ? "Waiting" : "Broken",
    since: timeOf(replyId ?? steps.reduce((latest, { storedId }) => (storedId > latest ? storedId : latest), id)),
    ...(rings === undefined || end === "Unreadable" ? {} : { nextLook: DateTime.unsafeMake(rings) }),
    unreadable: isRead ? past.unreadable : ["run", ...past.unreadable]
  }
}

const timeOf = (id: bigint): DateTime.Utc => Snowflake.dateTime(Snowflake.Snowflake(id))
