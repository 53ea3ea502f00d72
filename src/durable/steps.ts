/**
 * The way of a durable payout: rounds of sending, waits, and polls until the payout is final. Each round looks the payout
 * up before it sends, the first one too: another card or amount may have been sent under its handle. The way runs from its
 * beginning whenever the engine runs it, and hears from the engine what each step came to before.
 */
import * as Activity from "@effect/workflow/Activity"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { Outcome } from "../domain/Outcome.js"
import { PayoutError } from "../domain/PayoutError.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import * as PollPolicy from "../policy/PollPolicy.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as Verdict from "../provider/Verdict.js"
import { type Payload, submissionOf } from "./execution.js"
import * as budgets from "./budgets.js"
import * as places from "./places.js"
import * as reopening from "./reopening.js"
import { intend, type Journey, lookUp, type Runner, send, type Settings } from "./rounds.js"
import * as stored from "./stored.js"
import * as waits from "./waits.js"
import * as WorkflowState from "./WorkflowState.js"

/** Makes a runner of payouts. */
export const begin = (settings: Settings) => run({ ...settings, intents: new Map(), inPlace: places.make() })

const run = (runner: Runner) =>
  Effect.fnUntraced(function* (payload: Payload, executionId: string) {
    const submission = yield* waits.readable(`Payout of execution ${executionId}`, submissionOf(payload))
    // Without a request there is nothing to send, and nobody to tell. A later version may read it.
    if (Option.isNone(submission)) return yield* waits.leave("request")
    const { reopening: after, request } = submission.value
    const earlier = after && { mode: after.mode, end: yield* reopening.begin(after) }
    const journey: Journey = {
      executionId,
      request,
      state: WorkflowState.begun(request, executionId, earlier?.end),
      round: 0,
      gaps: [],
      waits: waits.none(),
      earlier
    }
    const end = yield* travel(runner, journey)
    runner.intents.delete(executionId)
    return yield* Either.isRight(end)
      ? Effect.map(WorkflowState.reported(Outcome, journey.state, end.right), stored.readable)
      : Effect.flip(Effect.map(WorkflowState.reported(PayoutError, journey.state, end.left), stored.readable))
  })

const travel = Effect.fnUntraced(function* (runner: Runner, journey: Journey) {
  while (true) {
    journey.round += 1
    const { inMemoryThreshold } = runner
    const round = yield* isLookUpOnly(journey) ? assess(runner, journey) : proceed(runner, journey)
    if (round === undefined || round._tag === "Lapsed") continue
    if (round._tag === "Accepted") {
      const end = yield* awaitFinal(runner, journey, round)
      if (end !== undefined) return end
      continue
    }
    const wait = round.wait ?? round.pause
    if (wait !== undefined) {
      const isWakeable = round._tag === "Lost" || isImpatient(round.error)
      yield* waits.hold(journey.waits, `retry/${journey.round}`, wait, { inMemoryThreshold, isWakeable })
    } else if (round._tag === "Failed") {
      return Either.left(round.error)
    } else if (round.crash) {
      return Either.left(WorkflowState.lostError(journey.state, journey.request))
    }
  }
})

const isLookUpOnly = ({ earlier }: Journey): boolean => earlier?.mode === "Assess"

// After a processing error or a decline the wait is the provider's rule, and not for a person to cut short.
const isImpatient = ({ _tag }: PayoutError): boolean => _tag !== "ProcessingError" && _tag !== "SoftDeclined"

/** One round of sending. Undefined if what is stored of it cannot be read: then the next round looks the payout up. */
const proceed = Effect.fnUntraced(function* (runner: Runner, journey: Journey) {
  const { request, round: ordinal } = journey
  const name = `Payout ${request.handle}`
  const [intent, round] = yield* runner.inPlace(
    Effect.gen(function* () {
      const intent = yield* Effect.flatMap(intend(runner, journey), (stored) =>
        waits.readable(`${name}, intent ${ordinal}`, stored)
      )
      const round = yield* Effect.flatMap(send(runner, journey, intent), (stored) =>
        waits.readable(`${name}, round ${ordinal}`, stored)
      )
      return [intent, Option.getOrUndefined(round)] as const
    })
  )
  const id = `${journey.executionId}/round/${ordinal}`
  journey.state = WorkflowState.after(journey.state, request, id, { intent, round })
  return round
})

/** One round that sends nothing. */
const assess = Effect.fnUntraced(function* (runner: Runner, journey: Journey) {
  const { request, round: ordinal } = journey
  const round = Option.getOrUndefined(
    yield* Effect.flatMap(lookUp(runner, journey), (stored) =>
      waits.readable(`Payout ${request.handle}, assessment ${ordinal}`, stored)
    )
  )
  journey.state = WorkflowState.assessed(journey.state, round)
  return round
})

/** Waits for the end. Returns undefined if the payout failed and will be sent again. */
const awaitFinal = Effect.fnUntraced(function* (
  runner: Runner,
  journey: Journey,
  accepted: typeof WorkflowState.Accepted.Type
) {
  const { at, outcome, wait: first } = accepted
  const { inMemoryThreshold } = runner
  if (outcome._tag === "Paid") return Either.right<Outcome>(outcome)
  journey.gaps.push(at)
  let asked = at
  for (let wait = first; wait !== undefined;) {
    yield* waits.hintOr(journey.waits, wait)
    yield* waits.spread(journey.waits, asked, inMemoryThreshold)
    const poll: WorkflowState.Poll = yield* look(runner, journey, outcome, asked)
    asked = poll.at
    if (journey.waits.woken === "Clock") journey.gaps.push(poll.at)
    if (poll._tag === "Waiting") {
      if (poll.evidence !== undefined) {
        journey.state = WorkflowState.learned(journey.state, { evidence: poll.evidence })
        // News: the next hint may bring more.
        journey.waits.hintsInARow = 0
      }
      wait = poll.wait
      continue
    }
    journey.state = WorkflowState.ended(journey.state, poll)
    if (poll._tag === "Accepted") return Either.right<Outcome>(poll.outcome)
    if (poll.wait === undefined || isLookUpOnly(journey)) return Either.left(poll.error)
    const isWakeable = isImpatient(poll.error)
    yield* waits.hold(journey.waits, `retry/${journey.round}`, poll.wait, { inMemoryThreshold, isWakeable })
    return undefined
  }
  return Either.right<Outcome>(outcome)
})

/** A poll. If what is stored of it cannot be read, the next one asks again. */
const look = Effect.fnUntraced(function* (runner: Runner, journey: Journey, outcome: Outcome, asked: number) {
  const { request, waits: counts } = journey
  const stored = yield* ask(runner, journey, outcome)
  const poll = yield* waits.readable(`Payout ${request.handle}, poll ${counts.polls}`, stored)
  if (Option.isSome(poll)) return poll.value
  // It may have been followed by rounds of sending, which this run does not come to.
  const id = `${journey.executionId}/poll/${counts.polls}`
  journey.state = WorkflowState.forgotten(journey.state, request, { id, isGuess: true })
  const again: WorkflowState.Poll = { _tag: "Waiting", at: asked, wait: PollPolicy.gapMin }
  return again
})

/** One lookup, at once. It never sends, even if it finds nothing. */
const asked = { schedule: Schedule.recurs(1), deadline: PollPolicy.standard.deadline }

const ask = (runner: Runner, { gaps, request, state, waits: { polls } }: Journey, outcome: Outcome) =>
  Activity.make({
    name: `poll/${polls}`,
    success: stored.of(WorkflowState.Poll),
    interruptRetryPolicy: Schedule.stop,
    execute: Effect.gen(function* () {
      const { attempts, evidence } = state
      const latest: Outcome = { ...outcome, attempts, evidence }
      const end = yield* Effect.exit(runner.payouts.awaitFinal(latest, asked))
      const found = Exit.isSuccess(end) ? end.value : Option.getOrUndefined(Cause.failureOption(end.cause))
      const final = found === undefined ? undefined : yield* compared(runner, request, found)
      const at = yield* Clock.currentTimeMillis
      if (final?._tag === "Paid") return { _tag: "Accepted" as const, at, outcome: final }
      if (final !== undefined) {
        const wait = yield* budgets.waitAfter(runner.policy, state, at, final)
        return { _tag: "Failed" as const, at, error: final, wait }
      }
      // Not final, not answered, refused, or a defect. The next poll looks the payout up again.
      const seen = found?._tag === "Processing" ? found : latest
      const wait = yield* budgets.gap(runner.pollSchedule, gaps, at)
      if (wait === undefined) return { _tag: "Accepted" as const, at, outcome: seen }
      return WorkflowState.showsMore(state, seen.evidence)
        ? { _tag: "Waiting" as const, at, wait, evidence: seen.evidence }
        : { _tag: "Waiting" as const, at, wait }
    }).pipe(Effect.map(stored.readable))
  })

/**
 * The end of this payout, if there is one. `awaitFinal` knows the payout by its handle, and another execution may have
 * paid it since, with other arguments. So its end is compared with all arguments, by a call that sends nothing.
 */
const compared = Effect.fnUntraced(function* (
  { isRestored, payouts }: Runner,
  request: PayoutRequest,
  found: Outcome | PayoutError
) {
  const isFinal = found._tag === "Paid" || (found._tag !== "Processing" && WorkflowState.isEnd(found))
  if (!isFinal || !("evidence" in found)) return undefined
  const end = yield* Effect.merge(
    payouts.recover(request, {
      policy: RetryPolicy.none,
      evidence: found.evidence,
      outstandingCreates: isRestored ? undefined : 0,
      lookUpOnly: true
    })
  )
  if (end._tag === "Processing" || end._tag === "InvalidRequest") return undefined
  const attempts = [...found.attempts, ...end.attempts]
  if (end._tag === "Paid") return { ...end, attempts }
  const last = end.attempts.at(-1)
  // Another one's failure is the latest on record: then the error says what is known of this one.
  const isAnswered = WorkflowState.isEnd(end) || (last && Verdict.rowOf(last)?.afterLookup) === "Failure"
  const { certainty, evidence, exposure } = end
  return isAnswered ? yield* WorkflowState.restated(end, { attempts, certainty, evidence, exposure }) : undefined
})
