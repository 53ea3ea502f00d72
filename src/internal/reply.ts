/**
 * What came back -> a `Reply`: the head, the body or why there is none, and nothing that could hold a request, a header or a
 * body.
 */
import type * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as BillwerkConfig from "../BillwerkConfig.js"
import type * as Attempt from "../domain/Attempt.js"
import type * as Reply from "../domain/Reply.js"
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
  const retryAfter = header("retry-after")
  return {
    _tag: "Response",
    status,
    requestId: requestIdFrom(header("request-id"), clean),
    retryAfter: retryAfter === undefined ? undefined : retryAfterFrom(retryAfter, clock),
    date: dateFrom(header("date")),
    isCached: header("age") !== undefined
  }
}

const requestIdFrom = (text: string | undefined, clean: Clean): string | undefined =>
  text !== undefined && /^[\w.:-]{1,128}$/.test(text) ? clean(text) : undefined

const dateFrom = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Option.getOrUndefined(Option.map(httpDate(text), DateTime.toEpochMillis))

const httpDate = (text: string): Option.Option<DateTime.Utc> =>
  /^[A-Z][a-z]{2,8}, .{5,30} GMT$/.test(text) ? DateTime.make(text.replace(/ GMT$/, "Z")) : Option.none()

// Three centuries: past every deadline, and still a number that can be encoded.
const retryAfterSecondsMax = 1e10

// Seconds or a date in GMT. A date that has passed means now; what is neither is left to the policy's own backoff.
const retryAfterFrom = (text: string, clock: Clock.Clock): Duration.Duration | undefined => {
  if (/^\d+$/.test(text)) return Duration.seconds(Math.min(Number(text), retryAfterSecondsMax))
  return Option.getOrUndefined(
    Option.map(httpDate(text), (until) =>
      Duration.millis(Math.max(0, DateTime.toEpochMillis(until) - clock.unsafeCurrentTimeMillis()))
    )
  )
}

/** Why there is no text of a body. */
export type NoText = Extract<Reply.Body, { readonly _tag: "CutOff" | "Unreadable" }>

export const cutOff: NoText = { _tag: "CutOff", reason: "Transport" }
export const tooLate: NoText = { _tag: "CutOff", reason: "Deadline" }
export const tooLarge: NoText = { _tag: "Unreadable", why: `a body of more than ${BillwerkConfig.bodyBytesMax} bytes` }

export const withBody = (head: Head, body: string | NoText, reader: Reader): Reply.Response => {
  const response = typeof body === "string" ? parse(head, body, reader) : { ...head, body }
  const isRepeated = response.requestId !== undefined && reader.isRepeated(response.requestId)
  // A cache answers no POST; and what is doubted of a create is whether it was carried out, whoever answers.
  return isRepeated && reader.kind === "Lookup" ? { ...response, isCached: true } : response
}

const parseJson = Option.liftThrowable((text: string): unknown => JSON.parse(text))

const parse = (head: Head, text: string, { clean, kind }: Reader): Reply.Response => {
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
