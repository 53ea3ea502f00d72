/**
 * Compares our books with what the provider has. It only asks: it sends no money, and what it could not learn it does not
 * say. The differences come out as a stream, with the summary at its end.
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Stream from "effect/Stream"
import type { Difference, Summary } from "./Difference.js"
import { type Options, reconcile as join } from "./reconcile.js"

export {
  Class,
  classes,
  Difference,
  Differs,
  Duplicate,
  FinalSince,
  InDoubt,
  Matched,
  MissingThere,
  NotAsked,
  NotPaid,
  Processing,
  Summary,
  Total,
  Unasked,
  UnknownHere
} from "./Difference.js"
export { type End, Expectation, ofEnd, ofRequest, ofResult, ofRow, Standing } from "./Expectation.js"
export { BadRow, fromText } from "./fromText.js"
export { heldMax, type Options } from "./reconcile.js"
export { lines, lineOf, summaryLines } from "./text.js"

/**
 * Every payout on which both sides do not agree, and a `Summary` of all payouts as the last element. Both sides may come
 * in any order, with any duplicates: the report is the same. A million rows a side take no more memory than a hundred
 * thousand. What does not fit in memory goes to files in a temporary folder that only its owner can read. It is removed
 * when the stream ends, fails or is interrupted.
 *
 * A list has a window and lags behind. So what it does not show is looked up with `assess`, and a doubt ends only by the
 * rules of `Payouts.recover`. If a lookup fails, the payout is `NotAsked` or stays in doubt, and is never missing.
 *
 * @example
 * ```ts
 * import { Console, Effect, Stream } from "effect"
 * import { type Payout, Payouts, Reconciliation } from "effect-billwerk-payouts"
 *
 * const report = (
 *   expected: Stream.Stream<Reconciliation.Expectation>,
 *   shown: Stream.Stream<Payout.Payout> // the provider's list
 * ) =>
 *   Effect.gen(function* () {
 *     const { assess } = yield* Payouts.Payouts
 *     yield* Reconciliation.reconcile({ expected, shown, assess }).pipe(
 *       Reconciliation.lines,
 *       Stream.runForEach((line) => Console.log(line))
 *     )
 *   })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const reconcile: <E = never, R = never, E2 = never, R2 = never>(
  options: Options<E, R, E2, R2>
) => Stream.Stream<Difference | Summary, E | E2 | PlatformError, R | R2 | FileSystem.FileSystem> = join
