/**
 * What people and programs do with a payout, as the README tells them: pay, wait, repeat, interrupt, hand over, pay again
 * after a decline or with another card, wait for the end of it, and recover what was left in doubt. Some do what it warns of:
 * pay twice at once, or tell a wrong number; then what they are told is their own affair.
 */
import { DateTime, Effect, type Exit, FiberRef, HashSet, Logger, Random, Schema } from "effect"
import { Exposure, Outcome, type PayoutError, type Payouts } from "effect-billwerk-payouts"
import type { Chance } from "./Chance.js"
import type { Said } from "./Client.js"
import * as Knowledge from "./Knowledge.js"
import { currentCall } from "./Network.js"
import { isCertainly } from "./Oracle.js"
import type { Call, Claim, Kept, Kind, Payment, Sent } from "./Payment.js"
import type { Process, Slot } from "./Process.js"
import type { Scene } from "./Scene.js"

const hour = 3_600_000

/** What different processes do for a payout is so far apart, unless they are told of each other. */
const apartMin = 3_000
const apartMax = 8 * hour

/** The most calls that people make for a payout while things go wrong. */
const callsMax = 6

/** A call that is about to be made: what is done, and what the client may know then. */
interface Plan {
  readonly kind: Kind
  readonly words: string
  readonly run: Effect.Effect<Said, PayoutError.PayoutError | PayoutError.LookupError>
  /** What its process knows from now on. */
  readonly knowledge: Knowledge.Knowledge
  /** What only this call knows. */
  readonly handed?: Knowledge.Knowledge
}

export class Journey {
  private readonly loggers: HashSet.HashSet<Logger.Logger<unknown, unknown>>

  constructor(
    private readonly scene: Scene,
    private readonly slots: ReadonlyArray<Slot>
  ) {
    this.loggers = HashSet.make(
      Logger.make(({ annotations, message }) =>
        scene.oracle.onLog(`${String(message)} ${JSON.stringify(Array.from(annotations))}`, scene.payments)
      )
    )
  }

  /** Sets out, at a time of its own. */
  begin(payment: Payment): void {
    this.later(payment, this.scene.about(`begin ${payment.handle}`).duration(1, 600_000))
  }

  /** One call, by a client that is told of everything it cannot know. For when the provider is well again. */
  ask(payment: Payment, asked: number): void {
    this.at(payment).whenUp(() => {
      const process = this.at(payment).service()
      const plan = this.recovery(payment, process, {
        // Of clocks that were never measured, evidence cannot say how long ago it was; people can.
        evidence: asked % 3 === 2 ? undefined : payment.evident,
        tells: "NumberAndTime"
      })
      this.call(payment, process, () => plan, true)
    })
  }

  /** A process has died, and every call of its with it. */
  onCrash(process: Process): void {
    this.scene.note(() => `${process.name} died`)
    for (const payment of this.scene.payments) {
      for (const call of payment.watching) if (call.process.host === process.host) payment.watching.delete(call)
      const lost = [...payment.running].filter((call) => call.process.host === process.host)
      for (const call of lost) payment.running.delete(call)
      if (lost.length > 0 && payment.running.size === 0) this.goOn(payment, undefined, process)
    }
  }

  private at(payment: Payment): Slot {
    const slot = this.slots[payment.slot]
    if (slot === undefined) throw new Error("a payment is at one of the slots")
    return slot
  }

  private later(payment: Payment, millis: number): void {
    this.scene.time.plan(this.scene.time.now + millis, () =>
      this.at(payment).whenUp(() => {
        if (!this.scene.isWell) this.calls(payment)
      })
    )
  }

  // A call, perhaps with others beside it.
  private calls(payment: Payment): void {
    const { rates } = this.scene.setting
    const chance = this.scene.about(`calls ${payment.handle} ${payment.calls}`)
    const slot = this.at(payment)
    const process = slot.service()
    this.call(payment, process, (chance) => this.next(payment, process, chance))
    if (chance.happens(rates.twin) && this.scene.occurs(`twin ${payment.handle} ${payment.calls}`)) {
      this.scene.count(84)
      this.scene.time.plan(this.scene.time.now + chance.duration(1, 10_000), () => this.beside(payment, slot, process))
    }
    const other = this.slots[chance.between(0, this.slots.length - 1)]
    if (
      other !== undefined &&
      other.index !== payment.slot &&
      chance.happens(rates.contention) &&
      this.scene.occurs(`contention ${payment.handle} ${payment.calls}`)
    ) {
      this.scene.count(85)
      this.scene.time.plan(this.scene.time.now + chance.duration(1, 10_000), () => this.beside(payment, other))
    }
    const watcher = this.slots[chance.between(0, this.slots.length - 1)]
    if (
      watcher !== undefined &&
      chance.happens(rates.watching) &&
      this.scene.occurs(`watching ${payment.handle} ${payment.calls}`)
    ) {
      this.scene.time.plan(this.scene.time.now + chance.duration(1_000, hour), () => this.watch(payment, watcher))
    }
  }

  private beside(payment: Payment, slot: Slot, expected = slot.process): void {
    if (!expected.host.isAlive || payment.running.size === 0) return
    const process = slot.service()
    if (![...payment.running].every((call) => call.process === process)) payment.isContended = true
    const knowledge = payment.knownIn(process)
    this.call(payment, process, () => ({
      kind: "Create",
      words: "create, beside another call",
      run: process.client.create(payment.request),
      knowledge
    }))
  }

  private watch(payment: Payment, slot: Slot): void {
    if (!slot.process.host.isAlive || this.scene.isWell) return
    const process = slot.service()
    const chance = this.scene.about(`watch ${payment.handle} ${payment.calls}`)
    const { processing } = payment
    this.call(payment, process, () =>
      processing !== undefined && chance.happens(0.6)
        ? this.awaitOutcome(payment, process, processing)
        : this.awaitHandle(payment, process)
    )
  }

  // What the README says is to be done now; or, now and then, less.
  private next(payment: Payment, process: Process, chance: Chance): Plan {
    const { evident, last, processing } = payment
    const knowledge = payment.knownIn(process)
    const create = (words: string): Plan => ({
      kind: "Create",
      words,
      run: process.client.create(payment.request),
      knowledge
    })
    if (last?.claim !== undefined && last.claim === processing && chance.happens(0.5)) {
      return chance.happens(0.7) ? this.awaitOutcome(payment, process, processing) : this.awaitHandle(payment, process)
    }
    // What was declined for good is never sent again on purpose. Else nothing is under way, or this process knows of all that is.
    const said = last?.claim?.said
    const isDeclined = said?._tag === "HardDeclined" && last?.claim?.call.request === payment.request
    if (payment.isCertain && !isDeclined && chance.happens(0.75)) return create("create")
    if (payment.openTo(knowledge).length === 0 && chance.happens(0.4)) return create("create again")
    if (chance.happens(this.scene.setting.rates.silence)) {
      return this.recovery(payment, process, { evidence: undefined, tells: "Nothing" })
    }
    // What was stored before each create has every create of a process that died.
    const { journal } = payment
    if (journal !== undefined && payment.running.size === 0 && chance.happens(0.7)) {
      return this.recovery(payment, process, { evidence: journal, tells: chance.pick("Number", "NumberAndTime") })
    }
    // As the README has it: the process that stored the evidence may have sent more, and died.
    if (evident !== undefined && last !== undefined && last.claim === undefined && chance.happens(0.5)) {
      return this.recovery(payment, process, { evidence: evident, tells: "Nothing" })
    }
    const evidence = evident !== undefined && chance.happens(0.5) ? evident : undefined
    const known = evidence === undefined ? knowledge : Knowledge.both(knowledge, evidence.knowledge)
    const isMoreToTell = evidence === undefined || payment.openTo(known).length > 0
    const tells = isMoreToTell
      ? chance.weighted<Tells>([
          ["Number", 3],
          ["NumberAndTime", 3],
          ["Nothing", 3],
          ["TooFew", 0.5],
          ["Since", evidence === undefined ? 0 : 3]
        ])
      : chance.pick<Tells>("Nothing", "Nothing", "Since", "NumberAndTime")
    return this.recovery(payment, process, { evidence, tells: tells ?? "Nothing" })
  }

  private recovery(payment: Payment, process: Process, { evidence, tells }: Told): Plan {
    const known = Knowledge.both(payment.knownIn(process), evidence?.knowledge ?? Knowledge.nothing)
    // All that no evidence knows of, whatever this process was told of them before.
    const beside = evidence?.knowledge ?? Knowledge.nothing
    const unknown = Knowledge.unknownTo(known, payment.creates, process).filter(
      (create) => beside.counted.get(process)?.has(create) !== true
    )
    const counted = tells === "Since" ? unknown.filter(({ at }) => at > (evidence?.at ?? 0)) : unknown
    const options = { ...evidenceOf(evidence), ...numberOf(process, counted, tells) }
    const count = options.outstandingCreates
    return {
      kind: "Recover",
      words:
        `recover, ${evidence === undefined ? "without evidence" : `with ${evidence.words}`}, ` +
        `told of ${count ?? "no number"}, ${unknown.length} unknown`,
      run: process.client.recover(payment.request, options),
      knowledge:
        count !== undefined
          ? Knowledge.counting(known, process, count >= counted.length ? counted : [], beside)
          : Knowledge.guessing(known, this.scene.time.now)
    }
  }

  private awaitOutcome(payment: Payment, process: Process, { call, knowledge, said }: Claim): Plan {
    const outcome = said._tag === "Processing" ? said : undefined
    return {
      kind: "AwaitOutcome",
      words: `waits for the end of what ${call.name} said`,
      run: outcome === undefined ? Effect.dieMessage("it is not processing") : process.client.settle(again(outcome)),
      knowledge: Knowledge.both(payment.knownIn(process), knowledge)
    }
  }

  private awaitHandle(payment: Payment, process: Process): Plan {
    return {
      kind: "AwaitHandle",
      words: "waits for the end of the handle",
      run: process.client.settle(payment.request.handle),
      knowledge: payment.knownIn(process),
      handed: Knowledge.guessing(Knowledge.nothing, this.scene.time.now)
    }
  }

  private call(payment: Payment, process: Process, planned: (chance: Chance) => Plan, isFinal = false): void {
    const { time } = this.scene
    payment.calls += 1
    const name = `${payment.handle} call ${payment.calls}`
    const chance = this.scene.about(name)
    const plan = planned(this.scene.about(`what ${name} does`))
    const isBeside = payment.running.size > 0
    const beside = [...payment.running].filter((call) => call.process === process)
    for (const call of beside) call.isShared = true
    payment.know(process, plan.knowledge)
    const call: Call = {
      name,
      kind: plan.kind,
      payment,
      process,
      request: payment.request,
      started: time.now,
      seenBefore: payment.sentBy(process).length,
      handed: plan.handed ?? Knowledge.nothing,
      isShared: beside.length > 0,
      interrupted: false
    }
    const calls = isBeside && isWaiting(plan.kind) ? payment.watching : payment.running
    calls.add(call)
    this.scene.note(() => `${process.name} ${name}: ${plan.words}`)
    const fiber = process.host.fork(
      plan.run.pipe(
        Effect.withRandom(Random.make(`${this.scene.setting.seed} ${name}`)),
        Effect.locally(FiberRef.currentLoggers, this.loggers),
        Effect.locally(currentCall, call)
      )
    )
    fiber.addObserver((exit) => this.onExit(call, calls, exit))
    if (isFinal || !chance.happens(this.scene.setting.rates.interruption)) return
    if (!this.scene.occurs(`interruption ${name}`)) return
    time.plan(time.now + chance.duration(1, 1_200_000), () => {
      if (!process.host.isAlive || !calls.has(call)) return
      this.scene.count(82)
      call.interrupted = true
      fiber.unsafeInterruptAsFork(fiber.id())
    })
  }

  private onExit(call: Call, calls: Set<Call>, exit: Exit.Exit<Said, unknown>): void {
    const { oracle, time } = this.scene
    const { payment, process } = call
    calls.delete(call)
    process.close()
    const ended = exit._tag === "Success" ? exit.value : exit.cause._tag === "Fail" ? exit.cause.error : undefined
    const said = isSaid(ended) ? ended : undefined
    this.scene.note(() => `${process.name} ${call.name} ended: ${said === undefined ? "without a word" : tell(said)}`)
    const claim = said === undefined ? undefined : oracle.onSaid(call, said, time.now)
    if (claim !== undefined) this.take(payment, claim)
    else if (!call.interrupted && ended === undefined) oracle.onDefect(call, `ended with ${exit.toString()}`)
    if (calls === payment.running && payment.running.size === 0) this.goOn(payment, claim, process)
  }

  // What people keep of what they are told.
  private take(payment: Payment, claim: Claim): void {
    const { at, call, knowledge, said } = claim
    if ("evidence" in said) {
      payment.evident = { words: `the evidence of ${call.name}`, evidence: said.evidence, at, knowledge }
      payment.stored = undefined
    }
    payment.processing = claim.said._tag === "Processing" ? claim : undefined
    payment.isCertain = payment.running.size === 0 && isCertainly("NotMoved", claim.said)
  }

  // What is done next, if anything: the less is settled, the likelier that somebody tries again.
  private goOn(payment: Payment, claim: Claim | undefined, process: Process): void {
    payment.last = { claim, process }
    if (claim === undefined) payment.isCertain = false
    const said = claim?.said
    const { rates } = this.scene.setting
    const chance = this.scene.about(`next ${payment.handle} ${payment.calls}`)
    const isFree = payment.isCertain && (said?._tag === "HardDeclined" || said?._tag === "SoftDeclined")
    const isSettled = said !== undefined && this.scene.oracle.isTerminal(payment, said)
    const ends = isFree ? 0.15 : !isSettled ? 0.1 : said._tag === "ProcessingError" ? 0.3 : 0.7
    if (this.scene.isWell || payment.calls >= callsMax || chance.happens(ends)) return
    const another = said?._tag === "HardDeclined" ? 0.7 : 0.4
    if (isFree && chance.happens(another) && this.scene.occurs(`other card ${payment.handle} ${payment.calls}`)) {
      payment.renew()
    }
    if (chance.happens(rates.handover) && this.scene.occurs(`handover ${payment.handle} ${payment.calls}`)) {
      payment.slot = chance.between(0, this.slots.length - 1)
    }
    this.later(payment, chance.duration(apartMin, apartMax))
  }
}

/**
 * What somebody tells of creates that no evidence knows of. `Since`: how many were sent since the evidence was stated, as the README
 * has it; what was sent before, the evidence may only guess.
 */
type Tells = "Number" | "NumberAndTime" | "Nothing" | "TooFew" | "Since"

interface Told {
  readonly evidence: Kept | undefined
  readonly tells: Tells
}

// Stored, and read again.
const evidenceOf = (kept: Kept | undefined): Pick<Payouts.RecoverOptions, "evidence"> =>
  kept === undefined ? {} : { evidence: decodeEvidence(JSON.parse(JSON.stringify(encodeEvidence(kept.evidence)))) }

const encodeEvidence = Schema.encodeSync(Exposure.Evidence)
const decodeEvidence = Schema.decodeUnknownSync(Exposure.Evidence)

const again = (outcome: Outcome.Outcome): Outcome.Outcome => decodeOutcome(JSON.parse(JSON.stringify(encode(outcome))))
const encode = Schema.encodeSync(Outcome.Outcome)
const decodeOutcome = Schema.decodeUnknownSync(Outcome.Outcome)

// The time is by the clock of the process that is told.
const numberOf = ({ skew }: Process, unknown: ReadonlyArray<Sent>, tells: Tells): Payouts.RecoverOptions => {
  const outstandingCreates = tells === "TooFew" ? Math.max(0, unknown.length - 1) : unknown.length
  const last = Math.max(...unknown.map(({ at }) => at))
  if (tells === "Nothing") return {}
  return tells !== "NumberAndTime" || unknown.length === 0
    ? { outstandingCreates }
    : { outstandingCreates, lastSentAt: DateTime.unsafeMake(last + skew) }
}

const isWaiting = (kind: Kind): boolean => kind === "AwaitOutcome" || kind === "AwaitHandle"

/** A lookup that came to nothing says nothing about the money. */
const isSaid = (ended: unknown): ended is Said =>
  typeof ended === "object" && ended !== null && "certainty" in ended && "_tag" in ended

const tell = (said: Said) =>
  `${said._tag}, ${said.certainty}, ${said.exposure.min} to ${said.exposure.max}` +
  ("attempts" in said ? `, after ${said.attempts.length} exchanges` : "")
