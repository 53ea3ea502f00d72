import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, FastCheck as fc, Schema } from "effect"
import { Attempt, Payout } from "effect-billwerk-payouts"

const amount = 100

const attempt = (over: Partial<Attempt.Attempt> = {}): Attempt.Attempt => ({
  ordinal: 1,
  kind: "Create",
  started: DateTime.unsafeMake(0),
  took: Duration.millis(12),
  sent: "Sent",
  outcome: "Any",
  bearing: "None",
  decision: "Fail",
  why: "a test",
  ...over
})

const record = (over: Partial<Attempt.Recorded> = {}): Attempt.Recorded => ({
  state: "failed",
  transactions: 1,
  processingErrors: 0,
  paid: 0,
  open: 0,
  ...over
})

const paid = record({ state: "paid", paid: amount })
const processing = record({ state: "processing", open: amount })
const hard = record()
const processingError = record({ processingErrors: 1, open: amount })
const paidWithoutTransactions = record({ state: "paid", paid: amount, transactions: 0 })

const refused = attempt()
const lost = attempt({ bearing: "Unclear", sent: "Unknown" })
const claimed = attempt({ bearing: "Claimed" })
const told134 = attempt({ bearing: "Claimed", code: 134 })
const shows = (recorded: Attempt.Recorded) => attempt({ bearing: "Recorded", recorded })
const nothing = attempt({ kind: "Lookup" })
const looksUp = (recorded: Attempt.Recorded) => attempt({ kind: "Lookup", bearing: "Recorded", recorded })
const contradicts = (recorded: Attempt.Recorded) => attempt({ kind: "Lookup", bearing: "Claimed", recorded })
const foreign = attempt({ kind: "Lookup", bearing: "Foreign" })

const exposure = (attempts: ReadonlyArray<Attempt.Attempt>, unseen = 0) =>
  Attempt.exposure({ amount, attempts, unseen })

describe("What all attempts together say about the money", () => {
  const table: ReadonlyArray<
    readonly [says: string, attempts: ReadonlyArray<Attempt.Attempt>, unseen: number, min: number, max: number]
  > = [
    ["nothing was tried", [], 0, 0, 0],
    ["refused", [refused], 0, 0, 0],
    ["looked up, and told nothing", [nothing], 0, 0, 0],
    ["a lost answer (12)", [lost], 0, 0, 100],
    ["a lost answer, then a refusal: the refusal says nothing about it (55)", [lost, refused], 0, 0, 100],
    ["a lost answer, then no record of it: still travelling, for all we know (50)", [lost, nothing], 0, 0, 100],
    ["two lost answers", [lost, lost], 0, 0, 200],
    ["a decline that was there before the lost answer", [shows(hard), lost, looksUp(hard)], 0, 0, 100],
    ["a decline too old to be the lost answer's", [lost, looksUp(record({ earlier: 1 }))], 0, 0, 100],
    ["a decline that may be the lost answer's", [lost, looksUp(record({ earlier: 0 }))], 0, 0, 0],
    [
      "a lost answer, then an answer with its own decline and one that is too old",
      [lost, shows(record({ transactions: 2, earlier: 1 }))],
      0,
      0,
      100
    ],
    ["two declines, one of them the lost answer's", [lost, looksUp(record({ transactions: 2, earlier: 1 }))], 0, 0, 0],
    ["three creates of others, all on record", [looksUp({ ...hard, transactions: 3 })], 3, 0, 0],
    ["a request of a process that died", [], 1, 0, 100],
    ["a request of a process that died, and one of ours, both lost", [lost], 1, 0, 200],
    ["paid", [shows(paid)], 0, 100, 100],
    ["paid, and more than was asked for", [shows({ ...paid, paid: 150 })], 0, 100, 150],
    ["paid, although two answers were lost before: one success a handle", [lost, lost, shows(paid)], 0, 100, 100],
    ["paid, and an answer lost after it: no more can be paid", [shows(paid), lost], 3, 100, 100],
    ["a lost answer, found to be paid", [lost, looksUp(paid)], 0, 100, 100],
    ["processing", [shows(processing)], 0, 0, 100],
    ["declined for good", [shows(hard)], 0, 0, 0],
    ["a lost answer, found to be declined", [lost, looksUp(hard)], 0, 0, 0],
    ["two lost answers, and one decline: the other may still arrive", [lost, lost, looksUp(hard)], 0, 0, 100],
    ["declined, and a lost answer after it", [shows(hard), lost], 0, 0, 100],
    ["a request of a process that died, found to be declined", [looksUp(hard)], 1, 0, 0],
    ["more transactions than we know of", [looksUp(record({ transactions: 3 }))], 0, 0, 0],
    ["a processing error (71)", [shows(processingError)], 0, 0, 100],
    ["a processing error, then a lost answer (72)", [shows(processingError), lost], 0, 0, 200],
    [
      "a processing error, then a hard decline (73)",
      [shows(processingError), shows({ ...processingError, transactions: 2 })],
      0,
      0,
      100
    ],
    [
      "a processing error, then paid",
      [shows(processingError), shows({ ...paid, transactions: 2, processingErrors: 1, open: 100 })],
      0,
      100,
      200
    ],
    ["133 or 134, not shown yet", [claimed], 0, 0, 100],
    ["134, and looked up in vain", [claimed, nothing], 0, 0, 100],
    ["133 or 134 after a lost answer: it may be another's, and this may have paid, too", [lost, claimed], 0, 0, 200],
    ["134, and found to be paid", [lost, told134, looksUp(paid)], 0, 100, 100],
    ["134, and found to be paid, without transactions", [told134, looksUp(paidWithoutTransactions)], 0, 100, 100],
    [
      "134, and found to be paid, without transactions (64): a lost answer may have been a processing error that paid",
      [lost, told134, looksUp(paidWithoutTransactions)],
      0,
      100,
      200
    ],
    [
      "134, and found to be processing: it is of another payout, and one may still arrive",
      [lost, told134, looksUp(processing)],
      0,
      0,
      200
    ],
    ["133, and a decline that was known before", [shows(hard), claimed, contradicts(hard)], 0, 0, 100],
    [
      "133, and a decline that was known before, then another",
      [shows(hard), claimed, contradicts(hard), looksUp(record({ transactions: 2 }))],
      0,
      0,
      0
    ],
    ["133, and found to be declined", [lost, claimed, looksUp(hard)], 0, 0, 0],
    ["134, and a record that lags behind", [lost, told134, contradicts(hard)], 0, 0, 100],
    ["134, and a record that lags behind or is another's decline", [told134, contradicts(hard)], 0, 0, 100],
    ["134, and a record that shows a processing error", [told134, contradicts(processingError)], 0, 0, 200],
    ["134, and the same record twice", [told134, contradicts(hard), contradicts(hard)], 0, 0, 100],
    ["134 that was another's, and a decline", [told134, looksUp(hard)], 0, 0, 0],
    ["134 that was another's, after a lost answer", [lost, told134, looksUp(hard)], 0, 0, 100],
    ["134, then a 400 that cannot be read, then a decline", [told134, claimed, looksUp(hard)], 0, 0, 100],
    ["a 400 that cannot be read, then 134, then a decline", [claimed, told134, looksUp(hard)], 0, 0, 100],
    ["134 about a payout with other arguments", [claimed, foreign], 0, 0, 0],
    ["a lost answer, and a payout with other arguments", [lost, foreign], 0, 0, 100],
    ["134 after a payout with other arguments", [foreign, claimed], 0, 0, 100],
    ["paid, then a record that lags behind", [shows(paid), looksUp(hard)], 0, 100, 100],
    [
      "a decline, then a lost answer, then a record that lags behind the decline",
      [shows({ ...hard, transactions: 2 }), lost, looksUp(processing)],
      0,
      0,
      100
    ],
    ["paid without transactions (64)", [shows(paidWithoutTransactions)], 0, 100, 100],
    [
      "paid without transactions (64) after a decline",
      [shows({ ...hard, transactions: 2 }), looksUp(paidWithoutTransactions)],
      0,
      100,
      100
    ],
    [
      "paid without transactions (64) after a processing error, which may have paid too (71)",
      [shows(processingError), looksUp(paidWithoutTransactions)],
      0,
      100,
      200
    ],
    [
      "paid without transactions (64) after two lost answers: one may have been a processing error that paid",
      [lost, lost, looksUp(paidWithoutTransactions)],
      0,
      100,
      200
    ]
  ]
  for (const [says, attempts, unseen, min, max] of table) {
    it(`${says}: ${min} to ${max}`, () => assert.deepStrictEqual(exposure(attempts, unseen), { min, max }))
  }

  it("is not answered by a failure that is sent again, where it is only a guess how much was sent unseen", () => {
    const most = (recorded: Attempt.Recorded, guessed: boolean) =>
      Attempt.exposureOf(amount, Attempt.count(Attempt.emptyTally(1, guessed), looksUp(recorded))).max
    const soft = record({ errorState: "soft_declined" })
    const broken = { ...processingError, errorState: "processing_error" }
    assert.deepStrictEqual([most(soft, true), most(soft, false)], [100, 0])
    assert.deepStrictEqual([most(broken, true), most(broken, false)], [200, 100])
    const final = record({ errorState: "hard_declined" })
    assert.deepStrictEqual([most(final, true), most(final, false)], [0, 0])
  })

  it("is certain only where it is", () => {
    assert.strictEqual(Attempt.certainty({ min: 0, max: 0 }), "NotMoved")
    assert.strictEqual(Attempt.certainty({ min: 0, max: 1 }), "MayHaveMoved")
    assert.strictEqual(Attempt.certainty({ min: 1, max: 1 }), "Moved")
    assert.strictEqual(Attempt.certainty({ min: 1, max: 2 }), "Moved")
  })

  it("counts as executed every create that may have been, and no lookup", () => {
    const executed = (one: Attempt.Attempt) => Attempt.count(Attempt.emptyTally(0), one).sends === 1
    const bearings = Attempt.Bearing.literals.map((bearing) => [
      bearing,
      executed(attempt({ bearing })),
      executed(attempt({ bearing, kind: "Lookup" }))
    ])
    assert.deepStrictEqual(bearings, [
      ["None", false, false],
      ["Unclear", true, false],
      ["Claimed", true, false],
      ["Recorded", true, false],
      ["Foreign", false, false]
    ])
  })
})

const records = fc
  .record({
    state: fc.constantFrom("paid", "processing", "failed", "on_holiday"),
    transactions: fc.nat(4),
    processingErrors: fc.nat(4),
    open: fc.nat(4).map((count) => count * amount)
  })
  .map(({ open, processingErrors, state, transactions }): Attempt.Recorded => ({
    state,
    transactions,
    processingErrors: Math.min(processingErrors, transactions),
    paid: state === "paid" ? amount : 0,
    open
  }))
const lookups = fc.oneof(fc.constantFrom(nothing, foreign), records.map(looksUp), records.map(contradicts))
const creates = fc.oneof(fc.constantFrom(refused, lost, claimed, told134), records.map(shows))
const histories = fc.array(fc.oneof(creates, lookups), { maxLength: 8 })
const unseens = fc.nat(3)

describe("Whatever the attempts were", () => {
  const holds = (says: string, check: (attempts: ReadonlyArray<Attempt.Attempt>, unseen: number) => void) =>
    it(says, () => fc.assert(fc.property(histories, unseens, check), { numRuns: 500 }))

  holds("the least is not less than nothing, and not more than the most", (attempts, unseen) => {
    const { max, min } = exposure(attempts, unseen)
    assert.isAtLeast(min, 0)
    assert.isAtLeast(max, min)
  })

  holds("a record that says paid means that money moved, and how much", (attempts, unseen) => {
    const isPaid = attempts.some(({ recorded }) => recorded?.state === "paid")
    const found = exposure(attempts, unseen)
    assert.strictEqual(Attempt.certainty(found) === "Moved", isPaid)
    assert.strictEqual(found.min, isPaid ? amount : 0)
  })

  holds("one more lost answer never makes the most smaller", (attempts, unseen) => {
    assert.isAtLeast(exposure([...attempts, lost], unseen).max, exposure(attempts, unseen).max)
    assert.isAtLeast(exposure([lost, ...attempts], unseen).max, exposure(attempts, unseen).max)
  })

  holds("one more request that was not seen never makes the most smaller", (attempts, unseen) => {
    assert.isAtLeast(exposure(attempts, unseen + 1).max, exposure(attempts, unseen).max)
  })

  holds("requests that were not seen count in full, while nothing is on record", (attempts, unseen) => {
    const unknown = attempts.filter(({ bearing }) => bearing === "None" || bearing === "Unclear")
    assert.strictEqual(exposure(unknown, unseen).max, exposure(unknown).max + unseen * amount)
  })

  holds("a refusal, and a lookup that told nothing, say nothing", (attempts, unseen) => {
    const known = exposure(attempts, unseen)
    for (const silent of [refused, nothing]) {
      for (let index = 0; index <= attempts.length; index++) {
        assert.deepStrictEqual(exposure([...attempts.slice(0, index), silent, ...attempts.slice(index)], unseen), known)
      }
    }
  })

  holds("the newest record is one of theirs, and a paid one if there is any", (attempts) => {
    const all = attempts.flatMap(({ recorded }) => recorded ?? [])
    const newest = attempts.reduce(Attempt.count, Attempt.emptyTally(0)).record
    // A create's answer that shows nothing of what it came to is no record.
    if (newest === undefined) assert.isTrue(all.every(({ open, transactions }) => open > 0 && transactions === 0))
    else {
      assert.include(all, newest)
      const rivals = all.filter(({ state }) => state === "paid")
      const among = rivals.length > 0 ? rivals : all
      assert.strictEqual(newest.transactions, Math.max(...among.map(({ transactions }) => transactions)))
    }
  })
})

/**
 * A payout with a provider that keeps its documented rules: one success a handle, a transaction for each attempt, and
 * processing errors that may have moved money all the same. Each event is a create, with what really became of it and
 * whether its answer was seen or is another payout's 134, or a lookup, which may show an older version or leave the
 * transactions out.
 */
interface Sent {
  readonly _tag: "Sent"
  readonly result: "paid" | "processing" | "hard_declined" | "processing_error" | "unexplained"
  /** Of a processing error or an unexplained failure: whether the money moved all the same. */
  readonly moves: boolean
  readonly arrives: "Now" | "Later" | "Never"
  readonly answer: "Seen" | "Lost" | "Crossed"
  /** By a process that died. */
  readonly unseen: boolean
}
interface Asked {
  readonly _tag: "Asked"
  readonly age: number
  readonly hides: boolean
  /** Whether it is asked so late that what it shows is no older than what was claimed. */
  readonly late: boolean
}
type Event = Sent | Asked | { readonly _tag: "Settles"; readonly to: "paid" | "hard_declined" }

const sent: fc.Arbitrary<Sent> = fc.record({
  _tag: fc.constant("Sent" as const),
  result: fc.constantFrom("paid", "processing", "hard_declined", "processing_error", "unexplained"),
  moves: fc.boolean(),
  arrives: fc.constantFrom("Now", "Now", "Later", "Never"),
  answer: fc.constantFrom("Seen", "Lost", "Crossed"),
  unseen: fc.boolean()
})
const events = fc.oneof(
  { weight: 3, arbitrary: sent },
  {
    weight: 2,
    arbitrary: fc.record({
      _tag: fc.constant("Asked" as const),
      age: fc.nat(2),
      hides: fc.boolean(),
      late: fc.boolean()
    }) satisfies fc.Arbitrary<Asked>
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constant("Settles" as const),
      to: fc.constantFrom("paid" as const, "hard_declined" as const)
    })
  }
)

class World {
  moved = 0
  readonly attempts: Array<Attempt.Attempt> = []
  unseen = 0
  private saidPaid = false
  private readonly versions: Array<Payout.Payout> = []
  private readonly underWay: Array<Sent> = []

  /** A process that died did so before ours began. */
  play(all: ReadonlyArray<Event>) {
    for (const event of all) if (event._tag === "Sent" && event.unseen) this.happen(event)
    for (const event of all) if (event._tag !== "Sent" || !event.unseen) this.happen(event)
  }

  /** Whatever is under way arrives. */
  arrive() {
    for (const one of this.underWay) this.execute(one)
  }

  private happen(event: Event) {
    switch (event._tag) {
      case "Asked":
        return this.attempts.push(this.look(event))
      case "Settles": {
        const last = this.now?.transactions.at(-1)
        return last?.state === "processing" ? this.book(event.to, this.now?.transactions.slice(0, -1)) : undefined
      }
      case "Sent": {
        if (event.arrives === "Later") this.underWay.push(event)
        const isDone = event.arrives === "Now" ? this.execute(event) : true
        if (event.unseen) return (this.unseen += 1)
        return this.attempts.push(this.answer(event, isDone))
      }
    }
  }

  private get now() {
    return this.versions.at(-1)
  }

  private answer({ answer, arrives }: Sent, isDone: boolean) {
    const { now } = this
    this.saidPaid ||= answer === "Crossed"
    if (answer === "Crossed") return told134
    if (answer === "Lost" || arrives !== "Now" || now === undefined) return lost
    this.saidPaid = !isDone && now.state === "paid"
    return isDone ? shows(Payout.recorded(now)) : now.state === "paid" ? told134 : claimed
  }

  private look({ age, hides, late }: Asked) {
    const isLate = late && this.saidPaid
    const version = this.versions.at(isLate ? -1 : -1 - age)
    if (version === undefined) return nothing
    const shown = Payout.recorded(hides ? { ...version, transactions: [] } : version)
    if (this.saidPaid && !isLate && version.state === "failed") return contradicts(shown)
    this.saidPaid = false
    return looksUp(shown)
  }

  /** False if the payout is paid, or being paid: 134 or 133. */
  private execute({ moves, result }: Sent): boolean {
    if (this.now?.state === "paid" || this.now?.state === "processing") return false
    if ((result === "processing_error" || result === "unexplained") && moves) this.moved += amount
    this.book(result)
    return true
  }

  private book(result: Sent["result"], before = this.now?.transactions ?? []) {
    if (result === "paid") this.moved += amount
    const state = result === "paid" || result === "processing" ? result : "failed"
    const errorState = state === "failed" && result !== "unexplained" ? result : undefined
    const transaction: Payout.Transaction = { id: "t", amount, state, errorState }
    this.versions.push({ handle: "p-1", state, amount, transactions: [...before, transaction] })
  }
}

describe("Whatever the provider does within its rules", () => {
  it("no less has moved than is said, and no more, now and when everything under way has arrived (I3)", () => {
    const certainties = { Moved: 0, NotMoved: 0, MayHaveMoved: 0 }
    fc.assert(
      fc.property(fc.array(events, { maxLength: 7 }), (all) => {
        const world = new World()
        world.play(all)
        const { max, min } = exposure(world.attempts, world.unseen)
        certainties[Attempt.certainty({ max, min })] += 1
        assert.isAtLeast(world.moved, min)
        assert.isAtMost(world.moved, max)
        world.arrive()
        assert.isAtMost(world.moved, max)
      }),
      { numRuns: 20_000 }
    )
    for (const times of Object.values(certainties))
      assert.isAbove(times, 1000, "the property was about every certainty")
  })
})

describe("Attempts as a Schema", () => {
  it("need every number that says something about the money", () => {
    const refuses = <A, I>(schema: Schema.Schema<A, I>, whole: A) => {
      assert.isTrue(Schema.is(schema)(whole))
      for (const name of Object.keys(whole ?? {})) {
        assert.isFalse(Schema.is(schema)({ ...whole, [name]: undefined }), name)
        assert.isFalse(Schema.is(schema)({ ...whole, [name]: true }), name)
      }
    }
    refuses(Attempt.Recorded, record())
    refuses(Attempt.Exposure, { min: 0, max: 100 })
  })

  it("survive JSON: dates to the millisecond, durations to the nanosecond", () => {
    const Json = Schema.parseJson(Schema.Array(Attempt.Attempt))
    const attempts: ReadonlyArray<Attempt.Attempt> = [
      attempt({
        started: DateTime.unsafeMake("2026-01-02T03:04:05.678Z"),
        took: Duration.nanos(1_234_567n),
        status: 503,
        code: 2,
        requestId: "r-1",
        recorded: processingError,
        bearing: "Recorded",
        delay: Duration.seconds(90)
      }),
      lost,
      nothing
    ]
    const back = Schema.decodeSync(Json)(Schema.encodeSync(Json)(attempts))
    assert.deepStrictEqual(back, attempts)
    assert.isTrue(back.every(({ took }) => Duration.isDuration(took)))
    assert.strictEqual(back[0]?.started.epochMillis, Date.UTC(2026, 0, 2, 3, 4, 5, 678))
  })
})
