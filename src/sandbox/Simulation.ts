/**
 * Runs one exchange after another: the script's step, the request's way to the provider, the provider, the answer's way
 * back. The state is mutable and synchronous. Only waiting is an effect, and only a step (or a latency) causes a wait.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Agenda } from "./Agenda.js"
import type { Changes } from "./Changes.js"
import * as Delivery from "./Delivery.js"
import { Deed, type Exchange, Log } from "./Exchange.js"
import { fingerprint } from "./fingerprint.js"
import * as ErrorCode from "./ErrorCode.js"
import { type Asked, type Incoming, read } from "./Incoming.js"
import * as Ledger from "./Ledger.js"
import { Gate } from "./Gate.js"
import { Playbook } from "./Playbook.js"
import { identifier, Provider, refused, type Reply } from "./Provider.js"
import type { Rules } from "./Rules.js"
import type { SandboxState } from "./SandboxState.js"
import { Answer, Execution, normal, type Parts } from "./Script.js"

/** An exchange under way. */
interface Visit {
  readonly ordinal: number
  readonly incoming: Incoming
  readonly asked: Asked
  readonly parts: Parts
  readonly answer: Answer
  /** When the provider replied, in epoch milliseconds. */
  made: number
  /** The provider's reply, once the request has reached it. */
  reply: Reply
  /** The gate that it must leave when it ends. */
  gate: Gate | undefined
  gone: boolean
}

export class Simulation {
  readonly playbook = new Playbook(isFor, normal.parts)
  readonly log: Log
  readonly provider: Provider
  /** How many milliseconds the provider's clock is ahead of Effect's. */
  readonly ahead: number
  readonly agenda: Agenda
  private readonly latency: number
  private readonly delivered = new WeakMap<Delivery.Delivery, number>()
  private readonly reads: Gate | undefined
  private readonly writes: Gate | undefined

  constructor(
    private readonly rules: Rules,
    changes: Changes,
    now: number,
    /** How many exchanges there were before a reset: the provider gives no `Request-Id` twice. */
    private readonly before = 0
  ) {
    this.agenda = new Agenda(changes)
    this.log = new Log(rules.exchangesMax)
    this.provider = new Provider(rules, this.agenda, changes, now)
    this.ahead = Duration.toMillis(rules.clockAhead) - Duration.toMillis(rules.clockBehind)
    this.latency = Duration.toMillis(rules.latency)
    this.reads = rules.limits && new Gate(rules.limits.reads)
    this.writes = rules.limits && new Gate(rules.limits.writes)
  }

  /** The number of all exchanges, also those before a reset. */
  get exchanges(): number {
    return this.before + this.log.count
  }

  /** All that happened and is planned, but for requests that are on their way. */
  get state(): SandboxState {
    const { all: exchanges, toldPaid } = this.log
    return { ...this.provider.state, exchanges, exchangesBegan: this.exchanges, toldPaid }
  }

  /** Replaces all that happened by what another sandbox had saved. */
  restore(state: SandboxState): this {
    this.provider.restore(state)
    this.log.restore(state.exchanges.map(brokenOff), state.exchangesBegan - this.before, state.toldPaid)
    return this
  }

  /** Runs all that is due by `now`, in epoch milliseconds. */
  advance(now: number): this {
    this.agenda.advance(now)
    return this
  }

  /** The whole exchange. An interruption is a client that leaves: a request that is on its way still arrives. */
  receive(incoming: Incoming): Effect.Effect<Delivery.Delivery> {
    return Effect.clockWith((clock) => {
      const now = clock.unsafeCurrentTimeMillis()
      const visit = this.begin(incoming, now)
      const requestDelay = this.depart(visit, now)
      const answerDelay = this.latency + millis(visit.parts.answerDelay)
      if (requestDelay + answerDelay === 0) return this.finish(visit, now)
      return Effect.sleep(requestDelay).pipe(
        // A timer may fire slightly before its time by the clock.
        Effect.zipRight(Effect.sync(() => this.advance(now + requestDelay))),
        Effect.zipRight(Effect.sleep(answerDelay)),
        Effect.zipRight(Effect.suspend(() => this.finish(visit, clock.unsafeCurrentTimeMillis()))),
        Effect.onInterrupt(() => Effect.sync(() => this.abandon(visit, clock.unsafeCurrentTimeMillis())))
      )
    })
  }

  private begin(incoming: Incoming, now: number): Visit {
    this.advance(now)
    const asked = read(incoming)
    const parts = this.playbook.next(asked)
    const answer = parts.answer ?? faithful
    const ordinal = this.log.begin({
      kind: asked.kind,
      handle: asked.handle?.slice(0, handleLengthMax),
      started: DateTime.unsafeMake(now),
      amount: asked.amount,
      currency: asked.currency,
      step: parts.name,
      altered: !wayOf.has(answer._tag),
      fingerprint: fingerprint(incoming.body)
    })
    return { ordinal, incoming, asked, parts, answer, made: now, reply: nothing, gate: undefined, gone: false }
  }

  // Sends the request on its way, and returns how many milliseconds the client must wait for its arrival.
  private depart(visit: Visit, now: number): number {
    const delay = millis(visit.parts.requestDelay)
    if (delay === 0) {
      this.arrive(visit, now)
      return 0
    }
    this.agenda.plan(now + delay, (due) => this.arrive(visit, due))
    visit.gone = visit.answer._tag === "Dropped" && visit.answer.atOnce
    return visit.gone ? 0 : delay
  }

  private arrive(visit: Visit, now: number): void {
    visit.made = now
    const execution = visit.parts.execution ?? byRules
    if (execution._tag === "Nothing") {
      this.log.did(visit.ordinal, Deed.Nothing())
      return
    }
    const gate = visit.incoming.method === "GET" ? this.reads : this.writes
    const closed = gate?.enter(now)
    if (closed !== undefined) {
      visit.reply = refused(closed)
      this.log.did(visit.ordinal, deedOf(visit.reply, undefined))
      return
    }
    const given = execution._tag === "Acquirer" ? execution.outcome : undefined
    const before = this.provider.ledger
    visit.reply = this.provider.receive(visit.incoming, visit.asked, given, now)
    this.log.did(visit.ordinal, deedOf(visit.reply, before === this.provider.ledger ? undefined : this.provider.ledger))
    visit.gate = gate
    if (visit.gone) this.leave(visit)
  }

  private finish(visit: Visit, now: number): Effect.Effect<Delivery.Delivery> {
    const { answer, ordinal } = visit
    const ended = DateTime.unsafeMake(now)
    if (answer._tag === "Hanging") {
      this.log.end(ordinal, { ending: "Hanging", status: undefined, ended })
      return Effect.async(() => Effect.sync(() => this.leave(visit)))
    }
    this.leave(visit)
    const delivery = Delivery.make(answer, visit.reply, {
      requestId: identifier("e", this.before + ordinal),
      path: visit.incoming.path,
      made: visit.made + this.ahead,
      ahead: this.ahead,
      rules: this.rules,
      headers: visit.parts.headers ?? {},
      find: (handle) => Option.getOrUndefined(Ledger.payout(this.provider.ledger, handle))
    })
    const status = "message" in delivery ? delivery.message.status : undefined
    this.log.end(ordinal, { ending: delivery._tag, status, ended })
    this.delivered.set(delivery, ordinal)
    return Effect.succeed(delivery)
  }

  /** The client left before the transport could carry out what `receive` returned. */
  undelivered(delivery: Delivery.Delivery, now: number): void {
    const ordinal = this.delivered.get(delivery)
    if (ordinal === undefined) return
    this.log.end(ordinal, { ending: "Abandoned", status: undefined, ended: DateTime.unsafeMake(now) })
  }

  private abandon(visit: Visit, now: number): void {
    if (visit.answer._tag !== "Hanging") {
      this.log.end(visit.ordinal, { ending: "Abandoned", status: undefined, ended: DateTime.unsafeMake(now) })
    }
    visit.gone = true
    this.leave(visit)
  }

  private leave(visit: Visit): void {
    visit.gate?.leave()
    visit.gate = undefined
  }
}

const isFor = ({ handle, kind }: Parts, asked: Asked): boolean =>
  (kind === undefined || kind === asked.kind) && (handle === undefined || handle === asked.handle)

const millis = (delay: Duration.Duration | undefined): number => (delay === undefined ? 0 : Duration.toMillis(delay))

/** What was on its way when a sandbox stopped is lost. */
const brokenOff = (exchange: Exchange): Exchange => ({
  ...exchange,
  ending: exchange.ending === "Pending" ? "Abandoned" : exchange.ending,
  deed: exchange.deed._tag === "UnderWay" ? Deed.Nothing() : exchange.deed
})

/** Only what the provider did changes its ledger, so a ledger that changed shows what an attempt came to. */
const deedOf = (reply: Reply, changed: Ledger.Ledger | undefined): Deed => {
  if (reply._tag === "Refused") {
    const { code, text } = ErrorCode.get(reply.name)
    return Deed.Refused({ code, text })
  }
  if (reply._tag !== "Shown") return Deed.Showed({})
  const { handle, state, transactions } = reply.payout
  const last = transactions.at(-1)
  if (changed === undefined || last === undefined) return Deed.Showed({ state })
  const moved = Ledger.movements(changed, handle).some(({ transaction }) => transaction === last.id)
  return Deed.Attempted({
    transaction: last.id,
    state: last.state,
    errorState: last.errorState,
    error: last.error,
    moved
  })
}

/** These lose an answer or deliver it in pieces, and change nothing in it. */
const wayOf: ReadonlySet<Answer["_tag"]> = new Set([
  "Faithful",
  "Refused",
  "Dropped",
  "Hanging",
  "Truncated",
  "Stalled",
  "Dripping",
  "Padded"
])

/** One more than the provider takes. What a client sends beyond is not worth its memory. */
const handleLengthMax = 256

const faithful = Answer.Faithful()
const byRules = Execution.ByRules()
// The reply of a provider that has done nothing, if a step lets it answer.
const nothing = refused("internalError")
