/**
 * A batch on the command line: reads the rows, shows what they would do, asks, pays, and reports.
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Terminal from "@effect/platform/Terminal"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Batch from "../batch/Batch.js"
import * as BatchStore from "../batch/BatchStore.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as BadInput from "./BadInput.js"
import type { Files } from "./BatchFlags.js"
import * as BatchLines from "./BatchLines.js"
import * as BatchResults from "./BatchResults.js"
import * as Connection from "./Connection.js"
import * as Report from "./Report.js"
import { StandardInput } from "./RequestInput.js"
import * as SmallText from "./SmallText.js"

/** The settings of a batch. */
export interface Settings extends Report.Format, Connection.Provider {
  readonly files: Files
  readonly policy: "standard" | "interactive" | "none"
  readonly stop: Batch.StopRules
  readonly yes: boolean
  readonly skipInvalid: boolean
  readonly retryFailed: boolean
  readonly leaveMissing: boolean
  readonly mayBeSent: boolean
  readonly otherAccount: boolean
}

/** The largest file that is read, in bytes: some hundred thousand rows. */
export const fileBytesMax = 64 * 1024 * 1024

/** Pays the rows of a file. */
export const pay = (settings: Settings) =>
  Effect.gen(function* () {
    const preview = yield* Effect.interruptible(prepare(settings)).pipe(
      Effect.onInterrupt(() => Console.error("payout: interrupted before anything was sent"))
    )
    return yield* carryOut(settings, preview)
  }).pipe(Effect.provide(storeOf(settings)))

const storeOf = ({ files: { journal }, mode, otherAccount }: Settings) =>
  journal === undefined
    ? Layer.provide(BatchStore.layerKeyValueStore, KeyValueStore.layerMemory)
    : BatchStore.layerFile(journal, { about: mode === "Live" ? "live payouts" : "simulated payouts", otherAccount })

/** Reads the rows, shows what they would do, and has the caller agree. */
const prepare = (settings: Settings) =>
  Effect.gen(function* () {
    const { files, retryFailed } = settings
    const preview = Batch.preview(Batch.rows(yield* read(files.file)))
    const plan = yield* Effect.either(Batch.plan(requestsOf(preview), { retryFailed }))
    yield* say(BatchLines.preview(preview, plan._tag === "Right" ? plan.right : undefined))
    if (plan._tag === "Left") return yield* refused(plan.left, preview)
    yield* checkRows(settings, preview)
    yield* confirm(settings, plan.right)
    return preview
  })

const requestsOf = ({ valid }: Batch.Preview) => valid.map(({ request }) => request.right)

const say = (lines: ReadonlyArray<string>) => Console.error(lines.join("\n"))

const read = (file: string) => {
  const limit: SmallText.Limit = { bytesMax: fileBytesMax, what: "batch of payouts" }
  if (file === "-") {
    return Effect.flatMap(StandardInput, (stream) => SmallText.fromStream("standard input", stream, limit))
  }
  return Effect.catchIf(
    SmallText.fromFile(file, limit),
    (error) => error._tag !== "BadInput",
    (error) => BadInput.fromPlatform(file, error)
  )
}

/** The batch's refusal, with the lines of the rows. Nothing was sent. */
const refused = (
  error: Batch.BatchRefused | BatchStore.StoreFailed | BatchStore.BatchLocked,
  { valid }: Batch.Preview
): Effect.Effect<never, BadInput.BadInput> => {
  if (error._tag !== "BatchRefused") return BadInput.make(error.message)
  const problems = error.rows.map(({ index, reason }) => ({ line: valid[index]?.line ?? 0, reason }))
  return Effect.zipRight(
    say(BatchLines.problems(problems)),
    BadInput.make(
      `${BatchLines.counted(problems.length)} ${problems.length === 1 ? "is" : "are"} not what was on record; nothing was sent`
    )
  )
}

const checkRows = (
  { skipInvalid }: Settings,
  { rows, valid }: Batch.Preview
): Effect.Effect<void, BadInput.BadInput> => {
  if (valid.length === 0) return BadInput.make("there is no row to pay; nothing was sent")
  if (skipInvalid || valid.length === rows) return Effect.void
  const left = rows - valid.length
  const them = left === 1 ? "it" : "them"
  return BadInput.make(
    `${BatchLines.counted(left)} cannot be paid: correct ${them}, or leave ${them} out with --skip-invalid; nothing was sent`
  )
}

/** Asks at a terminal, unless the caller has agreed already or there is nothing to send. */
const confirm = ({ files, mode, yes }: Settings, { begun, fresh }: Batch.Plan) =>
  Effect.gen(function* () {
    if (yes || begun + fresh.length === 0) return
    const terminal = yield* Terminal.Terminal
    if (files.file === "-" || !(yield* terminal.isTTY)) {
      return yield* BadInput.make("give --yes, where there is no terminal to answer at; nothing was sent")
    }
    const what = mode === "Live" ? "Pay real money?" : "Simulate?"
    yield* Console.error(`${what} ${begun} to recover, ${fresh.length} to send. Type yes to go on:`)
    const answer = yield* Effect.flatMap(StandardInput, (stream) =>
      Stream.runHead(Stream.splitLines(Stream.decodeText(stream)))
    )
    if (Option.exists(answer, (text) => text.trim() === "yes")) return
    return yield* BadInput.make("the answer was not yes; nothing was sent")
  })

/** Pays, and reports the result. */
const carryOut = (settings: Settings, preview: Batch.Preview) =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(Effect.interruptible(Effect.scoped(run(settings, preview))))
    if (Exit.isSuccess(exit)) return yield* report(settings, preview, exit.value)
    const failure = Cause.failureOrCause(exit.cause)
    if (failure._tag === "Left") {
      return yield* failure.left._tag === "BadInput" ? failure.left : refused(failure.left, preview)
    }
    const how = Cause.isInterrupted(failure.right) ? "interrupted" : "stopped by a defect of this program"
    return yield* Report.cutShort(`${how}: ${unclear(settings)}`, "mayHaveMoved", settings)
  })

const unclear = ({ files: { journal }, mode }: Settings): string =>
  mode === "Sandbox"
    ? "the sandbox ended, and the batch with it. No money has moved."
    : `rows that were under way are in ${journal} as begun, and may have been paid. Run the same command again, which ` +
      "recovers them; never pay them under another handle."

const run = (settings: Settings, preview: Batch.Preview) =>
  Effect.gen(function* () {
    const { files, leaveMissing, mayBeSent, policy, retryFailed, stop } = settings
    const results = files.results === undefined ? BatchResults.none : yield* BatchResults.open(files.results)
    const latest = yield* Ref.make<Batch.Progress | undefined>(undefined)
    yield* Effect.forkScoped(showing(settings, latest))
    return yield* Batch.run(requestsOf(preview), {
      mayBeSent,
      missing: leaveMissing ? "Leave" : "Stop",
      policy: RetryPolicy[policy],
      retryFailed,
      stop,
      onResult: (result, progress) =>
        Effect.zipRight(Ref.set(latest, progress), results.add(preview.valid[result.index]?.line ?? 0, result))
    }).pipe(Effect.provide(Connection.layer(settings)))
  })

/** Shows how far it is: on one line of a terminal, or else on a new line now and then. */
const showing = ({ json }: Settings, latest: Ref.Ref<Batch.Progress | undefined>) =>
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    const isOneLine = !json && (yield* terminal.isTTY)
    const started = yield* Clock.currentTimeMillis
    const show = Effect.gen(function* () {
      const progress = yield* Ref.get(latest)
      if (progress === undefined) return
      const now = yield* Clock.currentTimeMillis
      const line = BatchLines.progress(progress, Duration.millis(now - started))
      yield* isOneLine ? Effect.ignore(terminal.display(`${lineStart}${line}`)) : Console.error(line)
    })
    // What is printed next begins at the edge.
    const clear = isOneLine ? Effect.ignore(terminal.display(lineStart)) : Effect.void
    yield* Effect.forever(Effect.delay(show, isOneLine ? Duration.seconds(1) : Duration.seconds(10))).pipe(
      Effect.ensuring(clear)
    )
  })

/** Goes back to the beginning of the line and clears it. */
const lineStart = "\r\u001b[2K"

const report = (settings: Settings, preview: Batch.Preview, summary: Batch.Summary) =>
  Report.batch(summary, { files: settings.files, leftOut: preview.rows - preview.valid.length }, settings)
