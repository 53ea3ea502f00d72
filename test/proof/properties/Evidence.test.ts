/**
 * The laws of evidence (`Exposure`), held against a provider of a few lines that shares nothing with the library or the sandbox.
 *
 * Processes take turns with one handle. What a process may lack is what it cannot have seen:
 *
 * - all that other processes' earlier turns left behind (another instance, a restart), in whole turns: what a process does in
 *   one turn it knows whole, because a create is on record before it is sent; and who knows of a create in doubt has all of what
 *   came after it, or a later transaction of somebody else would be taken for its doing;
 * - how far a clock is off (the provider's answers had no `Date`, or no answer was the provider's own);
 * - when a record was read, and the cards, which the provider need not show.
 *
 * Who lacks a turn that left a doubt calls `recover`: without evidence it assumes the creates that may be outstanding. Who calls
 * `create` knows that none is (assumption 4 of `Exposure`). Nobody lacks a part of one turn. And a turn begins later than clocks
 * are measured to: what another process did within those two seconds is taken for one's own.
 */
import { assert, describe } from "@effect/vitest"
import { DateTime, Effect, FastCheck as fc, Schema } from "effect"
import { Exposure, type Payout, type PayoutRequest, type Reply, Verdict } from "effect-billwerk-payouts"
import { EvidenceRecorder } from "../../../src/execution/EvidenceRecorder.js"
import { subjectOf } from "../../../src/execution/Subject.js"
import * as NextStep from "../../../src/execution/nextStep.js"
import type { Process } from "../../../src/execution/Process.js"
import { fingerprint } from "../../../src/domain/Fingerprint.js"
import { requestOf } from "../../support.js"
import { counters, property } from "./property.js"

const minute = 60_000
const start = Date.UTC(2026, 0, 2, 12)
const amount = 12_500
const horizon = 6 * 60 * minute
const turnGap = Exposure.clockErrorMax + 1
const cards = ["ca_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ca_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"] as const
const requests = cards.map((destination) => requestOf({ destination }))

// --- what happens -------------------------------------------------------------------------------------------------

type End = "Declined" | "Error" | "HiddenError" | "Paid"

interface Sent {
  readonly kind: "Create"
  readonly card: number
  readonly end: End
  /** How long it is processing, in milliseconds; 0: not at all. */
  readonly settles: number
  /** Whether its answer comes; else, how long after it was sent it is carried out, if ever. */
  readonly fate: "Answered" | "Refused" | "Never" | number
}

interface Asked {
  readonly kind: "Lookup"
  /** How old its answer is, in milliseconds. */
  readonly lag: number
}

type Event = (Sent | Asked) & {
  /** How long after the one before, and how long the exchange takes, in milliseconds. */
  readonly wait: number
  readonly took: number
}

interface Turn {
  readonly process: number
  /** Which of the earlier turns it has the evidence of, beside its own process's; all, if it knows of a create in doubt. */
  readonly handed: ReadonlyArray<boolean>
  readonly isGuess: boolean
  readonly events: ReadonlyArray<Event>
}

interface World {
  readonly processes: ReadonlyArray<{ readonly offset: number; readonly isMeasured: boolean }>
  readonly showsCards: boolean
  readonly turns: ReadonlyArray<Turn>
}

const waits = fc.oneof(
  fc.constantFrom(0, 1, 900, 1_999, 2_001, 30_000, minute, 5 * minute, 60 * minute, horizon, horizon + 20 * minute),
  fc.nat(10_000)
)
const sent: fc.Arbitrary<Sent> = fc.record({
  kind: fc.constant("Create" as const),
  card: fc.nat(1),
  end: fc.constantFrom<End>("Declined", "Declined", "Declined", "Error", "HiddenError", "Paid"),
  settles: fc.constantFrom(0, 0, 0, 10 * minute),
  fate: fc.oneof(
    fc.constantFrom("Answered" as const, "Refused" as const, "Never" as const),
    fc.constantFrom(0, 100, minute, 10 * minute, 60 * minute, horizon - minute)
  )
})
const asked: fc.Arbitrary<Asked> = fc.record({
  kind: fc.constant("Lookup" as const),
  lag: fc.constantFrom(0, 0, 0, 1_000, 5 * minute)
})
const events: fc.Arbitrary<Event> = fc
  .tuple(fc.oneof(sent, asked), waits, fc.constantFrom(0, 1, 300, 900, 5_000))
  .map(([event, wait, took]) => ({ ...event, wait, took }))
const worlds: fc.Arbitrary<World> = fc.record({
  processes: fc.array(
    fc.record({ offset: fc.constantFrom(0, 300, -1_500, 20 * minute, -20 * minute), isMeasured: fc.boolean() }),
    { minLength: 3, maxLength: 3 }
  ),
  showsCards: fc.boolean(),
  turns: fc.array(
    fc.record({
      process: fc.nat(2),
      handed: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      isGuess: fc.boolean(),
      events: fc.array(events, { minLength: 1, maxLength: 4 })
    }),
    { minLength: 1, maxLength: 4 }
  )
})

// --- the provider -------------------------------------------------------------------------------------------------

interface Made {
  readonly id: string
  readonly at: number
  readonly over: number
  readonly card: number
  readonly end: End
}

/** One success a handle; one attempt at a time; an attempt that failed may have paid unseen. */
class Provider {
  readonly made: Array<Made> = []
  private readonly under: Array<{ readonly sent: Sent; readonly at: number }> = []

  /** What a create does that arrives now: a transaction, or nothing, because another is under way or has paid. */
  private carryOut({ card, end, settles }: Sent, at: number): 133 | 134 | undefined {
    if (this.made.some((one) => one.end === "Paid" && one.over <= at)) return 134
    if (this.made.some(({ over }) => over > at)) return 133
    this.made.push({ id: `t${this.made.length}`, at, over: at + settles, card, end })
    return undefined
  }

  /** Carries out what is due, in its order. */
  advance(until: number): void {
    this.under.sort((one, other) => one.at - other.at)
    for (let due = this.under[0]; due !== undefined && due.at <= until; due = this.under[0]) {
      this.under.shift()
      this.carryOut(due.sent, due.at)
    }
  }

  send(sent: Sent, at: number): 133 | 134 | undefined {
    this.advance(at)
    if (typeof sent.fate === "number") this.under.push({ sent, at: at + sent.fate })
    return sent.fate === "Answered" ? this.carryOut(sent, at) : undefined
  }

  /** How many creates are still to be carried out, or have been sent in vain and may still be, for all that anybody knows. */
  record(at: number, showsCards: boolean): Payout.Payout | undefined {
    const made = this.made.filter((one) => one.at <= at)
    const last = made.at(-1)
    if (last === undefined) return undefined
    const state = (one: Made) => (one.over > at ? "processing" : one.end === "Paid" ? "paid" : "failed")
    return {
      handle: requests[0]?.handle ?? "",
      state: state(last),
      amount,
      currency: "DKK",
      transactions: made.map((one) => ({
        id: one.id,
        state: state(one),
        amount,
        created: DateTime.unsafeMake(one.at),
        ...(state(one) === "failed"
          ? { errorState: one.end === "Declined" ? "hard_declined" : "processing_error" }
          : {}),
        ...(showsCards ? { method: fingerprint(cards[one.card] ?? "") } : {})
      }))
    }
  }

  moved(at: number): number {
    return this.made.filter(({ end, over }) => over <= at && (end === "Paid" || end === "HiddenError")).length * amount
  }
}

// --- the processes ------------------------------------------------------------------------------------------------

interface Statement {
  /** All that this process has. */
  readonly known: Exposure.Evidence
  /** All that any process has, and how far each clock is off; without what was assumed of what is there. */
  readonly all: Exposure.Evidence
  readonly movedNow: number
  readonly movedEver: number
}

const refusal = (code: number, path?: string): Reply.Body => ({ _tag: "ApiError", code, path })

/** Plays a world, and gives what is known after each exchange. */
function* play({ processes, showsCards, turns }: World): Generator<Statement> {
  const history: Array<{ readonly sent: Sent; readonly at: number }> = []
  const provider = new Provider()
  const left: Array<Exposure.Evidence> = []
  const handle = requests[0]?.handle ?? ""
  let now = start
  let names = 0

  const own = new Map<number, Exposure.Evidence>()
  /** How far each clock is off, as if all had been measured well. */
  const clocks = Object.fromEntries(
    processes.map(({ offset }, index) => [`p${index}`, { min: offset - 500, max: offset + 500 }])
  )
  for (const { events, handed, isGuess, process: index } of turns) {
    const { isMeasured, offset } = processes[index] ?? { isMeasured: true, offset: 0 }
    now += turnGap
    const clock = `p${index}`
    const here = (): Exposure.Moment => ({ clock, at: now - offset })
    const process: Process = {
      clock,
      now: Effect.sync(here),
      intend: () => "",
      giveBack: () => {},
      newId: () => ({ id: `${clock}/${names++}`, until: Infinity }),
      offset: () => undefined,
      measure: () => {},
      tell: () => {},
      horizon
    }
    const total = left.reduce(Exposure.merge, Exposure.empty(handle))
    const mine = own.get(index) ?? Exposure.empty(handle)
    const given = (isGiven: (turn: number) => boolean) =>
      left
        .filter((_, turn) => isGiven(turn))
        .reduce((sum, one) => Exposure.merge(sum, Exposure.adopted(one, here())), mine)
    const some = given((turn) => handed[turn] === true)
    const known = some.creates.length > 0 ? given(() => true) : some
    // What it does not know may be under way: then it calls `recover`, and says or guesses how many.
    const lacking = total.creates.filter(({ id }) => !known.creates.some((one) => one.id === id))
    const isOpen = total.transactions.some(
      (one) => Exposure.isOpen(one) && !known.transactions.some(({ id }) => id === one.id)
    )
    const count = lacking.reduce((sum, one) => sum + one.count, 0)
    let evidence: EvidenceRecorder | undefined
    const evidenceOf = (request: PayoutRequest.PayoutRequest | undefined): EvidenceRecorder => {
      if (request === undefined) throw new Error("no such request")
      evidence = evidence?.continuedBy(subjectOf(request)) ?? new EvidenceRecorder(process, subjectOf(request), known)
      return evidence
    }
    const first = evidenceOf(requests[0])
    if (lacking.length > 0 || isOpen) {
      for (const request of requests) {
        first.assume(subjectOf(request), { count: Math.max(1, count), guess: isGuess, until: here() })
      }
    }

    for (const event of events) {
      now += event.wait
      provider.advance(now)
      const request = event.kind === "Create" ? requests[event.card] : requests[0]
      const step = event.kind === "Create" ? NextStep.create : NextStep.firstAsk
      const call = evidenceOf(request)
      call.begin(event.kind, here())
      // It arrives in the middle of the exchange.
      const at = now + Math.floor(event.took / 2)
      provider.advance(at)
      now += event.took
      const response = (status: number, body: Reply.Body): Reply.Reply => ({
        _tag: "Response",
        status,
        body,
        ...(isMeasured ? { date: Math.floor(at / 1000) * 1000 } : {})
      })
      const showing = (payout: Payout.Payout | undefined): Reply.Reply =>
        payout === undefined
          ? response(404, refusal(137, `/v1/payout/${handle}`))
          : response(200, { _tag: "PayoutBody", payout })
      const answer = (): Reply.Reply => {
        if (event.kind === "Lookup") return showing(provider.record(at - event.lag, showsCards))
        history.push({ sent: event, at })
        const code = provider.send(event, at)
        if (event.fate === "Refused") return response(401, refusal(6))
        if (event.fate !== "Answered") return { _tag: "NoResponse", reason: "Deadline", sent: "Unknown" }
        return code === undefined ? showing(provider.record(at, showsCards)) : response(400, refusal(code))
      }
      const reply = answer()
      const expected = Verdict.expected(request ?? requestOf())
      const verdict = event.kind === "Create" ? Verdict.ofCreate(expected, reply) : Verdict.ofLookup(expected, reply)
      call.write(step, verdict, reply, here().at)
      provider.advance(now)
      yield {
        known: call.value,
        all: withoutAssumed(left.reduce(Exposure.merge, { ...call.value, clocks })),
        movedNow: provider.moved(now),
        movedEver: movedEver(history)
      }
    }
    const value = evidence?.value ?? known
    left.push(value)
    own.set(index, Exposure.merge(mine, value))
  }
}

const withoutAssumed = (evidence: Exposure.Evidence): Exposure.Evidence => ({
  ...evidence,
  creates: evidence.creates.filter(({ id }) => !id.startsWith("assumed/"))
})

/** What has moved in the end, if nothing else is sent. */
const movedEver = (history: ReadonlyArray<{ readonly sent: Sent; readonly at: number }>): number => {
  const provider = new Provider()
  for (const { at, sent } of history) provider.send(sent, at)
  provider.advance(Infinity)
  return provider.moved(Infinity)
}

// --- the laws -----------------------------------------------------------------------------------------------------

const money = (evidence: Exposure.Evidence) => Exposure.exposure(evidence, horizon)
const certainty = (evidence: Exposure.Evidence) => Exposure.certainty(money(evidence))
const words = (evidence: Exposure.Evidence) => `${certainty(evidence)} ${money(evidence).min}..${money(evidence).max}`

/** Less never says more. */
const assertNotSurer = (what: string, less: Exposure.Evidence, more: Exposure.Evidence) => {
  if (certainty(less) === "MayHaveMoved") return
  assert.strictEqual(certainty(less), certainty(more), `${what}: ${words(less)}, but ${words(more)}`)
}

const without = {
  clocks: (evidence: Exposure.Evidence): Exposure.Evidence => ({ ...evidence, clocks: {} }),
  read: ({ read: _, ...evidence }: Exposure.Evidence): Exposure.Evidence => evidence,
  cards: (evidence: Exposure.Evidence): Exposure.Evidence => ({
    ...evidence,
    creates: evidence.creates.map(({ method: _, ...create }) => create),
    transactions: evidence.transactions.map(({ method: _, ...transaction }) => transaction)
  })
}

describe("Evidence that processes take turns to gather", () => {
  const met = counters<Exposure.Certainty>()
  const everyCertainty = () => {
    for (const one of ["Moved", "NotMoved", "MayHaveMoved"] as const) assert.isAbove(met.of(one), 0, one)
  }

  property(
    "is sound: what has moved, and still will, is within what is said",
    1_000,
    worlds,
    (world) => {
      for (const { all, known, movedEver, movedNow } of play(world)) {
        for (const [whose, evidence] of Object.entries({ known, all })) {
          met.count(certainty(evidence))
          const { max, min } = money(evidence)
          assert.isAtLeast(movedEver, min, `${whose}: ${words(evidence)}`)
          if (certainty(evidence) === "NotMoved") assert.strictEqual(movedNow + movedEver, 0, whose)
          // What a process was neither shown nor told of is not in its sum.
          if (evidence === all) assert.isAtMost(movedEver, max, words(all))
          // Without cards more may be accounted for, and what is said is true all the same.
          const { max: most } = money(without.cards(evidence))
          if (evidence === all || most === 0) assert.isAtMost(movedEver, most, `${whose}, without cards`)
        }
      }
    },
    everyCertainty
  )

  property(
    "is monotone: without a part that a process may lack, it never says what it would not say with all of it",
    1_000,
    worlds,
    (world) => {
      for (const { all, known } of play(world)) {
        assertNotSurer("without other processes' turns", known, all)
        for (const evidence of [known, all]) {
          assertNotSurer("without clocks", without.clocks(evidence), evidence)
          assertNotSurer("without the read", without.read(evidence), evidence)
        }
      }
    }
  )

  const Json = Schema.parseJson(Exposure.Evidence)

  property(
    "is handed over: by JSON to another process it says what it said, or less where a clock was not measured",
    500,
    worlds,
    (world) => {
      for (const { known } of play(world)) {
        const handed = Exposure.adopted(Schema.decodeSync(Json)(Schema.encodeSync(Json)(known)), {
          clock: "another",
          at: start
        })
        const isMeasured = known.creates.every(({ clock }) => known.clocks[clock] !== undefined)
        if (isMeasured) assert.deepStrictEqual(money(handed), money(known))
        else {
          assertNotSurer("handed over", handed, known)
          assert.isAtLeast(money(handed).max, money(known).max)
        }
      }
    }
  )

  // Of clocks that were not measured it cannot be said which read is the later one: what is handed over is adopted first.
  property("is the same in whatever order, and however often, it is put together", 500, worlds, (world) => {
    const pieces = [...play(world)].flatMap(({ all, known }) => [{ ...known, clocks: all.clocks }, all])
    const [whole, again] = [pieces, [...pieces, ...pieces].reverse()].map((list) =>
      list.reduce(Exposure.merge, Exposure.empty(requests[0]?.handle ?? ""))
    )
    if (whole !== undefined && again !== undefined) assert.deepStrictEqual(money(whole), money(again))
  })
})
