import { Console, Context, Effect } from "effect"
import { Payouts, PayoutRequest } from "effect-billwerk-payouts"
import { ledgerStep, LedgerStep } from "./ledgerStep.js"

export class Funds extends Context.Tag("Funds")<
  Funds,
  {
    readonly reserve: (handle: string, amount: number) => Effect.Effect<void>
    readonly book: (handle: string, amount: number) => Effect.Effect<void>
    readonly release: (handle: string) => Effect.Effect<void>
    readonly askAPerson: (handle: string, atMost: number) => Effect.Effect<void>
  }
>() {}

/** Reserves the funds, pays out, and books them; or gives them back, but only if that is certain and final. */
export const payPrize = Effect.fn("payPrize")(function* (request: PayoutRequest.PayoutRequest) {
  const payouts = yield* Payouts.Payouts
  const funds = yield* Funds
  yield* funds.reserve(request.handle, request.amount)
  const account = LedgerStep.$match({
    Book: ({ amount, inDoubt }) =>
      Effect.zipRight(
        funds.book(request.handle, amount),
        inDoubt > 0 ? funds.askAPerson(request.handle, inDoubt) : Effect.void
      ),
    Release: () => funds.release(request.handle),
    TryLater: () => Effect.void, // the funds stay reserved
    AskAPerson: ({ atMost }) => funds.askAPerson(request.handle, atMost)
  })
  return yield* payouts.create(request).pipe(
    Effect.tap((outcome) => account(ledgerStep(outcome))),
    Effect.tapError((error) => Effect.zipRight(Console.log(error.message), account(ledgerStep(error))))
  )
})
