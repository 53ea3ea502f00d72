/**
 * What must hold, whatever happens: the invariants of the fault model, asked of the Sandbox's ledger, of what went over
 * the wire and of what the client said, and of nothing else.
 */
import { Duration, Effect, Encoding, Option, Redacted } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import { inspect } from "node:util"
import { about } from "./Chance.js"
import type { Said } from "./Client.js"
import { type Call, type Claim, isWatching, type Payment } from "./Payment.js"
import type { Process } from "./Process.js"
import type { Setting } from "./Setting.js"

/** Something that must not be. */
export interface Violation {
  /** The invariant's name in the fault model. */
  readonly invariant: string
  readonly what: string
  readonly payment: Payment | undefined
}

/** The client's own limit on what one call sends. */
const exchangesMax = 100
const longestCreate = 90_000
/** A read may lag behind a write for less than this. */
const lagMax = 10_000
/** What was said by a code stands for so long. */
const claimMax = 600_000
/** What the client waits for the end of a payout, at most. */
const settlementMax = 3_600_000

export class Oracle {
  readonly violations: Array<Violation> = []

  constructor(
    private readonly setting: Setting,
    private readonly ledger: () => Ledger.Ledger
  ) {}

  private fail(invariant: string, payment: Payment | undefined, what: string): void {
    this.violations.push({ invariant, what, payment })
  }

  /** A request is on its way out of a process. */
  onRequest(
    process: Process,
    payment: Payment | undefined,
    call: Call | undefined,
    kind: "Create" | "Lookup",
    handle: string
  ): void {
    if (payment === undefined) return this.fail("I1", undefined, `${kind} for ${handle}, which nobody asked to pay`)
    if (kind === "Lookup") return
    const request = call?.request ?? payment.request
    if (payment.declined.get(process)?.has(request) === true) {
      this.fail("I4", payment, `${process.name} sent again what it knew to be declined for good`)
    }
    if (call !== undefined && this.isShownDeclined(call)) {
      this.fail("I4", payment, `${call.name} sent again what had been on record as declined for good`)
    }
    if (payment.paidIn.has(process)) this.fail("I10", payment, `${process.name} sent again what it knew to be paid`)
    if (isWatching(call)) this.fail("I4", payment, `${call?.name} sent something, and was only to ask`)
  }

  /** Whether a call that asks first is shown that its own card was declined for good, and nothing speaks against it. */
  private isShownDeclined({ kind, payment, request, started }: Call): boolean {
    const latest = this.transactions(payment).at(-1)
    return (
      kind === "Recover" &&
      latest?.errorState === "hard_declined" &&
      this.setting.rules.card === "Shown" &&
      !this.isBlind &&
      Redacted.value(latest.card) === Redacted.value(request.destination.reference) &&
      (latest.settled ?? latest.created).epochMillis < started - lagMax &&
      payment.creates.every(({ at }) => at < started - claimMax)
    )
  }

  // A cache that hides that it is one shows an earlier record.
  private get isBlind(): boolean {
    const { cache } = this.setting
    return cache !== undefined && !cache.isNoStoreHonoured && !cache.hasAge
  }

  /** A create has left: whatever was said until now was true until now, and need not be any more. */
  onCreate(payment: Payment): void {
    this.onRecall(payment)
    payment.claims = []
    payment.isCertain = false
  }

  /** A process was told that a request is declined for good. */
  onDeclined(payment: Payment, process: Process, request: Call["request"]): void {
    payment.declined.set(process, (payment.declined.get(process) ?? new Set()).add(request))
  }

  onForeignHost(url: string): void {
    this.fail("I8", undefined, `a request to ${url}, which is not the provider`)
  }

  onLog(line: string, payments: ReadonlyArray<Payment>): void {
    for (const payment of payments) this.secrecy(payment, line, "a log line")
  }

  /** A call ended in a way that no call may end. */
  onDefect(call: Call, what: string): void {
    this.fail("I12", call.payment, `${call.name} ${what}`)
  }

  /** A call has ended. Whatever it says must be true now, and stay true until somebody sends another create. */
  onSaid(call: Call, said: Said, now: number): Claim {
    const { payment, process, request } = call
    const knowledge = payment.knownTo(call)
    const claim: Claim = { call, said, at: now, knowledge, trust: payment.trustIn(knowledge) }
    this.truth(payment, claim, call.name)
    this.success(call, said)
    this.bounds(claim, now)
    if (!isWatching(call)) {
      if (!payment.statements.has(said)) this.accounting(call, said)
      this.memory(call, said)
      if (said._tag === "HardDeclined") this.onDeclined(payment, process, request)
      if (said._tag === "Paid") payment.paidIn.set(process, request)
    }
    if (about(this.setting.seed, `inspect ${call.name}`).happens(0.02)) {
      this.secrecy(payment, `${String(said)} ${JSON.stringify(said)} ${inspect(said, { depth: 9 })}`, said._tag)
    }
    payment.claims = [...payment.claims, claim]
    payment.statements.add(said)
    // What was truly said to have moved nothing, and never to move anything, is over.
    if (claim.trust === "Whole" && isCertainly("NotMoved", said)) payment.close(now)
    return claim
  }

  /** What was said must still be true: nothing has been sent since. */
  onRecall(payment: Payment): void {
    for (const claim of payment.claims) this.truth(payment, claim, `what ${claim.call.name} said`)
  }

  /** I2 and I3: the least, the most and the certainty, against the money that really moved. */
  private truth(payment: Payment, { call, said, trust }: Claim, who: string): void {
    const moved = Ledger.moved(this.ledger(), payment.handle)
    if (said._tag !== "HandleConflict") return this.statement(payment, said, trust, moved, `${who}: ${said._tag}`)
    // It is about the money of its own arguments, and speaks of that of the others apart.
    const own = this.movedBy(call)
    const { exposure, other } = said
    if (own === undefined) {
      const all = { min: 0, max: exposure.max + other.exposure.max }
      const sum = { exposure: all, certainty: certaintyOf(all) }
      return this.statement(payment, sum, trust, moved, `${who}: ${said._tag}, in all,`)
    }
    this.statement(payment, said, trust, own, `${who}: ${said._tag}`)
    this.statement(payment, other, trust, moved - own, `${who}: ${said._tag}, of the others,`)
  }

  private statement(
    payment: Payment,
    { certainty, exposure }: Pick<Said, "certainty" | "exposure">,
    trust: Claim["trust"],
    moved: number,
    who: string
  ): void {
    const says = `${who} says ${certainty}, ${exposure.min} to ${exposure.max}; ${moved} moved`
    if (certainty !== certaintyOf(exposure)) this.fail("I3", payment, `${says}: that contradicts itself`)
    if (moved < exposure.min) this.fail("I2", payment, `${says}: less than the least`)
    const most = trust === "Whole" ? exposure.max : trust === "Certainty" && certainty !== "NotMoved" ? Infinity : 0
    if (trust !== "Nothing" && moved > most) this.fail("I3", payment, `${says}: more than the most`)
  }

  /** What the creates of a call's own arguments have moved, if the ledger can tell. */
  private movedBy({ payment, request }: Call): number | undefined {
    if (payment.usesToken && payment.requests.length > 1) return undefined
    const ledger = this.ledger()
    const cards = new Map(this.transactions(payment).map(({ card, id }) => [id, Redacted.value(card)]))
    const isOwn = (card: string | undefined) =>
      payment.usesToken ? card?.startsWith("ca_old") !== true : card === Redacted.value(request.destination.reference)
    return Ledger.movements(ledger, payment.handle)
      .filter(({ transaction }) => isOwn(cards.get(transaction)))
      .reduce((sum, { amount }) => sum + amount, 0)
  }

  /** I2: a success is on record. */
  private success(call: Call, said: Said): void {
    if (said._tag !== "Paid" && said._tag !== "Processing") return
    const { payment, request } = call
    const record = Option.getOrUndefined(Ledger.payout(this.ledger(), payment.handle))
    const says = `${call.name}: ${said._tag}, but the record is ${record?.state ?? "missing"}`
    if (record === undefined || (said._tag === "Paid" && record.state !== "paid")) this.fail("I2", payment, says)
    if (record?.amount !== request.amount || record.currency !== request.currency) this.fail("I2", payment, says)
    if (said.payout.handle !== payment.handle) this.fail("I2", payment, `${call.name}: somebody else's payout`)
    const isCardShown = said.payout.transactions.some(({ method, state }) => state === "paid" && method !== undefined)
    if (!isWatching(call) && said._tag === "Paid" && isCardShown && this.movedBy(call) === 0) {
      this.fail("I2", payment, `${call.name}: Paid, but another card was paid`)
    }
  }

  /** I7: what was said is based on every exchange of this process, and on no other. */
  private accounting(call: Call, said: Said): void {
    const sent = call.payment.sentBy(call.process)
    const now = sent.length - call.seenBefore
    if (now === 0) return
    const kinds = said.attempts.map(({ kind }) => kind)
    const seen = sent.slice(-kinds.length)
    if (kinds.length < Math.min(now, exchangesMax) || kinds.join() !== seen.map(({ kind }) => kind).join()) {
      this.fail(
        "I7",
        call.payment,
        `${call.name} tells of ${kinds.join()}; ${now} of ${seen.map(({ kind }) => kind).join()} went out`
      )
    }
    const isBelieved = said.attempts.some(
      ({ outcome }, index) => seen[index]?.isOld === true && outcome !== "UnexpectedResponse"
    )
    if (isBelieved)
      this.fail("I7", call.payment, `${call.name} took what a cache had kept for an answer of the provider`)
  }

  /** I6: bounded work and time; I1b: bounded processing errors. */
  private bounds({ call, said, trust }: Claim, now: number): void {
    const { payment, process, started } = call
    const { policy, processingErrorsMax } = this.setting
    // Waits for a turn within the request limits do not count.
    const queued =
      "attempts" in said ? said.attempts.map(({ queued = Duration.zero }) => Duration.toMillis(queued)) : []
    const took = now - started - queued.reduce((sum, one) => sum + one, 0)
    const waits = isWatching(call) ? settlementMax : 0
    if (!call.isShared && took > Duration.toMillis(policy.elapsedMax) + waits + longestCreate + 1) {
      this.fail("I6", payment, `${call.name} took ${took} ms`)
    }
    if (isWatching(call)) return
    const exchanges = payment.sentBy(process).length - call.seenBefore
    if (exchanges > exchangesMax) this.fail("I6", payment, `${call.name}: ${exchanges} exchanges`)
    const creates = payment
      .sentBy(process)
      .slice(call.seenBefore)
      .filter(({ kind }) => kind === "Create").length
    if (creates > 1 && !call.isShared && creates > createsMax(policy)) {
      this.fail("I6", payment, `${call.name}: ${creates} creates; the policy allows ${createsMax(policy)}`)
    }
    const errors = this.transactions(payment).filter((one) => one.errorState === "processing_error").length
    const lost = payment.sent.filter((one) => one.kind === "Create" && !one.answered).length
    if (trust === "Whole" && !payment.isContended && !this.isBlind && errors > processingErrorsMax + lost) {
      this.fail(
        "I1b",
        payment,
        `${errors} processing errors; the policy allows ${processingErrorsMax}, ${lost} were lost`
      )
    }
  }

  /** I10: what was paid stays paid, and who knew it still knows it. */
  private memory(call: Call, said: Said): void {
    const { payment, process } = call
    if (payment.paidIn.get(process) === call.request && said._tag !== "Paid") {
      this.fail("I10", payment, `${call.name}: ${said._tag} after Paid`)
    }
    // Where two processes pay at once, the other one's attempt may be the latest; and a number that was told of creates of other
    // arguments may make their decline this request's.
    if (
      !payment.isContended &&
      payment.creates.every((create) => create.call?.request === call.request) &&
      payment.declined.get(process)?.has(call.request) === true &&
      said.certainty === "NotMoved" &&
      said._tag !== "HardDeclined"
    ) {
      this.fail("I4", payment, `${call.name}: ${said._tag} after HardDeclined`)
    }
  }

  /** I8: no secret in anything that can be printed. */
  private secrecy(payment: Payment, text: string, where: string): void {
    for (const secret of [...payment.secrets, ...keys]) {
      if (text.includes(secret)) this.fail("I8", payment, `a secret is in ${where}`)
    }
  }

  /** Both callers of one conversation are told the same. */
  onTwins(call: Call): void {
    this.fail("I7", call.payment, `${call.name}: two callers of one conversation were told different things`)
  }

  /** The provider is well again, and has been asked: there is an answer, or a reason for a person to look into it. */
  onEnd(payment: Payment): void {
    const said = payment.last?.claim?.said
    if (said === undefined || !this.isTerminal(payment, said)) {
      this.fail("I15", payment, `${payment.handle} ended as ${said?._tag ?? "nothing"} with a healthy provider`)
    } else if (this.isUseless(payment, said)) {
      const { certainty, exposure, _tag } = said
      const says = `${_tag}, ${certainty}, ${exposure.min} to ${exposure.max}`
      this.fail("I15", payment, `${payment.handle} is still in doubt when the record and the horizon say all: ${says}`)
    }
  }

  /** Whether money is in doubt although the record, read after the horizon, leaves nothing open. */
  isUseless(payment: Payment, { certainty, _tag }: Said): boolean {
    // Which of the arguments were paid is nowhere to be seen, where the record does not show the card.
    const isHidden = this.setting.rules.card === "Hidden" || payment.usesToken
    if (_tag === "HandleConflict" && isHidden && this.latest(payment)?.state === "paid") return false
    return certainty === "MayHaveMoved" && !this.isOpen(payment)
  }

  /** Whether an attempt is on record of which nobody can say whether it paid. */
  isOpen(payment: Payment): boolean {
    return this.transactions(payment).some(
      ({ errorState, state }) => state === "failed" && errorState !== "hard_declined" && errorState !== "soft_declined"
    )
  }

  isTerminal(payment: Payment, said: Said): boolean {
    // A card token that is spent can pay nothing any more, and what may have been sent before stays unclear.
    if (payment.usesToken && said.attempts.some(({ code }) => code === 103)) return true
    switch (said._tag) {
      case "Paid":
      case "HardDeclined":
      case "SoftDeclined":
      case "ProcessingError":
        return true
      case "UnexpectedResponse":
        return this.isUnexplained(payment)
      case "HandleConflict":
        // Other arguments were paid, or may have been: that is for a person to decide.
        return payment.requests.length > 1
      default:
        return false
    }
  }

  /** I1, I5, I7 and I12, when nothing more can happen. */
  onSilence(
    payments: ReadonlyArray<Payment>,
    received: number,
    bodies: (handle: string) => number,
    timers: number
  ): void {
    const ledger = this.ledger()
    for (const handle of Ledger.paidTwice(ledger)) this.fail("I1", undefined, `${handle} was paid twice`)
    for (const payment of payments) {
      this.onRecall(payment)
      if (bodies(payment.handle) > payment.requests.length) {
        this.fail("I5", payment, `${bodies(payment.handle)} bodies for ${payment.requests.length} requests`)
      }
    }
    const sent = payments.reduce((sum, payment) => sum + payment.sent.length, 0)
    if (sent !== received) this.fail("I7", undefined, `${sent} requests went out and ${received} came in`)
    if (timers > 0) this.fail("I12", undefined, `${timers} timers are left`)
  }

  /** It failed for a reason that nobody knows, so nobody can say whether it paid. */
  /** Whether an attempt failed for a reason that nobody knows: whatever became of those after it, a person has to look. */
  private isUnexplained(payment: Payment): boolean {
    return this.transactions(payment).some(({ errorState }) => errorState === "unheard_of")
  }

  private latest(payment: Payment) {
    return this.transactions(payment).at(-1)
  }

  private transactions(payment: Payment): ReadonlyArray<Ledger.Transaction> {
    return Option.getOrUndefined(Ledger.payout(this.ledger(), payment.handle))?.transactions ?? []
  }
}

/** Whether something is said for certain, of the other arguments too where they are spoken of apart. */
export const isCertainly = (certainty: Said["certainty"], said: Said): boolean =>
  said.certainty === certainty && (said._tag !== "HandleConflict" || said.other.certainty === certainty)

const key = Redacted.value(Sandbox.apiKey)

/** The key, and the shapes in which it travels. */
export const keys: ReadonlyArray<string> = [key, Encoding.encodeBase64(`${key}:`)]

/** The first create, and one for each step that a budget grants. */
const createsMax = (policy: RetryPolicy.RetryPolicy): number =>
  Effect.runSync(RetryPolicy.explain(policy)).categories.reduce((sum, { waits }) => sum + waits.length, 1)

const certaintyOf = ({ max, min }: Said["exposure"]): Said["certainty"] =>
  min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved"
