/**
 * One exchange with the provider. It waits for its turn within the request limits, and goes on record before it is
 * sent, so it counts even if the call ends. Afterwards it is judged, recorded and counted, and an anomaly is logged.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type { BillwerkClient } from "../provider/BillwerkClient.js"
import type * as Attempt from "../domain/Attempt.js"
import type { Evidence } from "../domain/Exposure.js"
import type { Handle } from "../domain/Handle.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type { Reply } from "../domain/Reply.js"
import * as hostCode from "../host/hostCode.js"
import type { RequestLimits, Turn, Urgency } from "../provider/RequestLimits.js"
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

/** The host's hook before each create. Returns whether the create may be sent. */
export type BeforeCreate = (evidence: Evidence) => Effect.Effect<boolean>

/** How long one run of the host's hook may take. */
export const beforeCreateDeadline: Duration.Duration = Duration.seconds(10)

/** The hook of a host, which may fail, die or hang: then the create is not sent. */
export const beforeCreate = <E>(hook: (evidence: Evidence) => Effect.Effect<void, E>): BeforeCreate => {
  const name = "beforeCreate"
  return (evidence) =>
    hostCode.bounded(name, beforeCreateDeadline, () => hostCode.succeeds(name, hook(evidence)), false)
}

/** How to make and judge the exchanges of a payout. */
export interface Exchanges {
  readonly handle: Handle
  readonly create: Effect.Effect<Reply>
  readonly lookup: Effect.Effect<Reply>
  readonly expected: Verdict.Expected
  readonly limits: RequestLimits["Type"] | undefined
  readonly beforeCreate?: BeforeCreate | undefined
}

/** The exchanges of a request. Each create sends the same bytes. `within` cuts the client's deadlines short. */
export const exchangesOf = (
  client: BillwerkClient["Type"],
  request: PayoutRequest,
  beforeCreate?: BeforeCreate,
  within?: Duration.Duration
): Exchanges => ({
  handle: request.handle,
  create: client.create(request, within),
  lookup: Effect.suspend(() => client.lookup(request.handle, request, within)),
  expected: Verdict.expected(request),
  limits: client.limits,
  beforeCreate
})

/** Waits for a turn, makes one exchange and puts its result on record. A wait that is cut short leaves no record. */
export const exchange = (
  exchanges: Exchanges,
  evidence: EvidenceRecorder<Asked>,
  step: Step,
  urgency: Urgency
): Effect.Effect<Exchanged> =>
  withTurn(exchanges.limits, step.kind, urgency, (turn) => inTurn(exchanges, evidence, step, turn))

/** Waits for a turn, if there are limits, and makes an exchange in it. */
export const withTurn = <A>(
  limits: Exchanges["limits"],
  kind: Attempt.Kind,
  urgency: Urgency,
  exchange: (turn: Turn) => Effect.Effect<A>
): Effect.Effect<A> =>
  limits === undefined
    ? exchange(atOnce)
    : limits.withTurn(kind, urgency, (turn) =>
        Effect.zipRight(Telemetry.measureTurn(kind, turn.waited), exchange(turn))
      )

const atOnce: Turn = { waited: Duration.zero, answered: constVoid }

const inTurn = Effect.fnUntraced(function* (
  exchanges: Exchanges,
  evidence: EvidenceRecorder<Asked>,
  step: Step,
  turn: Turn
) {
  const { expected, handle, lookup } = exchanges
  yield* begin(exchanges, evidence, step, turn)
  const reply = yield* step.kind === "Create" ? stored(exchanges, evidence) : lookup
  turn.answered(reply)
  const ended = yield* evidence.process.now
  const verdict = step.kind === "Create" ? Verdict.ofCreate(expected, reply) : Verdict.ofLookup(expected, reply)
  const heard = evidence.write(step, verdict, reply, ended.at)
  yield* Telemetry.countAttempt(step.kind, verdict._tag)
  yield* logAnomaly(handle, verdict, reply)
  const exchanged: Exchanged = { reply, verdict, heard }
  return exchanged
})

/** The create, once the host has stored that it is about to be sent. */
const stored = Effect.fnUntraced(function* (
  { beforeCreate, create }: Exchanges,
  evidence: EvidenceRecorder<Asked>
): Effect.fn.Return<Reply> {
  if (beforeCreate !== undefined && !(yield* beforeCreate(evidence.value))) return unsent("EVIDENCE")
  return evidence.send(yield* evidence.process.now) ? yield* create : unsent("INTENT")
})

const begin = (
  { beforeCreate }: Exchanges,
  evidence: EvidenceRecorder<Asked>,
  { kind }: Step,
  { waited: queued }: Turn
): Effect.Effect<void> =>
  Effect.map(evidence.process.now, (now) => {
    // Storing takes time, and what is stored says by when the create is sent.
    const isStored = beforeCreate !== undefined && kind === "Create"
    const sentBy = isStored ? now.at + Duration.toMillis(beforeCreateDeadline) : Infinity
    evidence.begin(kind, now, { queued, sentBy })
  })

const unsent = (systemCode: string): Reply => ({ _tag: "NoResponse", reason: "Transport", sent: "NotSent", systemCode })

/** Puts an exchange on record that was under way when its call ended. */
export const interrupt = (evidence: EvidenceRecorder<Asked>): Effect.Effect<void> =>
  Effect.flatMap(evidence.process.now, ({ at }) => {
    const kind = evidence.interrupt(at)
    return kind === undefined ? Effect.void : Telemetry.countAttempt(kind, "Interrupted")
  })
