import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schedule } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"

const drawn = (policy: RetryPolicy.RetryPolicy) => Effect.map(RetryPolicy.explain(policy), RetryPolicy.toSvg)

/** The rows' own words, in their order. */
const words = (svg: string) =>
  [...svg.matchAll(/class="quiet">(never sent again|once more|\d+ times more|until the deadline)</g)].map(
    ([, word = ""]) => word
  )

const bars = (svg: string) =>
  [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"[^>]* class="mark"/g)].map(
    ([, x = "", width = ""]) => ({
      from: Number(x),
      to: Number(x) + Number(width)
    })
  )

describe("RetryPolicy.toSvg", () => {
  it.effect("says of each category how often it is sent again", () =>
    Effect.gen(function* () {
      const svg = yield* drawn(
        RetryPolicy.make({
          communication: Schedule.spaced("10 seconds"),
          processingError: Schedule.fromDelays("1 minute"),
          softDeclined: Schedule.recurs(2)
        })
      )
      assert.deepStrictEqual(words(svg), [
        "until the deadline",
        "5 times more",
        "3 times more",
        "once more",
        "2 times more",
        "never sent again"
      ])
    })
  )

  it.effect("draws no exchange for a policy without any", () =>
    Effect.gen(function* () {
      const svg = yield* drawn(RetryPolicy.none)
      assert.deepStrictEqual(bars(svg), [])
      assert.strictEqual(words(svg).length, 6)
    })
  )

  it.effect("leaves out what the deadline does not allow", () =>
    Effect.gen(function* () {
      const svg = yield* drawn(
        RetryPolicy.make({ ...RetryPolicy.none, communication: Schedule.fromDelays("1 minute", "1 hour"), elapsedMax: "2 minutes" }) // prettier-ignore
      )
      assert.deepStrictEqual(words(svg)[0], "once more")
      assert.strictEqual(bars(svg).length, 1)
    })
  )

  it.effect("keeps every shape on the page, for the shortest and for the longest deadline", () =>
    Effect.gen(function* () {
      for (const elapsedMax of [Duration.zero, Duration.millis(1), Duration.days(24), Duration.infinity]) {
        const svg = yield* drawn({ ...RetryPolicy.standard, communication: Schedule.forever, elapsedMax })
        assert.notMatch(svg, /="[^"]*(NaN|Infinity|undefined)/)
        for (const { from, to } of bars(svg)) {
          assert.isAtLeast(from, 200)
          assert.isAtMost(to, 700)
        }
      }
    })
  )

  it.effect("has a title, the whole explanation in words, and colours for a dark page", () =>
    Effect.gen(function* () {
      const explanation = yield* RetryPolicy.explain(RetryPolicy.standard)
      const svg = RetryPolicy.toSvg(explanation)
      assert.include(svg, "<title>When a payout is sent again, by category</title>")
      assert.include(svg, `<desc>${explanation.text}</desc>`)
      assert.include(svg, "prefers-color-scheme: dark")
    })
  )
})
