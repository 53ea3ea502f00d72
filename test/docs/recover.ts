import { Effect, Stream } from "effect"
import { Payouts, type PayoutRequest } from "effect-billwerk-payouts"

/** The process that paid this batch was killed. `unbooked` is what it had begun, or may have, and had not booked. */
export const again = <E>(unbooked: Stream.Stream<PayoutRequest.PayoutRequest, E>) =>
  Stream.unwrap(Effect.map(Payouts.Payouts, (payouts) => payouts.recoverAll(unbooked, { concurrency: 64 })))
