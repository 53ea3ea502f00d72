/**
 * What people and programs do with a payout: pay, wait, repeat, interrupt, hand over, pay twice at once, try another card,
 * and, when their process has died, resume.
 */
import { Effect, type Exit, FiberRef, HashSet, Logger, Random } from "effect"
import type { Said } from "./Client.js"
import type { Call, Payment } from "./Payment.js"
import type { Process, Slot } from "./Process.js"
import type { Scene } from "./Scene.js"

const second = 1_000
const hour = 3_600_000

/** The most calls that people make for a payout while things go wrong. */
const callsMax = 5

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

  /** One call, by a client that was told of everything it cannot know. For when the provider is well again. */
  resume(payment: Payment): void {
    this.at(payment).whenUp(() => this.call(payment, this.at(payment).process, true))
  }

  /** A process has died, and every call of its with it. */
  onCrash(process: Process): void {
    this.scene.note(() => `${process.name} died`)
    for (const payment of this.scene.payments) {
      const lost = [...payment.running].filter((call) => call.process === process)
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

  // A call, perhaps with another beside it.
  private calls(payment: Payment): void {
    const { rates } = this.scene.setting
    const chance = this.scene.about(`calls ${payment.handle} ${payment.calls}`)
    const { process } = this.at(payment)
    this.call(payment, process, false)
    if (chance.happens(rates.twin) && this.scene.occurs(`twin ${payment.handle} ${payment.calls}`)) {
      this.scene.count(84)
      this.scene.time.plan(this.scene.time.now + chance.duration(1, 10_000), () => this.beside(payment, process))
    }
    const other = this.slots[chance.between(0, this.slots.length - 1)]
    if (
      other !== undefined &&
      other.index !== payment.slot &&
      chance.happens(rates.contention) &&
      this.scene.occurs(`contention ${payment.handle} ${payment.calls}`)
    ) {
      this.scene.count(85)
      this.scene.time.plan(this.scene.time.now + chance.duration(1, 10_000), () => this.beside(payment, other.process))
    }
  }

  private beside(payment: Payment, process: Process): void {
    if (process.host.isAlive && payment.running.size > 0) this.call(payment, process, false)
  }

  private call(payment: Payment, process: Process, isFinal: boolean): void {
    const { oracle, time } = this.scene
    if (payment.running.size === 0) {
      oracle.onRecall(payment)
      payment.claims = []
    }
    payment.calls += 1
    const name = `${payment.handle} call ${payment.calls}`
    const chance = this.scene.about(name)
    const unseen = payment.unseenBy(process)
    // Who has never paid it, or has done so in this very process, may call create; anybody may resume.
    const resumes = isFinal || unseen > 0 || (payment.calls > 1 && chance.happens(0.4))
    // What is not told is guessed: one create, by a process that has never heard of the payout, and none by any other.
    const guess = payment.sentBy(process).length === 0 ? 1 : 0
    const isTold = isFinal || unseen > guess || chance.happens(0.7)
    const beside = [...payment.running].filter((call) => call.process === process)
    for (const call of beside) call.isShared = true
    const isAlone = beside.length === payment.running.size
    if (!isAlone) {
      payment.isContended = true
      for (const call of payment.running) call.isInformed = false
    }
    const call: Call = {
      name,
      payment,
      process,
      request: payment.request,
      started: time.now,
      seenBefore: payment.sentBy(process).length,
      isInformed: isAlone,
      isShared: beside.length > 0,
      interrupted: false
    }
    payment.running.add(call)
    this.scene.note(() => `${process.name} ${name}: ${resumes ? `resume, unseen ${unseen}` : "create"}`)
    const run = resumes
      ? process.client.recover(call.request, isTold ? { outstandingCreates: unseen } : {})
      : process.client.create(call.request)
    const fiber = process.host.fork(
      run.pipe(
        Effect.withRandom(Random.make(`${this.scene.setting.seed} ${name}`)),
        Effect.locally(FiberRef.currentLoggers, this.loggers)
      )
    )
    fiber.addObserver((exit) => this.onExit(call, exit))
    if (isFinal || !chance.happens(this.scene.setting.rates.interruption)) return
    if (!this.scene.occurs(`interruption ${name}`)) return
    time.plan(time.now + chance.duration(1, 1_200_000), () => {
      if (!process.host.isAlive || !payment.running.has(call)) return
      this.scene.count(82)
      call.interrupted = true
      fiber.unsafeInterruptAsFork(fiber.id())
    })
  }

  private onExit(call: Call, exit: Exit.Exit<Said, Said>): void {
    const { oracle, time } = this.scene
    const { payment, process } = call
    payment.running.delete(call)
    const said = exit._tag === "Success" ? exit.value : exit.cause._tag === "Fail" ? exit.cause.error : undefined
    this.scene.note(() => `${process.name} ${call.name} ended: ${said === undefined ? "without a word" : tell(said)}`)
    if (said !== undefined) {
      oracle.onSaid(call, said, time.now)
      payment.claims = [...payment.claims, { said, isInformed: call.isInformed }]
    } else if (!call.interrupted) oracle.onDefect(call, `ended with ${exit.toString()}`)
    if (payment.running.size === 0) this.goOn(payment, said, process)
  }

  // What is done next, if anything: the less is settled, the likelier that somebody tries again.
  private goOn(payment: Payment, said: Said | undefined, process: Process): void {
    payment.last = { said, process }
    const { rates } = this.scene.setting
    const chance = this.scene.about(`next ${payment.handle} ${payment.calls}`)
    const isSettled = said !== undefined && this.scene.oracle.isTerminal(payment, said)
    if (this.scene.isWell || payment.calls >= callsMax || chance.happens(isSettled ? 0.7 : 0.1)) return
    const isFree = said?._tag === "HardDeclined" && said.certainty === "NotMoved"
    if (isFree && chance.happens(0.4) && this.scene.occurs(`other card ${payment.handle} ${payment.calls}`)) {
      payment.renew()
    }
    if (chance.happens(rates.handover) && this.scene.occurs(`handover ${payment.handle} ${payment.calls}`)) {
      payment.slot = chance.between(0, this.slots.length - 1)
    }
    this.later(payment, chance.duration(second, 2 * hour))
  }
}

const tell = ({ _tag, attempts, certainty, exposure }: Said) =>
  `${_tag}, ${certainty}, ${exposure.min} to ${exposure.max}, after ${attempts.length} exchanges`
