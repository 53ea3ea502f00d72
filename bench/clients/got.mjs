/** got with the retry that it has built in, told that POST may be repeated. */
import got, { HTTPError } from "got"
import { answerOf, answerOfStatus, apiKey, delayMillis, retries, timeoutMillis } from "./shared.mjs"

/** @type {import("../Client.js").Open} */
export const open = async (baseUrl) => {
  const client = got.extend({
    prefixUrl: baseUrl,
    username: apiKey,
    password: "",
    decompress: false,
    headers: { "user-agent": "bench" },
    timeout: { request: timeoutMillis },
    retry: {
      limit: retries,
      methods: ["POST"],
      statusCodes: [429, 500, 502, 503, 504],
      // Nought is its own word for "not again".
      calculateDelay: ({ attemptCount, computedValue }) =>
        computedValue === 0 ? 0 : delayMillis * 2 ** (attemptCount - 1)
    }
  })
  return {
    pay: async (input) => {
      try {
        return answerOf(await client.post("v1/payout", { json: input }).json())
      } catch (error) {
        return answerOfStatus(error instanceof HTTPError ? error.response.statusCode : undefined)
      }
    },
    close: async () => {}
  }
}
