/**
 * `npm run runtimes:node`: the whole suite on each version of Node that `package.json` beside this names. `-- --only 22` runs
 * one of them; `-- --write` puts the table of `docs/runtimes.md`, if all are green.
 */
import { Command, Options } from "@effect/cli"
import { Command as Process, FileSystem, Path } from "@effect/platform"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Array as Arr, Config, Console, DateTime, Effect, Schema } from "effect"

interface Node {
  /** `22` */
  readonly major: string
  readonly version: string
  /** The folder of its program. */
  readonly folder: string
}

/** What the runner's own report says of a run. */
const Report = Schema.parseJson(
  Schema.Struct({
    numPassedTests: Schema.Number,
    numFailedTests: Schema.Number,
    numPendingTests: Schema.Number,
    success: Schema.Boolean
  })
)

type Report = typeof Report.Type

const Manifest = Schema.parseJson(
  Schema.Struct({ optionalDependencies: Schema.Record({ key: Schema.String, value: Schema.String }) })
)

const here = "test/proof/runtimes/nodes"
const page = "docs/runtimes.md"

/** The versions that are installed for this platform. */
const nodes = Effect.gen(function* () {
  const { exists, readFileString } = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { optionalDependencies } = yield* Schema.decode(Manifest)(yield* readFileString(`${here}/package.json`))
  const found: Array<Node> = []
  for (const [name, target] of Object.entries(optionalDependencies)) {
    const folder = path.resolve(here, "node_modules", name, "bin")
    const [, major = ""] = /^node(\d+)-/.exec(name) ?? []
    const version = target.slice(target.lastIndexOf("@") + 1)
    if (yield* exists(folder)) found.push({ major, version, folder })
  }
  return found
})

/** Runs the suite on a version: what the tests start finds that version, too. */
const suite = ({ folder }: Node) =>
  Effect.gen(function* () {
    const { makeTempFileScoped, readFileString } = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const report = yield* makeTempFileScoped()
    const ambient = yield* Config.string("PATH")
    yield* Process.make(
      path.join(folder, "node"),
      ...["node_modules/vitest/vitest.mjs", "run", "--config", "test/vitest.config.ts"],
      ...["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`]
    ).pipe(
      Process.env({ PATH: `${folder}:${ambient}` }),
      Process.stdout("inherit"),
      Process.stderr("inherit"),
      Process.exitCode
    )
    return yield* Schema.decode(Report)(yield* readFileString(report))
  }).pipe(Effect.scoped)

const line = ({ version }: Node, { numFailedTests, numPassedTests, numPendingTests }: Report): string =>
  `Node ${version}: ${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`

const table = (ran: ReadonlyArray<readonly [Node, Report]>, day: string): string =>
  [
    "| Node | the whole suite | on |",
    "| --- | --- | --- |",
    ...ran.map(
      ([{ version }, { numPassedTests, numPendingTests }]) =>
        `| ${version} | ${numPassedTests} passed, ${numPendingTests} skipped | ${day} |`
    )
  ].join("\n")

const write = (ran: ReadonlyArray<readonly [Node, Report]>) =>
  Effect.gen(function* () {
    const { readFileString, writeFileString } = yield* FileSystem.FileSystem
    const text = yield* readFileString(page)
    const lines = table(ran, DateTime.formatIsoDateUtc(yield* DateTime.now))
    const between = /(<!-- nodes:begin -->\n)[^]*?(<!-- nodes:end -->)/
    yield* writeFileString(
      page,
      text.replace(between, (_, begin: string, end: string) => `${begin}\n${lines}\n\n${end}`)
    )
  })

const options = {
  only: Options.text("only").pipe(Options.repeated, Options.withDescription("A major version: only this one runs.")),
  write: Options.boolean("write").pipe(Options.withDescription(`Put the table of ${page}.`))
}

const command = Command.make("runtimes:node", options, ({ only, write: isWritten }) =>
  Effect.gen(function* () {
    const wanted = (yield* nodes).filter(({ major }) => only.length === 0 || only.includes(major))
    if (!Arr.isNonEmptyReadonlyArray(wanted)) return yield* Effect.fail("no such Node is installed for this platform")
    const ran: Array<readonly [Node, Report]> = []
    for (const node of wanted) {
      yield* Console.log(`Node ${node.version}`)
      ran.push([node, yield* suite(node)])
    }
    for (const [node, report] of ran) yield* Console.log(line(node, report))
    if (ran.some(([, { success }]) => !success)) return yield* Effect.fail("not green")
    if (isWritten) yield* write(ran)
  })
)

const cli = Command.run(command, { name: "The suite on each Node", version: "1" })

NodeRuntime.runMain(Effect.suspend(() => cli(process.argv)).pipe(Effect.provide(NodeContext.layer)))
