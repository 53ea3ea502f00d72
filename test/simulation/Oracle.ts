/**
 * What must hold, whatever happens: the invariants of the fault model, asked of the Sandbox's ledger, of what went over
 * the wire and of what the client said, and of nothing else.
 */
import { Duration, Effect, Encoding, Option, Redacted } from "effect"
import { Ledger, RetryPolicy, Sandbox } from "effect-billwerk-payouts"
import { inspect } from "node:util"
import { about } from "./Chance.js"
import type { Said } from "./Client.js"
import type { Call, Claim, Payment } from "./Payment.js"
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
  onRequest(process: Process, payment: Payment | undefined, kind: "Create" | "Lookup", handle: string): void {
    if (payment === undefined) return this.fail("I1", undefined, `${kind} for ${handle}, which nobody asked to pay`)
    if (kind === "Lookup") return
    const declined = payment.declined.get(process)
    if (declined !== undefined && declined === payment.request) {
      this.fail("I4", payment, `${process.name} sent again what it knew to be declined for good`)
    }
    if (payment.paidIn.has(process)) this.fail("I10", payment, `${process.name} sent again what it knew to be paid`)
    const calls = [...payment.running].filter((call) => call.process === process)
    const since = this.declinedSince(payment)
    if (since !== undefined && calls.every(({ started }) => started >= since + lagMax)) {
      this.fail("I4", payment, `${process.name} sent again what had been on record as declined for good`)
    }
  }

  /** Since when whoever asks is told that it is declined for good; unknown, once other arguments have been tried. */
  private declinedSince(payment: Payment): number | undefined {
    const latest = payment.requests.length > 1 ? undefined : this.latest(payment)
    return latest?.errorState === "hard_declined" ? (latest.settled ?? latest.created).epochMillis : undefined
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

  /** A call has ended. Whatever it says must be true now, and stay true until the next one begins. */
  onSaid(call: Call, said: Said, now: number): void {
    const { payment, process, request } = call
    const claim: Claim = { said, isInformed: call.isInformed }
    this.truth(payment, claim, call.name)
    this.success(call, said)
    this.accounting(call, said)
    this.bounds(call, now)
    this.memory(call, said)
    if (said._tag === "HardDeclined") payment.declined.set(process, request)
    if (said._tag === "Paid") payment.paidIn.add(process)
    if (about(this.setting.seed, `inspect ${call.name}`).happens(0.02)) {
      this.secrecy(payment, `${String(said)} ${JSON.stringify(said)} ${inspect(said, { depth: 9 })}`, said._tag)
    }
  }

  /** What was said must still be true: nothing has been sent since. */
  onRecall(payment: Payment): void {
    for (const claim of payment.claims) this.truth(payment, claim, `what was said about ${payment.handle}`)
  }

  /** I2 and I3: the least, the most and the certainty, against the money that really moved. */
  private truth(payment: Payment, { isInformed, said }: Claim, who: string): void {
    const moved = Ledger.moved(this.ledger(), payment.handle)
    const { certainty, exposure } = said
    const says = `${who}: ${said._tag} says ${certainty}, ${exposure.min} to ${exposure.max}; ${moved} moved`
    if (certainty !== certaintyOf(exposure)) this.fail("I3", payment, `${says}: that contradicts itself`)
    if (moved < exposure.min) this.fail("I2", payment, `${says}: less than the least`)
    if (isInformed && moved > exposure.max) this.fail("I3", payment, `${says}: more than the most`)
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
  }

  /** I7: what was said is based on every exchange of this process, and on no other. */
  private accounting(call: Call, said: Said): void {
    const sent = call.payment.sentBy(call.process)
    const now = sent.length - call.seenBefore
    if (now === 0) return
    const kinds = said.attempts.map(({ kind }) => kind)
    const seen = sent.slice(-kinds.length).map(({ kind }) => kind)
    if (kinds.length < Math.min(now, exchangesMax) || kinds.join() !== seen.join()) {
      this.fail("I7", call.payment, `${call.name} tells of ${kinds.join()}; ${now} of ${seen.join()} went out`)
    }
  }

  /** I6: bounded work and time; I1b: bounded processing errors. */
  private bounds(call: Call, now: number): void {
    const { payment, process, started } = call
    const { policy, processingErrorsMax } = this.setting
    const exchanges = payment.sentBy(process).length - call.seenBefore
    if (exchanges > exchangesMax) this.fail("I6", payment, `${call.name}: ${exchanges} exchanges`)
    const creates = payment
      .sentBy(process)
      .slice(call.seenBefore)
      .filter(({ kind }) => kind === "Create").length
    if (creates > 1 && !call.isShared && creates > createsMax(policy)) {
      this.fail("I6", payment, `${call.name}: ${creates} creates; the policy allows ${createsMax(policy)}`)
    }
    const took = now - started
    if (!call.isShared && took > Duration.toMillis(policy.elapsedMax) + longestCreate + 1) {
      this.fail("I6", payment, `${call.name} took ${took} ms`)
    }
    const record = Option.getOrUndefined(Ledger.payout(this.ledger(), payment.handle))
    const errors = record?.transactions.filter((one) => one.errorState === "processing_error").length ?? 0
    const lost = payment.sent.filter((one) => one.kind === "Create" && !one.answered).length
    if (call.isInformed && !payment.isContended && errors > processingErrorsMax + lost) {
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
    if (payment.paidIn.has(process) && said._tag !== "Paid") {
      this.fail("I10", payment, `${call.name}: ${said._tag} after Paid`)
    }
    // Where two processes pay at once, the other one's attempt may be the latest.
    if (
      !payment.isContended &&
      payment.declined.get(process) === call.request &&
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
    const said = payment.last?.said
    if (said === undefined || !this.isTerminal(payment, said)) {
      this.fail("I15", payment, `${payment.handle} ended as ${said?._tag ?? "nothing"} with a healthy provider`)
    }
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
        // One process may be in doubt about the first arguments for ever, while another one has told the person who gave
        // the next that they are declined: that is for a person to decide.
        return payment.requests.length > 1 && (payment.isContended || this.isUnexplained(payment))
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
  private isUnexplained(payment: Payment): boolean {
    return this.latest(payment)?.errorState === "unheard_of"
  }

  private latest(payment: Payment) {
    return Option.getOrUndefined(Ledger.payout(this.ledger(), payment.handle))?.transactions.at(-1)
  }
}

const key = Redacted.value(Sandbox.apiKey)

/** The key, and the shapes in which it travels. */
export const keys: ReadonlyArray<string> = [key, Encoding.encodeBase64(`${key}:`)]

/** The first create, and one for each step that a budget grants. */
const createsMax = (policy: RetryPolicy.RetryPolicy): number =>
  Effect.runSync(RetryPolicy.explain(policy)).categories.reduce((sum, { waits }) => sum + waits.length, 1)

const certaintyOf = ({ max, min }: Said["exposure"]) => (min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved")
