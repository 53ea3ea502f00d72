/**
 * What the peers have in common: the provider's rules as its own page for this call prints them. No response, 5xx and 429
 * are worth sending again (the handle is the idempotency key); a 4xx means that the caller has to correct something; 200
 * says nothing but that `state` is to be read; and a processing error may have paid.
 *
 * That page does not list 134, "payout already paid", which a repeat is told if the lost answer was a success. It is in
 * the provider's global list, and whoever knows it adds a line here: `bench/README.md` counts what that line is worth.
 */

/** @typedef {import("../Client.js").Answer} Answer */
/** @typedef {import("../Client.js").Input} Input */
/** @typedef {{ state: string, transactions: ReadonlyArray<{ error_state?: string | undefined }> }} Payout */

export const apiKey = "priv_bench_0123456789abcdef0123456789abcdef"

export const headers = {
  authorization: `Basic ${Buffer.from(`${apiKey}:`).toString("base64")}`,
  accept: "application/json",
  "accept-encoding": "identity",
  "content-type": "application/json",
  "user-agent": "bench"
}

/** The longest that one request may take, as in ours. */
export const timeoutMillis = 90_000

/** Two repeats, the first after 50 ms and the second after 100, in all clients that can be told. */
export const retries = 2
export const delayMillis = 50

/** @param {number} status */
export const isTransient = (status) => status === 429 || status >= 500

/** @type {(payout: Payout) => Answer} */
export const answerOf = ({ state, transactions }) => {
  if (state === "paid") return "paid"
  if (state !== "failed") return "unclear"
  return transactions.at(-1)?.error_state === "processing_error" ? "unclear" : "failed"
}

/**
 * The answer to a status other than 200. A 429 comes before anything else happens.
 *
 * @type {(status: number | undefined) => Answer}
 */
export const answerOfStatus = (status) => (status !== undefined && status >= 400 && status < 500 ? "failed" : "unclear")
