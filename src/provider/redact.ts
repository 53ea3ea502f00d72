/**
 * What is kept of the provider's words: codes, names and ids in a strict form, and none of them with a secret in it; and its
 * free texts only where the host asks for them.
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
import { type Hidden, hiding, redacted } from "./hiding.js"

/** The longest text that is kept. */
export const textMax = 255

/** What is longer is no sentence, and is not looked through; nor is more than so much of one answer. */
const textReadMax = 4096
const textsReadMax = 16_384

const requestIdMax = 128

/**
 * What is kept of each kind of word in an answer. What decides, or is compared, is never dropped: what is not kept of it becomes
 * `<redacted>`, which is no word of the provider, and equals nothing.
 */
export interface Words {
  /** Of the payout. Another's is not shown. */
  readonly handle: (text: string) => string
  /** The customer's. Where one is expected, another one stays another one. */
  readonly customer: (text: string) => string | undefined
  readonly currency: (text: string) => string
  /** A state, an error state or a transaction error. */
  readonly code: (text: string) => string
  /** The provider's name for an error code. */
  readonly errorText: (code: number, text: string) => string | undefined
  readonly acquirerCode: (text: string) => string | undefined
  /** The kind of a card, or an acquirer's gateway. */
  readonly name: (text: string) => string | undefined
  /** Of a transaction. The same text becomes the same id in every answer. */
  readonly id: (text: string) => string
  readonly requestId: (text: string) => string | undefined
  /** What was asked for. Only whether it names the handle is kept. */
  readonly path: (text: string) => string
  /** A sentence. Of a lookup that knows the handle alone, it is not known what it repeats, so none is kept. */
  readonly text: (text: string) => string | undefined
  /** What the system, or the host's client, calls a failure. */
  readonly failure: (text: string) => string | undefined
}

/** What an exchange is about. */
export interface About {
  readonly handle: string
  /** Where it is known: what the answer may not repeat. */
  readonly request?: PayoutRequest | undefined
  /** The customer's handle, where it is known. */
  readonly customer?: string | undefined
}

/** How an account's client reads: with which key, and whether sentences are kept. */
export interface Reading {
  readonly apiKey: string
  readonly keepTexts: boolean
}

/** Reads the answer to one exchange. */
export const reading = ({ apiKey, keepTexts }: Reading): ((about: About) => Words) => {
  const keys = [apiKey, Encoding.encodeBase64(`${apiKey}:`)]
  const keysOnly = hiding(() => keys)
  return (about) => {
    const { request } = about
    if (request === undefined) return wordsOf(about, keysOnly, false)
    return wordsOf(
      { ...about, customer: Customer.expectedHandle(request.customer) },
      hiding(() => [...keys, ...textsOf(request)]),
      keepTexts
    )
  }
}

const wordsOf = ({ customer, handle, request }: About, hidden: Hidden, keepTexts: boolean): Words => {
  const kept = (form: RegExp) => (text: string) => (form.test(text) && !hidden.isIn(text) ? text : undefined)
  // Where it is not known what an answer may repeat, only what is documented is kept.
  const code = request === undefined ? (text: string) => (isWord(text) ? text : undefined) : kept(codeForm)
  const requestId = kept(request === undefined ? hexForm : requestIdForm)
  let read = 0
  const sentence = (text: string): string | undefined => {
    if (!keepTexts || text.length > textReadMax) return undefined
    read += text.length
    return read > textsReadMax ? undefined : sentenceOf(text, hidden)
  }
  return {
    handle: (text) => (text === handle ? text : redacted),
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
    name: request === undefined ? (text) => (isName(text) ? text : undefined) : code,
    id: (text) => (idForm.test(text) || text === "" ? text : `id-${fingerprint(text)}`),
    requestId: (text) => (text.length > requestIdMax || holdsCard(text) ? undefined : requestId(text)),
    path: (text) =>
      text.endsWith(`/${handle}`) || text.endsWith(`/${encodeURIComponent(handle)}`) ? `/${handle}` : redacted,
    text: sentence,
    failure: kept(failureForm)
  }
}

// --- forms ---

// Lower-case words and a few digits: no payment method, which is an id; no phone, no card number.
const codeForm = /^(?=.{1,64}$)(?!(?:ca|ct|pm|priv|pub)_)(?!(?:[^0-9]*[0-9]){5})[a-z]+(?:_[a-z0-9]+)*$/

// As those of ISO 8583, and a little longer where there is a digit in it. No name, and no number that belongs to anybody.
const acquirerCodeForm = /^(?:[A-Za-z0-9]{1,2}|(?=.*[0-9])[A-Za-z0-9]{3,6})$/

const shortCodeForm = /^[A-Za-z0-9]{1,2}$/

/** Documented: 32 hex digits. */
const idForm = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

// Of letters and digits, and long: it was made at random. Where nothing is known that it may repeat, in hex only.
const hexForm = /^(?=.*[a-f])[0-9a-f]{8,}(?:-?[0-9a-f]{4,}){1,15}$/
const requestIdForm = /^(?!(?:ca|ct|pm|priv|pub)_)(?=.*[0-9])(?=.*[A-Za-z])[\w.:-]{16,}$/

// Those of the system: in capitals. Of a class: in words. No number that belongs to anybody.
const failureForm = /^(?!(?:[^0-9]*[0-9]){5})[A-Z][A-Za-z0-9_]{2,63}$/

// A payment method in the wrong place is none, and an address may be one that the request has.
const isCustomerName = (text: string): boolean =>
  isHandle(text) && !/^(?:ca|ct|pm|priv|pub)_.{16}|@/.test(text) && !holdsCard(text)

// --- a request's texts ---

/** All that a request says in words, or in numbers that are no amounts. Handles are on every error, so they are no secrets. */
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

// Nearly every text of the provider is, and this is told at a glance.
const isPrintable = /^[\x20-\x7e]*$/

// After it was cleaned, because half of a secret is found by nothing. A pair is not cut in two.
const shortened = (text: string): string =>
  text.length <= textMax ? text : `${text.slice(0, textMax - 1).replace(/\p{Cs}$/u, "")}…`
