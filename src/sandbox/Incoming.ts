/**
 * A request as it reaches the provider over any transport, and what it asks for before any rule applies.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Kind } from "../domain/Attempt.js"
import { isCurrency } from "../domain/Money.js"
import { agreementsPath, paymentMethodPrefix, webhookSettingsPath } from "../provider/accountWire.js"
import { accountPath, listPath, payoutPath } from "../provider/wire.js"

/**
 * @category models
 * @since 0.1.0
 */
export interface Incoming {
  /** In capitals. */
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** What follows the `?` in the URL, as it was sent. Default: nothing. */
  readonly query?: string
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: Uint8Array
}

/** What the request asks for. `Other` is something that this provider does not have. */
export interface Asked {
  readonly kind: Kind | "Other"
  readonly handle: string | undefined
  /** The transaction whose details are asked for. */
  readonly transaction?: string | undefined
  /** What is asked of the account, if that is not the account itself. */
  readonly about?: About | undefined
  /** The amount of a create in minor units, if it is a whole number. */
  readonly amount?: number | undefined
  /** The currency of a create, if it looks like one. */
  readonly currency?: string | undefined
  /** The body of a create, if it is JSON. */
  readonly json: unknown
}

/** What is asked of an account beside itself. */
export type About =
  | { readonly _tag: "Agreements" }
  | { readonly _tag: "WebhookSettings" }
  | { readonly _tag: "PaymentMethod"; readonly reference: string }

export const read = (incoming: Incoming): Asked => {
  const { method, path } = incoming
  if (method === "POST" && path === payoutPath) {
    const json = Option.getOrUndefined(parse(decoder.decode(incoming.body)))
    const { amount, currency, handle } = Predicate.isRecord(json) ? json : nothing
    return {
      kind: "Create",
      handle: typeof handle === "string" ? handle : undefined,
      amount: typeof amount === "number" && Number.isSafeInteger(amount) ? amount : undefined,
      currency: isCurrency(currency) ? currency : undefined,
      json
    }
  }
  if (method === "GET" && path === listPath) return { kind: "List", handle: undefined, json: undefined }
  if (method === "GET" && path === accountPath) return { kind: "Account", handle: undefined, json: undefined }
  const about = method === "GET" ? aboutOf(path) : undefined
  if (about !== undefined) return { kind: "Account", handle: undefined, about, json: undefined }
  if (method === "GET" && path.startsWith(lookupPrefix)) {
    const [handle = "", transaction] = (detailsForm.exec(path)?.slice(1) ?? [path.slice(lookupPrefix.length)]).map(
      (segment) => Option.getOrUndefined(decodeSegment(segment))
    )
    return { kind: transaction === undefined ? "Lookup" : "Details", handle, transaction, json: undefined }
  }
  return { kind: "Other", handle: undefined, json: undefined }
}

const aboutOf = (path: string): About | undefined => {
  if (path === agreementsPath) return { _tag: "Agreements" }
  if (path === webhookSettingsPath) return { _tag: "WebhookSettings" }
  if (!path.startsWith(paymentMethodPrefix)) return undefined
  const reference = Option.getOrElse(decodeSegment(path.slice(paymentMethodPrefix.length)), () => "")
  return { _tag: "PaymentMethod", reference }
}

const lookupPrefix = `${payoutPath}/`
const detailsForm = /^\/v1\/payout\/([^/]+)\/transaction\/([^/]+)\/details$/
const nothing: Readonly<Record<string, unknown>> = {}
const decoder = new TextDecoder()
const parse = Option.liftThrowable((text: string): unknown => JSON.parse(text))
const decodeSegment = Option.liftThrowable(decodeURIComponent)
