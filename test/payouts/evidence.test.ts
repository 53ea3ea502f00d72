/**
 * What one process knows and another one does not: the inputs E1 to E18, each over the simulated provider in virtual time.
 * The money that moved in the end is always within what was said.
 */
import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Array, Chunk, Effect, Either, Fiber, Layer, Logger, LogLevel, Redacted, Stream, TestClock } from "effect"
import { BillwerkClient, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import type { Outcome, PayoutError } from "effect-billwerk-payouts"
import { careless, type Options as CacheOptions } from "../cache.js"
import { anotherProcess, inVirtualTime, isMutated, requestOf } from "../support.js"

const noon = Date.UTC(2026, 0, 2, 12)
const amount = 12_500
const x = "ca_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
const y = "ca_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
const cardX = requestOf({ destination: x })
const cardY = requestOf({ destination: y })
const { handle } = cardX

/** A day of virtual time with a provider, which begins at noon. */
const day =
  (options: Sandbox.Options = {}) =>
  <A, E>(program: Effect.Effect<A, E, BillwerkClient.BillwerkClient | Sandbox.Sandbox>) =>
    Effect.zipRight(TestClock.setTime(noon), Effect.provide(inVirtualTime(program), Sandbox.layerWith(options)))

type End = Outcome.Outcome | PayoutError.PayoutError | PayoutError.LookupError

/** How a call ends, whether it fails or not. */
const ended = <E extends End>(call: Effect.Effect<Outcome.Outcome, E>) => Effect.map(Effect.either(call), Either.merge)

/** What is said of the money: the certainty, and the exposure in amounts of 12,500. */
const said = (end: End) =>
  "exposure" in end
    ? `${end._tag}, ${end.certainty} ${end.exposure.min / amount}..${end.exposure.max / amount}`
    : end._tag

const kinds = (end: End) => ("attempts" in end ? end.attempts.map(({ kind }) => kind) : [])

/** What has really moved, in amounts of 12,500. */
const moved = Effect.flatMap(Sandbox.Sandbox, ({ ledger }) =>
  Effect.map(ledger, (now) => Ledger.moved(now, handle) / amount)
)

const script = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(...steps.map(Script.onCreate)))

/** One create, and one lookup where it leaves a doubt. */
const once = { policy: RetryPolicy.none }
/** One create. */
const brief = { policy: RetryPolicy.make({ ...RetryPolicy.none, elapsedMax: 0 }) }
const late = Script.executeLater("10 minutes")

/** Keeps what is logged while a program runs, warnings and worse, instead of printing it. */
const logged = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (LogLevel.greaterThanEqual(logLevel, LogLevel.Warning)) lines.push(`${logLevel.label}: ${String(message)}`)
    })
    return Effect.map(
      Effect.provide(program, Logger.replace(Logger.defaultLogger, logger)),
      (value) => [value, lines] as const
    )
  })

describe("A process that does not know of an earlier decline", () => {
  it.effect("E1a: keeps its own lost create in doubt, although the record shows a decline of the same card", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.softDeclined(), late)
      assert.strictEqual(said(yield* ended(a.create(cardX))), "SoftDeclined, NotMoved 0..0")
      yield* Effect.sleep("5 minutes")
      assert.strictEqual(said(yield* ended(b.create(cardX, once))), "SoftDeclined, MayHaveMoved 0..1")
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(said(yield* ended(b.create(cardX))), "Paid, Moved 1..1")
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )

  it.effect("E1b: keeps its lost create of another card in doubt, and does not call that card declined", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.hardDeclined(), late)
      assert.strictEqual(said(yield* ended(a.create(cardX))), "HardDeclined, NotMoved 0..0")
      yield* Effect.sleep("2 minutes")
      assert.strictEqual(said(yield* ended(b.create(cardY, once))), "CommunicationError, MayHaveMoved 0..1")
      yield* Effect.sleep("1 hour")
      assert.strictEqual(said(yield* ended(b.create(cardY))), "Paid, Moved 1..1")
      assert.strictEqual(said(yield* ended(b.recover(cardY))), "Paid, Moved 1..1")
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )

  it.effect("E1c: counts its lost create beside a processing error that may have paid", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.processingError({ moved: true }), late)
      assert.strictEqual(said(yield* ended(a.create(cardX, once))), "ProcessingError, MayHaveMoved 0..1")
      yield* Effect.sleep("5 minutes")
      assert.strictEqual(said(yield* ended(b.create(cardX, once))), "ProcessingError, MayHaveMoved 0..2")
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(yield* moved, 2)
    }).pipe(day())
  )

  it.effect("does not take what another process sent for its own lost create, whose evidence it is handed back", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(late, Script.softDeclined())
      const lost = yield* Effect.flip(a.create(cardX, once))
      assert.strictEqual(said(lost), "CommunicationError, MayHaveMoved 0..1")
      yield* Effect.sleep("2 minutes")
      // It is killed before it can store what it was told.
      const { evidence } = lost as PayoutError.CommunicationError
      yield* Effect.flip(b.recover(cardX, { ...once, evidence }))
      yield* Effect.sleep("1 minute")
      assert.strictEqual(
        said(yield* ended(a.recover(cardX, { ...brief, evidence }))),
        "SoftDeclined, MayHaveMoved 0..1"
      )
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )

  it.effect("E1e: counts a create of another process, as a guess or as it is told", () =>
    Effect.gen(function* () {
      const [a, b, c] = [yield* anotherProcess(), yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.hardDeclined(), late, Script.dropBeforeCommit, Script.dropBeforeCommit)
      assert.strictEqual(said(yield* ended(a.create(cardX))), "HardDeclined, NotMoved 0..0")
      yield* Effect.sleep("2 minutes")
      assert.strictEqual(said(yield* ended(a.create(cardY, once))), "CommunicationError, MayHaveMoved 0..1")
      // The record shows the decline of card X only, so each sends card Y again, which is lost as well.
      const guessed = yield* ended(b.recover(cardY, once))
      const told = yield* ended(c.recover(cardY, { ...once, outstandingCreates: 1 }))
      assert.deepStrictEqual([guessed, told].map(said), [
        "CommunicationError, MayHaveMoved 0..2",
        "CommunicationError, MayHaveMoved 0..2"
      ])
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )
})

describe("A lookup that a cache between us and the provider answers", () => {
  const behind =
    (cache: Partial<CacheOptions>, options: Sandbox.Options = {}) =>
    <A, E>(program: Effect.Effect<A, E, BillwerkClient.BillwerkClient | Sandbox.Sandbox>) => {
      const cached = Layer.effect(
        HttpClient.HttpClient,
        Effect.map(
          HttpClient.HttpClient,
          careless({ maxAge: "10 minutes", noStore: "Honoured", age: "Absent", ...cache })
        )
      )
      const client = BillwerkClient.layer({ apiKey: Sandbox.apiKey }).pipe(
        Layer.provide(cached),
        Layer.provideMerge(Sandbox.layerHttpClientWith(options)),
        Layer.orDie
      )
      return Effect.zipRight(TestClock.setTime(noon), Effect.provide(inVirtualTime(program), client))
    }

  const lookupsSeen = Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) =>
    Effect.map(exchanges, (all) => all.filter(({ kind }) => kind === "Lookup").length)
  )
  const lookupsOf = (end: End) => kinds(end).filter((kind) => kind === "Lookup").length

  it.effect("E2a: does not keep `awaitFinal` from the end, because no-store goes out with each lookup", () =>
    Effect.gen(function* () {
      const payouts = yield* anotherProcess()
      yield* script(Script.processing({ after: "700 millis" }))
      const accepted = yield* payouts.create(cardX)
      const end = yield* ended(payouts.awaitFinal(accepted))
      assert.strictEqual(said(end), "Paid, Moved 1..1")
      assert.strictEqual(lookupsOf(end), yield* lookupsSeen)
    }).pipe(behind({}))
  )

  for (const age of ["Sent", "Absent"] as const) {
    it.effect(`E2a: is on record as no answer where the cache ignores no-store, with Age ${age.toLowerCase()}`, () =>
      Effect.gen(function* () {
        const payouts = yield* anotherProcess()
        yield* script(Script.processing({ after: "3 seconds" }))
        const accepted = yield* payouts.create(cardX)
        const end = yield* ended(payouts.awaitFinal(accepted, { deadline: "5 minutes" }))
        assert.strictEqual(said(end), "Processing, MayHaveMoved 0..1")
        const [first, ...others] = "attempts" in end ? end.attempts.slice(1) : []
        assert.strictEqual(first?.outcome, "Processing")
        assert.deepStrictEqual(
          new Set(others.map(({ outcome, why }) => `${outcome}: ${why.split(";")[0]}`)),
          new Set(["UnexpectedResponse: an answer from a cache"])
        )
        assert.strictEqual(yield* lookupsSeen, 1)
      }).pipe(behind({ noStore: "Ignored", age }))
    )
  }

  const failed: Sandbox.PastPayout = {
    handle,
    amount,
    transactions: [{ created: { age: "3 minutes" }, destination: x, outcome: Acquirer.hardDeclined() }]
  }

  for (const cache of [
    { noStore: "Honoured", age: "Absent" },
    { noStore: "Ignored", age: "Sent" },
    { noStore: "Ignored", age: "Absent" }
  ] as const) {
    it.effect(`E2b: is never taken for how the payout is now, no-store ${cache.noStore}, Age ${cache.age}`, () =>
      Effect.gen(function* () {
        const [first, second, third] = [yield* anotherProcess(), yield* anotherProcess(), yield* anotherProcess()]
        yield* first.get(handle)
        assert.strictEqual(said(yield* ended(second.create(cardY))), "Paid, Moved 1..1")
        const end = yield* ended(third.recover(cardY))
        // Where nothing but the cache answers, doubt is all that can be said.
        const expected = cache.noStore === "Honoured" ? "Paid, Moved 1..1" : "CommunicationError, MayHaveMoved 0..1"
        assert.strictEqual(said(end), expected)
        assert.strictEqual(yield* moved, 1)
      }).pipe(behind(cache, { history: [failed] }))
    )
  }
})

describe("A transaction on record that may be older than the create in doubt", () => {
  it.effect("E3: accounts for no create that was sent after it, whoever made it", () =>
    Effect.gen(function* () {
      const [a, other] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.softDeclined(), Script.softDeclined(), late)
      yield* ended(a.create(cardX))
      yield* Effect.sleep("1 hour")
      yield* ended(other.create(cardX))
      yield* Effect.sleep("1 hour")
      assert.strictEqual(said(yield* ended(a.create(cardX, once))), "SoftDeclined, MayHaveMoved 0..1")
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(said(yield* ended(a.create(cardX, once))), "Paid, Moved 1..1")
    }).pipe(day())
  )

  it.effect("E4: accounts for nothing where our clock is slow and would make it look newer", () =>
    Effect.gen(function* () {
      const payouts = yield* anotherProcess()
      yield* script(Script.executeLater("10 minutes"))
      assert.strictEqual(said(yield* ended(payouts.create(cardX, once))), "SoftDeclined, MayHaveMoved 0..1")
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(yield* moved, 1)
    }).pipe(
      day({
        clockAhead: "20 minutes",
        history: [
          {
            handle,
            amount,
            transactions: [{ created: { age: "15 minutes" }, destination: x, outcome: Acquirer.softDeclined() }]
          }
        ]
      })
    )
  )

  it.effect("E5: accounts for its own create where our clock is fast and would make it look older", () =>
    Effect.gen(function* () {
      const payouts = yield* anotherProcess()
      yield* script(Script.and(Script.dropAfterCommit)(Script.softDeclined()))
      const end = yield* ended(payouts.create(cardX, once))
      assert.deepStrictEqual([said(end), kinds(end)], ["SoftDeclined, NotMoved 0..0", ["Create", "Lookup"]])
    }).pipe(day({ clockBehind: "20 minutes" }))
  )
})

describe("A payout that is waited for by its bare handle", () => {
  it.effect("E8: may still be paid by a create of another process after the record shows a decline", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      const declined = Acquirer.processing({ after: "1 minute", as: Acquirer.hardDeclined() })
      yield* script(late, Script.outcome(declined))
      const accepted = yield* ended(a.create(cardX))
      assert.strictEqual(said(accepted), "Processing, MayHaveMoved 0..2")
      assert.strictEqual(said(yield* ended(b.awaitFinal(handle))), "HardDeclined, MayHaveMoved 0..1")
      yield* Effect.sleep("10 minutes")
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )

  it.effect("E8: says the same with the outcome of the other process", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      const declined = Acquirer.processing({ after: "1 minute", as: Acquirer.hardDeclined() })
      yield* script(late, Script.outcome(declined))
      const accepted = yield* a.create(cardX)
      assert.strictEqual(said(yield* ended(b.awaitFinal(accepted))), "HardDeclined, MayHaveMoved 0..1")
    }).pipe(day())
  )

  it.effect("is assumed to have another create by a process that is handed what a stranger found", () =>
    Effect.gen(function* () {
      const [own, stranger] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.outcome(Acquirer.processing({ after: "3 minutes", as: Acquirer.softDeclined() })))
      yield* own.create(cardX)
      const waited = yield* stranger.awaitFinal(handle, { deadline: "1 minute" })
      assert.strictEqual(said(waited), "Processing, MayHaveMoved 0..2")
      assert.strictEqual(said(yield* ended(own.awaitFinal(waited))), "SoftDeclined, MayHaveMoved 0..1")
      yield* script(Script.apiError({ status: 401, code: 6 }))
      assert.include(said(yield* ended(own.create(cardX, once))), "MayHaveMoved 0..1")
    }).pipe(day())
  )

  it.effect("was paid to a card that is not shown, and not to the one that was declined for good", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.hardDeclined(), Script.softDeclined())
      yield* ended(a.create(cardY))
      yield* ended(a.create(cardX))
      yield* b.create(cardX)
      assert.strictEqual(said(yield* ended(a.awaitFinal(handle))), "Paid, Moved 1..1")
      assert.strictEqual(said(yield* ended(a.create(cardY))), "HandleConflict, NotMoved 0..0")
      assert.strictEqual(said(yield* ended(a.recover(cardY))), "HandleConflict, MayHaveMoved 0..1")
      assert.strictEqual(said(yield* ended(a.create(cardX))), "Paid, Moved 1..1")
    }).pipe(day({ card: "Hidden" }))
  )

  it.effect("is known to the process that waited in vain, whatever its own create is answered", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.outcome(Acquirer.processing()))
      const accepted = yield* a.create(cardX)
      assert.strictEqual(
        said(yield* ended(b.awaitFinal(accepted, { deadline: "1 minute" }))),
        "Processing, MayHaveMoved 0..1"
      )
      yield* script(Script.hangAfterCommit, Script.apiError({ status: 401, code: 6 }))
      const end = yield* ended(b.create(cardX, once))
      assert.include(said(end), "MayHaveMoved 0..1")
    }).pipe(day())
  )
})

describe("Another card than the one that was declined, or that is under way", () => {
  it.effect("E9: is not declined by what was, and `recover` and `create` send it", () =>
    Effect.gen(function* () {
      const payouts = yield* anotherProcess()
      yield* script(Script.hardDeclined(), Script.dropBeforeCommit)
      yield* ended(payouts.create(cardX))
      const unclear = yield* ended(payouts.recover(cardY, once))
      assert.deepStrictEqual(
        [said(unclear), kinds(unclear)],
        ["CommunicationError, MayHaveMoved 0..2", ["Create", "Lookup", "Create", "Lookup"]]
      )
      assert.strictEqual(said(yield* ended(payouts.create(cardY))), "Paid, Moved 1..1")
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )

  it.effect("E10: counts as one create that may be outstanding while the first card is under way", () =>
    Effect.gen(function* () {
      const payouts = yield* anotherProcess()
      yield* script(Script.delayAnswer("10 seconds")(Script.hardDeclined()))
      const first = yield* Effect.fork(ended(payouts.create(cardX)))
      yield* Effect.sleep("1 second")
      assert.strictEqual(said(yield* ended(payouts.recover(cardY))), "HandleConflict, MayHaveMoved 0..1")
      yield* Fiber.join(first)
    }).pipe(day())
  )

  const paidByX: Sandbox.PastPayout = {
    handle,
    amount,
    transactions: [{ created: { age: "1 hour" }, destination: x, outcome: Acquirer.paid }]
  }

  it.effect("E11: is in conflict with a payout that is paid to the first card", () =>
    Effect.gen(function* () {
      const ends = [
        yield* ended((yield* anotherProcess()).create(cardY)),
        yield* ended((yield* anotherProcess()).recover(cardY, { outstandingCreates: 0 })),
        yield* ended((yield* anotherProcess()).create(cardX))
      ]
      assert.deepStrictEqual(
        ends.map((end) => [end._tag, "differs" in end ? end.differs : []]),
        [
          ["HandleConflict", ["destination"]],
          ["HandleConflict", ["destination"]],
          ["Paid", []]
        ]
      )
      assert.strictEqual(yield* moved, 1)
    }).pipe(day({ history: [paidByX] }))
  )
})

describe("A request that was declined for good before other arguments were tried", () => {
  const declined = Effect.gen(function* () {
    const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
    yield* script(Script.hardDeclined(), Script.softDeclined())
    yield* ended(a.create(cardX))
    const second = yield* ended(a.create(cardY, once))
    assert(second._tag === "SoftDeclined")
    return { b, evidence: second.evidence }
  })

  it.effect(
    "is reported as declined for good by another process, whatever the latest transaction is, and is not sent",
    () =>
      Effect.gen(function* () {
        const { b, evidence } = yield* declined
        const end = yield* ended(b.recover(cardX, { evidence, outstandingCreates: 0 }))
        assert.deepStrictEqual([said(end), kinds(end)], ["HardDeclined, NotMoved 0..0", ["Lookup"]])
      }).pipe(day())
  )

  it.effect("is so, too, where the record lags behind what was shown before", () =>
    Effect.gen(function* () {
      const { b, evidence } = yield* declined
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.staleRead.pipe(Script.onLookup))
      const end = yield* ended(b.recover(cardX, { evidence, outstandingCreates: 0, ...once }))
      assert.deepStrictEqual([said(end), kinds(end).includes("Create")], ["HardDeclined, NotMoved 0..0", false])
    }).pipe(day())
  )
})

describe("A process that has forgotten a payout in doubt, because 10,000 others are", () => {
  it.effect.skipIf(isMutated)(
    "E12: logs an error, keeps what the doubt amounts to, and says so after a refusal",
    () =>
      Effect.gen(function* () {
        const [sandbox, payouts] = [yield* Sandbox.Sandbox, yield* anotherProcess()]
        yield* sandbox.always(Script.connectionRefused.pipe(Script.onLookup), Script.dropBeforeCommit)
        const others = Array.makeBy(10_000, (index) => requestOf({ handle: `other-${index}` }))
        const [, lines] = yield* logged(
          Effect.gen(function* () {
            yield* ended(payouts.create(cardX, brief))
            yield* Stream.runDrain(payouts.createAll(Stream.fromIterable(others), brief))
          })
        )
        assert.deepStrictEqual(lines, [
          `ERROR: Payout ${handle} is in doubt (up to 12500 minor units of DKK) and no longer remembered: ` +
            "too many others are. Recover those that are in doubt."
        ])
        yield* sandbox.clear
        yield* sandbox.script(Script.apiError({ status: 401, code: 6 }).pipe(Script.onCreate))
        const end = yield* ended(payouts.create(cardX))
        assert.deepStrictEqual(
          [said(end), kinds(end)],
          ["CommunicationError, MayHaveMoved 0..1", ["Lookup", "Create", "Lookup"]]
        )
      }).pipe(day()),
    180_000
  )
})

describe("A refusal that names a transaction error", () => {
  for (const code of [77, 147]) {
    it.effect(`E13: may have moved money where the acquirer was not understood (400, code ${code})`, () =>
      Effect.gen(function* () {
        const payouts = yield* anotherProcess()
        yield* script(Script.apiError({ status: 400, code, transactionError: "acquirer_communication_error" }))
        assert.strictEqual(said(yield* ended(payouts.create(cardX, once))), "RequestRejected, MayHaveMoved 0..1")
      }).pipe(day())
    )
  }
})

describe("A create that was lost before a proxy", () => {
  it.effect("E14: is in doubt until a record is read after the arrival horizon", () =>
    Effect.gen(function* () {
      const payouts = yield* anotherProcess()
      yield* script(Script.dropBeforeCommit, Script.hardDeclined(), Script.softDeclined())
      const first = yield* ended(payouts.create(cardX))
      assert.strictEqual(said(first), "HardDeclined, MayHaveMoved 0..1")
      const asked = yield* ended(payouts.create(cardX))
      assert.strictEqual(said(asked), "HardDeclined, MayHaveMoved 0..1")
      yield* Effect.sleep("365 days")
      assert.strictEqual(said(yield* ended(payouts.create(cardX))), "HardDeclined, NotMoved 0..0")
    }).pipe(day())
  )

  it.effect("E14: is in doubt no longer than the caller of `recover` says", () =>
    Effect.gen(function* () {
      const [a, b, c] = [yield* anotherProcess(), yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.dropBeforeCommit, Script.hardDeclined())
      yield* ended(a.create(cardX))
      assert.strictEqual(said(yield* ended(b.recover(cardX))), "HardDeclined, MayHaveMoved 0..1")
      const none = { outstandingCreates: 0 }
      assert.strictEqual(said(yield* ended(c.recover(cardX, none))), "HardDeclined, NotMoved 0..0")
    }).pipe(day())
  )
})

describe("A payout whose record shows no transaction yet", () => {
  for (const state of ["processing", "created"]) {
    it.effect(`E15: may move one amount, not two, if one create was sent (${state})`, () =>
      Effect.gen(function* () {
        const [sandbox, payouts] = [yield* Sandbox.Sandbox, yield* anotherProcess()]
        yield* sandbox.always(Script.altered({ state, transactions: "None" }))
        const end = yield* ended(payouts.create(cardX, once))
        const tag = state === "processing" ? "Processing" : "UnexpectedResponse"
        assert.strictEqual(said(end), `${tag}, MayHaveMoved 0..1`)
      }).pipe(day({ outcome: Acquirer.processing() }))
    )
  }
})

describe("Another amount for a handle that is paid", () => {
  const other = requestOf({ destination: x, amount: 99_900 })
  const about = (end: End) =>
    end._tag === "HandleConflict" ? [said(end), end.other.certainty, end.other.exposure, end.differs] : [said(end)]
  const nothing = "HandleConflict, NotMoved 0..0"

  it.effect("E16: is in conflict, and the conflict is about its own money, whenever it is asked for", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.delayAnswer("10 seconds")(Script.paid))
      const first = yield* Effect.fork(ended(a.create(cardX)))
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(about(yield* ended(a.create(other))), [
        ...[nothing, "MayHaveMoved", { min: 0, max: amount }],
        ["amount"]
      ])
      yield* Fiber.join(first)
      const paid = [nothing, "Moved", { min: amount, max: amount }, ["amount"]]
      assert.deepStrictEqual(about(yield* ended(a.create(other))), paid)
      assert.deepStrictEqual(about(yield* ended(b.create(other))), paid)
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )
})

describe("A batch that is run again in a new process", () => {
  it.effect("E17: asks first, waits, and counts the processing errors on record, by `recoverAll`", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.processingError({ moved: true }))
      const batch = Stream.make(cardX)
      const killed = yield* Effect.fork(Stream.runDrain(a.createAll(batch)))
      yield* Effect.sleep("30 seconds")
      yield* Fiber.interrupt(killed)
      const ends = yield* Stream.runCollect(b.recoverAll(batch))
      const end = Either.merge(Chunk.unsafeHead(ends).result)
      assert(end._tag === "Paid")
      assert.deepStrictEqual(
        end.attempts.map(({ kind, outcome, started }) => [kind, outcome, (started.epochMillis - noon) / 1000]),
        [
          ["Lookup", "ProcessingError", 30],
          ["Lookup", "ProcessingError", 90],
          ["Create", "Paid", 90]
        ]
      )
      assert.strictEqual(said(end), "Paid, Moved 1..2")
      assert.strictEqual(yield* moved, 2)
    }).pipe(day())
  )
})

describe("A layer that is built for each request", () => {
  it.effect("E18: is noticed as a second service of the account, and logged once", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.delayAnswer("1 second")(Script.normal))
      const perRequest = Effect.flatMap(Payouts.Payouts, ({ create }) => ended(create(cardX))).pipe(
        Effect.provide(Payouts.layerWith({}))
      )
      const [ends, lines] = yield* logged(Effect.all([perRequest, perRequest, perRequest], { concurrency: 3 }))
      // They are not joined: each has sent a create, and the provider's word saves them.
      assert.deepStrictEqual(
        ends.map((end) => kinds(end)),
        [["Create"], ["Create", "Lookup"], ["Create", "Lookup"]]
      )
      assert.strictEqual(yield* moved, 1)
      assert.deepStrictEqual(lines, [
        "WARN: A second Payouts service is live for the same account in this process. They do not know of each other's " +
          "payouts: provide one layer to the whole program. On Workers, which need a layer for each request, one payout is paid at one " +
          "place (docs/runtimes.md)."
      ])
    }).pipe(day({ apiKey: Redacted.make("priv_an_account_of_this_test_only_0001") }))
  )
})

/** The evidence of a call that fails. */
const left = (call: Effect.Effect<Outcome.Outcome, PayoutError.PayoutError>) =>
  Effect.map(Effect.flip(call), (error) => (error._tag === "InvalidRequest" ? undefined : error.evidence))

describe("A process that knows, or sees, that another card may have been paid", () => {
  const knows = [
    ["a processing error that hid a payment", Script.processingError({ moved: true })],
    ["a create whose answer was lost", Script.dropAfterCommit],
    ["a create that is still on its way", late]
  ] as const
  for (const [what, step] of knows) {
    it.effect(`sends nothing beside ${what}, whose evidence it has`, () =>
      Effect.gen(function* () {
        const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
        yield* script(step)
        const evidence = yield* left(a.create(cardX, brief))
        for (const call of [
          b.recover(cardY, { evidence, outstandingCreates: 0 }),
          (yield* anotherProcess()).create(cardY, { evidence }),
          (yield* anotherProcess()).recover(requestOf({ destination: x, text: "another text" }), { evidence })
        ]) {
          const end = yield* ended(call)
          assert.notInclude(kinds(end), "Create")
          assert.include(["HandleConflict", "Paid"], end._tag)
        }
        yield* Effect.sleep("1 hour")
        assert.strictEqual(yield* moved, 1)
      }).pipe(day())
    )
  }

  it.effect("says that a create which a wait for the bare handle assumes may be its own, or another card's", () =>
    Effect.gen(function* () {
      const [a, b, c] = [yield* anotherProcess(), yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.softDeclined().pipe(Script.and(Script.dropAfterCommit), Script.onCreate), late)
      yield* left(a.create(cardX, once))
      yield* ended(b.create(cardY, once))
      const evidence = yield* Effect.map(Effect.flip(a.awaitFinal(handle)), (error) =>
        "evidence" in error ? error.evidence : undefined
      )
      const end = yield* ended(c.recover(cardY, { ...once, evidence, outstandingCreates: 0 }))
      assert.strictEqual(end.certainty, "MayHaveMoved", end._tag)
      yield* Effect.sleep("2 hours")
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )

  it.effect("sends nothing beside a processing error that the record shows of another card", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.processingError({ moved: true }))
      yield* ended(a.create(cardX, once))
      const end = yield* ended(b.recover(cardY, { outstandingCreates: 0 }))
      assert.strictEqual(said(end), "HandleConflict, NotMoved 0..0")
      assert(end._tag === "HandleConflict")
      assert.deepStrictEqual([end.other.certainty, end.other.exposure.max / amount], ["MayHaveMoved", 1])
      assert.strictEqual(yield* moved, 1)
    }).pipe(day())
  )

  const token = (name: string) => requestOf({ destination: Redacted.make(`ct_${name}`), customer: "c-1" })
  for (const [what, first, second, card] of [
    ["where the record shows no card", cardX, cardY, "Hidden"],
    ["of another card token", token("x".repeat(32)), token("y".repeat(32)), "Shown"]
  ] as const) {
    it.effect(`sends nothing beside the processing error of a lost create, ${what}`, () =>
      Effect.gen(function* () {
        const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
        yield* script(Script.processingError({ moved: true }).pipe(Script.and(Script.dropAfterCommit)))
        const evidence = yield* left(a.create(first, once))
        yield* Effect.sleep("5 minutes")
        const end = yield* ended(b.recover(second, { evidence, outstandingCreates: 0 }))
        assert.strictEqual(said(end), "HandleConflict, NotMoved 0..0")
        assert(end._tag === "HandleConflict")
        assert.deepStrictEqual([end.other.certainty, end.other.exposure.max / amount], ["MayHaveMoved", 1])
        assert.strictEqual(yield* moved, 1)
      }).pipe(day({ card }))
    )
  }

  it.effect(
    "counts its own card's earlier processing error as its own, although the latest one is another card's",
    () =>
      Effect.gen(function* () {
        const [a, b, c] = [yield* anotherProcess(), yield* anotherProcess(), yield* anotherProcess()]
        yield* script(Script.processingError({ moved: true }), Script.processingError())
        yield* ended(a.create(cardX, once))
        yield* Effect.sleep("5 minutes")
        yield* ended(b.create(cardY, once))
        yield* Effect.sleep("5 minutes")
        const end = yield* ended(c.recover(cardX, { outstandingCreates: 0 }))
        assert.strictEqual(said(end), "HandleConflict, MayHaveMoved 0..1")
        assert.strictEqual(yield* moved, 1)
      }).pipe(day())
  )

  it.effect("pays to another card when the first one is certainly not paid any more", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.dropBeforeCommit)
      const evidence = yield* left(a.create(cardX, once))
      yield* Effect.sleep("7 hours")
      assert.strictEqual(said(yield* ended(b.recover(cardY, { evidence, outstandingCreates: 0 }))), "Paid, Moved 1..1")
    }).pipe(day())
  )

  it.effect("tells its own decline as one, although another card's processing error is on record", () =>
    Effect.gen(function* () {
      const [a, b] = [yield* anotherProcess(), yield* anotherProcess()]
      yield* script(Script.processingError({ moved: true }), Script.hardDeclined())
      yield* ended(a.create(cardX, once))
      yield* Effect.sleep("5 minutes")
      assert.strictEqual(said(yield* ended(b.create(cardY, once))), "HardDeclined, MayHaveMoved 0..1")
    }).pipe(day())
  )
})
