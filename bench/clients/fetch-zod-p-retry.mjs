/** Node's own fetch, zod for the answer, and p-retry around both: what is not worth a repeat is an AbortError. */
import pRetry, { AbortError } from "p-retry"
import { payoutSchema } from "./schema.mjs"
import { answerOf, answerOfStatus, delayMillis, headers, isTransient, retries, timeoutMillis } from "./shared.mjs"

class HttpError extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`HTTP ${status}`)
    this.status = status
  }
}

/** @type {import("../Client.js").Open} */
export const open = async (baseUrl) => {
  const url = `${baseUrl}/v1/payout`

  /** @param {import("./shared.mjs").Input} input */
  const once = async (input) => {
    const signal = AbortSignal.timeout(timeoutMillis)
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(input), signal })
    if (response.ok) return answerOf(payoutSchema.parse(await response.json()))
    await response.text() // so that the connection can be used again
    const error = new HttpError(response.status)
    throw isTransient(response.status) ? error : new AbortError(error)
  }

  return {
    pay: async (input) => {
      try {
        return await pRetry(() => once(input), { retries, minTimeout: delayMillis, factor: 2 })
      } catch (error) {
        return answerOfStatus(error instanceof HttpError ? error.status : undefined)
      }
    },
    close: async () => {}
  }
}
