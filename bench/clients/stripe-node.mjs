/**
 * stripe-node, the client of another provider, with its host pointed at the bench: what a mature payment client costs. It
 * sends a form where the others send JSON (its /v1 does), names an idempotency key (which this provider ignores: the handle
 * is the key), and retries by its own rules: no response, 409 and 5xx after half a second and more, which cannot be set;
 * a 429 it hands to the caller. It keeps its hands off the network otherwise: no telemetry.
 */
import Stripe from "stripe"
import { answerOf, answerOfStatus, apiKey, retries, timeoutMillis } from "./shared.mjs"

/** @type {import("../Client.js").Open} */
export const open = async (baseUrl) => {
  const { hostname, port } = new URL(baseUrl)
  const stripe = new Stripe(apiKey, {
    host: hostname,
    port: Number(port),
    protocol: "http",
    maxNetworkRetries: retries,
    timeout: timeoutMillis,
    telemetry: false
  })
  return {
    pay: async (input) => {
      try {
        const payout = await stripe.rawRequest("POST", "/v1/payout", { ...input }, { idempotencyKey: input.handle })
        return answerOf(/** @type {any} */ (payout))
      } catch (error) {
        return answerOfStatus(error instanceof Stripe.errors.StripeError ? error.statusCode : undefined)
      }
    },
    close: async () => {}
  }
}
