/**
 * The evidence of one payout while a call runs, and after it for as long as money may have moved. It is marked before
 * each send and written after each answer, so that an interruption at any moment finds it true.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
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

/** How far the provider's reads may lag behind what it has said, in nanoseconds. */
const readLagMax = 10n * 60n * 1_000_000_000n

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
  private readonly entries: Array<Attempt.Attempt>
  private underWay: UnderWay | undefined

  constructor(entries: ReadonlyArray<Attempt.Attempt> = []) {
    this.entries = [...entries]
  }

  /** As they are now. */
  get attempts(): ReadonlyArray<Attempt.Attempt> {
    return [...this.entries]
  }

  get latest(): Attempt.Attempt | undefined {
    return this.entries.at(-1)
  }

  /** The kind of exchange that is under way. */
  get sending(): Attempt.Kind | undefined {
    return this.underWay?.kind
  }

  /** When it was begun, by the monotonic clock. */
  get began(): bigint {
    return this.underWay?.startedNanos ?? 0n
  }

  /** Marks an exchange as under way: from here on it counts, whatever happens. */
  begin(kind: Attempt.Kind, clock: Clock.Clock): void {
    const started = DateTime.unsafeMake(clock.unsafeCurrentTimeMillis())
    this.underWay = { kind, started, startedNanos: clock.unsafeCurrentTimeNanos() }
  }

  write(step: Plan.Step, verdict: Verdict.Verdict, reply: Reply, clock: Clock.Clock): void {
    this.close(found(step, verdict, reply), clock)
  }

  /** Replaces the mark by the attempt. None, if nothing was under way. */
  close(finding: Finding, clock: Clock.Clock): Attempt.Attempt | undefined {
    const { underWay } = this
    if (underWay === undefined) return undefined
    this.underWay = undefined
    const attempt: Attempt.Attempt = {
      ordinal: (this.latest?.ordinal ?? 0) + 1,
      kind: underWay.kind,
      started: underWay.started,
      took: Duration.nanos(clock.unsafeCurrentTimeNanos() - underWay.startedNanos),
      ...finding
    }
    this.entries.push(attempt)
    return attempt
  }

  /** Puts on record what is done after the latest attempt, and why. */
  decide(decision: Attempt.Decision, why?: string, delay?: Duration.Duration): void {
    const { latest } = this
    if (latest === undefined) return
    const decided: Writable<Attempt.Attempt> = { ...latest, decision }
    if (why !== undefined) decided.why = `${latest.why}; ${why}`
    if (delay !== undefined) decided.delay = delay
    else if (latest.delay !== undefined) delete decided.delay
    this.entries[this.entries.length - 1] = decided
  }

  /** Forgets the oldest attempts, beyond as many as are kept. */
  trim(): void {
    const tooMany = this.entries.length - attemptsKept
    if (tooMany > 0) this.entries.splice(0, tooMany)
  }
}

type Finding = Omit<Attempt.Attempt, "ordinal" | "kind" | "started" | "took">

/** What an answer turned out to be, as an attempt has it. */
export const found = (
  step: Plan.Step,
  verdict: Verdict.Verdict,
  reply: Reply,
  recorded = Verdict.recorded(verdict),
  contradicts = false
): Finding => {
  const sent = reply._tag === "Response" ? "Sent" : reply.sent
  const finding: Writable<Finding> = {
    sent,
    outcome: verdict._tag,
    bearing: Plan.bearing(step, verdict, sent, contradicts),
    decision: "Fail",
    why: failure.why(verdict)
  }
  if (reply._tag === "Response") {
    finding.status = reply.status
    if (reply.body._tag === "ApiError") finding.code = reply.body.code
    if (reply.requestId !== undefined) finding.requestId = reply.requestId
  }
  if (recorded !== undefined) finding.recorded = recorded
  return finding
}

type Writable<A> = { -readonly [Key in keyof A]: A[Key] }

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
  /** The latest claim (133, 134): when it was told, and the newest record from before any that stands. */
  private claim: { readonly nanos: bigint; readonly before: Attempt.Recorded | undefined } | undefined
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

  get latest(): Attempt.Attempt | undefined {
    return this.log.latest
  }

  /** The kind of exchange that is under way: the exposure does not count a create before it is answered. */
  get sending(): Attempt.Kind | undefined {
    return this.log.sending
  }

  /** The newest record of the payout. */
  get record(): Attempt.Recorded | undefined {
    return this.tally.record
  }

  get accounting(): failure.Accounting {
    return failure.accounting(this.request, this.attempts, this.tally)
  }

  get exposure(): Attempt.Exposure {
    return Attempt.exposureOf(this.request.amount, this.tally)
  }

  /** Whether money may have moved, or has. */
  get isInDoubt(): boolean {
    return Attempt.certainty(this.exposure) !== "NotMoved"
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

  begin(kind: Attempt.Kind, clock: Clock.Clock): void {
    this.log.begin(kind, clock)
  }

  /** Puts an answer on record, and says how it is to be taken. */
  write(step: Plan.Step, verdict: Verdict.Verdict, reply: Reply, clock: Clock.Clock): Plan.Heard {
    const heard = this.hear(step, verdict)
    const isClaim = step.kind === "Create" && Verdict.bearing(verdict, "Sent") === "Claimed"
    if (isClaim) this.claim = { nanos: clock.unsafeCurrentTimeNanos(), before: this.beforeClaim }
    const finding = found(step, verdict, reply, this.recorded(step, verdict), heard.contradicts)
    // What only contradicts a claim leaves the claim in doubt, and not what contradicts it.
    const isDoubt = verdict._tag !== "Paid" && !heard.contradicts
    this.close(finding, clock, isDoubt ? { verdict: later(verdict), reply } : undefined)
    return heard
  }

  private hear(step: Plan.Step, verdict: Verdict.Verdict): Plan.Heard {
    const { record } = this
    const before = this.claim?.before
    if (!Plan.contradicts(step, verdict, before)) return { step, known: record, contradicts: false }
    const isLate = this.claim === undefined || this.log.began - this.claim.nanos >= readLagMax
    if (!isLate || Plan.isStale(verdict, before)) return { step, known: record, contradicts: true }
    // It was said of another payout. What leaves this one in doubt is now that it may have been sent all the same.
    this.latestUnclear ??= this.latestDoubt
    return { step: Plan.believing(step), known: before, contradicts: false }
  }

  private get beforeClaim(): Attempt.Recorded | undefined {
    return this.tally.claimed === undefined ? this.record : this.claim?.before
  }

  /** Puts an exchange that was under way when its call ended on record: sent, for all we know. */
  interrupt(): Effect.Effect<void> {
    return Effect.withFiberRuntime((fiber) => {
      const { sending } = this
      if (sending === undefined) return Effect.void
      this.close(interrupted(sending), Context.get(fiber.currentDefaultServices, Clock.Clock), failure.interrupted)
      Telemetry.countAttempt(fiber, sending, "Interrupted")
      return Effect.void
    })
  }

  decide(decision: Attempt.Decision, why?: string, delay?: Duration.Duration): void {
    this.log.decide(decision, why, delay)
  }

  /** Takes note of what the provider has told somebody else about this payout. */
  learn(payout: Payout.Payout): void {
    const recorded = { ...Payout.recorded(payout), ...this.earlier(payout) }
    if (this.tally.claimed === "Paid" && recorded.state === "failed") {
      this.tally = Attempt.contradict(this.tally, recorded)
      return
    }
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

  private close(found: Finding, clock: Clock.Clock, finding: failure.Finding | undefined): void {
    const attempt = this.log.close(found, clock)
    if (attempt === undefined) return
    this.tally = Attempt.count(this.tally, attempt)
    if (attempt.kind === "Create") this.firstCreate ??= attempt.started.epochMillis
    if (finding !== undefined) this.note(attempt, finding)
  }

  // A record that leaves nothing open answers what an earlier one left open, but not for a request that was lost.
  private note(attempt: Attempt.Attempt, finding: failure.Finding): void {
    if (attempt.bearing === "Unclear") this.latestUnclear = finding
    if (leavesDoubt(attempt)) this.latestDoubt = finding
    else if (attempt.bearing === "Recorded" || attempt.bearing === "Foreign") this.latestDoubt = this.latestUnclear
  }

  private recorded({ kind }: Plan.Step, verdict: Verdict.Verdict): Attempt.Recorded | undefined {
    if (!("payout" in verdict)) return undefined
    const recorded = Payout.recorded(verdict.payout)
    return kind === "Create" ? recorded : { ...recorded, ...this.earlier(verdict.payout) }
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

/** A payout that is processing is a success now, and a doubt for a call that comes later and cannot ask about it. */
const later = (verdict: Exclude<Verdict.Verdict, { readonly _tag: "Paid" }>): failure.Finding["verdict"] =>
  verdict._tag === "Processing"
    ? { _tag: "Unsettled", payout: verdict.payout, why: "it was processing when it was last seen" }
    : verdict

const leavesDoubt = ({ bearing, recorded }: Pick<Attempt.Attempt, "bearing" | "recorded">): boolean =>
  bearing === "Unclear" || bearing === "Claimed" || (recorded !== undefined && recorded.open > 0)
