/**
 * A policy's timeline as a picture: when each category is sent again, on one axis of time.
 */
import * as Duration from "effect/Duration"
import type { CategoryExplanation, Explanation } from "./explain.js"
import * as svg from "./svg.js"

/**
 * The timeline of a policy as an SVG, 700 pixels wide, for a light and a dark page. One row per category: the moments
 * at which the library sends or looks up again, each as wide as its jitter. Time is what the policy waits, on a
 * logarithmic axis; the exchanges themselves come on top. Waits beyond `elapsedMax` are left out.
 *
 * @example
 * ```ts
 * import { FileSystem } from "@effect/platform"
 * import { Effect } from "effect"
 * import { RetryPolicy } from "effect-billwerk-payouts"
 *
 * const program = Effect.gen(function* () {
 *   const files = yield* FileSystem.FileSystem
 *   const explanation = yield* RetryPolicy.explain(RetryPolicy.interactive)
 *   yield* files.writeFileString("interactive.svg", RetryPolicy.toSvg(explanation))
 * })
 * ```
 *
 * @category explaining
 * @since 0.1.0
 */
export const toSvg = ({ categories, elapsedMax, text }: Explanation): string => {
  const end = Math.min(Math.max(Duration.toMillis(elapsedMax), 1), Duration.toMillis(longest))
  const bottom = top + (categories.length + 1) * rowHeight
  const x = (millis: number) => left + ((right - left) * Math.log1p(millis / unit)) / Math.log1p(end / unit)
  return svg.page(
    { width, height: bottom + 46, title: "When a payout is sent again, by category", description: text },
    [
      svg.text(20, 30, "When a payout is sent again, by category", { look: "title" }),
      svg.text(right, 30, `deadline: ${Duration.format(elapsedMax)}`, { anchor: "end", look: "strong" }),
      svg.text(20, 50, "Each bar is one more exchange, as wide as its jitter.", { look: "quiet" }),
      ...axis(end, bottom, x),
      ...categories.flatMap((category, index) => row(category, top + index * rowHeight, end, x)),
      ...names("hardDeclined", "never sent again", bottom - rowHeight),
      svg.down(right, top - 14, bottom, "edge-bad")
    ]
  )
}

const width = 700
const left = 200
const right = 672
const top = 84
const rowHeight = 44
const barWidthMin = 7
const tickDistanceMin = 42

/** A timer cannot wait longer. */
const longest = Duration.days(24)

/** In milliseconds: what is shorter is drawn as if time were linear. */
const unit = 500

type Place = (millis: number) => number

const row = ({ category, goesOn, waits }: CategoryExplanation, y: number, end: number, x: Place) => {
  const bars: Array<string> = []
  let min = 0
  let max = 0
  let times = 0
  for (const wait of waits) {
    min += Duration.toMillis(wait.min)
    max += Duration.toMillis(wait.max)
    if (min > end) break
    times += 1
    const from = x(min)
    const to = Math.max(x(Math.min(max, end)), from + barWidthMin)
    bars.push(svg.rect(from, y + 2, to - from, 18, "mark", 3))
    bars.push(svg.text((from + to) / 2, y + 33, String(times), { anchor: "middle", look: "quiet" }))
  }
  return [...names(category, wordsOf(times, goesOn && times === waits.length), y), ...bars]
}

const wordsOf = (times: number, goesOn: boolean): string => {
  if (times === 0) return "never sent again"
  if (goesOn) return "until the deadline"
  return times === 1 ? "once more" : `${times} times more`
}

const names = (name: string, words: string, y: number) => [
  svg.text(20, y + 12, name, { look: "strong" }),
  svg.text(20, y + 29, words, { look: "quiet" })
]

const axis = (end: number, bottom: number, x: Place) => {
  const shapes: Array<string> = [
    svg.text(20, bottom + 20, "time since the failure", { look: "quiet" }),
    svg.text(20, bottom + 35, "(waits only, logarithmic)", { look: "quiet" })
  ]
  let latest = -Infinity
  for (const tick of ticks) {
    const millis = Duration.toMillis(tick)
    const at = x(millis)
    // The last one needs room for the deadline's own.
    const isEnd = millis === end
    if (millis > end || at - latest < tickDistanceMin || (!isEnd && right - at < tickDistanceMin)) continue
    latest = at
    shapes.push(svg.down(at, top - 8, bottom, "grid"))
    shapes.push(
      svg.text(at, bottom + 20, millis === 0 ? "at once" : Duration.format(tick), { anchor: "middle", look: "quiet" })
    )
  }
  return shapes
}

const ticks: ReadonlyArray<Duration.Duration> = [
  Duration.zero,
  ...[1, 2, 4, 8, 15, 30].map(Duration.seconds),
  ...[1, 2, 5, 10, 15, 30].map(Duration.minutes),
  ...[1, 2, 4, 8].map(Duration.hours),
  ...[1, 2, 4, 8, 16, 24].map(Duration.days)
]
