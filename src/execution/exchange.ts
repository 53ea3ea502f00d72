/**
 * One exchange with the provider. It goes on record before it is sent, so it counts even if the call ends. Afterwards
 * it is judged, recorded and counted, and an anomaly is logged.
 */
import * as Effect from "effect/Effect"
import type { BillwerkClient } from "../provider/BillwerkClient.js"
import type { Handle } from "../domain/Handle.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type { Reply } from "../domain/Reply.js"
import * as Verdict from "../provider/Verdict.js"
import * as Telemetry from "../Telemetry.js"
import { logAnomaly } from "./anomalies.js"
import type { EvidenceRecorder } from "./EvidenceRecorder.js"
import type { Heard, Step } from "./nextStep.js"
import type { Asked } from "./Subject.js"

/** The reply, its verdict, and how to take it. */
export interface Exchanged {
  readonly reply: Reply
  readonly verdict: Verdict.Verdict
  readonly heard: Heard
}

/** How to make and judge the exchanges of a payout. */
export interface Exchanges {
  readonly handle: Handle
  readonly create: Effect.Effect<Reply>
  readonly lookup: Effect.Effect<Reply>
  readonly expected: Verdict.Expected
}

/** The exchanges of a request. Each create sends the same bytes. */
export const exchangesOf = (client: BillwerkClient["Type"], request: PayoutRequest): Exchanges => ({
  handle: request.handle,
  create: client.create(request),
  lookup: client.lookup(request.handle, request),
  expected: Verdict.expected(request)
})

/** Makes one exchange and puts its result on record. */
export const exchange = Effect.fnUntraced(function* (
  exchanges: Exchanges,
  evidence: EvidenceRecorder<Asked>,
  step: Step
) {
  const { create, expected, handle, lookup } = exchanges
  evidence.begin(step.kind, yield* evidence.process.now)
  const reply = yield* step.kind === "Create" ? create : lookup
  const ended = yield* evidence.process.now
  const verdict = step.kind === "Create" ? Verdict.ofCreate(expected, reply) : Verdict.ofLookup(expected, reply)
  const heard = evidence.write(step, verdict, reply, ended.at)
  yield* Telemetry.countAttempt(step.kind, verdict._tag)
  yield* logAnomaly(handle, verdict, reply)
  const exchanged: Exchanged = { reply, verdict, heard }
  return exchanged
})

/** Puts an exchange on record that was under way when its call ended. */
export const interrupt = (evidence: EvidenceRecorder<Asked>): Effect.Effect<void> =>
  Effect.flatMap(evidence.process.now, ({ at }) => {
    const kind = evidence.interrupt(at)
    return kind === undefined ? Effect.void : Telemetry.countAttempt(kind, "Interrupted")
  })
