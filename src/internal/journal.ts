/**
 * The evidence of one payout while a call runs, and after it for as long as money may have moved. It is marked before
 * each send and written after each answer, so that an interruption at any moment finds it true.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Attempt from "../domain/Attempt.js"
import type { Outcome } from "../domain/Outcome.js"
import * as Payout from "../domain/Payout.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type { Reply } from "../domain/Reply.js"
import * as Telemetry from "../Telemetry.js"
import * as Verdict from "../Verdict.js"
import * as failure from "./failure.js"
import * as Plan from "./plan.js"

/** The most exchanges of one call, whatever the policy says. */
export const exchangesMax = 100

/** How many attempts are kept from one call to the next. */
export const attemptsKept = 100

/** How far the provider's clock and ours may be apart, in milliseconds. */
const clockErrorMax = 10 * 60 * 1000

interface UnderWay {
  readonly kind: Attempt.Kind
  readonly started: DateTime.Utc
  readonly startedNanos: bigint
}

/** Nanoseconds of the monotonic clock. Wall clocks jump. */
export const monotonic: Effect.Effect<bigint> = Effect.clockWith((clock) =>
  Effect.sync(() => clock.unsafeCurrentTimeNanos())
)

/** Exchanges on record. What is begun is closed: by an answer, or by an interruption. */
export class AttemptLog {
  private underWay: UnderWay | undefined

  constructor(private entries: ReadonlyArray<Attempt.Attempt> = []) {}

  get attempts(): ReadonlyArray<Attempt.Attempt> {
    return this.entries
  }

  /** Whether a create is under way. */
  get isSending(): boolean {
    return this.underWay?.kind === "Create"
  }

  /** Marks an exchange as under way: from here on it counts, whatever happens. */
  begin(kind: Attempt.Kind): Effect.Effect<void> {
    return Effect.map(Effect.zip(Clock.currentTimeMillis, monotonic), ([millis, startedNanos]) => {
      this.underWay = { kind, started: DateTime.unsafeMake(millis), startedNanos }
    })
  }

  /** Replaces the mark by the attempt, in one synchronous step. None, if nothing was under way. */
  close(found: Found): Effect.Effect<Option.Option<Attempt.Attempt>> {
    return Effect.tap(this.closed(found), (attempt) =>
      Option.isNone(attempt) ? Effect.void : Telemetry.countAttempt(attempt.value.kind, attempt.value.outcome)
    )
  }

  private closed(found: Found): Effect.Effect<Option.Option<Attempt.Attempt>> {
    return Effect.map(monotonic, (now) => {
      const { underWay } = this
      if (underWay === undefined) return Option.none()
      this.underWay = undefined
      const attempt: Attempt.Attempt = {
        ordinal: (this.entries.at(-1)?.ordinal ?? 0) + 1,
        kind: underWay.kind,
        started: underWay.started,
        took: Duration.nanos(now - underWay.startedNanos),
        ...(typeof found === "function" ? found(underWay.kind) : found)
      }
      this.entries = [...this.entries, attempt]
      return Option.some(attempt)
    })
  }

  /** Puts on record what is done after the latest attempt, and why. */
  decide(decision: Attempt.Decision, why?: string, delay?: Duration.Duration): void {
    const latest = this.entries.at(-1)
    if (latest === undefined) return
    const { delay: _, ...rest } = latest
    const decided: Attempt.Attempt = {
      ...rest,
      decision,
      why: why === undefined ? latest.why : `${latest.why}; ${why}`,
      ...(delay === undefined ? {} : { delay })
    }
    this.entries = [...this.entries.slice(0, -1), decided]
  }

  /** Forgets the oldest attempts, beyond as many as are kept. */
  trim(): void {
    this.entries = this.entries.slice(-attemptsKept)
  }
}

type Finding = Omit<Attempt.Attempt, "ordinal" | "kind" | "started" | "took">
type Found = Finding | ((kind: Attempt.Kind) => Finding)

/** What an answer turned out to be, as an attempt has it. */
export const found = (step: Plan.Step, verdict: Verdict.Verdict, reply: Reply): Finding => {
  const sent = reply._tag === "Response" ? "Sent" : reply.sent
  const recorded = Plan.recorded(step, verdict)
  return {
    ...answer(reply),
    sent,
    outcome: verdict._tag,
    bearing: Plan.bearing(step, verdict, sent),
    ...(recorded === undefined ? {} : { recorded }),
    decision: "Fail",
    why: failure.why(verdict)
  }
}

const interrupted = (kind: Attempt.Kind): Finding => ({
  sent: "Unknown",
  outcome: "Interrupted",
  bearing: kind === "Create" ? "Unclear" : "None",
  decision: "Interrupted",
  why: failure.why(failure.interrupted.verdict)
})

/**
 * The evidence of one payout: its attempts, what they amount to, and what leaves money in doubt. Where nothing is to be
 * sent, it is enough to know what is asked about.
 */
export class Journal<Asked extends failure.Subject = PayoutRequest> {
  private readonly log: AttemptLog
  private latestDoubt: failure.Finding | undefined
  private latestUnclear: failure.Finding | undefined
  /**
   * `tally` is what is known already: creates of other processes, and what `attempts` (with other arguments) amount to.
   * `told` is how many creates of other processes were spoken of, those included that a record has accounted for since.
   */
  constructor(
    readonly request: Asked,
    private tally: Attempt.Tally,
    private told = tally.unseen,
    attempts: ReadonlyArray<Attempt.Attempt> = [],
    private firstCreate?: number
  ) {
    this.log = new AttemptLog(attempts)
  }

  get attempts(): ReadonlyArray<Attempt.Attempt> {
    return this.log.attempts
  }

  /** Whether a create is under way, which the exposure does not count before it is answered. */
  get isSending(): boolean {
    return this.log.isSending
  }

  /** The newest record of the payout. */
  get record(): Attempt.Recorded | undefined {
    return this.tally.record
  }

  get accounting(): failure.Accounting {
    return failure.accounting(this.request, this.attempts, this.tally)
  }

  /** Whether money may have moved, or has. */
  get isInDoubt(): boolean {
    return Attempt.certainty(Attempt.exposureOf(this.request.amount, this.tally)) !== "NotMoved"
  }

  /** The latest finding that leaves money in doubt. */
  get doubt(): failure.Finding {
    return this.latestDoubt ?? failure.unseen
  }

  /** Counts creates that this process does not know of, unless it has heard of as many already. */
  expect(unseen: number): void {
    const more = Math.max(0, unseen - this.told)
    this.told += more
    this.tally = { ...this.tally, unseen: this.tally.unseen + more, sends: this.tally.sends + more }
  }

  begin(kind: Attempt.Kind): Effect.Effect<void> {
    return this.log.begin(kind)
  }

  write(step: Plan.Step, verdict: Verdict.Verdict, reply: Reply): Effect.Effect<void> {
    // What only contradicts a claim leaves the claim in doubt, and not what contradicts it.
    const isDoubt = verdict._tag !== "Paid" && !Plan.isContradicted(step, verdict)
    return this.close(
      (kind) => this.dated(kind, verdict, found(step, verdict, reply)),
      isDoubt ? { verdict: later(verdict), reply } : undefined
    )
  }

  /** Puts an exchange that was under way when its call ended on record: sent, for all we know. */
  interrupt(): Effect.Effect<void> {
    return this.close(interrupted, failure.interrupted)
  }

  decide(decision: Attempt.Decision, why?: string, delay?: Duration.Duration): void {
    this.log.decide(decision, why, delay)
  }

  /** Takes note of what the provider has told somebody else about this payout. */
  learn(payout: Payout.Payout): void {
    const recorded = { ...Payout.recorded(payout), ...this.earlier(payout) }
    this.tally = Attempt.witness(this.tally, recorded)
    if (recorded.open === 0) this.latestDoubt = this.latestUnclear
  }

  /** For the next call: with no more attempts than are kept. What they amounted to is not forgotten. */
  trim(): void {
    this.log.trim()
  }

  /** For other arguments under the same handle, when these have certainly not paid: what the provider has stays known. */
  continuedBy(request: Asked): Journal<Asked> {
    return new Journal(request, this.tally, this.told, this.attempts)
  }

  private close(found: (kind: Attempt.Kind) => Finding, finding: failure.Finding | undefined): Effect.Effect<void> {
    return Effect.map(this.log.close(found), (closed) => {
      if (Option.isNone(closed)) return
      const attempt = closed.value
      this.tally = Attempt.count(this.tally, attempt)
      if (attempt.kind === "Create") this.firstCreate ??= attempt.started.epochMillis
      if (finding !== undefined) this.note(attempt, finding)
    })
  }

  // A record that leaves nothing open answers what an earlier one left open, but not for a request that was lost.
  private note(attempt: Attempt.Attempt, finding: failure.Finding): void {
    if (attempt.bearing === "Unclear") this.latestUnclear = finding
    if (leavesDoubt(attempt)) this.latestDoubt = finding
    else if (attempt.bearing === "Recorded" || attempt.bearing === "Foreign") this.latestDoubt = this.latestUnclear
  }

  private dated(kind: Attempt.Kind, verdict: Verdict.Verdict, found: Finding): Finding {
    if (found.recorded === undefined || !("payout" in verdict) || kind === "Create") return found
    return { ...found, recorded: { ...found.recorded, ...this.earlier(verdict.payout) } }
  }

  // A transaction that is older than our first create cannot be its doing.
  private earlier(payout: Payout.Payout): Pick<Attempt.Recorded, "earlier"> {
    const earlier = this.firstCreate === undefined ? 0 : Payout.madeBefore(payout, this.firstCreate - clockErrorMax)
    return earlier === 0 ? {} : { earlier }
  }
}

/** The evidence that an outcome carries, to be carried on, wherever the outcome comes from. */
export const journalOf = (outcome: Outcome): Journal<failure.Subject> => {
  const { amount, attempts, exposure, payout } = outcome
  const seen = Attempt.witness(attempts.reduce(Attempt.count, Attempt.emptyTally(0)), Payout.recorded(payout))
  // What it says beyond its attempts was sent by processes that it has been told of.
  const beyond = Math.max(0, Math.ceil((exposure.max - Attempt.exposureOf(amount, seen).max) / amount))
  const tally = { ...seen, unseen: beyond, sends: seen.sends + beyond }
  const firstCreate = attempts.find(({ kind }) => kind === "Create")?.started.epochMillis
  return new Journal<failure.Subject>(outcome, tally, beyond, attempts, firstCreate)
}

const answer = (reply: Reply): Partial<Pick<Attempt.Attempt, "status" | "code" | "requestId">> =>
  reply._tag === "NoResponse"
    ? {}
    : {
        status: reply.status,
        ...(reply.body._tag === "ApiError" ? { code: reply.body.code } : {}),
        ...(reply.requestId === undefined ? {} : { requestId: reply.requestId })
      }

/** A payout that is processing is a success now, and a doubt for a call that comes later and cannot ask about it. */
const later = (verdict: Exclude<Verdict.Verdict, { readonly _tag: "Paid" }>): failure.Finding["verdict"] =>
  verdict._tag === "Processing"
    ? { _tag: "Unsettled", payout: verdict.payout, why: "it was processing when it was last seen" }
    : verdict

const leavesDoubt = ({ bearing, recorded }: Pick<Attempt.Attempt, "bearing" | "recorded">): boolean =>
  bearing === "Unclear" || bearing === "Claimed" || (recorded !== undefined && recorded.open > 0)
