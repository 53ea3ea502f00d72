/**
 * Warnings for people about answers that contradict themselves or are about another payout. They log the handle and the
 * provider's request id, which are enough to investigate, and nothing else.
 */
import * as Effect from "effect/Effect"
import type { Payout } from "../domain/Payout.js"
import type * as Reply from "../domain/Reply.js"
import { log } from "../host/hostCode.js"
import * as Verdict from "../provider/Verdict.js"

/** Logs what is wrong with an answer, if anything. */
export const logAnomaly = (handle: string, verdict: Verdict.Verdict, reply: Reply.Reply): Effect.Effect<void> => {
  const text = anomaly(verdict)
  if (text === undefined) return Effect.void
  const requestId = reply._tag === "Response" ? (reply.requestId ?? "unknown") : "unknown"
  return log(Effect.logWarning(`Payout ${handle}: ${text}`).pipe(Effect.annotateLogs({ handle, requestId })))
}

/** Logs an answer to an exchange without a payout that cannot be relied on. */
export const logUnexpected = (
  about: string,
  verdict: Verdict.Verdict,
  reply: Reply.Reply<Reply.Content>
): Effect.Effect<void> => {
  if (verdict._tag !== "UnexpectedResponse") return Effect.void
  const requestId = reply._tag === "Response" ? (reply.requestId ?? "unknown") : "unknown"
  return log(Effect.logWarning(`${about}: ${Verdict.why(verdict)}`).pipe(Effect.annotateLogs({ requestId })))
}

const anomaly = (verdict: Verdict.Verdict): string | undefined => {
  switch (verdict._tag) {
    case "UnexpectedResponse":
    case "UnreadableRefusal":
    case "RejectedInDoubt":
    case "Unsettled":
    case "HandleConflict":
      return Verdict.why(verdict)
    default:
      return Verdict.isShown(verdict) ? contradiction(verdict.payout) : undefined
  }
}

const contradiction = ({ failed, paid, state, transactions }: Payout): string | undefined => {
  const paidTransactions = transactions.filter((one) => one.state === "paid").length
  if (paidTransactions > 1) return `the provider's record shows ${paidTransactions} paid transactions`
  if (state === "failed" && paidTransactions > 0) return "the payout failed, but one of its transactions is paid"
  if (state === "failed" && paid !== undefined) return "the payout failed, but has a date of payment"
  if (state === "paid" && failed !== undefined) return "the payout is paid, but has a date of failure"
  return undefined
}
