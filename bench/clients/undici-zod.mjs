/** undici with its own retry interceptor, told that POST may be repeated, and zod for the answer. */
import { Agent, interceptors, request } from "undici"
import { payoutSchema } from "./schema.mjs"
import { answerOf, answerOfStatus, delayMillis, headers, retries, timeoutMillis } from "./shared.mjs"

/** @type {import("../Client.js").Open} */
export const open = async (baseUrl) => {
  const agent = new Agent({ headersTimeout: timeoutMillis, bodyTimeout: timeoutMillis })
  const dispatcher = agent.compose(
    interceptors.retry({
      maxRetries: retries,
      minTimeout: delayMillis,
      methods: ["POST"],
      statusCodes: [429, 500, 502, 503, 504],
      // Its default does not have undici's own name for a connection that was closed.
      errorCodes: ["ECONNRESET", "ECONNREFUSED", "ENOTFOUND", "ENETDOWN", "ENETUNREACH", "EPIPE", "UND_ERR_SOCKET"]
    })
  )
  const url = `${baseUrl}/v1/payout`
  return {
    pay: async (input) => {
      try {
        const { body, statusCode } = await request(url, {
          method: "POST",
          headers,
          body: JSON.stringify(input),
          dispatcher
        })
        if (statusCode === 200) return answerOf(payoutSchema.parse(await body.json()))
        await body.dump()
        return answerOfStatus(statusCode)
      } catch (error) {
        // At the end of its retries, and for a status that is not worth one, the interceptor throws.
        return answerOfStatus(Object(error).statusCode)
      }
    },
    close: () => agent.close()
  }
}
