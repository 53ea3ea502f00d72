/** `npm run failures`: makes what is below durable payouts fail, in each way that it can, and prints what was seen. */
import { Command, Options } from "@effect/cli"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import * as smallDisk from "../../smallDisk.js"
import * as Failures from "./Failures.js"
import * as Server from "./Server.js"
import * as Trial from "./Trial.js"

const options = {
  only: Options.text("only").pipe(
    Options.withDefault(""),
    Options.withDescription("Only the failures whose name has this in it.")
  ),
  seed: Options.integer("seed").pipe(Options.withDefault(1))
}

const all: ReadonlyArray<Trial.Failure> = [
  ...(Server.isInstalled ? Failures.postgres : []),
  ...Failures.sqlite,
  ...(smallDisk.canMount() ? Failures.onOwnDisk : [])
]

const command = Command.make("failures", options, ({ only, seed }) =>
  Effect.gen(function* () {
    const chosen = all.filter(({ name }) => name.includes(only))
    const seen = yield* Effect.forEach(chosen, (failure) =>
      Effect.tap(Effect.scoped(Trial.run(failure, seed)), (one) => Console.log(report(one)))
    )
    yield* Console.log(
      [
        "",
        "| what was done | payouts | what was seen | lost, doubled, told falsely |",
        "|---|--:|---|---|",
        ...seen.map(row)
      ].join("\n")
    )
    if (seen.some(Trial.hasFailed)) {
      yield* Effect.sync(() => {
        process.exitCode = 1
      })
    }
  })
)

const report = (seen: Trial.Seen): string =>
  [
    "",
    `${seen.name}: ${seen.payouts} payouts, all ended ${(seen.settledAfter / 1000).toFixed(1)} s after it was over`,
    `  exits: ${seen.exits.join(", ") || "none"}`,
    `  ends: ${JSON.stringify(seen.ends)}`,
    ...Object.entries(seen.lines).map(([line, count]) => `  ${count} x ${line}`),
    `  ${seen.lost.length} lost, ${seen.doubled.length} doubled, ${seen.falsely.length} told falsely, ${seen.secrets.length} secrets logged`,
    ...[...seen.lost, ...seen.doubled, ...seen.falsely, ...seen.secrets].slice(0, 20).map((line) => `    ${line}`)
  ].join("\n")

const row = ({ doubled, exits, falsely, lost, name, payouts, settledAfter }: Trial.Seen): string => {
  const errors = exits.filter((exit) => exit !== "SIGKILL")
  const how =
    errors.length === 0
      ? "went on by itself"
      : `ended with exit code ${errors.join(", ")}; the process that was started afterwards went on`
  const when = `all had ended after ${(settledAfter / 1000).toFixed(1)} s`
  return `| ${name} | ${payouts} | ${how}; ${when} | ${lost.length}, ${doubled.length}, ${falsely.length} |`
}

Command.run(command, { name: "failures", version: "1" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
