/**
 * Joins our books with the provider's list, part by part, and asks about what the list leaves open.
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Exposure from "../domain/Exposure.js"
import type { Payout } from "../domain/Payout.js"
import type { Payouts } from "../Payouts.js"
import type { Difference, Finding, Summary } from "./Difference.js"
import { Expectation } from "./Expectation.js"
import * as judge from "./judge.js"
import * as partitions from "./partitions.js"
import * as Shown from "./Shown.js"
import * as tally from "./tally.js"

/**
 * What a reconciliation compares, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never, R = never, E2 = never, R2 = never> {
  /** Our books, in any order. */
  readonly expected: Stream.Stream<Expectation, E, R>
  /** The provider's side, in any order: `payouts.list(filter)`. It is read after our books. */
  readonly shown: Stream.Stream<Payout, E2, R2>
  /**
   * Looks one payout up: `payouts.assess`. A list has a window and lags behind. So what it does not show, what it
   * contradicts and what it leaves in doubt is looked up before anything is said. Without it, nothing is asked, and no
   * payout is ever `MissingThere`.
   */
  readonly assess?: Payouts["Type"]["assess"] | undefined
  /**
   * How many lookups may be under way at once: an integer of 1 or more, or else the stream dies. The client keeps the
   * provider's request limits. Default: 4 of the 10 reads at once that are documented for an account.
   */
  readonly concurrency?: number | undefined
  /** As in `Payouts.layerWith`. Give both the same. Default: 6 hours. */
  readonly arrivalHorizon?: Duration.DurationInput | undefined
  /** How many characters of rows stay in memory before the rest goes to files. Default: `heldMax`. */
  readonly heldMax?: number | undefined
}

/**
 * How many characters of rows stay in memory by default: about 150,000 rows.
 *
 * @category limits
 * @since 0.1.0
 */
export const heldMax = 16 * 1024 * 1024

/** How many lookups are under way at once, by default. */
const concurrencyDefault = 4

interface Joining {
  readonly rows: partitions.Partitions
  readonly counted: tally.Tally
  readonly horizon: number
  readonly ask: (question: judge.Question) => Effect.Effect<Finding>
  readonly concurrency: number
}

export const reconcile = <E = never, R = never, E2 = never, R2 = never>(
  options: Options<E, R, E2, R2>
): Stream.Stream<Difference | Summary, E | E2 | PlatformError, R | R2 | FileSystem.FileSystem> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { arrivalHorizon, concurrency = concurrencyDefault, expected, shown } = options
      if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
        return Stream.dieMessage(`concurrency must be an integer of 1 or more: ${concurrency}`)
      }
      const rows = yield* partitions.make(options.heldMax ?? heldMax)
      const horizon = Duration.toMillis(arrivalHorizon ?? Exposure.arrivalHorizonDefault)
      const counted = tally.make()
      yield* Stream.runForEachChunk(expected, (chunk) => {
        counted.rows.expected += chunk.length
        return rows.put(
          "expected",
          Chunk.map(chunk, (one) => [one.handle, writeExpected(one)] as const)
        )
      })
      yield* Stream.runForEachChunk(shown, (chunk) => {
        counted.rows.shown += chunk.length
        return rows.put(
          "shown",
          Chunk.map(chunk, (one) => [one.handle, writeShown(Shown.ofPayout(one))] as const)
        )
      })
      return join({ rows, counted, horizon, concurrency, ask: asking(options.assess, horizon) })
    })
  )

const join = (joining: Joining): Stream.Stream<Difference | Summary, PlatformError> =>
  Stream.fromIterable(joining.rows.filled()).pipe(
    Stream.mapEffect((index) => judgePart(joining, index)),
    Stream.mapConcat((judged) => judged),
    Stream.mapEffect((one) => (one._tag === "Question" ? joining.ask(one) : Effect.succeed(one)), {
      concurrency: joining.concurrency
    }),
    Stream.filterMap((finding) => disagreeing(joining.counted, finding)),
    Stream.tap((difference) => Effect.sync(() => joining.counted.add(difference))),
    Stream.concat(Stream.sync(() => joining.counted.summary()))
  )

/** Counts what both sides agree about, and passes on what they do not. */
const disagreeing = (counted: tally.Tally, finding: Finding): Option.Option<Difference> => {
  if (finding._tag !== "Matched" && finding._tag !== "NotPaid") return Option.some(finding)
  counted.add(finding)
  return Option.none()
}

/** The differences and the questions of one part. What both sides agree about is counted, and goes no further. */
const judgePart = Effect.fnUntraced(function* ({ counted, horizon, rows }: Joining, index: number) {
  const groups = new Map<string, { readonly expected: Array<Expectation>; readonly shown: Array<Shown.Shown> }>()
  const groupOf = (handle: string) => {
    const group = groups.get(handle) ?? { expected: [], shown: [] }
    groups.set(handle, group)
    return group
  }
  for (const text of yield* rows.read("expected", index)) {
    const row = readExpected(text)
    groupOf(row.handle).expected.push(row)
  }
  for (const text of yield* rows.read("shown", index)) {
    const row = readShown(text)
    groupOf(row.handle).shown.push(row)
  }
  const judged: Array<Difference | judge.Question> = []
  // By handle, so that the order of the input changes nothing.
  for (const [, group] of [...groups].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const { findings, questions } = judge.judge(group, horizon)
    judged.push(...findings.flatMap((finding) => Option.toArray(disagreeing(counted, finding))), ...questions)
  }
  return judged
})

/** How a question is asked, so that no failure is taken for an answer. */
const asking =
  (assess: Options["assess"], horizon: number) =>
  (question: judge.Question): Effect.Effect<Finding> => {
    if (assess === undefined) return Effect.succeed(judge.unanswered(question, "NoLookup", horizon))
    const { evidence, row } = question
    return assess(row.handle, { evidence }).pipe(
      // The evidence is about the row's handle, so it is not refused.
      Effect.catchTag("InvalidRequest", Effect.die),
      Effect.match({
        onFailure: ({ category }) => judge.unanswered(question, category, horizon),
        onSuccess: ({ evidence, payout }) =>
          judge.answered(
            question,
            { evidence, shown: Option.getOrUndefined(Option.map(payout, Shown.ofPayout)) },
            horizon
          )
      })
    )
  }

const writeExpected = Schema.encodeSync(Schema.parseJson(Expectation))
// What was written here is read here: anything else is a defect.
const readExpected = Schema.decodeSync(Schema.parseJson(Expectation))
const writeShown = Schema.encodeSync(Schema.parseJson(Shown.Shown))
const readShown = Schema.decodeSync(Schema.parseJson(Shown.Shown))
