/** axios with axios-retry, told that POST may be repeated. Its default, by design, is that it may not. */
import axios, { isAxiosError } from "axios"
import axiosRetry, { exponentialDelay } from "axios-retry"
import { answerOf, answerOfStatus, apiKey, delayMillis, isTransient, retries, timeoutMillis } from "./shared.mjs"

/** @type {import("../Client.js").Open} */
export const open = async (baseUrl) => {
  const client = axios.create({
    baseURL: baseUrl,
    timeout: timeoutMillis,
    auth: { username: apiKey, password: "" },
    headers: { "user-agent": "bench", "accept-encoding": "identity" }
  })
  axiosRetry(client, {
    retries,
    retryCondition: ({ response }) => response === undefined || isTransient(response.status),
    // It doubles before the first wait already, and adds up to a fifth.
    retryDelay: (count, error) => exponentialDelay(count, error, delayMillis / 2)
  })
  return {
    pay: async (input) => {
      try {
        const { data } = await client.post("/v1/payout", input)
        return answerOf(data)
      } catch (error) {
        return answerOfStatus(isAxiosError(error) ? error.response?.status : undefined)
      }
    },
    close: async () => {}
  }
}
