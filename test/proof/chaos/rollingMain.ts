/** `npm run chaos:rolling -- 5`: that many deploys on PostgreSQL while payouts stream in, and how long the payouts took. */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect } from "effect"
import * as Rolling from "./Rolling.js"

const [rounds = 3, perSecond = 10] = process.argv.slice(2).map(Number)

Config.string("PAYOUTS_POSTGRES_URL").pipe(
  Effect.flatMap((url) => Rolling.run(url, { rounds, perSecond, lease: 9_000, stay: 10_000 })),
  Effect.flatMap(({ doubled, took }) => {
    const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))]
    return Console.log(
      `${rounds} rounds, ${took.length} payouts, ${doubled} doubled; ms from submit to end: ` +
        `median ${at(0.5)}, 99 % ${at(0.99)}, slowest ${took.at(-1)}`
    )
  }),
  Effect.scoped,
  NodeRuntime.runMain
)
