/**
 * What a run does with each row: nothing, recover it, or send it. A row that must not be paid refuses the whole batch
 * before anything is sent.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { fingerprints, isPayoutRequest, type PayoutRequest } from "../domain/PayoutRequest.js"
import * as Exposure from "../domain/Exposure.js"
import { type Entry, isOpen, type Standing, standingOf } from "./entries.js"

/** A row that the batch refuses. */
const Refused = Schema.Struct({
  /** Its place among the requests, from 0. */
  index: Schema.Number,
  reason: Schema.String
})

/**
 * Rows that must not be paid: a handle that is on record with other arguments, or that two rows have. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchRefused extends Schema.TaggedError<BatchRefused>("effect-billwerk-payouts/BatchRefused")(
  "BatchRefused",
  {
    /** Each refused row: its place among the requests from 0, and the reason. */
    rows: Schema.NonEmptyArray(Refused)
  }
) {
  override get message(): string {
    const [{ index, reason }] = this.rows
    const others = this.rows.length === 1 ? "" : ` (and ${this.rows.length - 1} more)`
    return `The batch was refused before anything was sent: row ${index} ${reason}${others}.`
  }
}

/**
 * A row that an earlier run left open, and that is not among the requests: no run ends its doubt.
 *
 * @category models
 * @since 0.1.0
 */
export interface Missing {
  readonly handle: string
  /** The least and the most that can have left the account, in minor units. The record has no currency. */
  readonly exposure: Exposure.Exposure
}

/** The rows that a store has left open and that are not asked for. */
export const missingOf = (
  entries: ReadonlyMap<string, Entry>,
  requests: ReadonlyArray<PayoutRequest>,
  horizon: number
): ReadonlyArray<Missing> => {
  const asked = new Set<string>(requests.map(({ handle }) => handle))
  return [...entries.values()].flatMap((entry) => {
    const { evidence, handle } = entry
    if (asked.has(handle) || !isOpen(entry)) return []
    const exposure = evidence === undefined ? { min: 0, max: 0 } : Exposure.exposure(evidence, horizon)
    return [{ handle, exposure }]
  })
}

/** A row of a run. */
export interface Planned {
  readonly index: number
  readonly request: PayoutRequest
  /** The fingerprint of its arguments. */
  readonly fingerprint: string
  readonly standing: Exclude<Standing, { readonly _tag: "Changed" }>
}

export const planRows = <E>(
  requests: ReadonlyArray<PayoutRequest>,
  find: (handle: string) => Effect.Effect<Entry | undefined, E>,
  retryFailed: boolean
): Effect.Effect<ReadonlyArray<Planned>, E | BatchRefused> =>
  Effect.gen(function* () {
    const planned: Array<Planned> = []
    const refused: Array<typeof Refused.Type> = []
    const seen = new Map<string, number>()
    for (const [index, request] of requests.entries()) {
      // A value that only looks like a request was not validated: nothing of it is read.
      if (!isPayoutRequest(request)) {
        refused.push({ index, reason: "must be made by PayoutRequest.make" })
        continue
      }
      const { handle } = request
      const other = seen.get(handle)
      seen.set(handle, index)
      const fingerprint = fingerprints(request).request
      const standing = standingOf(yield* find(handle), fingerprint, retryFailed)
      if (other !== undefined) refused.push({ index, reason: `has the handle of row ${other}, ${handle}` })
      else if (standing._tag === "Changed") refused.push({ index, reason: changed(handle) })
      else planned.push({ index, request, fingerprint, standing })
    }
    const [first, ...more] = refused
    return first === undefined ? planned : yield* new BatchRefused({ rows: [first, ...more] })
  })

const changed = (handle: string): string =>
  `has other arguments than an earlier run recorded for ${handle}: give it as it was, or leave it out`
