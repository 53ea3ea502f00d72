/**
 * Decides what is kept of each word in an answer: codes, names and ids in a strict form, without a secret in them. The
 * provider's free texts are kept only if the host asks for them.
 */
import * as Encoding from "effect/Encoding"
import * as Predicate from "effect/Predicate"
import { holdsCard } from "../domain/cardNumber.js"
import * as Customer from "../domain/Customer.js"
import { fingerprint } from "../domain/Fingerprint.js"
import { isHandle } from "../domain/Handle.js"
import { isCurrency } from "../domain/Money.js"
import { destinationOf, type PayoutRequest } from "../domain/PayoutRequest.js"
import { errorText, isName, isWord } from "./documented.js"
import { type Hidden, hiding, redacted, secrets } from "./secretSearch.js"

/** The longest text that is kept. */
export const textMax = 255

/** The most characters read of one text, and of all texts in one answer. A longer text is not a sentence. */
const textReadMax = 4096
const textsReadMax = 16_384

const requestIdMax = 128

/**
 * What is kept of each kind of word in an answer. A word that decides or is compared is never dropped: what is not kept
 * of it becomes `<redacted>`. That is no word of the provider, and equals nothing.
 */
export interface Words {
  /** The payout's handle. Another handle is not shown. In a list, any handle that looks like no secret. */
  readonly handle: (text: string) => string
  /** The customer's handle. If a customer is expected, another handle still counts as another one. */
  readonly customer: (text: string) => string | undefined
  readonly currency: (text: string) => string
  /** A state, an error state or a transaction error. */
  readonly code: (text: string) => string
  /** The provider's name for an error code. */
  readonly errorText: (code: number, text: string) => string | undefined
  readonly acquirerCode: (text: string) => string | undefined
  /** A card type, or an acquirer's gateway. */
  readonly name: (text: string) => string | undefined
  /** A transaction's id. The same text becomes the same id in every answer. */
  readonly id: (text: string) => string
  readonly requestId: (text: string) => string | undefined
  /** The requested path. Only whether it names the handle is kept. */
  readonly path: (text: string) => string
  /** A sentence. A lookup by the handle alone keeps none, because it is unknown what the sentence repeats. */
  readonly text: (text: string) => string | undefined
  /** The name of a failure, from the system or the host's client. */
  readonly failure: (text: string) => string | undefined
}

/** What an exchange is about. */
export interface About {
  /** None for a list, which may show any payout. */
  readonly handle?: string | undefined
  /** The request, if known: an answer may not repeat it. */
  readonly request?: PayoutRequest | undefined
  /** The customer's handle, if known. */
  readonly customer?: string | undefined
  /** What else was sent that an answer may not repeat. */
  readonly secrets?: ReadonlyArray<string> | undefined
}

/** How the client of an account reads answers: its key, and whether it keeps sentences. */
export interface Reading {
  readonly apiKey: string
  readonly keepTexts: boolean
}

/** Makes the readers of the answers about one payout, a new one for each answer. */
export const reading = ({ apiKey, keepTexts }: Reading): ((about: About) => () => Words) => {
  const keys = secrets(() => [apiKey, Encoding.encodeBase64(`${apiKey}:`)])
  return (about) => {
    const { request } = about
    if (request === undefined) {
      const sent = about.secrets ?? []
      const hidden =
        sent.length === 0
          ? hiding(keys)
          : hiding(
              keys,
              secrets(() => sent)
            )
      return () => wordsOf(about, hidden, false)
    }
    const hidden = hiding(
      keys,
      secrets(() => textsOf(request))
    )
    const known = { ...about, customer: Customer.expectedHandle(request.customer) }
    return () => wordsOf(known, hidden, keepTexts)
  }
}

const wordsOf = ({ customer, handle, request }: About, hidden: Hidden, keepTexts: boolean): Words => {
  const kept = (form: RegExp) => (text: string) => (form.test(text) && !hidden.isIn(text) ? text : undefined)
  // If it is unknown what an answer may repeat, only documented words are kept.
  const code = request === undefined ? (text: string) => (isWord(text) ? text : undefined) : kept(codeForm)
  const requestId = kept(request === undefined ? hexForm : requestIdForm)
  let read = 0
  const sentence = (text: string): string | undefined => {
    if (!keepTexts || text.length > textReadMax) return undefined
    read += text.length
    return read > textsReadMax ? undefined : sentenceOf(text, hidden)
  }
  return {
    handle: (text) => {
      if (handle === undefined) return isListed(text) && !hidden.isIn(text) ? text : redacted
      return text === handle ? text : redacted
    },
    customer: (text) => {
      if (customer !== undefined) return text === customer ? text : redacted
      return isCustomerName(text) && !hidden.isIn(text) ? text : undefined
    },
    currency: (text) => (isCurrency(text) ? text : redacted),
    code: (text) => (isWord(text) ? text : (code(text) ?? redacted)),
    errorText: (number, text) => {
      const documented = errorText(number)
      return documented?.toLowerCase() === text.toLowerCase() ? documented : (code(text) ?? sentence(text))
    },
    acquirerCode: kept(request === undefined ? shortCodeForm : acquirerCodeForm),
    name: (text) => (isName(text) ? text : request === undefined ? undefined : code(text)),
    id: (text) => (idForm.test(text) || text === "" ? text : `id-${fingerprint(text)}`),
    requestId: (text) => (text.length > requestIdMax || holdsCard(text) ? undefined : requestId(text)),
    path: (text) =>
      handle !== undefined && (text.endsWith(`/${handle}`) || text.endsWith(`/${encodeURIComponent(handle)}`))
        ? `/${handle}`
        : redacted,
    text: sentence,
    failure: kept(failureForm)
  }
}

// --- forms ---

// Lower-case words and a few digits. This excludes payment methods, which are ids, and phone and card numbers.
const codeForm = /^(?=.{1,64}$)(?!(?:ca|ct|pm|priv|pub)_)(?!(?:[^0-9]*[0-9]){5})[a-z]+(?:_[a-z0-9]+)*$/

// The codes of ISO 8583, and slightly longer ones that contain a digit. This excludes names and personal numbers.
const acquirerCodeForm = /^(?:[A-Za-z0-9]{1,2}|(?=.*[0-9])[A-Za-z0-9]{3,6})$/

const shortCodeForm = /^[A-Za-z0-9]{1,2}$/

/** Documented: 32 hex digits. */
const idForm = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

// Letters and digits, long enough to be random. If it is unknown what the answer may repeat, hex only.
const hexForm = /^(?=.*[a-f])[0-9a-f]{8,}(?:-?[0-9a-f]{4,}){1,15}$/
const requestIdForm = /^(?!(?:ca|ct|pm|priv|pub)_)(?=.*[0-9])(?=.*[A-Za-z])[\w.:-]{16,}$/

// System codes in capitals, and class names in words. This excludes personal numbers.
const failureForm = /^(?!(?:[^0-9]*[0-9]){5})[A-Z][A-Za-z0-9_]{2,63}$/

// A payment method in the wrong place is no customer handle, and an e-mail address may come from the request.
const isCustomerName = (text: string): boolean =>
  isHandle(text) && !/^(?:ca|ct|pm|priv|pub)_.{16}|@/.test(text) && !holdsCard(text)

// A payment method in the wrong place is no payout's handle. A host's own handles may be e-mail addresses.
const isListed = (text: string): boolean => isHandle(text) && !/^(?:ca|ct|pm|priv|pub)_.{16}/.test(text)

// --- a request's texts ---

/** All words in a request, and all numbers except amounts. Handles are on every error, so they are no secrets. */
const textsOf = (request: PayoutRequest): ReadonlyArray<string> => {
  const { acquirerReference, customer, text, textOnStatement } = request
  const { generateHandle: _, handle: __, test: ___, ...details } = typeof customer === "object" ? customer : {}
  const keys = "metadata" in details ? Object.keys(details.metadata ?? {}) : []
  return stringsOf([destinationOf(request), text, textOnStatement, acquirerReference, details, keys])
}

const stringsOf = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return [value]
  if (typeof value === "number") return [String(value)]
  if (Array.isArray(value)) return value.flatMap(stringsOf)
  return Predicate.isReadonlyRecord(value) ? Object.values(value).flatMap(stringsOf) : []
}

// --- sentences ---

const sentenceOf = (text: string, hidden: Hidden): string | undefined => {
  const cleaned = hidden.takenFrom(text)
  return cleaned === undefined ? undefined : presentable(cleaned)
}

const presentable = (text: string): string =>
  text.length <= textMax && isPrintable.test(text)
    ? text
    : shortened(text.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, " "))

// Nearly every text of the provider is printable ASCII, and this check is cheap.
const isPrintable = /^[\x20-\x7e]*$/

// Only after the secrets are removed: half of a secret would not be found. A surrogate pair is not split.
const shortened = (text: string): string =>
  text.length <= textMax ? text : `${text.slice(0, textMax - 1).replace(/\p{Cs}$/u, "")}…`
