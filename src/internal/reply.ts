/**
 * What came back -> a `Reply`: the head, the body or why there is none, and nothing that could hold a request, a header or a
 * body.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as BillwerkConfig from "../BillwerkConfig.js"
import type * as Attempt from "../domain/Attempt.js"
import type * as Reply from "../domain/Reply.js"
import type * as body from "./body.js"
import * as httpDate from "./httpDate.js"
import * as transport from "./transport.js"
import * as wire from "./wire.js"
import type { Clean } from "./words.js"

/** What it takes to read an answer. */
export interface Reader {
  readonly kind: Attempt.Kind
  readonly clean: Clean
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
    if (latest.has(requestId) || earlier.has(requestId)) return true
    if (latest.size >= requestIdsKept) [earlier, latest] = [latest, new Set()]
    latest.add(requestId)
    return false
  }
}

export type Head = Omit<Reply.Response, "body">

export const headOf = (
  status: number,
  header: (name: string) => string | undefined,
  { clean, clock }: Reader
): Head => {
  const [date, retryAfter] = [header("date"), header("retry-after")]
  return {
    _tag: "Response",
    status,
    requestId: requestIdFrom(header("request-id"), clean),
    retryAfter: retryAfter === undefined ? undefined : retryAfterFrom(retryAfter, clock),
    date: date === undefined ? undefined : httpDate.parse(date, clock.unsafeCurrentTimeMillis()),
    isCached: header("age") !== undefined
  }
}

const requestIdFrom = (text: string | undefined, clean: Clean): string | undefined =>
  text !== undefined && /^[\w.:-]{1,128}$/.test(text) ? clean(text) : undefined

// Three centuries: past every deadline, and still a number that can be encoded.
const retryAfterSecondsMax = 1e10

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
  const response = typeof body === "string" ? parse(head, body, reader) : { ...head, body }
  const isRepeated = response.requestId !== undefined && reader.isRepeated(response.requestId)
  // A cache answers no POST; and what is doubted of a create is whether it was carried out, whoever answers.
  return isRepeated && reader.kind === "Lookup" ? { ...response, isCached: true } : response
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

// Without the mark of its byte order, which some layers leave in.
const parse = (head: Head, marked: string, { clean, kind }: Reader): Reply.Response => {
  const text = marked.replace(/^\ufeff/, "")
  if (text.trim() === "") return { ...head, body: { _tag: "Unreadable", why: "an empty body" } }
  const value = parseJson(text)
  if (Option.isNone(value)) return { ...head, body: { _tag: "Unreadable", why: "a body that is not JSON" } }
  const payout = head.status === 200 ? wire.readPayout(value.value, clean) : undefined
  if (payout !== undefined) return { ...head, body: { _tag: "PayoutBody", payout } }
  const answer = wire.readError(value.value, clean)
  if (answer === undefined) return { ...head, body: { _tag: "Unreadable", why: `a body that is no ${kind} answer` } }
  return { ...head, requestId: head.requestId ?? requestIdFrom(answer.requestId, clean), body: answer.error }
}

/** The connection failed, for a cause that is only looked at. */
export const noResponse = (cause: unknown, isBefore = transport.isNotSent(cause)): Reply.NoResponse => ({
  _tag: "NoResponse",
  reason: transport.isCertificate(cause) ? "Certificate" : "Transport",
  sent: isBefore ? "NotSent" : "Unknown",
  systemCode: transport.systemCode(cause)
})

/** The host's client died: nobody knows what it sent. Of what it died of only a name is kept. */
export const died = (defect: unknown, { clean }: Reader): Reply.NoResponse => {
  const name = Predicate.hasProperty(defect, "name") && typeof defect.name === "string" ? defect.name : ""
  const systemCode = transport.systemCode(defect) ?? (/^[A-Z][A-Za-z]{2,63}$/.test(name) ? clean(name) : undefined)
  return { _tag: "NoResponse", reason: "Transport", sent: "Unknown", systemCode }
}
