import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PayoutError } from "effect-billwerk-payouts"
import { token, email, shown, logging, logEverywhere, assertSilent, watched } from "./canaries.js"

describe("The search itself", () => {
  it.effect("finds a canary wherever it is put, or it would prove nothing", () =>
    Effect.gen(function* () {
      const leaky = new PayoutError.InvalidRequest({ field: "text", reason: `was ${email}` })
      const finds = (texts: ReadonlyArray<string>) => texts.filter((text) => text.includes(email)).length
      assert.isAtLeast(finds(shown(leaky)), 7)
      const { layer, written } = logging()
      yield* logEverywhere(leaky).pipe(Effect.provide(layer))
      assert.isAtLeast(finds(written), 36)
      const found = yield* watched(Effect.fail(leaky).pipe(Effect.withSpan("inner")))
      assert.isAbove(finds(found.texts), 50)
      assert.throws(() => assertSilent("it", ["a", `b ${token}`]), /shows the card token/)
    })
  )
})
