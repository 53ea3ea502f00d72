import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import type { Attempt } from "effect-billwerk-payouts"
import { AttemptLog, attemptsKept, type Begun } from "../../src/execution/AttemptLog.js"

const noon = Date.UTC(2026, 0, 2, 12)
const ended = { sent: "Unknown", outcome: "Any", bearing: "Unclear", decision: "Fail", why: "a test" } as const

const begun = (kind: Attempt.Kind, begun: number, queued = Duration.zero): Begun => ({ kind, begun, queued })

const logged = (...kinds: ReadonlyArray<Attempt.Kind>) => {
  const log = new AttemptLog()
  kinds.forEach((kind, index) => log.add(begun(kind, noon + index * 1000), noon + index * 1000 + 1.5, ended))
  return log
}

describe("AttemptLog", () => {
  it("has of each exchange what it was, when it began and how long it took", () => {
    const log = logged("Create", "Lookup")
    const entry = (ordinal: number, kind: Attempt.Kind): Attempt.Attempt => ({
      ...ended,
      ordinal,
      kind,
      started: DateTime.unsafeMake(noon + (ordinal - 1) * 1000),
      took: Duration.millis(1.5)
    })
    assert.deepStrictEqual(log.attempts, [entry(1, "Create"), entry(2, "Lookup")])
    assert.deepStrictEqual(log.latest, entry(2, "Lookup"))
  })

  it("begins a whole millisecond, whatever the clock says", () => {
    const log = new AttemptLog()
    log.add(begun("Create", noon + 0.9), noon + 2.4, ended)
    assert.strictEqual(log.latest?.started.epochMillis, noon)
  })

  it("has how long the exchange waited for its turn, if it had to", () => {
    const log = new AttemptLog()
    log.add(begun("Create", noon, Duration.seconds(3)), noon, ended)
    assert.deepStrictEqual(log.latest?.queued, Duration.seconds(3))
  })

  it("is a copy of what it begins with, and gives copies", () => {
    const before = logged("Create").attempts
    const log = new AttemptLog(before)
    const given = log.attempts
    log.add(begun("Lookup", noon), noon, ended)
    assert.deepStrictEqual([before.length, given.length, log.attempts.length], [1, 1, 2])
    assert.strictEqual(log.latest?.ordinal, 2)
  })

  it("has what was decided after the latest attempt, and why, beside what it was", () => {
    const log = logged("Create", "Lookup")
    const decided = () => log.attempts.map(({ decision, delay, why }) => ({ decision, why, delay }))
    const first = { decision: "Fail", why: "a test", delay: undefined }
    log.decide("SendAgain", undefined, Duration.seconds(3))
    assert.deepStrictEqual<unknown>(decided(), [
      first,
      { decision: "SendAgain", why: "a test", delay: Duration.seconds(3) }
    ])
    log.decide("Fail", "the wait ended too late")
    assert.deepStrictEqual<unknown>(decided(), [
      first,
      { decision: "Fail", why: "a test; the wait ended too late", delay: undefined }
    ])
    assert.notProperty(log.latest, "delay")
  })

  it("decides nothing before there is an attempt", () => {
    const log = new AttemptLog()
    log.decide("Fail", "nothing was tried")
    assert.deepStrictEqual([log.attempts, log.latest], [[], undefined])
  })

  it("forgets the oldest, and counts on", () => {
    const log = logged(...Array.from({ length: attemptsKept + 2 }, () => "Lookup" as const))
    log.trim()
    assert.deepStrictEqual([log.attempts.length, log.attempts[0]?.ordinal], [attemptsKept, 3])
    log.trim()
    assert.strictEqual(log.attempts.length, attemptsKept)
    log.add(begun("Create", noon), noon, ended)
    assert.strictEqual(log.latest?.ordinal, attemptsKept + 3)
  })
})
