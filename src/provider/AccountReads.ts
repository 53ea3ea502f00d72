/**
 * Read-only questions about an account, one exchange per question: what decides beforehand whether a payout can succeed.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Reply from "../domain/Reply.js"
import * as accountWire from "./accountWire.js"
import * as BillwerkConfig from "./BillwerkConfig.js"
import type * as readReply from "./readReply.js"
import { over } from "./send.js"
import * as words from "./words.js"

export class AccountReads extends Context.Tag("effect-billwerk-payouts/AccountReads")<
  AccountReads,
  {
    /** `GET /v1/agreement/card_gateway`. */
    readonly agreements: Effect.Effect<Reply.Reply<Reply.AgreementsBody>>
    /** `GET /v1/payment_method/{id}`. The reference is in the URL, and nowhere else. */
    readonly paymentMethod: (
      reference: Redacted.Redacted<string>
    ) => Effect.Effect<Reply.Reply<Reply.PaymentMethodBody>>
    /** `GET /v1/account/webhook_settings`. */
    readonly webhookSettings: Effect.Effect<Reply.Reply<Reply.WebhookSettingsBody>>
  }
>() {}

export const make = Effect.fnUntraced(function* (options: BillwerkConfig.Options) {
  const config = yield* BillwerkConfig.make(options)
  const send = over(yield* HttpClient.HttpClient)
  const key = Redacted.value(config.apiKey)
  const wordsOf = words.reading({ apiKey: key, keepTexts: false })
  const get = <Of extends Reply.Content>(
    path: string,
    read: readReply.Contents<Of>["read"],
    secrets: ReadonlyArray<string> = []
  ) => {
    const request = HttpClientRequest.get(`${config.baseUrl}${path}`, {
      headers: { accept: "application/json", "accept-encoding": "identity", "cache-control": "no-store" }
    }).pipe(HttpClientRequest.basicAuth(config.apiKey, ""), HttpClientRequest.setHeader("user-agent", config.userAgent))
    return send(request, config.lookupDeadline, { kind: "Account", read }, wordsOf({ secrets }))
  }
  return AccountReads.of({
    agreements: get(accountWire.agreementsPath, accountWire.readAgreements),
    paymentMethod: (reference) => {
      const id = Redacted.value(reference)
      return get(`${accountWire.paymentMethodPrefix}${encodeURIComponent(id)}`, accountWire.readPaymentMethod, [id])
    },
    webhookSettings: get(accountWire.webhookSettingsPath, accountWire.readWebhookSettings)
  })
})
