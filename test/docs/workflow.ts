import { Console, Context, Effect } from "effect"
import { Payouts, PayoutRequest } from "effect-billwerk-payouts"

export class Funds extends Context.Tag("Funds")<
  Funds,
  {
    readonly reserve: (handle: string, amount: number) => Effect.Effect<void>
    readonly book: (handle: string) => Effect.Effect<void>
    readonly release: (handle: string) => Effect.Effect<void>
    readonly askAPerson: (handle: string, atMost: number) => Effect.Effect<void>
  }
>() {}

/** Reserves the funds, pays out, and books them; or gives them back, but only if they certainly did not move. */
export const payPrize = Effect.fn("payPrize")(function* (request: PayoutRequest.PayoutRequest) {
  const payouts = yield* Payouts.Payouts
  const funds = yield* Funds
  yield* funds.reserve(request.handle, request.amount)
  return yield* payouts.create(request).pipe(
    Effect.tap((outcome) => (outcome._tag === "Paid" ? funds.book(request.handle) : Effect.void)),
    Effect.tapError(({ certainty, exposure, message }) =>
      Effect.zipRight(
        Console.log(message),
        certainty === "NotMoved" ? funds.release(request.handle) : funds.askAPerson(request.handle, exposure.max)
      )
    )
  )
})
