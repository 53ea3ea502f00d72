import { Effect } from "effect"
import { Payouts, type PayoutRequest } from "effect-billwerk-payouts"

/** After a restart: whatever was begun and not booked may have been sent, so ask before sending. */
export const recover = (begun: ReadonlyArray<PayoutRequest.PayoutRequest>) =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    Effect.forEach(begun, (request) => Effect.either(payouts.recover(request)), { concurrency: 8 })
  )
