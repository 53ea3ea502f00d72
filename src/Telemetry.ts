/**
 * The names of what this library reports: one span a payout and one an attempt. No attribute holds a key, a
 * destination, a customer or a body.
 */

import * as Effect from "effect/Effect"
import type { Handle } from "./domain/Handle.js"
import type { Outcome } from "./domain/Outcome.js"
import type { LookupError, PayoutError } from "./domain/PayoutError.js"

/**
 * The span of one call, by the method.
 *
 * @category spans
 */
export const payoutSpan = {
  create: "Payouts.create",
  resume: "Payouts.resume",
  settle: "Payouts.settle",
  get: "Payouts.get"
} as const

/**
 * The span of one exchange, by its kind.
 *
 * @category spans
 */
export const attemptSpan = { Create: "BillwerkClient.create", Lookup: "BillwerkClient.lookup" } as const

/**
 * Attribute names. The HTTP ones are OpenTelemetry's.
 *
 * @category attributes
 */
export const attribute = {
  handle: "payout.handle",
  status: "http.response.status_code",
  method: "http.request.method",
  code: "billwerk.error_code",
  requestId: "billwerk.request_id",
  reply: "billwerk.reply",
  attempts: "payout.attempts",
  outcome: "payout.outcome",
  certainty: "payout.certainty"
} as const

/**
 * Puts the handle on the current span; first of all, so that an interrupted call has it too.
 *
 * @category attributes
 */
export const annotateHandle = (handle: Handle): Effect.Effect<void> =>
  Effect.annotateCurrentSpan(attribute.handle, handle)

/**
 * Puts what became of a payout on the current span.
 *
 * @category attributes
 */
export const annotateOutcome = <E extends PayoutError | LookupError>(
  payout: Effect.Effect<Outcome, E>
): Effect.Effect<Outcome, E> => Effect.tapBoth(payout, { onFailure: annotate, onSuccess: annotate })

const annotate = (end: Outcome | PayoutError | LookupError) =>
  Effect.annotateCurrentSpan({
    [attribute.outcome]: end._tag,
    ...("certainty" in end ? { [attribute.certainty]: end.certainty } : {}),
    [attribute.attempts]: end.attempts.length
  })
