/** What the tests of `EvidenceRecorder` share. */
import { DateTime, Effect } from "effect"
import { Exposure, type Payout, type Reply, type Verdict } from "effect-billwerk-payouts"
import { EvidenceRecorder } from "../../../src/execution/EvidenceRecorder.js"
import { subjectOf } from "../../../src/execution/Subject.js"
import * as NextStep from "../../../src/execution/nextStep.js"
import type { Process } from "../../../src/execution/Process.js"
import { requestOf } from "../../support.js"

export const noon = Date.UTC(2026, 0, 2, 12)

export const amount = 12_500

export const request = requestOf()

export const otherRequest = requestOf({ destination: "ca_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" })

/** A process whose clock is right, and measured so far as `offset` says. */
export const processOf = (offset?: Exposure.Offset): Process & { readonly measured: Array<Exposure.Offset> } => {
  let names = 0
  const measured: Array<Exposure.Offset> = []
  return {
    clock: "here",
    now: Effect.succeed({ clock: "here", at: noon }),
    intend: () => "intended",
    giveBack: () => {},
    newId: () => ({ id: `here/${++names}`, until: Infinity }),
    offset: () => offset,
    measure: (one) => void measured.push(one),
    tell: () => {},
    horizon: Exposure.arrivalHorizonDefault,
    measured
  }
}

export const right: Exposure.Offset = { min: -500, max: 500 }

export const newEvidence = (offset: Exposure.Offset | undefined = right) =>
  new EvidenceRecorder(processOf(offset), subjectOf(request))

export const transaction = (id: string, over: Partial<Payout.Transaction> = {}): Payout.Transaction => ({
  id,
  state: "failed",
  amount,
  errorState: "soft_declined",
  created: DateTime.unsafeMake(noon),
  ...over
})

export const payout = (state: string, ...transactions: ReadonlyArray<Payout.Transaction>): Payout.Payout => ({
  handle: request.handle,
  state,
  amount,
  transactions
})

export const answer = (body: Reply.Body = { _tag: "Unreadable", why: "a body that is not JSON" }): Reply.Response => ({
  _tag: "Response",
  status: 200,
  requestId: "r-1",
  body
})

export const noAnswer: Reply.Reply = { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }

export const refusal = answer({ _tag: "ApiError", code: 6 })

export const lost: Verdict.Verdict = { _tag: "CommunicationError", why: "no answer before the deadline" }

export const absent: Verdict.Verdict = { _tag: "NotFound", proven: true }

export const softDeclined = { _tag: "SoftDeclined", payout: payout("failed", transaction("t")) } as const

export const processingError: Verdict.Verdict = {
  _tag: "ProcessingError",
  payout: payout("failed", transaction("t", { errorState: "processing_error" }))
}

export const paid: Verdict.Verdict = { _tag: "Paid", payout: payout("paid", transaction("t", { state: "paid" })) }

export const minute = 60_000

/** One exchange, which begins some time after noon and ends at once. */
export const write = (
  evidence: EvidenceRecorder,
  step: NextStep.Step,
  verdict: Verdict.Verdict,
  {
    after = 0,
    reply = step.kind === "Create" && verdict === lost ? noAnswer : answer()
  }: {
    readonly after?: number
    readonly reply?: Reply.Reply
  } = {}
) => {
  evidence.begin(step.kind, { clock: "here", at: noon + after })
  return evidence.write(step, verdict, reply, noon + after)
}

export const range = ({ exposure: { max, min } }: EvidenceRecorder) => `${min / amount}..${max / amount}`
