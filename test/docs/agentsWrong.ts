import { Effect, Schedule } from "effect"
import { PayoutRequest, Payouts } from "effect-billwerk-payouts"

declare const releaseFunds: Effect.Effect<void>

// WRONG, five times, although it compiles. It pays twice, and gives the funds back of what it paid.
export const pay = (prize: { readonly id: number; readonly card: string; readonly amount: number }) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const request = yield* PayoutRequest.make({
      handle: `prize-${prize.id}-${Date.now()}`, // 1: a new handle with each try is a new payout
      destination: prize.card,
      amount: prize.amount,
      currency: "DKK"
    })
    return yield* payouts.create(request)
  }).pipe(
    Effect.timeout("10 seconds"), // 2: a timeout says nothing about the money
    Effect.retry(Schedule.recurs(3)), // 3: the library has retried by its budgets, and looked up before it sent
    Effect.catchAll(() => releaseFunds), // 4: an error is not a failure: the money may have moved
    Effect.provide(Payouts.layer) // 5: a service for each call forgets what the last one sent
  )
