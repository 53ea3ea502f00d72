import { Console, DateTime, Effect, Layer, Stream } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import { Acquirer, Sandbox } from "effect-billwerk-payouts/testing"

const october = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  // By the calendar of the account. For exact moments, give two DateTimes instead.
  yield* payouts.list({ from: "2026-10-01", to: "2026-11-01", currencies: ["DKK"] }).pipe(
    Stream.runForEach(({ amount, handle, state }) => Console.log(handle, state, amount)),
    Effect.zipRight(Console.log("and nothing else")),
    Effect.catchTag("ListFailed", ({ message }) => Console.log(message))
  )
})

// A provider that has paid before.
const history = ["2026-09-30T21:59:59Z", "2026-09-30T22:00:00Z", "2026-10-31T22:59:59Z"].map((time, index) => ({
  handle: `prize-2026-000${index}`,
  amount: 12_500,
  transactions: [{ created: DateTime.unsafeMake(time), destination: "ca_1", outcome: Acquirer.paid }] as const
}))

await october.pipe(Effect.provide(Layer.provide(Payouts.layer, Sandbox.layerWith({ history }))), Effect.runPromise)
