/** `npm run chaos -- --kills 1000`: kills machines on SQLite, or on PostgreSQL, and prints what became of the payouts. */
import { Command, Options } from "@effect/cli"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect, Option } from "effect"
import * as Campaign from "./Campaign.js"
import * as Earlier from "./Earlier.js"
import * as Database from "./Database.js"
import * as Mishaps from "./Mishaps.js"
import type { Client } from "./Orders.js"

const clients: ReadonlyArray<Client> = ["library", "forgets", "new handle", "assumes failure"]

const options = {
  kills: Options.integer("kills").pipe(Options.withDefault(100), Options.withDescription("How many machines to kill.")),
  engine: Options.choice("engine", ["sqlite", "postgres"]).pipe(
    Options.withDefault("sqlite"),
    Options.withDescription(
      "Where the payouts are stored. For postgres, PAYOUTS_POSTGRES_URL says where the server is."
    )
  ),
  machines: Options.integer("machines").pipe(
    Options.withDefault(3),
    Options.withDescription("How many run at once, on PostgreSQL.")
  ),
  payouts: Options.integer("payouts").pipe(
    Options.withDefault(8),
    Options.withDescription("How many payouts are ordered between one death and the next.")
  ),
  lease: Options.integer("lease").pipe(
    Options.withDefault(3_000),
    Options.withDescription("How long a shard belongs to a machine that shows no sign of life, in milliseconds.")
  ),
  seed: Options.integer("seed").pipe(Options.withDefault(1)),
  upgradeFrom: Options.text("upgrade-from").pipe(
    Options.optional,
    Options.withDescription("A commit: half of the machines are of that version, as in a rolling deploy.")
  ),
  restores: Options.boolean("restores").pipe(
    Options.withDescription("Put an old copy of the database back now and then (SQLite).")
  ),
  often: Options.choice("often", Mishaps.frequent).pipe(
    Options.withDefault<(typeof Mishaps.frequent)[number]>("death"),
    Options.withDescription("What befalls the machines more often than the rest.")
  ),
  client: Options.choice("client", clients).pipe(
    Options.withDefault<Client>("library"),
    Options.withDescription("Who pays out: the library, or one that is wrong on purpose.")
  )
}

const command = Command.make(
  "chaos",
  options,
  ({ client, engine, kills, lease, machines, often, payouts, restores, seed, upgradeFrom }) =>
    Effect.gen(function* () {
      const database =
        engine === "sqlite"
          ? yield* Database.sqlite
          : yield* Database.postgres(yield* Config.string("PAYOUTS_POSTGRES_URL"), lease)
      const summary = yield* Campaign.run(database, {
        seed,
        kills,
        machines,
        payouts,
        client,
        lease,
        restores,
        upgradeFrom: Option.isSome(upgradeFrom) ? yield* Earlier.version(upgradeFrom.value) : undefined,
        mishap: Mishaps.any(database, lease, often),
        onProgress: Console.log
      })
      yield* Console.log(report(summary))
      const { doubled, falsely, lost } = summary
      if (lost.length + doubled.length + falsely.length > 0) {
        yield* Effect.sync(() => {
          process.exitCode = 1
        })
      }
    }).pipe(Effect.scoped)
)

const report = ({
  doubled,
  ends,
  falsely,
  lost,
  mishaps,
  otherCards,
  payouts,
  reopenings,
  settledAfter,
  took,
  woken
}: Campaign.Summary): string =>
  [
    "",
    `${payouts} payouts in ${(took / 1000).toFixed(0)} s, ${otherCards} of them to another card after a decline`,
    `${reopenings} times a payout was taken up again after an end`,
    "",
    "What befell the machines:",
    ...rows(mishaps),
    "",
    "Payouts ended as:",
    ...rows(ends),
    "",
    `${settledAfter} ms after the last death all had ended; ${woken} of them were woken`,
    `${lost.length} lost, ${doubled.length} doubled, ${falsely.length} reported falsely`,
    ...[...lost, ...doubled, ...falsely].slice(0, 20).map((line) => `  ${line}`)
  ].join("\n")

const rows = (counts: Readonly<Record<string, number>>): ReadonlyArray<string> =>
  Object.entries(counts)
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `  ${name.padEnd(40)} ${count}`)

Command.run(command, { name: "chaos", version: "1" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
