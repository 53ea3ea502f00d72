/** Deploys on PostgreSQL while payouts stream in: the small size of `npm run chaos:rolling`. */
import { assert, describe, it } from "@effect/vitest"
import { Config, Effect, Option } from "effect"
import * as Rolling from "./Rolling.js"

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))

describe.skipIf(Option.isNone(url))("processes that come and go on PostgreSQL", () => {
  it.scopedLive(
    "1, 3, 2 and 1 of them, ended by SIGTERM and by SIGKILL, end each payout once, the slowest within the bound",
    () =>
      Effect.gen(function* () {
        const plan = { rounds: 1, perSecond: 2, lease: 4_000, stay: 2_500 }
        const { doubled, took } = yield* Rolling.run(Option.getOrThrow(url), plan)
        assert.isAbove(took.length, 15)
        assert.strictEqual(doubled, 0)
        // On a busy machine, a payout that nothing delays takes long as well.
        const ordinary = took[took.length >> 1] ?? Infinity
        assert.isBelow(took.at(-1) ?? Infinity, plan.lease + Rolling.recoveryMax + ordinary)
      }),
    90_000
  )
})
