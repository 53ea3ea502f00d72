/**
 * An answer or a failure -> a `Reply`: the head, and the body or the reason why there is none. A reply holds nothing
 * that could contain a request, a header or a body.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as BillwerkConfig from "./BillwerkConfig.js"
import type * as Attempt from "../domain/Attempt.js"
import { fingerprint } from "../domain/Fingerprint.js"
import type * as Reply from "../domain/Reply.js"
import type * as body from "./body.js"
import * as httpDate from "./httpDate.js"
import * as connectionError from "./connectionError.js"
import * as wire from "./wire.js"
import type { Words } from "./words.js"

/** What an answer of this kind holds, if it can be read, or what is wrong with it. Undefined if it is something else. */
export interface Contents<Of extends Reply.Content> {
  readonly kind: Attempt.Kind
  readonly read: (json: unknown, words: Words) => Of | Extract<Reply.Body, { readonly _tag: "Unreadable" }> | undefined
}

/** What reading an answer needs. */
export interface Reader<Of extends Reply.Content> extends Contents<Of> {
  readonly words: Words
  /** For dates that say how long to wait. */
  readonly clock: Clock.Clock
  readonly isRepeated: IsRepeated
}

type Spoken = Pick<Reader<Reply.Content>, "words">

/** Whether an answer with this `Request-Id` was read before. */
export type IsRepeated = (requestId: string) => boolean

/** The fewest recent ids that are remembered; the most is twice this number. */
const requestIdsKept = 10_000

/** The provider gives no id twice (inferred), so an answer that repeats one comes from a cache. */
export const repeats = (): IsRepeated => {
  let latest = new Set<string>()
  let earlier: ReadonlySet<string> = latest
  return (requestId) => {
    // The text of an id may be anything, so only its fingerprint is kept.
    const name = fingerprint(requestId)
    if (latest.has(name) || earlier.has(name)) return true
    if (latest.size >= requestIdsKept) [earlier, latest] = [latest, new Set()]
    latest.add(name)
    return false
  }
}

/** What arrives before the body, and the exchange's id as received, which is not shown. */
export interface Head {
  readonly answer: Omit<Reply.Response, "body">
  readonly id: string | undefined
}

export const headOf = (
  status: number,
  header: (name: string) => string | undefined,
  { clock, words }: Pick<Reader<Reply.Content>, "clock" | "words">
): Head => {
  const [date, id, retryAfter] = [header("date"), idFrom(header("request-id")), header("retry-after")]
  return {
    id,
    answer: {
      _tag: "Response",
      status,
      requestId: id && words.requestId(id),
      retryAfter: retryAfter === undefined ? undefined : retryAfterFrom(retryAfter, clock),
      date: date === undefined ? undefined : httpDate.parse(date, clock.unsafeCurrentTimeMillis()),
      isCached: header("age") !== undefined
    }
  }
}

const idFrom = (text: string | undefined): string | undefined =>
  text !== undefined && /^[\w.:-]{1,128}$/.test(text) ? text : undefined

// Longer than every deadline. A phone or card number is not a time to wait.
const retryAfterSecondsMax = 8_640_000

// Seconds or a date. A date in the past means now. For anything else the policy's own backoff decides.
const retryAfterFrom = (text: string, clock: Clock.Clock): Duration.Duration | undefined => {
  if (/^\d+$/.test(text)) return Duration.seconds(Math.min(Number(text), retryAfterSecondsMax))
  const now = clock.unsafeCurrentTimeMillis()
  const until = httpDate.parse(text, now)
  return until === undefined ? undefined : Duration.millis(Math.max(0, until - now))
}

/** Why a body has no text. */
export type NoText = Extract<Reply.Body, { readonly _tag: "CutOff" | "Unreadable" }>

export const cutOff: NoText = { _tag: "CutOff", reason: "Transport" }
export const tooLate: NoText = { _tag: "CutOff", reason: "Deadline" }
export const tooLarge: NoText = { _tag: "Unreadable", why: `a body of more than ${BillwerkConfig.bodyBytesMax} bytes` }

/** The text of a complete body, or why it has none. */
export const fromText = (text: body.Text): string | NoText =>
  text === "TooLarge" ? tooLarge : text === "Broken" ? cutOff : text.text

export const withBody = <Of extends Reply.Content>(
  head: Head,
  body: string | NoText,
  reader: Reader<Of>
): Reply.Response<Of> => {
  const { id, response } =
    typeof body === "string" ? parse(head, body, reader) : { id: head.id, response: { ...head.answer, body } }
  const isRepeated = id !== undefined && reader.isRepeated(id)
  // A cache does not answer a POST. And the doubt about a create is whether it was carried out, not who answered.
  return isRepeated && reader.kind !== "Create" ? { ...response, isCached: true } : response
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

interface Parsed<Of extends Reply.Content> {
  readonly id: string | undefined
  readonly response: Reply.Response<Of>
}

// Some layers leave the byte order mark in the text.
const parse = <Of extends Reply.Content>(
  { answer, id }: Head,
  marked: string,
  { kind, read, words }: Reader<Of>
): Parsed<Of> => {
  const of = (body: Reply.Body<Of>): Parsed<Of> => ({ id, response: { ...answer, body } })
  const text = marked.replace(/^\ufeff/, "")
  if (text.trim() === "") return of({ _tag: "Unreadable", why: "an empty body" })
  const value = parseJson(text)
  if (Option.isNone(value)) return of({ _tag: "Unreadable", why: "a body that is not JSON" })
  const content = answer.status === 200 ? read(value.value, words) : undefined
  if (content !== undefined) return of(content)
  const refused = wire.readError(value.value, words)
  if (refused === undefined) return of({ _tag: "Unreadable", why: `a body that is no ${kind} answer` })
  const inBody = idFrom(refused.requestId)
  const requestId = answer.requestId ?? (inBody && words.requestId(inBody))
  return { id: id ?? inBody, response: { ...answer, requestId, body: refused.error } }
}

/** The reply for a failed connection. The cause is inspected, but not kept. */
export const noResponse = (cause: unknown, { words }: Spoken, isNotSent: boolean): Reply.NoResponse => {
  const code = connectionError.systemCode(cause)
  return {
    _tag: "NoResponse",
    reason: connectionError.isCertificate(cause) ? "Certificate" : "Transport",
    sent: isNotSent ? "NotSent" : "Unknown",
    systemCode: code && words.failure(code)
  }
}

/** The reply when the host's client died. It is unknown what the client sent. Only a name of the defect is kept. */
export const died = (defect: unknown, { words }: Spoken): Reply.NoResponse => {
  const name = Predicate.hasProperty(defect, "name") && typeof defect.name === "string" ? defect.name : ""
  const systemCode = words.failure(
    connectionError.systemCode(defect) ?? (/^[A-Z][A-Za-z]{2,63}$/.test(name) ? name : "")
  )
  return { _tag: "NoResponse", reason: "Transport", sent: "Unknown", systemCode }
}
