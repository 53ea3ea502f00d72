import * as NodeContext from "@effect/platform-node/NodeContext"
import { Console, Effect, Layer } from "effect"
import { Batch, BatchStore, type PayoutRequest } from "effect-billwerk-payouts"

/** Run it again, with the same requests and the same file, after a kill, a stop or a failure: until nothing is left. */
export const payPrizes = (prizes: ReadonlyArray<PayoutRequest.PayoutRequest>) =>
  Effect.gen(function* () {
    const { inDoubt, notBegun, paid, stopped } = yield* Batch.run(prizes, {
      stop: { inDoubt: { DKK: 500_000 }, failuresInARow: 20 },
      onResult: ({ recorded, request }) => Console.log(request.handle, recorded.outcome, recorded.certainty)
    })
    yield* Console.log("paid", paid, "in doubt", inDoubt, "not begun", notBegun, stopped ?? "")
  }).pipe(Effect.provide(Layer.provideMerge(BatchStore.layerFile("prizes.journal.ndjson"), NodeContext.layer)))
