/**
 * What came back -> a `Reply`: the head, the body or why there is none, and nothing that could hold a request, a header or a
 * body.
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
import * as transport from "./connectionError.js"
import * as wire from "./wire.js"
import type { Words } from "./redact.js"

/** What it takes to read an answer. */
export interface Reader {
  readonly kind: Attempt.Kind
  readonly words: Words
  /** For dates that say how long to wait. */
  readonly clock: Clock.Clock
  readonly isRepeated: IsRepeated
}

/** Whether an answer with this `Request-Id` was read before. */
export type IsRepeated = (requestId: string) => boolean

/** How many of the latest ids are known at least; at most twice as many are. */
const requestIdsKept = 10_000

/** The provider gives no id twice (inferred), so an answer that repeats one is a cache's. */
export const repeats = (): IsRepeated => {
  let latest = new Set<string>()
  let earlier: ReadonlySet<string> = latest
  return (requestId) => {
    // What was sent for an id may be anything.
    const name = fingerprint(requestId)
    if (latest.has(name) || earlier.has(name)) return true
    if (latest.size >= requestIdsKept) [earlier, latest] = [latest, new Set()]
    latest.add(name)
    return false
  }
}

/** What has arrived before the body; and the exchange's id as it came, which is not shown. */
export interface Head {
  readonly answer: Omit<Reply.Response, "body">
  readonly id: string | undefined
}

export const headOf = (
  status: number,
  header: (name: string) => string | undefined,
  { clock, words }: Reader
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

// Past every deadline. No phone or card number is a time to wait.
const retryAfterSecondsMax = 8_640_000

// Seconds or a date. A date that has passed means now; what is neither is left to the policy's own backoff.
const retryAfterFrom = (text: string, clock: Clock.Clock): Duration.Duration | undefined => {
  if (/^\d+$/.test(text)) return Duration.seconds(Math.min(Number(text), retryAfterSecondsMax))
  const now = clock.unsafeCurrentTimeMillis()
  const until = httpDate.parse(text, now)
  return until === undefined ? undefined : Duration.millis(Math.max(0, until - now))
}

/** Why there is no text of a body. */
export type NoText = Extract<Reply.Body, { readonly _tag: "CutOff" | "Unreadable" }>

export const cutOff: NoText = { _tag: "CutOff", reason: "Transport" }
export const tooLate: NoText = { _tag: "CutOff", reason: "Deadline" }
export const tooLarge: NoText = { _tag: "Unreadable", why: `a body of more than ${BillwerkConfig.bodyBytesMax} bytes` }

/** What a body comes to that was read to its end. */
export const fromText = (text: body.Text): string | NoText =>
  text === "TooLarge" ? tooLarge : text === "Broken" ? cutOff : text.text

export const withBody = (head: Head, body: string | NoText, reader: Reader): Reply.Response => {
  const { id, response } =
    typeof body === "string" ? parse(head, body, reader) : { id: head.id, response: { ...head.answer, body } }
  const isRepeated = id !== undefined && reader.isRepeated(id)
  // A cache answers no POST; and what is doubted of a create is whether it was carried out, whoever answers.
  return isRepeated && reader.kind === "Lookup" ? { ...response, isCached: true } : response
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

interface Parsed {
  readonly id: string | undefined
  readonly response: Reply.Response
}

// Without the mark of its byte order, which some layers leave in.
const parse = ({ answer, id }: Head, marked: string, { kind, words }: Reader): Parsed => {
  const of = (body: Reply.Body): Parsed => ({ id, response: { ...answer, body } })
  const text = marked.replace(/^\ufeff/, "")
  if (text.trim() === "") return of({ _tag: "Unreadable", why: "an empty body" })
  const value = parseJson(text)
  if (Option.isNone(value)) return of({ _tag: "Unreadable", why: "a body that is not JSON" })
  const payout = answer.status === 200 ? wire.readPayout(value.value, words) : undefined
  if (payout !== undefined) return of({ _tag: "PayoutBody", payout })
  const refused = wire.readError(value.value, words)
  if (refused === undefined) return of({ _tag: "Unreadable", why: `a body that is no ${kind} answer` })
  const inBody = idFrom(refused.requestId)
  const requestId = answer.requestId ?? (inBody && words.requestId(inBody))
  return { id: id ?? inBody, response: { ...answer, requestId, body: refused.error } }
}

/** The connection failed, for a cause that is only looked at. */
export const noResponse = (
  cause: unknown,
  { words }: Reader,
  isBefore = transport.isNotSent(cause)
): Reply.NoResponse => {
  const code = transport.systemCode(cause)
  return {
    _tag: "NoResponse",
    reason: transport.isCertificate(cause) ? "Certificate" : "Transport",
    sent: isBefore ? "NotSent" : "Unknown",
    systemCode: code && words.failure(code)
  }
}

/** The host's client died: nobody knows what it sent. Of what it died of only a name is kept. */
export const died = (defect: unknown, { words }: Reader): Reply.NoResponse => {
  const name = Predicate.hasProperty(defect, "name") && typeof defect.name === "string" ? defect.name : ""
  const systemCode = words.failure(transport.systemCode(defect) ?? (/^[A-Z][A-Za-z]{2,63}$/.test(name) ? name : ""))
  return { _tag: "NoResponse", reason: "Transport", sent: "Unknown", systemCode }
}
