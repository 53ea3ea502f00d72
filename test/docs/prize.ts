import { PayoutRequest } from "effect-billwerk-payouts"

export const prize = (number: string) =>
  PayoutRequest.make({
    handle: `prize-2026-${number}`,
    destination: "ca_fcfac2016614418f969fa5697383e47c",
    amount: 12_500,
    currency: "DKK"
  })
