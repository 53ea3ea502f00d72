/**
 * What a person should hear about at once: answers that contradict themselves or are about somebody else's payout.
 * The handle and the provider's request id are enough to look into it; nothing else is logged.
 */
import * as Effect from "effect/Effect"
import type { Payout } from "../domain/Payout.js"
import type { Reply } from "../domain/Reply.js"
import * as Verdict from "../Verdict.js"
import * as failure from "./failure.js"

/** None, for nearly every answer. */
export const of = (handle: string, verdict: Verdict.Verdict, reply: Reply): Effect.Effect<void> | undefined => {
  const text = alarming(verdict)
  return text === undefined
    ? undefined
    : Effect.logWarning(`Payout ${handle}: ${text}`).pipe(
        Effect.annotateLogs({
          handle,
          requestId: reply._tag === "Response" ? (reply.requestId ?? "unknown") : "unknown"
        })
      )
}

const alarming = (verdict: Verdict.Verdict): string | undefined => {
  switch (verdict._tag) {
    case "UnexpectedResponse":
    case "Unsettled":
    case "HandleConflict":
      return failure.why(verdict)
    default:
      return "payout" in verdict ? contradiction(verdict.payout) : undefined
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
