/**
 * A lookup on its own. It moves no money, so it repeats freely within the policy.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { BillwerkClient } from "../provider/BillwerkClient.js"
import type { Handle } from "../domain/Handle.js"
import { type LookupError, LookupFailed, PayoutNotFound } from "../domain/PayoutError.js"
import type { Reply } from "../domain/Reply.js"
import { within } from "../host/deadline.js"
import type * as Exposure from "../domain/Exposure.js"
import type * as Payout from "../domain/Payout.js"
import * as Verdict from "../provider/Verdict.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import { EvidenceRecorder } from "./EvidenceRecorder.js"
import { exchange, type Exchanges, interrupt } from "./exchange.js"
import { lastAsk } from "./nextStep.js"
import type { Process } from "./Process.js"
import { failureOf, waitAfter, waitFor } from "./read.js"
import type { Asked } from "./Subject.js"

/** The provider's record, with the reply and the evidence of the lookups. */
export interface Found {
  readonly verdict: Verdict.Shown
  readonly reply: Reply
  readonly evidence: EvidenceRecorder<Asked>
}

/** Looks up a payout by its handle alone, until there is an answer or the policy's budgets are spent. */
export const lookup = (
  client: BillwerkClient["Type"],
  process: Process,
  policy: RetryPolicy.RetryPolicy,
  handle: Handle
): Effect.Effect<Found, LookupError> => look(client, policy, new EvidenceRecorder<Asked>(process, { handle }))

/** The same within a deadline, which cuts off a lookup that is under way. */
export const lookupWithin = (
  client: BillwerkClient["Type"],
  process: Process,
  policy: RetryPolicy.RetryPolicy,
  handle: Handle,
  deadline: Duration.Duration
): Effect.Effect<Found, LookupError> =>
  Effect.suspend(() => {
    const evidence = new EvidenceRecorder<Asked>(process, { handle })
    const tooLate = Effect.suspend(() => {
      const { attempts } = evidence
      const why = `the deadline of the wait came${attempts.length === 0 ? " before the provider was asked" : ""}`
      return new LookupFailed({ handle, attempts, category: "CommunicationError", why })
    })
    return Effect.flatten(
      within(Effect.exit(look(client, policy, evidence)), deadline, (): Effect.Effect<Found, LookupError> =>
        Effect.zipRight(interrupt(evidence), tooLate)
      )
    )
  })

/** What a lookup shows, if anything, with all evidence: what was known before, and what the lookup adds. */
export interface Assessed {
  readonly payout: Option.Option<Payout.Payout>
  readonly evidence: EvidenceRecorder<Asked>
}

/** Looks up a payout of which something is known. That the provider does not know it is an answer as well. */
export const assess = (
  client: BillwerkClient["Type"],
  process: Process,
  policy: RetryPolicy.RetryPolicy,
  handle: Handle,
  known: Exposure.Evidence
): Effect.Effect<Assessed, LookupFailed> =>
  Effect.suspend(() => {
    const evidence = new EvidenceRecorder<Asked>(process, { handle }, known)
    return look(client, policy, evidence).pipe(
      Effect.map(({ verdict }) => Option.some(verdict.payout)),
      Effect.catchTag("PayoutNotFound", () => Effect.succeedNone),
      Effect.map((payout) => ({ payout, evidence }))
    )
  })

const look = Effect.fnUntraced(function* (
  client: BillwerkClient["Type"],
  policy: RetryPolicy.RetryPolicy,
  evidence: EvidenceRecorder<Asked>
): Effect.fn.Return<Found, LookupError> {
  const {
    process,
    subject: { handle }
  } = evidence
  const exchanges = lookupsOf(client, handle, { handle }, policy.exchangeMax)
  const budgets = RetryPolicy.driver(policy)
  let started = (yield* process.now).at
  while (true) {
    const { reply, verdict } = yield* exchange(exchanges, evidence, lastAsk, "New")
    // The time limit does not count waits for a turn.
    started += Duration.toMillis(evidence.latest?.queued ?? Duration.zero)
    if (Verdict.isShown(verdict)) {
      evidence.decide("Succeed")
      return { verdict, reply, evidence } satisfies Found
    }
    if (verdict._tag === "NotFound") {
      evidence.decide("Fail")
      return yield* new PayoutNotFound({ handle, attempts: evidence.attempts })
    }
    const { at } = yield* process.now
    const deadline = RetryPolicy.longest(policy, client.lookupDeadline)
    const times = { started, at, deadline, elapsedMax: policy.elapsedMax }
    const wait = yield* waitAfter(budgets, evidence.latest, times, verdict, reply)
    if (wait === undefined) {
      evidence.decide("Fail")
      return yield* new LookupFailed({ handle, attempts: evidence.attempts, ...failureOf(verdict, reply) })
    }
    evidence.decide("LookUp", undefined, wait)
    yield* waitFor(verdict, wait)
  }
})

/** The exchanges of a payout that is only looked up, never sent. */
export const lookupsOf = (
  client: BillwerkClient["Type"],
  handle: Handle,
  expected: Verdict.Expected,
  within?: Duration.Duration
): Exchanges => ({
  handle,
  create: Effect.dieMessage("what is only asked about is never sent"),
  lookup: client.lookup(
    handle,
    expected.customer === undefined ? undefined : { customerHandle: expected.customer },
    within
  ),
  expected,
  limits: client.limits
})
