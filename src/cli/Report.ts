/**
 * How a command reports its result: lines for people, or one JSON object and nothing else on standard output.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Batch from "../batch/Batch.js"
import { Outcome } from "../domain/Outcome.js"
import { Payout } from "../domain/Payout.js"
import { ListError, LookupError, PayoutError } from "../domain/PayoutError.js"
import * as Reconciliation from "../reconciliation/Reconciliation.js"
import * as Observations from "../sandbox/Observations.js"
import * as BadInput from "./BadInput.js"
import type { Files } from "./BatchFlags.js"
import * as BatchLines from "./BatchLines.js"
import type { Mode } from "./Connection.js"
import type { Finding } from "./Doctor.js"
import * as ExitCode from "./ExitCode.js"
import * as Layout from "./Layout.js"
import * as Paint from "./Paint.js"
import * as Summary from "./Summary.js"

export interface Format {
  readonly json: boolean
  readonly mode: Mode
}

/** Where a call's evidence belongs. */
export interface Place {
  /** The account that it is of, for a program that keeps the JSON. */
  readonly account: string | undefined
  /** The name of the evidence file, if there is one. */
  readonly file: string | undefined
}

export const outcome = (outcome: Outcome, { account, file }: Place, { json, mode }: Format) =>
  Effect.gen(function* () {
    const code = ExitCode.of(mode, ExitCode.ofOutcome(outcome))
    if (!json)
      return yield* people((paint) => [...Summary.ofEnded(outcome, paint), ...Summary.kept(outcome, file)], code)
    const message = Summary.doubtBeside(outcome)
    const encoded = { ...(yield* encodeOutcome(outcome)), ...(message === undefined ? {} : { message }) }
    return yield* machine({ exitCode: code, mode, account, outcome: encoded, ...kept(file) }, code)
  })

export const error = (error: PayoutError, { account, file }: Place, { json, mode }: Format) =>
  Effect.gen(function* () {
    const code =
      error._tag === "InvalidRequest" ? ExitCode.exitCode.badInput : ExitCode.of(mode, ExitCode.ofError(error))
    if (!json) return yield* people((paint) => [...Summary.ofEnded(error, paint), ...Summary.kept(error, file)], code)
    const encoded = withMessage(yield* encodeError(error), error)
    return yield* machine({ exitCode: code, mode, account, error: encoded, ...kept(file) }, code)
  })

export const payout = (payout: Payout, { json, mode }: Format) =>
  Effect.gen(function* () {
    const code = ExitCode.of(mode, "shown")
    if (!json) return yield* people((paint) => Summary.ofPayout(payout, paint), code)
    return yield* machine({ exitCode: code, mode, payout: yield* encodePayout(payout) }, code)
  })

export const lookupError = (error: LookupError, { json, mode }: Format) =>
  Effect.gen(function* () {
    const code = ExitCode.of(mode, ExitCode.ofLookupError(error))
    if (!json) return yield* people((paint) => Summary.ofFailed(error, paint), code)
    return yield* machine({ exitCode: code, mode, error: withMessage(yield* encodeLookupError(error), error) }, code)
  })

/** The lines of a list, as its payouts come: a table for people, or one JSON object a payout. */
export const listLines = ({ json }: Format) =>
  Effect.map(
    Paint.detect,
    (paint) =>
      <E, R>(payouts: Stream.Stream<Payout, E, R>): Stream.Stream<string, E, R> =>
        json
          ? Stream.mapEffect(payouts, (payout) => Effect.map(encodePayout(payout), (one) => `${JSON.stringify(one)}\n`))
          : Stream.map(Summary.ofPayouts(payouts, paint), (line) => `${line}\n`)
  )

/** The end of a list that is complete. */
export const listed = ({ mode }: Format) => ended(ExitCode.of(mode, "shown"))

export const listError = (error: ListError | PlatformError.PlatformError, { json, mode }: Format) =>
  Effect.gen(function* () {
    if (error._tag === "InvalidRequest") return yield* badInput(BadInput.fromRefusal(error), json)
    if (error._tag !== "ListFailed") return yield* ended(ExitCode.exitCode.outputClosed)
    const code = ExitCode.of(mode, "notAsked")
    if (!json) return yield* people((paint) => Summary.ofFailed(error, paint), code)
    return yield* machine({ exitCode: code, mode, error: withMessage(yield* encodeListError(error), error) }, code)
  })

/** The lines of a reconciliation, as its differences come: sentences and a table, or one JSON object a difference. */
export const reconciliationLines =
  ({ json }: Format) =>
  <E, R>(
    report: Stream.Stream<Reconciliation.Difference | Reconciliation.Summary, E, R>
  ): Stream.Stream<string, E, R> =>
    json
      ? Stream.mapEffect(report, (one) => Effect.map(encodeReported(one), (encoded) => `${JSON.stringify(encoded)}\n`))
      : Stream.map(Reconciliation.lines(report), (line) => `${line}\n`)

/** The end of a reconciliation that compared all of the books. */
export const reconciled = (agrees: boolean, { mode }: Format) => ended(ExitCode.of(mode, agrees ? "agree" : "differ"))

/** What a batch came to. `leftOut` are the rows of the file that were not valid. */
export const batch = (
  summary: Batch.Summary,
  { files, leftOut }: { readonly files: Files; readonly leftOut: number },
  { json, mode }: Format
) =>
  Effect.gen(function* () {
    const code = ExitCode.of(mode, ExitCode.ofBatch(summary, leftOut))
    const { journal, results } = files
    if (json) return yield* machine({ exitCode: code, mode, summary: { ...summary, leftOut }, journal, results }, code)
    const named = [
      ...(journal === undefined ? [] : Layout.labelled("journal", `in ${journal}: keep it until the batch is booked`)),
      ...(results === undefined ? [] : Layout.labelled("results", `in ${results}`))
    ]
    return yield* people((paint) => [...BatchLines.summary(summary, leftOut, paint), ...named], code)
  })

/** What `doctor` found: a table for people. */
export const findings = (findings: ReadonlyArray<Finding>, { json, mode }: Format) => {
  const code = ExitCode.of(mode, ExitCode.ofFindings(findings))
  if (json) return machine({ exitCode: code, mode, findings }, code)
  const rows = findings.map(({ about, is, says, todo }) => [about, is, todo === undefined ? says : `${says}: ${todo}`])
  return people((paint) => {
    const [head, ...body] = Layout.table(
      [{ title: "about" }, { title: "is" }, { title: "what the provider says" }],
      rows
    )
    return [paint.faint(head), ...body]
  }, code)
}

/** What `probe` saw: in both formats the JSON that `Observations` decodes. */
export const observations = (seen: Observations.Observations, { mode }: Format) =>
  Effect.flatMap(encodeObservations(seen), (encoded) =>
    Effect.zipRight(Console.log(JSON.stringify(encoded, undefined, 2)), ended(ExitCode.of(mode, "healthy")))
  )

const kept = (file: string | undefined) => (file === undefined ? {} : { evidenceFile: file })

/** Prints one line on standard error, in both formats. */
export const badInput = (bad: BadInput.BadInput, json: boolean) =>
  Effect.gen(function* () {
    const code = ExitCode.exitCode.badInput
    yield* Console.error(`payout: ${bad.line}`)
    if (!json) return yield* ended(code)
    const error = bad.refusal === undefined ? { _tag: bad._tag } : yield* encodeError(bad.refusal)
    return yield* machine({ exitCode: code, error: withMessage(error, bad) }, code)
  })

/** The report of a command that did not end normally: interrupted, or broken by a defect. */
export const cutShort = (message: string, end: ExitCode.End, { json, mode }: Format) =>
  Effect.gen(function* () {
    const code = ExitCode.of(mode, end)
    yield* Console.error(`payout: ${message}`)
    return yield* json ? machine({ exitCode: code, mode, error: { _tag: "CutShort", message } }, code) : ended(code)
  })

/** Lines for people, and the end. */
export const people = (lines: (paint: Paint.Paint) => ReadonlyArray<string>, code: ExitCode.ExitCode) =>
  Paint.detect.pipe(
    Effect.flatMap((paint) => Console.log(lines(paint).join("\n"))),
    Effect.zipRight(ended(code))
  )

/** One object for a program, and the end. */
export const machine = (report: object, code: ExitCode.ExitCode) =>
  Effect.zipRight(Console.log(JSON.stringify(report)), ended(code))

export const ended = (code: ExitCode.ExitCode): Effect.Effect<void, ExitCode.Exited> =>
  code === ExitCode.exitCode.paid ? Effect.void : new ExitCode.Exited({ code })

// An error's message is computed, so its encoded fields do not have it.
const withMessage = (encoded: object, { message }: { readonly message: string }) => ({ ...encoded, message })

const encode =
  <A, I>(schema: Schema.Schema<A, I>) =>
  (value: A) =>
    Effect.orDie(Schema.encode(schema)(value))

const encodeOutcome = encode(Outcome)
const encodeError = encode(PayoutError)
const encodePayout = encode(Payout)
const encodeLookupError = encode(LookupError)
const encodeReported = encode(Schema.Union(Reconciliation.Difference, Reconciliation.Summary))
const encodeObservations = encode(Observations.Observations)
const encodeListError = encode(ListError)
