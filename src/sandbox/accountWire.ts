/**
 * The provider's half of what it says about an account: agreements, a payment method, webhook settings. Only documented
 * fields are written.
 */
import type { Agreement, WebhookSettings } from "./Rules.js"

export const writeAgreement = ({ currencies, payout, provider, state, test }: Agreement): unknown => ({
  id: `agreement-${provider}`,
  type: provider,
  provider,
  state,
  payout,
  test,
  currencies,
  card_types: ["visa", "mc"]
})

export const writePaymentMethod = (method: {
  readonly id: string
  readonly state: string
  readonly customer: string
}): unknown => ({ ...method, payment_type: "card" })

export const writeWebhookSettings = ({ disabled, urls }: WebhookSettings): unknown => ({
  urls,
  disabled,
  alert_emails: [],
  alert_count: 4,
  event_types: []
})
