/**
 * A policy's timeline, as data, as text and as a picture: its own schedules, run with the least and the greatest jitter.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { Attempt } from "../domain/Attempt.js"
import { categories, type Category, driver, type RetryPolicy } from "./retrySchedule.js"

/**
 * The timeline of a policy, for a person to review before money depends on it.
 *
 * @category explaining
 * @since 0.1.0
 */
export interface Explanation {
  /** One entry per category, in a fixed order. */
  readonly categories: ReadonlyArray<CategoryExplanation>
  /** The policy's time limit of a call. */
  readonly elapsedMax: Duration.Duration
  /** One line per category. */
  readonly text: string
}

/**
 * When one category is sent again.
 *
 * @category explaining
 * @since 0.1.0
 */
export interface CategoryExplanation {
  /** The category whose rule this is. */
  readonly category: Category
  /** The wait before each exchange that the policy grants, at its shortest and at its longest. */
  readonly waits: ReadonlyArray<{ readonly min: Duration.Duration; readonly max: Duration.Duration }>
  /** Whether the waits were cut after `explainedMax`: the rule goes on, until the deadline at the latest. */
  readonly goesOn: boolean
}

/**
 * How many waits an explanation shows per category at most.
 *
 * @category limits
 * @since 0.1.0
 */
export const explainedMax = 20

/**
 * The timeline of a policy as data and as text. It runs the policy's own schedules, with the least and the greatest
 * jitter, on a clock of its own.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { RetryPolicy } from "effect-billwerk-payouts"
 *
 * const program = Effect.gen(function* () {
 *   const { text } = yield* RetryPolicy.explain(RetryPolicy.standard)
 *   yield* Effect.log(text)
 * })
 * ```
 *
 * @category explaining
 * @since 0.1.0
 */
export const explain = Effect.fnUntraced(function* (policy: RetryPolicy) {
  const explained = yield* Effect.forEach(categories, (category) => explainCategory(policy, category))
  const explanation: Explanation = {
    categories: explained,
    elapsedMax: policy.elapsedMax,
    text: [
      ...explained.map(sentence),
      "hardDeclined: never sent again.",
      ...(policy.exchangeMax === undefined
        ? []
        : [`No exchange takes longer than ${Duration.format(policy.exchangeMax)}.`]),
      `No exchange is begun that could end later than ${Duration.format(policy.elapsedMax)} after the call began.`
    ].join("\n")
  }
  return explanation
})

const explainCategory = Effect.fnUntraced(function* (policy: RetryPolicy, category: Category) {
  const shortest = yield* waitsOf(policy, category).pipe(Effect.withRandom(Random.fixed([0])))
  const longest = yield* waitsOf(policy, category).pipe(Effect.withRandom(Random.fixed([1])))
  const explanation: CategoryExplanation = {
    category,
    waits: shortest.slice(0, explainedMax).map((min, index) => ({ min, max: longest[index] ?? min })),
    goesOn: shortest.length > explainedMax
  }
  return explanation
})

const waitsOf = Effect.fnUntraced(function* (policy: RetryPolicy, category: Category) {
  const { next } = driver(policy)
  const waits: Array<Duration.Duration> = []
  let now = 0
  while (waits.length <= explainedMax) {
    const wait = yield* next(now, { category, attempt: { ...anAttempt, ordinal: waits.length + 1 } })
    if (Option.isNone(wait)) break
    waits.push(wait.value)
    now += Duration.toMillis(wait.value)
  }
  return waits
})

const anAttempt: Attempt = {
  ordinal: 1,
  kind: "Create",
  started: DateTime.unsafeMake(0),
  took: Duration.zero,
  sent: "Unknown",
  outcome: "Explained",
  bearing: "None",
  decision: "SendAgain",
  why: "a policy is being explained"
}

const sentence = ({ category, goesOn, waits }: CategoryExplanation): string => {
  if (waits.length === 0) return `${category}: never sent again.`
  const times = waits.map(({ max, min }) =>
    Duration.toMillis(max) === 0
      ? "at once"
      : Duration.equals(min, max)
        ? `after ${Duration.format(min)}`
        : `after ${Duration.format(min)} to ${Duration.format(max)}`
  )
  return goesOn
    ? `${category}: sent again ${times.slice(0, 3).join(", ")}, and so on until the deadline.`
    : `${category}: sent again ${waits.length === 1 ? "once" : `${waits.length} times`}: ${times.join(", ")}.`
}
