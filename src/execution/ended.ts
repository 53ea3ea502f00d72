/**
 * The result of an exchange, as an attempt records it.
 */
import type * as Attempt from "../domain/Attempt.js"
import * as Payout from "../domain/Payout.js"
import type { Reply } from "../domain/Reply.js"
import * as Verdict from "../provider/Verdict.js"
import type { Heard, Step } from "./nextStep.js"
import * as errors from "./toError.js"

/** The decision is the loop's, and may be another one later. */
export type Ended = Omit<Attempt.Attempt, "ordinal" | "kind" | "started" | "took" | "queued">

/** The result of an exchange that ended by this reply. */
export const endedBy = (
  step: Step,
  verdict: Verdict.Verdict,
  reply: Reply,
  sent: Attempt.Sent,
  heard: Heard
): Ended => {
  const bearing = step.kind === "Create" ? Verdict.bearing(verdict, sent) : Verdict.row(verdict).lookup
  return {
    sent,
    outcome: verdict._tag,
    bearing: heard.contradicts ? "Claimed" : bearing,
    decision: "Fail",
    why: Verdict.why(verdict),
    ...(reply._tag === "Response" ? { status: reply.status } : {}),
    ...(reply._tag === "Response" && reply.body._tag === "ApiError" ? { code: reply.body.code } : {}),
    ...(reply._tag === "Response" && reply.requestId !== undefined ? { requestId: reply.requestId } : {}),
    ...(Verdict.isShown(verdict) ? { recorded: Payout.recorded(verdict.payout) } : {})
  }
}

/** The result of an exchange that was under way when its call ended. It may have been sent. */
export const interrupted = (kind: Attempt.Kind): Ended => ({
  sent: "Unknown",
  outcome: "Interrupted",
  bearing: kind === "Create" ? "Unclear" : "None",
  decision: "Interrupted",
  why: Verdict.why(errors.interrupted.verdict)
})
