/**
 * Records the evidence of one payout, during a call and after it. A create is recorded before it is sent, and its
 * result as soon as it is known, so the evidence is true if an interruption comes at any moment.
 */
import * as Duration from "effect/Duration"
import type * as Attempt from "../domain/Attempt.js"
import * as Exposure from "../domain/Exposure.js"
import * as Payout from "../domain/Payout.js"
import type { HandleConflict } from "../domain/PayoutError.js"
import { fingerprints, type PayoutRequest } from "../domain/PayoutRequest.js"
import type { Reply } from "../domain/Reply.js"
import * as Verdict from "../provider/Verdict.js"
import { AttemptLog } from "./AttemptLog.js"
import { type Ended, endedBy, interrupted } from "./ended.js"
import { type Heard, isOfOthers, type Step } from "./nextStep.js"
import type { Process } from "./Process.js"
import { assumedCreate, assumedOf, type Asked, type Assumption, sentCreate, type Subject } from "./Subject.js"
import * as errors from "./toError.js"
import { type Beginning, sending, type UnderWay } from "./UnderWay.js"

export class EvidenceRecorder<A extends Asked = Subject> {
  private readonly log: AttemptLog
  private underWay: UnderWay | undefined
  /** How many exchanges this recorder has begun. */
  begun = 0
  /** The latest finding that leaves money in doubt, and the latest one about a create without a clear answer. */
  private doubts: { readonly latest?: errors.Finding | undefined; readonly unclear?: errors.Finding | undefined } = {}
  /** The exposure that was computed last, and from which evidence. A call asks for it several times. */
  private folded: { readonly evidence: Exposure.Evidence; readonly exposure: Exposure.Exposure } | undefined

  constructor(
    readonly process: Process,
    readonly subject: A,
    private known: Exposure.Evidence = Exposure.empty(subject.handle),
    attempts: ReadonlyArray<Attempt.Attempt> = []
  ) {
    this.log = new AttemptLog(attempts)
  }

  /** All evidence, as a value. */
  get value(): Exposure.Evidence {
    return { ...this.known, by: this.process.clock }
  }

  get attempts(): ReadonlyArray<Attempt.Attempt> {
    return this.log.attempts
  }

  get latest(): Attempt.Attempt | undefined {
    return this.log.latest
  }

  get exposure(): Exposure.Exposure {
    if (this.folded?.evidence !== this.known) {
      this.folded = { evidence: this.known, exposure: Exposure.exposure(this.known, this.process.horizon) }
    }
    return this.folded.exposure
  }

  /** Whether money moved, or may have moved. */
  get isInDoubt(): boolean {
    return this.exposure.max > 0
  }

  /** Whether these arguments were declined for good. */
  get isDeclined(): boolean {
    const { fingerprints } = this.subject
    return fingerprints !== undefined && Exposure.isDeclined(this.known, fingerprints, this.process.horizon)
  }

  /** Whether other arguments are known to have moved money, or to be able to. */
  get isTaken(): boolean {
    const { fingerprints } = this.subject
    return fingerprints !== undefined && Exposure.isTaken(this.known, fingerprints, this.process.horizon)
  }

  /** Whether the payment came from this request, from another one, or from an unknown one. */
  payerOf(request: PayoutRequest): ReturnType<typeof Exposure.payerOf> {
    return Exposure.payerOf(this.known, fingerprints(request), this.process.horizon)
  }

  /** Whether other arguments than these moved money, or may have. */
  isInDoubtBeside({ fingerprints }: Subject): boolean {
    const { horizon } = this.process
    if (fingerprints === undefined) return this.isInDoubt
    return Exposure.exposureOfRequest(this.known, fingerprints, "Others", horizon).max > 0
  }

  /** The latest finding that leaves money in doubt. */
  get doubt(): errors.Finding {
    return this.doubts.latest ?? errors.unseen
  }

  accounting(this: EvidenceRecorder): errors.Accounting {
    // The caller gets a copy, because the recorder decides by its own.
    return errors.accounting(this.subject, this.attempts, this.value, this.process.horizon, { ...this.exposure })
  }

  /** The error for a subject whose handle is taken by other arguments. */
  conflict(this: EvidenceRecorder, conflict: errors.Conflict, subject = this.subject): HandleConflict {
    const { horizon } = this.process
    const { fingerprints } = subject
    // Without known arguments, all of the exposure may be this subject's own.
    if (fingerprints === undefined) return errors.toConflict(conflict, this.accounting(), { min: 0, max: 0 })
    // A record of other arguments is not this request's, even if it went to the same saved method.
    const isOthers = conflict.with === "Provider" && conflict.isInPart !== true
    const { method, request } = isOthers ? { ...fingerprints, method: undefined } : fingerprints
    const exposure = (of: "Own" | "Others") => Exposure.exposureOfRequest(this.known, { method, request }, of, horizon)
    const own = errors.accounting(subject, this.attempts, this.value, horizon, exposure("Own"))
    return errors.toConflict(conflict, own, exposure("Others"))
  }

  /** The same evidence, for other arguments under the handle. */
  continuedBy<B extends Asked>(subject: B): EvidenceRecorder<B> {
    return new EvidenceRecorder(this.process, subject, this.known, this.attempts)
  }

  /** Merges evidence from elsewhere: another process, or a wait for the end. */
  learn(evidence: Exposure.Evidence): void {
    this.known = Exposure.merge(this.known, evidence)
    const { record, transactions } = this.known
    if (record?.state === "failed" && !transactions.some(Exposure.isOpen))
      this.doubts = { ...this.doubts, latest: this.doubts.unclear }
  }

  /**
   * Records what the caller says about creates that no evidence knows. A number replaces the number that this process
   * had for the same arguments, and the guess. It replaces nothing in the evidence that the caller passed with it. A
   * guess replaces only guesses.
   */
  assume(subject: Subject, assumption: Assumption): void {
    const { beside, count, guess, until } = assumption
    const own = `${assumedOf(subject)}${until.clock}`
    const names = [assumedOf(subject), assumedOf({ handle: subject.handle })]
    const handed = new Set(guess ? [] : beside?.creates.map(({ id }) => id))
    const isReplaced = (one: Exposure.Create) =>
      one.guess ? names.some((name) => one.id.startsWith(name)) : !guess && one.id.startsWith(own)
    const creates = this.known.creates.filter((one) => handed.has(one.id) || !isReplaced(one))
    const known = { ...this.known, creates }
    this.known = count === 0 ? known : Exposure.withCreate(known, assumedCreate(subject, assumption))
  }

  /** Marks an exchange as under way. From here on it counts, even if the call ends. */
  begin(kind: Attempt.Kind, now: Exposure.Moment, { queued = Duration.zero, sentBy = Infinity }: Beginning = {}): void {
    const { at, clock } = now
    const intent = kind === "Create" ? this.process.newId(this.subject.fingerprints?.request, at) : undefined
    const by = sentBy === Infinity ? at : sentBy
    const create = intent && sentCreate(this.subject, intent.id, { ...now, by }, this.known)
    const offset = this.process.offset()
    if (offset !== undefined && this.known.clocks[clock] === undefined) {
      this.known = Exposure.withOffset(this.known, clock, offset)
    }
    if (create !== undefined) this.known = Exposure.withCreate(this.known, create)
    this.begun += 1
    this.underWay = { kind, begun: at, queued, create, intent, sentBy }
  }

  /** Records that the create under way is sent now. Returns false if that is too late for what was stored of it. */
  send(now: Exposure.Moment): boolean {
    const sent = this.underWay && sending(this.underWay, now)
    if (sent?.create === undefined) return false
    this.known = Exposure.withCreate(this.known, sent.create)
    this.underWay = sent
    return true
  }

  /** Puts an answer on record and returns how to take it. */
  write(step: Step, verdict: Verdict.Verdict, reply: Reply, ended: number): Heard {
    const { begun, create, intent } = this.underWay ?? { begun: ended, create: undefined, intent: undefined }
    const before = this.known
    this.measure(reply, begun, ended)
    const sent = reply._tag === "Response" ? "Sent" : reply.sent
    if (sent === "NotSent" && intent !== undefined) this.process.giveBack(intent, create?.request)
    if (create === undefined) this.hearLookup(verdict, begun)
    else this.hearCreate(create, verdict, sent, ended)
    const heard = this.heard(step, verdict, before, begun)
    this.close(endedBy(step, verdict, reply, sent, heard), ended)
    this.note(verdict, reply, sent, heard)
    return heard
  }

  /** Closes an exchange that was under way when its call ended. It may have been sent. */
  interrupt(ended: number): Attempt.Kind | undefined {
    const { underWay } = this
    if (underWay === undefined) return undefined
    this.close(interrupted(underWay.kind), ended)
    this.tell()
    if (underWay.kind === "Create") this.doubts = { latest: errors.interrupted, unclear: errors.interrupted }
    return underWay.kind
  }

  decide(decision: Attempt.Decision, why?: string, delay?: Attempt.Attempt["delay"]): void {
    this.log.decide(decision, why, delay)
    this.tell()
  }

  /** Drops the oldest attempts before the next call. The evidence keeps what they amount to. */
  trim(): void {
    this.log.trim()
  }

  private tell(): void {
    const { latest } = this
    if (latest !== undefined) this.process.tell({ handle: this.subject.handle, attempt: latest })
  }

  // A gateway's own error page carries the gateway's date, not the provider's.
  private measure(reply: Reply, begun: number, ended: number): void {
    if (reply._tag === "NoResponse" || reply.date === undefined || reply.isCached === true) return
    if (reply.body._tag !== "PayoutBody" && reply.body._tag !== "ApiError") return
    const offset = Exposure.offsetBy(begun, ended, reply.date)
    this.process.measure(offset)
    this.known = Exposure.withOffset(this.known, this.process.clock, offset)
  }

  private hearLookup(verdict: Verdict.Verdict, begun: number): void {
    const read = { clock: this.process.clock, at: Math.floor(begun) }
    const { handle } = this.subject
    if (verdict._tag === "NotFound" && verdict.proven) {
      this.known = Exposure.merge(this.known, { ...Exposure.empty(handle), read })
    } else if ("payout" in verdict) {
      this.known = Exposure.merge(this.known, Exposure.ofPayout(handle, verdict.payout, read))
    }
  }

  private hearCreate(create: Exposure.Create, verdict: Verdict.Verdict, sent: Attempt.Sent, ended: number): void {
    const { handle } = this.subject
    switch (Verdict.bearing(verdict, sent)) {
      case "None":
        this.known = Exposure.withoutCreate(this.known, create.id)
        break
      case "Claimed":
        this.known = Exposure.withCreate(this.known, {
          ...create,
          claim: { said: saidBy(verdict), at: Math.ceil(ended) }
        })
        break
      case "Recorded":
        if (!("payout" in verdict)) break
        // The record counts as read when the create was sent: it shows all that was done before.
        const read = { clock: this.process.clock, at: create.to }
        this.known = Exposure.answered(
          Exposure.merge(this.known, Exposure.ofPayout(handle, verdict.payout, read)),
          create
        )
        // A repeated create may be answered with the existing payout. Then it did nothing, as with 133.
        if (verdict._tag === "Processing" && this.known.creates.some(({ id }) => id === create.id)) {
          this.known = Exposure.withCreate(this.known, {
            ...create,
            claim: { said: "Processing", at: Math.ceil(ended) }
          })
        }
        break
      // The create stays outstanding, as it was when it was sent.
      case "Unclear":
      case "Foreign":
        break
    }
  }

  private heard(step: Step, verdict: Verdict.Verdict, before: Exposure.Evidence, begun: number): Heard {
    const { process, subject } = this
    const heard = {
      step,
      isKnown: before.record !== undefined,
      isDeclined: this.isDeclined,
      isTaken: this.isTaken,
      hasProcessingErrors: Exposure.processingErrors(before) > 0
    }
    if (!Verdict.isFailed(verdict)) return { ...heard, isStale: false, contradicts: false, isNews: false, isOwn: false }
    const { payout } = verdict
    const id = Exposure.latestId(payout)
    const shown = before.transactions.find((one) => one.id === id)
    const latest = this.known.transactions.find((one) => one.id === id)
    return {
      ...heard,
      isStale: step.kind === "Lookup" && Exposure.isStale(before, payout),
      contradicts: step.kind === "Lookup" && Exposure.isContradicted(this.known, { clock: process.clock, at: begun }),
      isNews:
        before.record?.state !== "failed" || shown?.state !== latest?.state || shown?.errorState !== latest?.errorState,
      isOwn:
        subject.fingerprints !== undefined &&
        Exposure.isDoing(this.known, payout, subject.fingerprints, process.horizon)
    }
  }

  private close(ended: Ended, at: number): void {
    const { underWay } = this
    if (underWay === undefined) return
    this.underWay = undefined
    this.log.add(underWay, at, ended)
  }

  // A record with nothing open settles an earlier record. It does not settle a lost create.
  private note(verdict: Verdict.Verdict, reply: Reply, sent: Attempt.Sent, heard: Heard): void {
    const { contradicts, step } = heard
    const { unclear } = this.doubts
    const bearing = step.kind === "Create" ? Verdict.bearing(verdict, sent) : Verdict.row(verdict).lookup
    if (verdict._tag === "Paid" || contradicts || bearing === "None") return
    const finding: errors.Finding = { verdict: leftOpen(heard, verdict), reply }
    if (bearing === "Unclear") this.doubts = { latest: finding, unclear: finding }
    else if (bearing === "Claimed" || leavesOpen(verdict)) this.doubts = { latest: finding, unclear }
    else this.doubts = { latest: unclear, unclear }
  }
}

const saidBy = ({ _tag }: Verdict.Verdict): "Paid" | "Processing" | "Exists" =>
  _tag === "AlreadyPaid" ? "Paid" : _tag === "AlreadyProcessing" ? "Processing" : "Exists"

/**
 * The finding that leaves money in doubt. A processing payout is a success now, but a doubt for a later call that
 * cannot look it up. A decline of other arguments leaves no doubt itself; the attempt before it does.
 */
const leftOpen = (
  heard: Heard,
  verdict: Exclude<Verdict.Verdict, { readonly _tag: "Paid" }>
): errors.Finding["verdict"] => {
  if (verdict._tag === "Processing") {
    return { _tag: "Unsettled", payout: verdict.payout, why: "it was processing when it was last seen" }
  }
  if (!Verdict.isFailed(verdict) || !isOfOthers(heard, verdict)) return verdict
  const { payout } = verdict
  return Payout.recorded(payout).processingErrors > 0
    ? { _tag: "ProcessingError", payout }
    : { _tag: "Unsettled", payout, why: "an attempt before the latest one may have paid" }
}

const leavesOpen = (verdict: Verdict.Verdict): boolean =>
  Verdict.isShown(verdict) && (!Verdict.isFailed(verdict) || verdict.payout.transactions.some(Exposure.isOpen))
