/**
 * The evidence of one payout while a call runs, and after it for as long as money may have moved. It is marked before
 * each send and written after each answer, so that an interruption at any moment finds it true.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Attempt from "../domain/Attempt.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import type { Reply } from "../domain/Reply.js"
import * as Verdict from "../Verdict.js"
import * as failure from "./failure.js"
import * as Plan from "./plan.js"

/** The most exchanges of one call, whatever the policy says. */
export const exchangesMax = 100

/** How many attempts are kept from one call to the next. Older ones are still counted, as unseen. */
export const attemptsKept = 100

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

  constructor(protected entries: ReadonlyArray<Attempt.Attempt> = []) {}

  get attempts(): ReadonlyArray<Attempt.Attempt> {
    return this.entries
  }

  /** Marks an exchange as under way: from here on it counts, whatever happens. */
  begin(kind: Attempt.Kind): Effect.Effect<void> {
    return Effect.map(Effect.zip(Clock.currentTimeMillis, monotonic), ([millis, startedNanos]) => {
      this.underWay = { kind, started: DateTime.unsafeMake(millis), startedNanos }
    })
  }

  /** Replaces the mark by the attempt, in one synchronous step. */
  write(step: Plan.Step, verdict: Verdict.Verdict, reply: Reply): Effect.Effect<void> {
    const sent = reply._tag === "Response" ? "Sent" : reply.sent
    const recorded = Plan.recorded(step, verdict)
    const finding = verdict._tag === "Paid" ? undefined : { verdict: inDoubt(verdict), reply }
    return this.close(finding, {
      ...answer(reply),
      sent,
      outcome: verdict._tag,
      bearing: Plan.bearing(step, verdict, sent),
      ...(recorded === undefined ? {} : { recorded }),
      decision: "Fail",
      why: failure.why(verdict)
    })
  }

  /** Puts an exchange that was under way when its call ended on record: sent, for all we know. */
  interrupt(): Effect.Effect<void> {
    return this.close(failure.interrupted, {
      sent: "Unknown",
      outcome: "Interrupted",
      bearing: this.underWay?.kind === "Create" ? "Unclear" : "None",
      decision: "Interrupted",
      why: failure.why(failure.interrupted.verdict)
    })
  }

  /** Puts on record what is done after the latest attempt, and why. */
  decide(decision: Attempt.Decision, why?: string, delay?: Duration.Duration): void {
    const latest = this.entries.at(-1)
    if (latest === undefined) return
    const decided: Attempt.Attempt = {
      ...latest,
      decision,
      why: why === undefined ? latest.why : `${latest.why}; ${why}`,
      ...(delay === undefined ? {} : { delay })
    }
    this.entries = [...this.entries.slice(0, -1), decided]
  }

  protected close(
    _finding: failure.Finding | undefined,
    found: Omit<Attempt.Attempt, "ordinal" | "kind" | "started" | "took">
  ): Effect.Effect<void> {
    return Effect.map(monotonic, (now) => {
      const { underWay } = this
      if (underWay === undefined) return
      this.underWay = undefined
      const attempt: Attempt.Attempt = {
        ordinal: (this.entries.at(-1)?.ordinal ?? 0) + 1,
        kind: underWay.kind,
        started: underWay.started,
        took: Duration.nanos(now - underWay.startedNanos),
        ...found
      }
      this.entries = [...this.entries, attempt]
    })
  }
}

/** The evidence of one payout: its attempts, what may have been sent besides, and what leaves money in doubt. */
export class Journal extends AttemptLog {
  private latestDoubt: failure.Finding | undefined

  constructor(
    readonly request: PayoutRequest,
    /** How many requests may have been sent that are not among the attempts. */
    readonly unseen: number,
    entries: ReadonlyArray<Attempt.Attempt> = []
  ) {
    super(entries)
  }

  /** For the next call: with no more attempts than are kept. Leaving one out must never make the exposure smaller. */
  compact(): Journal {
    const dropped = this.entries.slice(0, -attemptsKept)
    const unseen = this.unseen + dropped.filter(Attempt.mayHaveExecuted).length
    const kept = new Journal(this.request, unseen, this.entries.slice(-attemptsKept))
    kept.latestDoubt = this.latestDoubt
    return kept
  }

  get accounting(): failure.Accounting {
    return failure.accounting(this.request, this.entries, this.unseen)
  }

  /** Whether money may have moved, or has. */
  get isInDoubt(): boolean {
    return this.accounting.certainty !== "NotMoved"
  }

  /** The latest finding that leaves money in doubt. */
  get doubt(): failure.Finding {
    return this.latestDoubt ?? failure.unseen
  }

  protected override close(
    finding: failure.Finding | undefined,
    found: Omit<Attempt.Attempt, "ordinal" | "kind" | "started" | "took">
  ): Effect.Effect<void> {
    if (finding !== undefined && leavesDoubt(found)) this.latestDoubt = finding
    return super.close(finding, found)
  }
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
const inDoubt = (verdict: Exclude<Verdict.Verdict, { readonly _tag: "Paid" }>): failure.Finding["verdict"] =>
  verdict._tag === "Processing"
    ? { _tag: "Unsettled", payout: verdict.payout, why: "it was processing when it was last seen" }
    : verdict

const leavesDoubt = ({ bearing, recorded }: Pick<Attempt.Attempt, "bearing" | "recorded">): boolean =>
  bearing === "Unclear" || bearing === "Claimed" || (recorded !== undefined && recorded.open > 0)
