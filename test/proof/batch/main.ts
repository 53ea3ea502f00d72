/** `npm run batch:kills -- --rows 5000 --kills 200`: kills the program of a batch, and prints what became of its rows. */
import { Command, Options } from "@effect/cli"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import * as Campaign from "./Campaign.js"
import type { Keeper } from "./Told.js"

const keepers: ReadonlyArray<Keeper> = ["library", "after sending", "not at all"]

const options = {
  rows: Options.integer("rows").pipe(Options.withDefault(1_000), Options.withDescription("How many rows to pay.")),
  kills: Options.integer("kills").pipe(Options.withDefault(50), Options.withDescription("How often to kill.")),
  concurrency: Options.integer("concurrency").pipe(Options.withDefault(16)),
  mix: Options.choice("mix", ["anything", "late creates"] as const).pipe(
    Options.withDefault("anything" as const),
    Options.withDescription("What goes wrong at the provider.")
  ),
  seed: Options.integer("seed").pipe(Options.withDefault(1)),
  keeper: Options.choice("keeper", keepers).pipe(
    Options.withDefault<Keeper>("library"),
    Options.withDescription("Who keeps the record: the library, or one that is wrong on purpose.")
  )
}

const command = Command.make("batch-kills", options, (plan) =>
  Effect.gen(function* () {
    const summary = yield* Campaign.run({ ...plan, onProgress: Console.log })
    yield* Console.log(report(summary))
    const { books, doubled, falsely, lost, wrong } = summary
    const agrees = books.min <= books.moved && books.moved <= books.max
    if (lost.length + doubled.length + falsely.length + wrong.length > 0 || !agrees) {
      yield* Effect.sync(() => {
        process.exitCode = 1
      })
    }
  }).pipe(Effect.scoped)
)

const report = ({
  books,
  calm,
  creates,
  doubled,
  ends,
  falsely,
  inDoubt,
  inFlight,
  kills,
  lines,
  lost,
  rows,
  took,
  wrong
}: Campaign.Summary) =>
  [
    "",
    `${rows} rows, ${kills} kills (${inFlight} while rows were under way), ${calm} runs that were left alone, ` +
      `${creates} creates, ${(took / 1000).toFixed(0)} s`,
    "",
    "Rows ended as:",
    ...Object.entries(ends)
      .sort(([, one], [, other]) => other - one)
      .map(([name, count]) => `  ${name.padEnd(40)} ${count}`),
    "",
    `${lost.length} lost, ${doubled.length} doubled, ${falsely.length} told falsely; ${books.moved} moved by the ledger, ` +
      `${books.min} to ${books.max} by the results`,
    `Reconciled with the provider's list: ${wrong.length} otherwise than told, beside ${inDoubt} told to be in doubt.`,
    ...lines,
    ...[...lost, ...doubled, ...falsely, ...wrong].slice(0, 20).map((line) => `  ${line}`)
  ].join("\n")

Command.run(command, { name: "batch-kills", version: "1" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
