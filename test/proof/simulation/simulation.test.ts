/**
 * A small size of `npm run simulate`, and the simulation's own tools: a proof is only as good as what it is made with.
 */
import { assert, beforeEach, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { about } from "./Chance.js"
import { library } from "./Client.js"
import { faults, fates } from "./Faults.js"
import * as Knowledge from "./Knowledge.js"
import { Network } from "./Network.js"
import { Payment, type Sent } from "./Payment.js"
import { Slot } from "./Process.js"
import { Scene } from "./Scene.js"
import { seeds } from "./Seeds.js"
import { settingOf } from "./Setting.js"
import { shrink } from "./Shrink.js"
import { add, nothing, simulate, traceOf } from "./Summary.js"
import { Host, VirtualTime } from "./VirtualTime.js"
import { run } from "./World.js"
import { wrongClients } from "./wrong/Hunt.js"

const worlds = 150
const chunk = 25

// Worlds run in one go, and the test runner wants to hear of each test meanwhile.
beforeEach(() => new Promise((resolve) => setImmediate(resolve)))

describe("simulated worlds", () => {
  it("hold every invariant for the seeds that once found something", { timeout: 120_000 }, () => {
    assert.deepStrictEqual(simulate(seeds.map(({ seed }) => seed)).failures, [])
  })

  let total = nothing
  for (let first = 1; first <= worlds; first += chunk) {
    const some = Array.from({ length: chunk }, (_, index) => first + index)
    it(`hold every invariant (seeds ${first} to ${first + chunk - 1})`, { timeout: 120_000 }, () => {
      const summary = simulate(some)
      total = add(total, summary)
      assert.deepStrictEqual(summary.failures, [])
    })
  }

  it("see every fault, and every kind of end", () => {
    // What takes long is drawn rarely.
    const common = [...faults, ...fates].filter(({ weight = 1 }) => weight >= 0.5)
    const numbers = common.map(({ number }) => String(number))
    const missing = new Set([...numbers, "78", "82", "84", "85"].filter((number) => !(number in total.injected)))
    assert.deepStrictEqual([...missing], [])
    for (const end of ["Paid, Moved", "HardDeclined, NotMoved", "HardDeclined, MayHaveMoved"]) {
      assert.isAbove(total.outcomes[end] ?? 0, 0, end)
    }
  })

  it("are the same each time, and different from each other (I14)", () => {
    assert.strictEqual(traceOf(7), traceOf(7))
    assert.notStrictEqual(traceOf(7), traceOf(8))
  })
})

describe("the oracle's trust in what a process says", () => {
  const scene = new Scene(settingOf(5332), () => [], {})
  const network = new Network(scene)
  const { process } = new Slot(0, scene, library, (process) => network.connect(process, () => {}))
  const createAt = (payment: Payment, at: number): Sent => {
    const sent: Sent = { kind: "Create", process, call: undefined, at, answered: false, isOld: false }
    payment.sent.push(sent)
    return sent
  }

  /** What a process is trusted that knows of its own creates only, after another one's create ended at 500. */
  const trustAfter = (...own: ReadonlyArray<number>) => {
    const payment = new Payment(0, 1, 1, about(5332, "payout-0"))
    createAt(payment, 7)
    payment.close(500)
    const creates = own.map((at) => createAt(payment, at))
    return payment.trustIn(creates.reduce(Knowledge.sending, Knowledge.nothing))
  }

  it("ends where its create waited for a turn and left within two seconds of another process's decline (seed 5332)", () => {
    assert.deepStrictEqual([trustAfter(584), trustAfter(2_500), trustAfter(584, 9_000)], Array(3).fill("Nothing"))
  })

  it("holds for creates that left before another process's was over, or later than clocks can be wrong", () => {
    assert.deepStrictEqual([trustAfter(), trustAfter(2_501)], ["Whole", "Whole"])
    const payment = new Payment(0, 1, 1, about(5332, "payout-0"))
    const [first, other] = [createAt(payment, 0), createAt(payment, 7)]
    assert.strictEqual(payment.trustIn(Knowledge.sending(Knowledge.nothing, first)), "Nothing")
    payment.close(500)
    assert.strictEqual(payment.trustIn(Knowledge.sending(Knowledge.nothing, first)), "Whole")
    assert.strictEqual(payment.trustIn(Knowledge.sending(Knowledge.nothing, other)), "Whole")
  })

  it("is whole again once all creates are truly said to have moved nothing, those that were confused too", () => {
    const payment = new Payment(0, 1, 1, about(5332, "payout-0"))
    createAt(payment, 7)
    payment.close(500)
    const knowledge = Knowledge.sending(Knowledge.nothing, createAt(payment, 584))
    assert.strictEqual(payment.trustIn(knowledge), "Nothing")
    payment.close(90_000)
    assert.strictEqual(payment.trustIn(knowledge), "Whole")
  })
})

describe("the shrinker", () => {
  const client = wrongClients.find(({ name }) => name === "takes a processing error for a decline") ?? library

  it("leaves what is needed for the failure, and nothing else", () => {
    const seed = Array.from({ length: 50 }, (_, index) => index + 1).find(
      (seed) => run(seed, client).violations.length > 0
    )
    assert.isDefined(seed)
    const failed = run(seed ?? 0, client)
    const { report, runs } = shrink(failed, client)
    assert.isBelow(report.events.length, failed.events.length)
    assert.strictEqual(report.violations[0]?.invariant, failed.violations[0]?.invariant)
    assert.isAtMost(runs, 400)
    // It is replayed from the names of its events alone, and each of them is needed.
    const again = run(seed ?? 0, client, { keep: new Set(report.events) })
    assert.deepStrictEqual(again.events, report.events)
    for (const event of report.events) {
      const without = run(seed ?? 0, client, { keep: new Set(report.events.filter((other) => other !== event)) })
      assert.notStrictEqual(without.violations[0]?.invariant, report.violations[0]?.invariant, event)
    }
  })
})

describe("virtual time", () => {
  it("passes only when nothing else can happen", () => {
    const time = new VirtualTime(0)
    const order: Array<string> = []
    const say = (what: string) => Effect.map(Clock.currentTimeMillis, (now) => void order.push(`${now} ${what}`))
    time.runExit(
      Effect.gen(function* () {
        const slow = yield* Effect.fork(Effect.delay(say("slow"), "1 hour"))
        const quick = yield* Effect.fork(Effect.delay(say("quick"), "1 second"))
        yield* say("now")
        yield* Fiber.joinAll([slow, quick])
      })
    )
    assert.deepStrictEqual(order, ["0 now", "1000 quick", "3600000 slow"])
    assert.strictEqual(time.pending, 0)
  })

  it("takes back the timer of what is interrupted", () => {
    const time = new VirtualTime(0)
    time.runExit(Effect.timeoutOption(Effect.sleep("1 day"), "1 minute"))
    assert.deepStrictEqual([time.now, time.pending], [60_000, 0])
  })

  it("lets a process that was killed do nothing more, not even clean up", () => {
    const time = new VirtualTime(0)
    const host = new Host(time)
    const did: Array<string> = []
    const say = (what: string) => Effect.sync(() => void did.push(what))
    host.fork(say("begun").pipe(Effect.zipRight(Effect.sleep("1 minute")), Effect.ensuring(say("cleaned up"))))
    time.pass(1_000)
    host.kill()
    time.pass(3_600_000)
    assert.deepStrictEqual([did, time.pending], [["begun"], 0])
  })

  it("may look different on a machine whose clock is wrong, but does not pass differently", () => {
    const time = new VirtualTime(1_000)
    const host = new Host(time, () => 500)
    const clocks = Effect.all([Clock.currentTimeMillis, Clock.currentTimeNanos])
    const exit = time.await(host.fork(Effect.zipRight(Effect.sleep(10), clocks)))
    assert.deepStrictEqual(exit._tag === "Success" && exit.value, [1_510, 1_010_000_000n])
  })

  it("says so when a program waits for what will never happen", () => {
    assert.throws(() => new VirtualTime().runExit(Effect.async<never>(() => {})), /never happen/)
  })
})

describe("chance", () => {
  it("is a function of the seed and the purpose, and evenly spread", () => {
    assert.strictEqual(about(1, "a").next(), about(1, "a").next())
    const firsts = Array.from({ length: 10_000 }, (_, seed) => about(seed, "fault payout-3 Create 0").next())
    assert.strictEqual(new Set(firsts).size, 10_000)
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = firsts.filter((value) => Math.floor(value * 10) === tenth).length / firsts.length
      assert.approximately(share, 0.1, 0.015)
    }
  })

  it("draws each of a list as often as its weight says, and nothing from an empty one", () => {
    const chance = about(1, "weights")
    const drawn = Array.from({ length: 10_000 }, () =>
      chance.weighted([
        ["often", 3],
        ["rarely", 1]
      ])
    )
    assert.approximately(drawn.filter((one) => one === "often").length / drawn.length, 0.75, 0.02)
    assert.isUndefined(chance.weighted([]))
  })
})
