/**
 * One small world: up to three actions, up to four creates that something may happen to, and, hours later, a provider
 * that is well and somebody who asks. Each statement is judged as it is made.
 */
import { Effect, Exit, Logger, LogLevel, Scope } from "effect"
import { Host, VirtualTime } from "../simulation/VirtualTime.js"
import type { Choose } from "./Choices.js"
import type { Client, Hearsay, Statement, Subject } from "./Client.js"
import { judge, judgeSend, type Violation } from "./Judge.js"
import { type Assumptions, type Call, isOpen, known, type Told } from "./Knowledge.js"
import * as People from "./People.js"
import { Provider } from "./Provider.js"
import { type Exchange, httpClient, type Weather } from "./Wire.js"

const actionsMax = 3
const createsMax = 4
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
/** Longer than the arrival horizon. */
const muchLater = 7 * hour

/** One process, from its start to its end. */
interface Life {
  readonly name: string
  readonly host: Host
  readonly client: Client
  readonly calls: Array<Call>
  /** The last thing that it said. */
  said: Statement | undefined
}

export interface World {
  readonly violation: Violation | undefined
  readonly statements: number
  /** How many of the statements could have been more certain. */
  readonly lessCertain: number
  /** What happened, for a person. */
  readonly story: ReadonlyArray<string>
}

class Scene {
  readonly story: Array<string> = []
  violation: Violation | undefined
  statements = 0
  lessCertain = 0
  private readonly time = new VirtualTime()
  private readonly provider: Provider
  private readonly patience: "once" | "patient"
  private readonly lives = new Map<People.Process, Life>()
  private readonly skews = new Map<People.Process, number>()
  private readonly calls: Array<Call> = []
  private started = 0
  private creates = 0
  private isWell = false
  private isMistaken = false
  private lastCertain = -Infinity
  private handover:
    { readonly statement: Statement; readonly calls: ReadonlyArray<Call>; readonly at: number } | undefined

  constructor(
    private readonly subject: Subject,
    private readonly choose: Choose,
    private readonly assumptions: Assumptions
  ) {
    this.patience = choose(People.patiences)
    this.provider = new Provider(this.time, choose(People.showings))
    if (choose(People.ledgers)) this.provider.remember("ca_z", this.time.now - 30 * day)
  }

  play(): void {
    let action = People.first
    let statement: Statement | undefined
    for (let number = 1; ; number++) {
      statement = this.act(action)
      if (this.violation !== undefined) return
      if (number === actionsMax) break
      this.pass(this.choose(People.gaps))
      const next = this.choose(this.optionsAfter(action, statement))
      if (next === undefined) return
      action = next
    }
    if (statement?.certainty === "Moved" && this.lessCertain === 0) return
    this.isWell = true
    this.pass(muchLater)
    const before = this.lessCertain
    this.act({ ...action, restarts: false, does: "recovers", says: "tells the number" })
    if (this.violation === undefined && this.lessCertain > before) {
      this.violation = { law: "ends", what: "seven hours later the doubt is still there" }
    }
  }

  end(): void {
    this.time.end()
  }

  private pass(millis: number): void {
    this.time.pass(millis)
    this.story.push(`... ${millis / 1_000} s`)
  }

  private optionsAfter(last: People.Action, statement: Statement | undefined) {
    return People.nextActions({
      last,
      statement,
      remembers: (process) => (this.lives.get(process)?.calls.length ?? 0) > 0,
      outstanding: (process, isNew) => this.outstanding(isNew ? undefined : this.lives.get(process)).length,
      canHandOver: this.subject.takesEvidence && this.handover?.statement === statement,
      hasSaid: (process) => this.subject.takesEvidence && this.lives.get(process)?.said !== undefined
    })
  }

  /** One call, to its end or to that of the process. */
  private act(action: People.Action): Statement | undefined {
    const life = this.lifeOf(action)
    const { hearsay, told } = this.hearsay(action, life)
    const card = action.does === "awaits" ? undefined : action.card
    const call: Call = { by: life.name, card, from: this.time.now, to: undefined, told, exchanges: [] }
    life.calls.push(call)
    this.calls.push(call)
    this.isMistaken ||= action.isMistaken
    this.story.push(`${life.name}: ${sayAction(action)}`)
    const running = start(life.client, action, hearsay)
    const fiber = life.host.fork(Logger.withMinimumLogLevel(running, LogLevel.None))
    this.time.run(() => !life.host.isAlive || fiber.unsafePoll() !== null)
    if (!life.host.isAlive) {
      this.lives.delete(action.process)
      this.story.push(`${life.name}: dies`)
      return undefined
    }
    const statement = valueOf(this.time.await(fiber))
    call.to = this.time.now
    if (statement !== undefined) this.hear(life, statement)
    return statement
  }

  private hear(life: Life, statement: Statement): void {
    const { certainty, max, min, tag } = statement
    this.story.push(`${life.name}: ${tag}, ${certainty} ${min}..${max}`)
    this.statements += 1
    life.said = statement
    const { isLessCertain, violation } = judge({
      provider: this.provider,
      assumptions: this.assumptions,
      calls: life.calls,
      statement,
      isMistaken: this.isMistaken
    })
    this.violation ??= violation
    if (isLessCertain) this.lessCertain += 1
    if (certainty === "MayHaveMoved") this.handover = { statement, calls: known(life.calls), at: this.time.now }
    else this.lastCertain = this.time.now
  }

  /** What the caller says, as the client takes it, and as the judge has to understand it. */
  private hearsay({ does, says }: People.Action, life: Life): { readonly hearsay: Hearsay; readonly told: Told } {
    // After the arrival horizon, all there is is on record.
    const open = this.isWell ? [] : this.outstanding(life)
    if (does === "creates") return { hearsay: {}, told: { guesses: false } }
    if (does === "awaits") return { hearsay: {}, told: { guesses: life.calls.length === 0 } }
    if (says === "says nothing") return { hearsay: {}, told: { guesses: true } }
    // What it knows already; and nothing of what another process sent since.
    if (says === "hands its own back") return { hearsay: { evidence: life.said?.evidence }, told: { guesses: true } }
    if (says === "tells the number" || this.handover === undefined) {
      return { hearsay: { outstandingCreates: open.length }, told: { outstanding: open.length, guesses: false } }
    }
    const { at, calls, statement } = this.handover
    if (says === "hands over evidence") {
      return { hearsay: { evidence: statement.evidence }, told: { evidence: calls, guesses: true } }
    }
    const covered = new Set(calls.flatMap(({ exchanges }) => exchanges))
    // As the README has it: how many were sent since it was stated. What was sent before, the evidence may only guess.
    const outstanding = open.filter((exchange) => exchange.sent > at && !covered.has(exchange)).length
    return {
      hearsay: { evidence: statement.evidence, outstandingCreates: outstanding },
      told: { evidence: calls, outstanding, guesses: false }
    }
  }

  /** The creates of others that may have moved money, as far as who sent them knew, and that no statement ended since. */
  private outstanding(life: Life | undefined): ReadonlyArray<Exchange> {
    const own = new Set(known(life?.calls ?? []))
    return this.calls
      .filter((call) => !own.has(call))
      .flatMap(({ exchanges }) => exchanges)
      .filter(({ answer, kind, sent }) => {
        const last = answer._tag === "Record" ? answer.transactions.at(-1) : undefined
        return kind === "create" && sent > this.lastCertain && (last === undefined || isOpen(last))
      })
  }

  private lifeOf({ process, restarts }: People.Action): Life {
    const before = this.lives.get(process)
    if (before !== undefined && !restarts) return before
    let skew = this.skews.get(process)
    if (skew === undefined) {
      skew = this.choose(People.skews)
      this.skews.set(process, skew)
    }
    const host = new Host(this.time, () => skew ?? 0)
    const name = `${process}${++this.started}`
    const calls: Array<Call> = []
    const http = httpClient(this.provider, name, this.weather(name, host, calls), (exchange) =>
      calls.at(-1)?.exchanges.push(exchange)
    )
    const client = valueOf(
      this.time.await(
        host.fork(Effect.flatMap(Scope.make(), (scope) => Scope.extend(this.subject.open(http, this.patience), scope)))
      )
    )
    if (skew !== 0) this.story.push(`${name}: its clock is ${skew / 60_000} minutes ahead`)
    const life: Life = { name, host, client, calls, said: undefined }
    this.lives.set(process, life)
    return life
  }

  private dieLater(host: Host, call: Call | undefined, delay: number): void {
    this.time.plan(
      this.time.now + delay,
      () => {
        if (call?.to === undefined) host.kill()
      },
      host
    )
  }

  private weather(name: string, host: Host, calls: ReadonlyArray<Call>): Weather {
    const says = (what: string) => this.story.push(`  ${name} ${what}`)
    return {
      isAlive: () => host.isAlive,
      post: (handle: string, card: string) => {
        this.violation ??= judgeSend(calls, handle, card)
        this.creates += 1
        const isPaid = this.provider.transactions.some(({ state }) => state !== "failed")
        const isDecided = this.isWell || this.creates > createsMax
        const death = isDecided ? undefined : this.choose(People.deaths[this.patience])
        if (death !== undefined) this.dieLater(host, calls.at(-1), death)
        const seesAnswer = death === undefined || death > minute / 4
        const fate = isDecided ? paid : this.choose(People.fatesFor(isPaid, seesAnswer))
        says(`POST ${card}: ${fate.way}: ${fate.ending}`)
        return fate
      },
      get: () => {
        const canLag = this.provider.canLag(name)
        const reading = this.isWell
          ? "answered"
          : this.choose(canLag ? People.readings : People.readings.filter(({ value }) => value !== "lags"))
        says(`GET: ${reading}`)
        return reading
      }
    }
  }
}

const paid = { way: "answered", ending: "paid" } as const

const valueOf = <A>(exit: Exit.Exit<A>): A => {
  if (Exit.isFailure(exit)) throw new Error("the client died", { cause: exit.cause })
  return exit.value
}

const start = (client: Client, { card, does }: People.Action, hearsay: Hearsay) => {
  switch (does) {
    case "creates":
      return client.create(card)
    case "recovers":
      return client.recover(card, hearsay)
    case "awaits":
      return client.awaitFinal
  }
}

const sayAction = ({ card, does, says }: People.Action) =>
  does === "recovers" ? `recovers ${card}, ${says}` : does === "awaits" ? "awaits the end" : `creates ${card}`

/** Runs one world. */
export const worldOf =
  (subject: Subject, assumptions: Assumptions) =>
  (choose: Choose): World => {
    const scene = new Scene(subject, choose, assumptions)
    try {
      scene.play()
    } finally {
      scene.end()
    }
    const { lessCertain, statements, story, violation } = scene
    return { violation, statements, lessCertain, story }
  }
