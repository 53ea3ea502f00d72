/**
 * What goes wrong, and when: decided by the payout's number alone, so that every client meets the same faults, whatever
 * it does about them. One payout in ten is hit, at its first POST; whatever a client sends after that is answered
 * truly.
 */

export const faults = [
  "paid, and the connection reset",
  "reset before anything happened",
  "paid, and a 503",
  "500 before anything happened",
  "429",
  "processing error",
  "processing error that hid a payment",
  "processing error that hid a payment, and the connection reset"
] as const

export type Fault = (typeof faults)[number]

export const oneIn = 10

/** Only the payouts that are counted have a number at the end of their handle that can be hit: see `worker.ts`. */
export const faultOf = (handle: string): Fault | undefined => {
  const number = Number(/^pay-.*-(\d+)$/.exec(handle)?.[1] ?? Number.NaN)
  return number % oneIn === 0 ? faults[(number / oneIn) % faults.length] : undefined
}
