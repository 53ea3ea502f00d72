/** The pictures of the documents are what the code draws. `npm run pictures` draws them anew. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { certainty } from "./certainty.js"
import { create } from "./create.js"

const retry = Effect.map(RetryPolicy.explain(RetryPolicy.standard), RetryPolicy.toSvg)

describe("The picture", () => {
  for (const [name, draw] of Object.entries({ create: Effect.sync(create), retry, certainty })) {
    it.effect(`docs/pictures/${name}.svg shows what the code does`, () =>
      Effect.gen(function* () {
        const drawn = yield* draw
        yield* Effect.promise(() => expect(drawn).toMatchFileSnapshot(`../../docs/pictures/${name}.svg`))
      })
    )
  }
})
