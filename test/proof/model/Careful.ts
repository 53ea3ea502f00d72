/**
 * A client that is as simple as one can be and breaks no law, so that what the judge asks for is known to be possible;
 * and the same client with a flaw, which the judge must find. It is no part of the library and has nothing of it.
 */
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Clock, Effect, Option } from "effect"
import type { Client, Hearsay, Statement, Subject } from "./Client.js"
import { amount, currency, handle, lagMax } from "./Provider.js"
import { type Answer, answerOf, type Shown } from "./Wire.js"

/** What can be wrong with it. */
export const flaws = [
  /** A failure that is on record is taken for the answer of a request that was lost. */
  "takes an old failure for the answer",
  /** A new process takes it that none before it sent anything. */
  "forgets when it starts again",
  /** What it only guesses was sent is accounted for by whatever transaction there is. */
  "takes a guess for certain",
  /** Evidence without a number is taken to show every create. */
  "takes evidence for all there is",
  "takes its own clock for the provider's",
  "takes 134 for a payment",
  "sends what was hard declined",
  "waits for ever"
] as const

export type Flaw = (typeof flaws)[number]

const horizon = 6 * 3_600_000
const clockError = 2_000

interface Doubt {
  readonly sent: number
  readonly until: number
  readonly card: string | undefined
  readonly from: "us" | "told" | "guessed"
}

interface Known {
  readonly doubts: ReadonlyArray<Doubt>
  readonly transactions: ReadonlyMap<string, Shown>
  readonly declined: ReadonlySet<string>
}

type Said = Pick<Statement, "tag" | "differs">

/** One process. */
class Careful {
  private doubts: Array<Doubt> = []
  private readonly transactions = new Map<string, Shown>()
  /** The cards that were hard declined to us, where the record does not show them. */
  private readonly declined = new Set<string>()
  /** How far the provider's clock is ahead of ours. */
  private ahead = 0
  private calls = 0
  /** When the call that runs began, by our clock. */
  private began = 0

  constructor(
    private readonly http: HttpClient.HttpClient,
    private readonly sendsMax: number,
    private readonly flaw: Flaw | undefined
  ) {}

  call(card: string, hearsay: Hearsay | undefined): Effect.Effect<Statement> {
    return Effect.gen(this, function* () {
      this.began = yield* Clock.currentTimeMillis
      if (hearsay !== undefined) this.hear(hearsay)
      const mustAsk = this.calls++ > 0 || (hearsay !== undefined && this.flaw !== "forgets when it starts again")
      return this.state(yield* this.pay(card, mustAsk))
    })
  }

  /** Asks every five minutes until it is over. Of a bare handle, it has to guess that a create is outstanding. */
  wait(): Effect.Effect<Statement | undefined> {
    return Effect.gen(this, function* () {
      this.began = yield* Clock.currentTimeMillis
      this.hear({})
      this.calls += 1
      for (let asked = 0; asked < 12; asked++) {
        if (asked > 0) yield* Effect.sleep("5 minutes")
        yield* this.look()
        const states = [...this.transactions.values()].map(({ state }) => state)
        if (states.includes("paid")) return this.state(paid)
        if (states.length > 0 && !states.includes("processing")) return this.state(softDeclined)
      }
      return undefined
    })
  }

  private readonly pay = Effect.fnUntraced(function* (this: Careful, card: string, mustAsk: boolean) {
    if (mustAsk && !(yield* this.look())) return unclear
    for (let sends = 0; ; sends++) {
      const end = this.endOf(card)
      if (end !== undefined) return end
      if (sends === this.sendsMax) return unclear
      const sent = yield* Clock.currentTimeMillis
      const answer = yield* this.send(card)
      if (answer._tag === "Record") {
        const own = answer.transactions.at(-1)
        if (own?.errorState === "hard_declined") this.declined.add(card)
        return this.endOf(card) ?? softDeclined
      }
      if (answer._tag === "Claim" && answer.code === 134 && this.flaw === "takes 134 for a payment") return paid
      // Another payout's answer says that ours was carried out before it, if at all.
      const until = answer._tag === "Nothing" ? sent + horizon : yield* Clock.currentTimeMillis
      const doubt: Doubt = { sent, until, card, from: "us" }
      this.doubts.push(doubt)
      yield* this.look()
      if (!this.doubts.includes(doubt)) return this.endOf(card) ?? softDeclined
    }
  })

  /** What the record says of the payout, if it is over, or may not be sent again. */
  private endOf(card: string): Said | undefined {
    const all = [...this.transactions.values()].sort((a, b) => a.created - b.created)
    const success = all.find((one) => one.state === "paid")
    if (success !== undefined) return success.card === undefined || success.card === card ? paid : conflict
    if (all.some((one) => one.state === "processing")) return { tag: "Processing", differs: [] }
    const isDeclined = all.some((one) => one.errorState === "hard_declined" && one.card === card)
    if ((isDeclined || this.declined.has(card)) && this.flaw !== "sends what was hard declined") return hardDeclined
    return all.at(-1)?.errorState === "processing_error" ? { tag: "ProcessingError", differs: [] } : undefined
  }

  private hear({ evidence, outstandingCreates }: Hearsay): void {
    if (this.flaw === "forgets when it starts again") return
    const now = this.began
    this.doubts = this.doubts.filter(({ from }) => from === "us")
    if (isKnown(evidence)) {
      // Another process's times are the provider's.
      const here = evidence.doubts.map((one) => ({ ...one, sent: one.sent - this.ahead, until: now + horizon }))
      this.doubts.push(...here.map((one) => ({ ...one, from: "us" as const })))
      for (const [id, one] of evidence.transactions) if (!this.transactions.has(id)) this.transactions.set(id, one)
      for (const card of evidence.declined) this.declined.add(card)
    }
    if (outstandingCreates === undefined && isKnown(evidence) && this.flaw === "takes evidence for all there is") return
    const from = outstandingCreates === undefined ? "guessed" : "told"
    for (let count = outstandingCreates ?? 1; count > 0; count--) {
      this.doubts.push({ sent: -Infinity, until: now + horizon, card: undefined, from })
    }
  }

  /** Takes over what a record shows. What was made while our call ran is the doing of a create that we know of. */
  private learn(shown: ReadonlyArray<Shown>, asked: number, isAnswer: boolean): void {
    const own = isAnswer ? shown.at(-1)?.id : undefined
    for (const one of shown) {
      const before = this.transactions.get(one.id)
      if (before === undefined || before.state === "processing") this.transactions.set(one.id, one)
      if (before !== undefined && this.flaw !== "takes an old failure for the answer") continue
      if (one.id === own) continue
      const maker = this.doubts.filter((doubt) => this.canBeOf(doubt, one)).sort((a, b) => a.until - b.until)[0]
      if (maker !== undefined) this.doubts.splice(this.doubts.indexOf(maker), 1)
    }
    // Nothing follows a transaction that is not over, so a record that shows one hides nothing.
    const complete = shown.at(-1)?.state === "processing" ? asked : asked - lagMax
    if (this.flaw !== "waits for ever") this.doubts = this.doubts.filter(({ until }) => until > complete)
  }

  private canBeOf({ card, from, sent }: Doubt, { card: shown, created, state }: Shown): boolean {
    if (this.flaw === "takes an old failure for the answer" && state === "failed") return true
    if (from === "guessed") return this.flaw === "takes a guess for certain"
    const here = created - this.ahead
    const isNew = here >= sent - clockError && here >= this.began - clockError
    return isNew && (card === undefined || shown === undefined || card === shown)
  }

  private readonly send = Effect.fnUntraced(function* (this: Careful, card: string) {
    const body = JSON.stringify({ handle, destination: card, amount, currency })
    return yield* this.exchange(
      HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText(body, "application/json")),
      true
    )
  })

  /** Whether the lookup was answered. */
  private readonly look = Effect.fnUntraced(function* (this: Careful) {
    const answer = yield* this.exchange(HttpClientRequest.get(`${url}/${handle}`), false)
    return answer._tag !== "Nothing"
  })

  private readonly exchange = Effect.fnUntraced(function* (
    this: Careful,
    request: HttpClientRequest.HttpClientRequest,
    isCreate: boolean
  ) {
    const before = yield* Clock.currentTimeMillis
    const response = yield* Effect.option(this.http.execute(request))
    if (Option.isNone(response)) return nothing
    const { headers, json, status } = response.value
    const date = Date.parse(headers["date"] ?? "")
    if (this.flaw !== "takes its own clock for the provider's") this.ahead = date + 500 - before
    const answer = answerOf({ status, body: yield* Effect.orElseSucceed(json, () => undefined) })
    if (answer._tag === "Record") this.learn(answer.transactions, before, isCreate)
    if (answer._tag === "Unknown") this.learn([], before, false)
    return answer
  })

  private state(said: Said): Statement {
    const all = [...this.transactions.values()]
    const errors = all.filter((one) => one.errorState === "processing_error").length
    const open = errors + all.filter((one) => one.state === "processing").length + this.doubts.length
    const isPaid = all.some((one) => one.state === "paid")
    const isMoved = isPaid || said === paid
    const min = isMoved ? amount : 0
    const max = isMoved ? (1 + errors) * amount : open * amount
    const doubts = this.doubts.map((one) => ({ ...one, sent: one.sent + this.ahead }))
    const evidence: Known = { doubts, transactions: new Map(this.transactions), declined: new Set(this.declined) }
    return { ...said, certainty: isMoved ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved", min, max, evidence }
  }
}

const url = "https://provider.example/v1/payout"
const nothing: Answer = { _tag: "Nothing" }
const unclear: Said = { tag: "CommunicationError", differs: [] }
const paid: Said = { tag: "Paid", differs: [] }
const conflict: Said = { tag: "HandleConflict", differs: ["destination"] }
const hardDeclined: Said = { tag: "HardDeclined", differs: [] }
const softDeclined: Said = { tag: "SoftDeclined", differs: [] }

const isKnown = (evidence: unknown): evidence is Known =>
  typeof evidence === "object" && evidence !== null && "doubts" in evidence

export const careful = (flaw?: Flaw): Subject => ({
  name: flaw ?? "careful",
  takesEvidence: true,
  open: (http, patience) =>
    Effect.sync(() => {
      const process = new Careful(http, patience === "once" ? 1 : 2, flaw)
      const client: Client = {
        create: (card) => process.call(card, undefined),
        recover: (card, hearsay) => process.call(card, hearsay),
        awaitFinal: process.wait()
      }
      return client
    })
})
