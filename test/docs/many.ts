import { Console, Effect, Either, Layer, Stream } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { prize } from "./prize.js"

const main = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.script(Script.forHandle("prize-2026-13")(Script.softDeclined("insufficient_funds")))

  const payouts = yield* Payouts.Payouts
  const requests = Stream.range(1, 500).pipe(Stream.mapEffect((number) => prize(String(number)))) // or rows of a table
  const paid = yield* payouts.createAll(requests, { concurrency: 64 }).pipe(
    Stream.tap(({ request: { handle }, result }) =>
      Either.isLeft(result) ? Console.log(handle, result.left._tag, result.left.certainty) : Effect.void
    ),
    Stream.filter(({ result }) => Either.isRight(result)),
    Stream.runCount
  )
  yield* Console.log(`${paid} others are paid`)
})

await main.pipe(Effect.provide(Layer.provideMerge(Payouts.layer, Sandbox.layer)), Effect.runPromise)
