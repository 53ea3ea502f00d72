/**
 * `npm run model`: every small world up to a size, or one of them again.
 */
import { Command, Options } from "@effect/cli"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect, Option } from "effect"
import { careful, flaws } from "./Careful.js"
import { library } from "./Client.js"
import { standard } from "./Knowledge.js"
import { explore, type Found, type Summary, tell } from "./Worlds.js"

const clients = ["library", "careful", ...flaws] as const

const options = {
  size: Options.integer("size").pipe(
    Options.withDefault(4),
    Options.withDescription("How unusual a world may be: each thing that is not usual costs 1 to 3.")
  ),
  client: Options.choice("client", clients).pipe(
    Options.withDefault("library"),
    Options.withDescription("Which client: the library, the model's own careful one, or that with a flaw.")
  ),
  strangers: Options.boolean("strangers").pipe(
    Options.withDescription("Whether processes that nobody knows of may have sent between two calls.")
  ),
  shown: Options.integer("shown").pipe(
    Options.withDefault(2),
    Options.withDescription("How many worlds to show of each law that is broken.")
  ),
  world: Options.text("world").pipe(
    Options.optional,
    Options.withDescription("Only the world of these things, separated by ' | ', as a broken law prints them.")
  )
}

const command = Command.make("model", options, ({ client, shown, size, strangers, world }) => {
  const subject = client === "library" ? library : careful(client === "careful" ? undefined : client)
  const assumptions = { ...standard, strangersBetweenCalls: strangers }
  return Effect.gen(function* () {
    if (Option.isSome(world)) {
      const { story, violation } = tell(subject, world.value.split(" | "), assumptions)
      yield* Console.log([...story, violation === undefined ? "no law is broken" : sentence(violation)].join("\n"))
      return violation === undefined
    }
    const started = yield* Clock.currentTimeMillis
    const summary = explore(subject, size, Infinity, assumptions)
    const took = (yield* Clock.currentTimeMillis) - started
    yield* Console.log(text(summary, took, shown))
    return summary.found.length === 0
  }).pipe(Effect.flatMap((isFine) => (isFine ? Effect.void : Effect.fail("a law is broken"))))
})

const sentence = ({ law, what }: Found["violation"]) => `breaks "${law}": ${what}`

const text = ({ found, lessCertain, statements, worlds }: Summary, took: number, shown: number): string => {
  const laws = new Map<string, Array<Found>>()
  for (const one of found) laws.set(one.violation.law, [...(laws.get(one.violation.law) ?? []), one])
  return [
    `${worlds} worlds in ${(took / 1_000).toFixed(1)} s, ${statements} statements; ${lessCertain} could be more certain.`,
    `${found.length} worlds break a law.`,
    ...[...laws].flatMap(([law, all]) => [
      "",
      `${law}: ${all.length} worlds, the first is number ${all[0]?.after}`,
      ...all.slice(0, shown).map(paragraph)
    ])
  ].join("\n")
}

const paragraph = ({ oddities, violation, world }: Found): string =>
  [`  --world "${oddities.join(" | ")}"`, ...world.story, violation.what].join("\n    ")

Command.run(command, { name: "model", version: "1" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
