/** The reference, 1.00 in every ratio: undici's `request` and JSON.parse. It never sends again and checks nothing. */
import { Agent, request } from "undici"
import { answerOf, answerOfStatus, headers, timeoutMillis } from "./shared.mjs"

/** @type {import("../Client.js").Open} */
export const open = async (baseUrl) => {
  const dispatcher = new Agent({ headersTimeout: timeoutMillis, bodyTimeout: timeoutMillis })
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
        const text = await body.text()
        return statusCode === 200 ? answerOf(JSON.parse(text)) : answerOfStatus(statusCode)
      } catch {
        return "unclear"
      }
    },
    close: () => dispatcher.close()
  }
}
