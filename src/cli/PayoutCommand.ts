/**
 * The command line: its commands, their options, and its end. It is an Effect like any other; `payout.ts` only runs it.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { isCardToken, isReference } from "../domain/Destination.js"
import * as Handle from "../domain/Handle.js"
import { isCurrency } from "../domain/Money.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as BadInput from "./BadInput.js"
import * as BatchCall from "./BatchCall.js"
import * as BatchFlags from "./BatchFlags.js"
import * as Call from "./Call.js"
import * as Connection from "./Connection.js"
import * as DemoProgram from "./DemoProgram.js"
import * as DurableCommand from "./DurableCommand.js"
import { exitCode, Exited } from "./ExitCode.js"
import * as Help from "./Help.js"
import * as Keeping from "./Keeping.js"
import * as Layout from "./Layout.js"
import * as ListCommand from "./ListCommand.js"
import * as Paint from "./Paint.js"
import * as ReconcileCommand from "./ReconcileCommand.js"
import * as Report from "./Report.js"
import * as RequestInput from "./RequestInput.js"
import * as SandboxCommand from "./SandboxCommand.js"
import { tableScenarios } from "./TableScenarios.js"

const text = (name: keyof typeof Help.request) =>
  Options.optional(Options.withDescription(Options.text(name), Help.request[name]))

const requestFlags = {
  handle: text("handle"),
  destination: text("destination"),
  amount: text("amount"),
  currency: text("currency"),
  customer: text("customer"),
  text: text("text"),
  "text-on-statement": text("text-on-statement"),
  "acquirer-reference": text("acquirer-reference")
}

const policies = Options.choice("policy", ["standard", "interactive", "none"] as const).pipe(
  Options.withDefault("standard" as const),
  Options.withDescription(Help.call.policy)
)

const callFlags = {
  policy: policies,
  live: Options.withDescription(Options.boolean("live"), Help.call.live),
  sandbox: Options.withDescription(Options.boolean("sandbox"), Help.call.sandbox),
  testAmounts: Options.withDescription(Options.boolean("test-amounts"), Help.call["test-amounts"]),
  json: Options.withDescription(Options.boolean("json"), Help.call.json)
}

const about = (name: keyof typeof Help.evidence) =>
  Options.optional(Options.withDescription(Options.text(name), Help.evidence[name]))

const createFlags = {
  ...requestFlags,
  file: text("file"),
  ...callFlags,
  evidence: about("evidence"),
  otherAccount: Options.withDescription(Options.boolean("other-account"), Help.evidence["other-account"])
}

const create = Command.make("create", createFlags, ({ evidence, file, ...flags }) =>
  Effect.gen(function* () {
    const settings = { ...flags, evidence, mode: yield* Connection.modeOf(flags) }
    const request = yield* readRequest(flags, file)
    return yield* Effect.flatMap(Keeping.forCreate(request, settings), (keeper) =>
      Call.pay(settings, request.handle, keeper, (payouts) => payouts.create(request))
    ).pipe(Effect.provide(Connection.layer(settings)))
  })
).pipe(Command.withDescription(Help.commands.create))

const recoverFlags = {
  ...createFlags,
  outstandingCreates: about("outstanding-creates"),
  lastSentAt: about("last-sent-at")
}

const recover = Command.make("recover", recoverFlags, ({ evidence, file, lastSentAt, outstandingCreates, ...flags }) =>
  Effect.gen(function* () {
    const settings = { ...flags, evidence, mode: yield* Connection.modeOf(flags) }
    const told = yield* Keeping.toldBy({ lastSentAt, outstandingCreates })
    const request = yield* readRequest(flags, file)
    return yield* Effect.flatMap(Keeping.forRecover(request, settings, told), ({ keeper, options }) =>
      Call.pay(settings, request.handle, keeper, (payouts) => payouts.recover(request, options))
    ).pipe(Effect.provide(Connection.layer(settings)))
  })
).pipe(Command.withDescription(Help.commands.recover))

const awaitFlags = {
  ...recoverFlags,
  for: Options.withDescription(Options.text("for"), Help.await.for).pipe(Options.withDefault("1 hour"))
}

const awaitFinal = Command.make(
  "await",
  awaitFlags,
  ({ evidence, file, for: given, lastSentAt, outstandingCreates, ...flags }) =>
    Effect.gen(function* () {
      const settings = { ...flags, evidence, mode: yield* Connection.modeOf(flags) }
      const told = yield* Keeping.toldBy({ lastSentAt, outstandingCreates })
      const deadline = Option.filter(Duration.decodeUnknown(given), Duration.isFinite)
      if (Option.isNone(deadline)) return yield* BadInput.make('--for must be a time to wait, such as "10 minutes"')
      const request = yield* readRequest(flags, file)
      return yield* Effect.flatMap(Keeping.forRecover(request, settings, told), ({ keeper, options }) =>
        Call.awaitFinal(settings, request, keeper, { ...options, deadline: deadline.value })
      ).pipe(Effect.provide(Connection.layer(settings)))
    })
).pipe(Command.withDescription(Help.commands.await))

// Standard input may never end.
const readRequest = (...input: Parameters<typeof RequestInput.read>) =>
  Effect.interruptible(RequestInput.read(...input)).pipe(
    Effect.onInterrupt(() => Console.error("payout: interrupted before anything was sent"))
  )

const getFlags = { handle: Options.withDescription(Options.text("handle"), Help.request.handle), ...callFlags }

const get = Command.make("get", getFlags, (flags) =>
  Effect.gen(function* () {
    const mode = yield* Connection.modeOf(flags)
    const handle = yield* Effect.mapError(Handle.make(flags.handle), BadInput.fromRefusal)
    return yield* Call.ask({ ...flags, mode }, handle)
  })
).pipe(Command.withDescription(Help.commands.get))

const list = Command.make("list", { ...ListCommand.flags, ...callFlags }, (flags) =>
  Effect.gen(function* () {
    const mode = yield* Connection.modeOf(flags)
    return yield* Call.list({ ...flags, mode }, yield* ListCommand.filterOf(flags))
  })
).pipe(Command.withDescription(Help.commands.list))

const reconcile = Command.make("reconcile", { ...ReconcileCommand.flags, ...callFlags }, (flags) =>
  Effect.gen(function* () {
    const mode = yield* Connection.modeOf(flags)
    const filter = yield* ReconcileCommand.filterOf(flags)
    return yield* Call.reconcile({ ...flags, mode }, ReconcileCommand.expected(flags), filter)
  })
).pipe(Command.withDescription(Help.commands.reconcile))

const doctorText = (name: keyof typeof Help.doctor) =>
  Options.optional(Options.withDescription(Options.text(name), Help.doctor[name]))

const doctorFlags = { paymentMethod: doctorText("payment-method"), currency: doctorText("currency"), ...callFlags }

const doctor = Command.make("doctor", doctorFlags, ({ currency, paymentMethod, ...flags }) =>
  Effect.gen(function* () {
    const mode = yield* Connection.modeOf(flags)
    if (Option.exists(paymentMethod, (reference) => isCardToken(reference) || !isReference(reference))) {
      return yield* BadInput.make("--payment-method must be a saved payment method (ca_...)")
    }
    if (Option.exists(currency, (currency) => !isCurrency(currency))) {
      return yield* BadInput.make("--currency must be three capital letters of ISO 4217")
    }
    return yield* Call.examine(
      { ...flags, mode },
      { currency, paymentMethod: Option.map(paymentMethod, Redacted.make) }
    )
  })
).pipe(Command.withDescription(Help.commands.doctor))

const probeFlags = {
  paymentMethod: Options.withDescription(Options.text("payment-method"), Help.doctor["payment-method"]),
  currency: doctorText("currency"),
  ...callFlags
}

const probe = Command.make("probe", probeFlags, ({ currency, paymentMethod, ...flags }) =>
  Effect.gen(function* () {
    const mode = yield* Connection.modeOf(flags)
    if (isCardToken(paymentMethod))
      return yield* BadInput.make("--payment-method must be a saved payment method (ca_...)")
    return yield* Call.observe({ ...flags, mode }, { currency, paymentMethod: Redacted.make(paymentMethod) })
  })
).pipe(Command.withDescription(Help.commands.probe))

const batchText = (name: keyof typeof Help.batch) =>
  Options.optional(Options.withDescription(Options.text(name), Help.batch[name]))

const batchSwitch = (name: keyof typeof Help.batch) => Options.withDescription(Options.boolean(name), Help.batch[name])

const batchFlags = {
  file: Options.withDescription(Options.text("file"), Help.batch.rows),
  ...callFlags,
  yes: batchSwitch("yes"),
  journal: batchText("journal"),
  results: batchText("results"),
  stopInDoubt: batchText("stop-in-doubt"),
  stopAfterFailures: batchText("stop-after-failures"),
  skipInvalid: batchSwitch("skip-invalid"),
  retryFailed: batchSwitch("retry-failed"),
  leaveMissing: batchSwitch("leave-missing"),
  mayBeSent: batchSwitch("may-be-sent"),
  otherAccount: batchSwitch("other-account")
}

const batch = Command.make("batch", batchFlags, (flags) =>
  Effect.gen(function* () {
    const mode = yield* Connection.modeOf(flags)
    const files = yield* BatchFlags.filesOf(flags, mode)
    const stop = yield* BatchFlags.rulesOf(flags)
    return yield* BatchCall.pay({ ...flags, files, mode, stop })
  })
).pipe(Command.withDescription(Help.commands.batch))

const policy = Command.make("policy", {}, () =>
  Effect.flatMap(RetryPolicy.explain(RetryPolicy.standard), ({ text }) =>
    Console.log(Layout.paragraphs(text).join("\n"))
  )
).pipe(Command.withDescription(Help.commands.policy))

const demo = Command.make("demo", {}, () => Effect.interruptible(DemoProgram.run(tableScenarios))).pipe(
  Command.withDescription(Help.commands.demo)
)

const root = Command.make("payout", {}, () =>
  BadInput.make(
    "name a command: demo, create, recover, await, batch, get, list, reconcile, durable, doctor, probe, sandbox or policy (see --help)"
  )
).pipe(
  Command.withSubcommands([
    demo,
    create,
    recover,
    awaitFinal,
    batch,
    get,
    list,
    reconcile,
    DurableCommand.command,
    doctor,
    probe,
    SandboxCommand.command,
    policy
  ])
)

/**
 * Runs the command line with a process's arguments: the interpreter, the script, the arguments. Ends with 0, or prints
 * why not and fails with the exit code.
 */
export const run = (argv: ReadonlyArray<string>) =>
  (argv.includes("--help") || argv.includes("-h") ? Console.log(Help.page) : obey(argv)).pipe(
    Effect.catchTag("BadInput", (bad) => Report.badInput(bad, argv.includes("--json"))),
    Effect.catchAllDefect((defect) =>
      // A defect's text may hold anything; its name does not.
      Effect.zipRight(
        Console.error(`payout: this program failed (${defect instanceof Error ? defect.name : typeof defect})`),
        new Exited({ code: exitCode.broken })
      )
    ),
    // Standard output is for results.
    Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger)))
  )

const obey = Effect.fnUntraced(function* (argv: ReadonlyArray<string>) {
  const console = yield* Console.consoleWith(Effect.succeed)
  const paint = yield* Paint.detect
  const command = Command.transformHandler(root, (handler) => Effect.withConsole(handler, console))
  return yield* Command.run(command, { name: "payout", version: Help.version })(argv).pipe(
    Effect.withConsole(quiet(console, paint)),
    Effect.catchIf(ValidationError.isValidationError, (error) =>
      // The commands that the error itself names are those of the whole program.
      ValidationError.isCommandMismatch(error) && argv[2] === "durable"
        ? DurableCommand.unnamed
        : BadInput.fromValidation(error, { args: argv.slice(2), isOption: Help.isOption })
    )
  )
})

/** The console while the arguments are read: without pages about errors, and without colour on a plain output. */
const quiet = (console: Console.Console, paint: Paint.Paint): Console.Console => ({
  ...console,
  error: () => Effect.void,
  log: (...texts: ReadonlyArray<unknown>) =>
    console.log(...texts.map((text) => (typeof text === "string" && paint === Paint.plain ? Paint.strip(text) : text)))
})
