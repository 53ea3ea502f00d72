/**
 * Whatever `Retry-After` says, the wait is one: of a time that can be waited for, never shorter than what was asked, and
 * never past the deadline (30, 31, 32, 54, 88, I6).
 */
import { assert, describe } from "@effect/vitest"
import { DateTime, Duration, Effect, FastCheck as fc, Schedule } from "effect"
import type { Attempt } from "effect-billwerk-payouts"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { requestOf } from "../../support.js"
import { ended } from "../simulation/VirtualTime.js"
import { counters, property } from "./property.js"
import { World } from "./World.js"

const request = requestOf()
const newYear = new World().time.now

// --- what a header may say ---

/** `until` is the moment, and `seconds` the time, that a text stands for, if it stands for any. */
interface Header {
  readonly text: string
  readonly seconds?: number
  readonly until?: number
}

const date = (offset: number, format: (date: DateTime.Utc) => string): Header => {
  const until = newYear + offset
  return { text: format(DateTime.unsafeMake(until)), until: Math.floor(until / 1000) * 1000 }
}
/** As in `Thu, 01 Jan 2026 00:00:00 GMT`. */
const imf = (date: DateTime.Utc): string => DateTime.toDateUtc(date).toUTCString()

/** As in `Thursday, 01-Jan-26 00:00:00 GMT`, which has no century, and in `Thu Jan  1 00:00:00 2026`. */
const rfc850 = (date: DateTime.Utc): string =>
  imf(date).replace(/^(\w+), (\d\d) (\w+) \d\d(\d\d)/, (_, __, day, month, year) => `Someday, ${day}-${month}-${year}`)
const asctime = (date: DateTime.Utc): string =>
  imf(date).replace(/^(\w+), (\d\d) (\w+) (\d+) (.{8}) GMT$/, (_, weekday, day, month, year, time) =>
    [weekday, month, day.replace(/^0/, " "), time, year].join(" ")
  )

const seconds: fc.Arbitrary<Header> = fc
  .oneof(
    fc.nat(20).map(String),
    fc.nat(100_000).map(String),
    fc.nat(100).map((count) => `000${count}`),
    fc.bigInt({ min: 0n, max: 10n ** 400n }).map(String)
  )
  .map((text) => ({ text, seconds: Number(text) }))

const moments = fc
  .tuple(
    fc.oneof(fc.integer({ min: 1_000, max: 1_200_000 }), fc.integer({ min: 1_000, max: 1e12 })),
    fc.constantFrom(imf, asctime, rfc850)
  )
  .map(([offset, format]) => date(offset, format))

const past = fc.oneof(
  fc.integer({ min: -1e12, max: 0 }).map((offset) => date(offset, imf).text),
  fc.constantFrom("Sat, 01 Jan 0000 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT")
)

const ascii = fc.stringMatching(/^[ -~\t]{0,40}$/)

const nonsense = fc.oneof(
  fc.integer({ max: -1 }).map(String),
  fc.double({ noInteger: true }).map(String),
  fc.integer({ min: 1, max: 400 }).map((power) => `1e${power}`),
  fc.constantFrom("", "-0", "-1", "+5", " 5", "5 ", "0x10", "1_000", "1,5", "1e999", "NaN", "Infinity", "soon", "5s"),
  fc.constantFrom("Thu, 99 Foo 2026 99:99:99 GMT", "Thu, 01 Jan 2026 25:00:00 GMT", "2026-01-01T00:10:00Z", ", GMT"),
  fc.integer({ min: 0, max: 1e9 }).map((offset) => DateTime.formatIso(DateTime.unsafeMake(newYear + offset))),
  ascii.filter((text) => !/^\d+$/.test(text) && !/GMT$/.test(text))
)

const headers: fc.Arbitrary<Header | undefined> = fc.oneof(
  { weight: 3, arbitrary: seconds },
  { weight: 3, arbitrary: moments },
  {
    weight: 1,
    arbitrary: fc
      .oneof(
        past,
        nonsense,
        ascii.map((text) => `Thu, ${text} GMT`)
      )
      .map((text) => ({ text }))
  },
  { weight: 1, arbitrary: fc.constant(undefined) }
)

// --- a provider that says so ---

interface Limited<H> {
  readonly status: 429 | 503
  readonly header: H
  /** Milliseconds. */
  readonly delay: number
}

const limited = <H>(header: fc.Arbitrary<H>): fc.Arbitrary<ReadonlyArray<Limited<H>>> =>
  fc.array(
    fc.record({
      status: fc.constantFrom(429 as const, 503 as const),
      header,
      delay: fc.constantFrom(0, 0, 1, 5_000, 89_000)
    }),
    { minLength: 1, maxLength: 8 }
  )

const step = ({ delay, header, status }: Limited<Header | undefined>): Script.Step => {
  const retryAfter = header === undefined ? {} : { retryAfter: header.text }
  const answer = Script.apiError({ status, code: status === 429 ? 122 : 2, ...retryAfter })
  return delay === 0 ? answer : Script.delayAnswer(delay)(answer)
}

const endless = Schedule.spaced("10 seconds")
const rulesByName = {
  standard: {},
  endless: { communication: endless, rateLimited: endless },
  atOnce: { communication: Schedule.forever, rateLimited: Schedule.forever }
}

const scenario = {
  rules: fc.constantFrom("standard" as const, "standard" as const, "endless" as const, "atOnce" as const),
  elapsedMax: fc.constantFrom(0, 1_000, 100_000, 900_000, 24 * 60 * 60 * 1000, Infinity),
  createDeadline: fc.constantFrom(90_000, 90_000, 1_000),
  /** The wall clock jumps, so long after the start, by so much. */
  jump: fc.record({ at: fc.nat(100_000), by: fc.integer({ min: -1e9, max: 1e9 }) }),
  standing: fc.constantFrom("Last" as const, "Well" as const)
}

interface Scenario {
  readonly rules: keyof typeof rulesByName
  readonly elapsedMax: number
  readonly createDeadline: number
  readonly jump: { readonly at: number; readonly by: number }
  readonly standing: "Last" | "Well"
  readonly answers: ReadonlyArray<Limited<Header | undefined>>
}

const lookupDeadline = 30_000

const play = ({ answers, createDeadline, elapsedMax, jump, rules, standing }: Scenario) => {
  const skew = (elapsed: number) => (elapsed < jump.at ? 0 : jump.by)
  const world = new World({ skew, deadlines: { createDeadline, lookupDeadline } })
  world.script(...answers.map(step))
  if (standing === "Last") world.always(...answers.slice(-1).map(step))
  const policy = RetryPolicy.make({ ...rulesByName[rules], elapsedMax })
  return { world, skew, options: { policy } }
}

/** When each exchange began and ended, in milliseconds after the call began, by the monotonic clock. */
const timeline = (attempts: ReadonlyArray<Attempt.Attempt>) => {
  let now = 0
  return attempts.map((attempt) => {
    const begins = now
    const ends = begins + Duration.toMillis(attempt.took)
    const wait = attempt.delay === undefined ? 0 : Duration.toMillis(attempt.delay)
    now = ends + wait
    return { attempt, begins, ends, wait, next: now }
  })
}

type Moments = ReturnType<typeof timeline>

const assertWaits = (moments: Moments, elapsed: number): void => {
  for (const { wait } of moments) assert.isTrue(Number.isSafeInteger(wait) && wait >= 0, `a wait of ${wait} ms`)
  assert.strictEqual(moments.at(-1)?.next, elapsed, "the time on record is not the time that passed")
}

describe("Whatever Retry-After says", () => {
  const met = counters<"waited" | "gave up">()

  property(
    "nothing is begun that could end past the deadline, and each wait is at least what was asked for (30, 31, 32, 88)",
    100,
    fc.record({ ...scenario, answers: limited(headers) }),
    (scenario) => {
      const { options, skew, world } = play(scenario)
      const { attempts } = world.create(request, options)
      const moments = timeline(attempts)
      const elapsed = world.time.now - newYear
      assertWaits(moments, elapsed)
      assert.isAtMost(attempts.length, 100)
      const { createDeadline, elapsedMax } = scenario
      assert.isAtMost(elapsed, Math.max(elapsedMax, createDeadline))
      for (const [index, { attempt, begins, ends, wait }] of moments.entries()) {
        const longest = attempt.kind === "Create" ? createDeadline : lookupDeadline
        // The first create is always made.
        if (index > 0) assert.isAtMost(begins + longest, elapsedMax)
        const header = scenario.answers[index]?.header
        // A lookup that fails is no reason to wait before the create, and the last question none before giving up.
        const isRetried = attempt.kind === "Create" && attempt.delay !== undefined && !attempt.why.includes(";")
        if (attempt.status === undefined || attempt.status < 429 || header === undefined || !isRetried) continue
        const asked =
          header.seconds === undefined
            ? (header.until ?? 0) - (newYear + ends + skew(ends))
            : Math.min(header.seconds, 8_640_000) * 1000
        if (asked > 0) met.count("waited")
        assert.isAtLeast(wait, asked, `${header.text} was cut short`)
      }
      if (attempts.at(-1)?.why.includes("could end too late") === true) met.count("gave up")
      world.assertQuiet()
    },
    () => {
      for (const what of ["waited", "gave up"] as const) assert.isAbove(met.of(what), 0, what)
    }
  )

  property(
    "if it says nothing that can be understood, or a time that has passed, the policy's own waits are kept (31, 32)",
    40,
    fc.record({ ...scenario, jump: fc.constant({ at: 0, by: 0 }), answers: limited(fc.oneof(past, nonsense)) }),
    ({ answers, ...scenario }) => {
      const attemptsWith = (headed: (text: string) => Header | undefined) => {
        const silent = answers.map((one) => ({ ...one, header: headed(one.header) }))
        const { options, world } = play({ ...scenario, answers: silent })
        return world.create(request, options).attempts
      }
      assert.deepStrictEqual(
        attemptsWith((text) => ({ text })),
        attemptsWith(() => undefined)
      )
    }
  )

  property(
    "a lookup of its own ends within the deadline as well (I6)",
    40,
    fc.record({ ...scenario, answers: limited(headers) }),
    (scenario) => {
      const { options, world } = play(scenario)
      const found = ended(world.run(Effect.merge(world.payouts.get(request.handle, options))))
      const elapsed = world.time.now - newYear
      assert.isAtMost(elapsed, Math.max(scenario.elapsedMax, lookupDeadline))
      if ("attempts" in found) assertWaits(timeline(found.attempts), elapsed)
      world.assertQuiet()
    }
  )
})
