/**
 * `payout durable`: lists the payouts of a durable engine from its database, wakes them, and takes up again those that
 * have ended. These commands ask the provider nothing and run no payout: the process that runs them does.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type * as PlatformError from "@effect/platform/Error"
import type { SqlError } from "@effect/sql/SqlError"
import * as Console from "effect/Console"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Handle from "../domain/Handle.js"
import type { Reopened } from "../durable/PayoutWorkflow.js"
import type { Execution } from "../durable/Unfinished.js"
import * as BadInput from "./BadInput.js"
import * as Call from "./Call.js"
import * as DurableLines from "./DurableLines.js"
import * as DurableStore from "./DurableStore.js"
import { exitCode } from "./ExitCode.js"
import * as Help from "./Help.js"
import * as Paint from "./Paint.js"
import * as Report from "./Report.js"
import { StandardOutput } from "./StandardOutput.js"

interface Settings extends DurableStore.Given {
  readonly json: boolean
}

const listFlags = {
  ...DurableStore.flags,
  inDoubt: Options.withDescription(Options.boolean("in-doubt"), Help.durable["in-doubt"])
}

const list = Command.make("list", listFlags, ({ inDoubt, ...flags }) =>
  Effect.gen(function* () {
    const store = yield* DurableStore.storeOf(flags)
    const [output, linesOf] = yield* Effect.all([
      StandardOutput,
      listLines(store, inDoubt ? "in doubt" : "unfinished", flags)
    ])
    const { options, unfinished } = store
    const shown = Stream.run(linesOf(inDoubt ? unfinished.inDoubt(options) : unfinished.list(options)), output)
    return yield* Call.whole(Effect.provide(shown, store.reading), {
      onSuccess: () => Report.ended(exitCode.shown),
      onFailure: (error) => failed(error, flags),
      onCutShort: (how) => Report.cutShort(`${how}: the list is not complete`, "notAsked", { ...flags, mode: "Live" })
    })
  })
).pipe(Command.withDescription(Help.durableCommands["durable list"]))

const wakeFlags = {
  ...DurableStore.flags,
  all: Options.withDescription(Options.boolean("all"), Help.durable.all),
  handle: Args.optional(Args.text({ name: "handle" }))
}

const wake = Command.make("wake", wakeFlags, ({ all, handle, ...flags }) =>
  Effect.gen(function* () {
    if (Option.isSome(handle) === all) return yield* BadInput.make("say what to wake: one handle, or --all")
    const store = yield* DurableStore.storeOf(flags)
    const { options, unfinished } = store
    const report = Option.isNone(handle)
      ? Effect.map(unfinished.wakeAll(options), (count) => wokenAll(count, flags))
      : Effect.map(wokenOf(store, yield* Effect.mapError(Handle.make(handle.value), BadInput.fromRefusal)), (found) =>
          wokenOne(store, handle.value, found, flags)
        )
    return yield* Call.whole(Effect.provide(report, store.waking), {
      onSuccess: (report) => report,
      onFailure: (error) => failed(error, flags),
      onCutShort: (how) => Report.cutShort(`${how}: not all were woken`, "notAsked", { ...flags, mode: "Live" })
    })
  })
).pipe(Command.withDescription(Help.durableCommands["durable wake"]))

const handleArg = Args.text({ name: "handle" })

const show = Command.make("show", { ...DurableStore.flags, handle: handleArg }, ({ handle, ...flags }) =>
  Effect.gen(function* () {
    const store = yield* DurableStore.storeOf(flags)
    const named = yield* Effect.mapError(Handle.make(handle), BadInput.fromRefusal)
    const shown = Effect.map(store.unfinished.ofHandle(named, store.options), (executions) =>
      executionsOf(store, named, executions, flags)
    )
    return yield* Call.whole(Effect.provide(shown, store.reading), {
      onSuccess: (report) => report,
      onFailure: (error) => failed(error, flags),
      onCutShort: (how) => Report.cutShort(`${how}: nothing was shown`, "notAsked", { ...flags, mode: "Live" })
    })
  })
).pipe(Command.withDescription(Help.durableCommands["durable show"]))

const reopenFlags = {
  ...DurableStore.flags,
  execution: Options.optional(Options.withDescription(Options.text("execution"), Help.durable.execution))
}

const retry = Command.make("retry", { ...reopenFlags, handle: handleArg }, ({ execution, handle, ...flags }) =>
  Effect.flatMap(DurableStore.storeOf(flags), (store) => reopen("retry", store, { execution, flags, handle }))
).pipe(Command.withDescription(Help.durableCommands["durable retry"]))

const assessFlags = {
  ...reopenFlags,
  all: Options.withDescription(Options.boolean("all"), Help.durable.all),
  handle: Args.optional(handleArg)
}

const assess = Command.make("assess", assessFlags, ({ all, execution, handle, ...flags }) =>
  Effect.gen(function* () {
    if (Option.isSome(handle) === all) return yield* BadInput.make("say what to assess: one handle, or --all")
    const store = yield* DurableStore.storeOf(flags)
    if (Option.isSome(handle)) return yield* reopen("assess", store, { execution, flags, handle: handle.value })
    const assessed = Effect.map(store.unfinished.assessAll(store.options), (count) => assessedAll(count, flags))
    return yield* Call.whole(Effect.provide(assessed, store.waking), {
      onSuccess: (report) => report,
      onFailure: (error) => failed(error, flags),
      onCutShort: (how) => Report.cutShort(`${how}: not all were taken up`, "notAsked", { ...flags, mode: "Live" })
    })
  })
).pipe(Command.withDescription(Help.durableCommands["durable assess"]))

interface Named {
  readonly execution: Option.Option<string>
  readonly flags: Settings
  readonly handle: string
}

const reopen = Effect.fnUntraced(function* (
  name: "retry" | "assess",
  store: DurableStore.Store,
  { execution, flags, handle }: Named
) {
  const named = yield* Effect.mapError(Handle.make(handle), BadInput.fromRefusal)
  const options = { ...store.options, executionId: Option.getOrUndefined(execution) }
  const report = Effect.map(store.unfinished[name](named, options), (found) => reopened(named, found, flags))
  return yield* Call.whole(Effect.provide(report, store.waking), {
    onSuccess: (report) => report,
    onFailure: (error) => (error._tag === "SeveralEnded" ? BadInput.make(error.message) : failed(error, flags)),
    onCutShort: (how) => Report.cutShort(`${how}: show says whether it was`, "notAsked", { ...flags, mode: "Live" })
  })
})

const assessedAll = (count: number, { json }: Settings) =>
  json
    ? Report.machine({ exitCode: exitCode.shown, assessed: count }, exitCode.shown)
    : Report.people(
        () => [`${count} ended ${count === 1 ? "payout" : "payouts"} taken up: no earlier end is told now`],
        exitCode.shown
      )

const reopened = (handle: string, found: ReadonlyArray<Reopened>, { json }: Settings) =>
  Effect.gen(function* () {
    const code = found.length === 0 ? exitCode.notFound : exitCode.shown
    if (json) return yield* Report.machine({ exitCode: code, payouts: found }, code)
    if (found.length === 0) {
      yield* Console.error(unknown(handle))
      return yield* Report.ended(code)
    }
    return yield* Report.people(
      () => found.map(({ executionId, status }) => `${handle}, execution ${executionId}: ${becauseOf[status]}`),
      code
    )
  })

const becauseOf: Readonly<Record<Reopened["status"], string>> = {
  Reopened: "taken up: the process that runs the payouts looks it up (if none runs now, at its start)",
  Underway: "it has not ended: nothing to take up (durable wake lets it go on)",
  Final: "paid, or declined for good: nothing was done"
}

const unknown = (handle: string): string => `payout: no durable payout here has the handle ${handle}`

/** The refusal of a durable command that there is not. */
export const unnamed = BadInput.make("name a command: durable list, show, wake, retry or assess (see --help)")

/** `payout durable`, with a subcommand for each thing that an operator does. */
export const command = Command.make("durable", {}, () => unnamed).pipe(
  Command.withDescription(Help.durableCommands["durable list"]),
  Command.withSubcommands([list, show, wake, retry, assess])
)

interface Found {
  readonly woken: ReadonlyArray<Execution>
  readonly isKnown: boolean
}

const wokenOf = ({ options, unfinished }: DurableStore.Store, handle: string) =>
  Effect.gen(function* () {
    const woken = yield* unfinished.wake(handle, options)
    const isKnown = woken.length > 0 || (yield* unfinished.ofHandle(handle, options)).length > 0
    return { woken, isKnown } satisfies Found
  })

const listLines = ({ unfinished }: DurableStore.Store, what: "unfinished" | "in doubt", { json }: Settings) => {
  const encode = Schema.encode(unfinished.Execution)
  return Effect.map(
    Paint.detect,
    (paint) =>
      <E, R>(executions: Stream.Stream<Execution, E, R>): Stream.Stream<string, E, R> =>
        json
          ? Stream.mapEffect(executions, (one) =>
              Effect.map(Effect.orDie(encode(one)), (it) => `${JSON.stringify(it)}\n`)
            )
          : Stream.map(DurableLines.ofList(executions, paint, what), (line) => `${line}\n`)
  )
}

const wokenAll = (count: number, { json }: Settings) =>
  json
    ? Report.machine({ exitCode: exitCode.shown, woken: count }, exitCode.shown)
    : Report.people(
        () => [
          `woke ${count} waiting ${count === 1 ? "payout" : "payouts"}: the process that runs them goes on with them (if none runs now, at its start)`
        ],
        exitCode.shown
      )

/** All executions of a handle. */
const executionsOf = (
  { unfinished }: DurableStore.Store,
  handle: string,
  executions: ReadonlyArray<Execution>,
  { json }: Settings
) =>
  Effect.gen(function* () {
    const code = executions.length === 0 ? exitCode.notFound : exitCode.shown
    if (json) {
      const encoded = yield* Effect.orDie(Schema.encode(Schema.Array(unfinished.Execution))(executions))
      return yield* Report.machine({ exitCode: code, executions: encoded }, code)
    }
    if (executions.length === 0) {
      yield* Console.error(unknown(handle))
      return yield* Report.ended(code)
    }
    return yield* Report.people(
      (paint) => [paint.faint(DurableLines.head), ...executions.flatMap((one) => DurableLines.withId(one, paint))],
      code
    )
  })

const wokenOne = ({ unfinished }: DurableStore.Store, handle: string, { isKnown, woken }: Found, { json }: Settings) =>
  Effect.gen(function* () {
    const code = isKnown ? exitCode.shown : exitCode.notFound
    if (json) {
      const executions = yield* Effect.orDie(Schema.encode(Schema.Array(unfinished.Execution))(woken))
      return yield* Report.machine({ exitCode: code, woken: woken.length, executions }, code)
    }
    if (!isKnown) yield* Console.error(unknown(handle))
    return yield* Report.people(
      (paint) =>
        woken.length === 0
          ? [isKnown ? `${handle} has ended: nothing to wake (durable retry takes it up)` : "nothing to wake"]
          : ["woke, as it was before:", ...woken.map((one) => DurableLines.ofExecution(one, paint))],
      code
    )
  })

type Failure = SqlError | ConfigError.ConfigError | PlatformError.PlatformError

/** Of the platform's errors, only one of standard output can come: its reader has gone. */
const failed = (error: Failure, settings: Settings) =>
  Effect.gen(function* () {
    const { json, prefix } = settings
    if (error._tag === "SystemError" || error._tag === "BadArgument") return yield* Report.ended(exitCode.outputClosed)
    if (error._tag !== "SqlError") return yield* BadInput.fromConfig(error)
    const tables = `${Option.getOrElse(prefix, () => "cluster")}_messages`
    if (DurableStore.hasNoTables(error)) {
      return yield* BadInput.make(`the database has no table ${tables}: no engine has used it, or --prefix is another`)
    }
    const code = DurableStore.codeOf(error)
    const message = `the database did not answer${code === undefined ? "" : ` (${code})`}`
    yield* Console.error(`payout: ${message}`)
    if (!json) return yield* Report.ended(exitCode.notAsked)
    return yield* Report.machine(
      { exitCode: exitCode.notAsked, error: { _tag: "SqlError", code, message } },
      exitCode.notAsked
    )
  })
