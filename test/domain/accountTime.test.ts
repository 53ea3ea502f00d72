/** Moments as local times of an account: exact where the clock is, and wider where it shows a time twice. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, FastCheck as fc } from "effect"
import { isWithin, localWindow } from "../../src/domain/accountTime.js"

const at = (iso: string) => DateTime.unsafeMake(iso)
const zone = (id: string) => DateTime.zoneUnsafeMakeNamed(id)

const windowOf = (from: string, to: string, id = "Europe/Copenhagen") => {
  const local = localWindow({ _tag: "Moments", from: at(from), to: at(to), timeZone: undefined }, zone(id))
  return [local.from, local.to]
}

describe("localWindow", () => {
  it("writes midnight as a date, and other times to the second", () => {
    assert.deepStrictEqual(windowOf("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"), ["2026-10-01", "2026-11-01"])
    assert.deepStrictEqual(windowOf("2026-07-01T08:30:15Z", "2026-07-01T08:30:16Z", "America/New_York"), [
      "2026-07-01T04:30:15",
      "2026-07-01T04:30:16"
    ])
  })

  it("is wider by parts of a second", () => {
    assert.deepStrictEqual(windowOf("2026-07-01T08:30:15.999Z", "2026-07-01T08:30:16.001Z", "UTC"), [
      "2026-07-01T08:30:15",
      "2026-07-01T08:30:17"
    ])
  })

  it("is wider where the end of summer time shows a local time twice", () => {
    assert.deepStrictEqual(windowOf("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"), [
      "2026-10-25T01:30:00",
      "2026-10-25T03:00:00"
    ])
    // The clock of Lord Howe is set back by half an hour.
    assert.deepStrictEqual(windowOf("2026-04-04T15:10:00Z", "2026-04-04T15:10:01Z", "Australia/Lord_Howe"), [
      "2026-04-05T01:10:00",
      "2026-04-05T02:10:01"
    ])
  })

  it("contains its moments in any zone, however the provider reads a local time that comes twice", () => {
    const zones = ["Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
    const millis = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) })
    fc.assert(
      fc.property(fc.constantFrom(...zones), millis, fc.integer({ min: 1, max: 1e8 }), (id, from, length) => {
        const window = {
          _tag: "Moments",
          from: DateTime.unsafeMake(from),
          to: DateTime.unsafeMake(from + length),
          timeZone: undefined
        } as const
        const local = localWindow(window, zone(id))
        for (const disambiguation of ["earlier", "later"] as const) {
          const [begin = 0, end = 0] = [local.from, local.to].map((text) => {
            const digits = DateTime.unsafeMake(`${text.length === 10 ? `${text}T00:00:00` : text}Z`)
            return DateTime.unsafeMakeZoned(DateTime.toPartsUtc(digits), {
              timeZone: zone(id),
              adjustForTimeZone: true,
              disambiguation
            }).epochMillis
          })
          assert.isAtMost(begin, from)
          assert.isAtLeast(end, from + length)
          assert.isAtLeast(begin, from - 3 * 3_600_000 - 1000)
          assert.isAtMost(end, from + length + 3 * 3_600_000 + 1000)
        }
      }),
      { numRuns: 500, seed: 20_260_042 }
    )
  })
})

describe("isWithin", () => {
  const window = {
    _tag: "Moments",
    from: at("2026-10-01T00:00:00Z"),
    to: at("2026-10-02T00:00:00Z"),
    timeZone: undefined
  } as const

  it("includes the beginning, excludes the end, and keeps what has no time", () => {
    assert.isTrue(isWithin(window, window.from))
    assert.isFalse(isWithin(window, window.to))
    assert.isFalse(isWithin(window, at("2026-09-30T23:59:59.999Z")))
    assert.isTrue(isWithin(window, undefined))
  })
})
