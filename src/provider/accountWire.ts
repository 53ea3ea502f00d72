/**
 * What is read of an account beside its payouts: agreements, a payment method, webhook settings. Nothing of it moves
 * money, and of URLs and secrets only their number is kept.
 */
import * as Predicate from "effect/Predicate"
import type * as Reply from "../domain/Reply.js"
import { redacted } from "./secretSearch.js"
import type { Words } from "./words.js"

export const agreementsPath = "/v1/agreement/card_gateway"

export const webhookSettingsPath = "/v1/account/webhook_settings"

export const paymentMethodPrefix = "/v1/payment_method/"

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)
const flag = (value: unknown): boolean | undefined => (typeof value === "boolean" ? value : undefined)
const kept = <A>(value: unknown, keep: (text: string) => A): A | undefined =>
  typeof value === "string" ? keep(value) : undefined
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

// The states of these are not all documented, so any plain word counts as one.
const word = (text: string): string => (/^[a-z][a-z_]{0,31}$/.test(text) ? text : redacted)

const currencyForm = /^[A-Z]{3}$/

/** An array of agreements. That an agreement is no object makes the answer unreadable: one less would be another account. */
export const readAgreements = (json: unknown, words: Words): Reply.AgreementsBody | undefined => {
  if (!Array.isArray(json) || !json.every(Predicate.isReadonlyRecord)) return undefined
  const agreements = json.map((fields): Reply.Agreement => ({
    provider: kept(fields["provider"] ?? fields["type"], words.name),
    state: kept(fields["state"], word),
    payout: flag(fields["payout"]),
    test: flag(fields["test"]),
    currencies: list(fields["currencies"]).flatMap((one) =>
      typeof one === "string" && currencyForm.test(one) ? one : []
    )
  }))
  return { _tag: "AgreementsBody", agreements }
}

export const readPaymentMethod = (json: unknown): Reply.PaymentMethodBody | undefined => {
  if (!Predicate.isReadonlyRecord(json)) return undefined
  const state = kept(json["state"], word)
  if (state === undefined) return undefined
  return { _tag: "PaymentMethodBody", state, paymentType: kept(json["payment_type"], word) }
}

export const readWebhookSettings = (json: unknown): Reply.WebhookSettingsBody | undefined => {
  if (!Predicate.isReadonlyRecord(json)) return undefined
  const urls = list(json["urls"]).map(text)
  const insecure = urls.filter((url) => url?.startsWith("https://") !== true).length
  return { _tag: "WebhookSettingsBody", urls: urls.length, insecure, disabled: flag(json["disabled"]) }
}
