/**
 * The script of an exchange. A step has up to three parts: the request on its way, the provider's execution, and the
 * answer. Each constructor sets one or two parts and `and` combines steps, as in `Script.processingError({ moved: true
 * }).pipe(Script.and(Script.dropAfterCommit))`.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Pipeable from "effect/Pipeable"
import type { Kind } from "../domain/Attempt.js"
import * as Acquirer from "./Acquirer.js"

/**
 * What the provider does with the request. `ByRules`: what its rules say. `Acquirer`: the same with the acquirer's
 * answer given. `Nothing`: nothing at all, with any answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Execution = Data.TaggedEnum<{
  ByRules: {}
  Acquirer: { readonly outcome: Acquirer.Outcome }
  Nothing: {}
}>

/**
 * @category models
 * @since 0.1.0
 */
export const Execution = Data.taggedEnum<Execution>()

/**
 * What happens to the answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer = Data.TaggedEnum<{
  /** It arrives as the provider gave it. */
  Faithful: {}
  /** The connection was never made: `ECONNREFUSED`. A real socket cannot do that, and drops the connection instead. */
  Refused: {}
  /** The connection closes without an answer, with or without a reset (RST). `atOnce`: before the provider is done. */
  Dropped: { readonly reset: boolean; readonly atOnce: boolean }
  /** Nothing ever comes. */
  Hanging: {}
  /** Half of the body, then the connection ends: short of its content-length, or of its last chunk. */
  Truncated: { readonly chunked: boolean }
  /** Half of the body, then nothing, on an open connection. */
  Stalled: {}
  /** The whole body, one byte at a time. */
  Dripping: { readonly every: Duration.Duration }
  /** Half of the body, in a complete message. */
  Halved: {}
  /** The answer's status and headers with another body. */
  Replaced: { readonly body: string; readonly contentType: string }
  /** The body under another status. */
  Restatused: { readonly status: number }
  /** The payout in the body, altered. An answer without a payout stays as it is. */
  Altered: { readonly alteration: Alteration }
  /** The payout as it was before its latest transaction, or "not found" if that was the first. */
  Stale: {}
  /** The payout of another handle, as if connections were crossed. */
  Crossed: { readonly handle: string }
  /** The body padded with blanks to this many bytes, which JSON allows. */
  Padded: { readonly bytes: number }
  /** The provider's own error. */
  ApiError: ApiErrorOptions
  /** Any message. */
  Raw: RawOptions
}>

/**
 * @category models
 * @since 0.1.0
 */
export const Answer = Data.taggedEnum<Answer>()

/**
 * The fields of an answer to replace. What is left out stays as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Alteration {
  readonly handle?: string
  /** Minor units. */
  readonly amount?: number
  readonly currency?: string
  readonly customer?: string
  /** The payout's state. */
  readonly state?: string
  /** Of the latest transaction; `null` removes it. */
  readonly errorState?: string | null
  /** `None` leaves the list of transactions empty. */
  readonly transactions?: "None"
}

/**
 * An error as the provider answers it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ApiErrorOptions {
  /** The HTTP status. */
  readonly status: number
  /** The provider's error code. */
  readonly code: number
  /** The short text. Default: the documented text of the code. */
  readonly error?: string
  /** The acquirer's error, such as `acquirer_communication_error`: the body's field of that name (documented). */
  readonly transactionError?: string
  /** The raw `Retry-After` header. */
  readonly retryAfter?: string
}

/**
 * An answer, as it goes over the wire.
 *
 * @category models
 * @since 0.1.0
 */
export interface RawOptions {
  /** The HTTP status. */
  readonly status: number
  /** Default: none but the length. */
  readonly headers?: Readonly<Record<string, string>>
  /** Default: empty. */
  readonly body?: string
}

/**
 * What a step consists of: which exchanges it is for, what the provider does, and what comes back.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  /** What people call it: the exchanges that meet it say so. See `named`. */
  readonly name?: string
  /** The kind of exchanges that it is for. Default: any. */
  readonly kind?: Kind
  /** The handle that it is for. Default: any. */
  readonly handle?: string
  /** How many matching exchanges it is for. Default: 1. A standing step ignores it. */
  readonly times?: number
  /** How long the request takes to reach the provider. */
  readonly requestDelay?: Duration.Duration
  /** What the provider does with the request. Default: what its rules say. */
  readonly execution?: Execution
  /** How long the answer waits after the provider is done. */
  readonly answerDelay?: Duration.Duration
  /** What happens to the answer. Default: it arrives. */
  readonly answer?: Answer
  /** Headers added to the answer's own, or in their place, by names in lower case; `null` removes one. */
  readonly headers?: Readonly<Record<string, string | null>>
}

/**
 * A step of a script. Parts that it does not set are normal: see `normal`.
 *
 * @category models
 * @since 0.1.0
 */
export class Step extends Pipeable.Class() {
  constructor(readonly parts: Parts) {
    super()
  }
}

const step = (parts: Parts): Step => new Step(parts)

/**
 * The provider acts by its rules and the answer arrives.
 *
 * @category constructors
 * @since 0.1.0
 */
export const normal: Step = step({})

// --- the acquirer's answer ---

/**
 * An attempt, if the rules allow one, has this outcome for any amount. Only for creates: a lookup attempts nothing.
 *
 * @category outcomes
 * @since 0.1.0
 */
export const outcome = (outcome: Acquirer.Outcome): Step =>
  step({ kind: "Create", execution: Execution.Acquirer({ outcome }) })

/**
 * The acquirer pays.
 *
 * @category outcomes
 * @since 0.1.0
 */
export const paid: Step = outcome(Acquirer.paid)

/**
 * See `Acquirer.processing`.
 *
 * @category outcomes
 * @since 0.1.0
 */
export const processing = (options?: Parameters<typeof Acquirer.processing>[0]): Step =>
  outcome(Acquirer.processing(options))

/**
 * See `Acquirer.hardDeclined`.
 *
 * @category outcomes
 * @since 0.1.0
 */
export const hardDeclined = (error?: string): Step => outcome(Acquirer.hardDeclined(error))

/**
 * See `Acquirer.softDeclined`.
 *
 * @category outcomes
 * @since 0.1.0
 */
export const softDeclined = (error?: string): Step => outcome(Acquirer.softDeclined(error))

/**
 * See `Acquirer.processingError`. `moved: true` hides a success.
 *
 * @category outcomes
 * @since 0.1.0
 */
export const processingError = (options?: { readonly error?: string; readonly moved?: boolean }): Step =>
  outcome(Acquirer.processingError(options))

/**
 * The attempt fails with any `error_state`.
 *
 * @category outcomes
 * @since 0.1.0
 */
export const unknownErrorState = (errorState = "unheard_of"): Step => outcome(Acquirer.failed(errorState))

// --- the provider does nothing, and answers ---

/**
 * The provider does nothing and answers with an error of its own.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Sandbox, Script } from "effect-billwerk-payouts/testing"
 *
 * const limited = Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
 *   sandbox.script(Script.apiError({ status: 429, code: 122, retryAfter: "2" }))
 * )
 * ```
 *
 * @category refusals
 * @since 0.1.0
 */
export const apiError = (options: ApiErrorOptions): Step =>
  step({ execution: Execution.Nothing(), answer: Answer.ApiError(options) })

/**
 * A 400 that gives the acquirer's error, with code 77, or 147 by the option. Nothing was done. With `moved: true`, the
 * attempt is on record as a processing error, and the money moved all the same, unseen. To put it on record as paid,
 * see `apiErrorAfterCommit`. Only for creates.
 *
 * Source: the codes and the body's field are documented in general; for payouts inferred.
 *
 * @category refusals
 * @since 0.1.0
 */
export const transactionError = (
  error = "acquirer_communication_error",
  options: { readonly code?: 77 | 147; readonly moved?: boolean } = {}
): Step => {
  const refusal = onCreate(apiError({ status: 400, code: options.code ?? 77, transactionError: error }))
  return options.moved === true ? refusal.pipe(and(outcome(Acquirer.processingError({ error, moved: true })))) : refusal
}

/**
 * An answer that is not from the provider, but from a proxy, a firewall or a captive portal.
 *
 * @category refusals
 * @since 0.1.0
 */
export const reply = (options: RawOptions): Step =>
  step({ execution: Execution.Nothing(), answer: Answer.Raw(options) })

/**
 * A redirect, which a client must not follow.
 *
 * @category refusals
 * @since 0.1.0
 */
export const redirect = (status: 301 | 302 | 303 | 307 | 308, location: string): Step =>
  reply({ status, headers: { location } })

/**
 * A lookup that does not see the payout, although it may exist: reads lag behind writes. `times` sets the number.
 *
 * @category refusals
 * @since 0.1.0
 */
export const laggingRead: Step = step({
  ...apiError({ status: 404, code: 137 }).parts,
  kind: "Lookup"
})

/**
 * A lookup that shows the payout as it was before its latest transaction, or "not found" if that was the first. `times`
 * sets the number.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const staleRead: Step = step({ kind: "Lookup", answer: Answer.Stale() })

// --- no answer ---

/**
 * Nothing is sent: the connection is refused. Only in memory; over a socket it is `dropBeforeCommit`.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const connectionRefused: Step = step({ execution: Execution.Nothing(), answer: Answer.Refused() })

const dropped = Answer.Dropped({ reset: false, atOnce: false })

/**
 * The connection is lost, and the provider did nothing.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const dropBeforeCommit: Step = step({ execution: Execution.Nothing(), answer: dropped })

/**
 * The provider executes the request, and the answer is lost.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const dropAfterCommit: Step = step({ answer: dropped })

/**
 * The connection is reset (RST), not closed; the provider has executed the request.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const resetAfterCommit: Step = step({ answer: Answer.Dropped({ reset: true, atOnce: false }) })

/**
 * The connection is lost at once, and the provider executes the request later.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const executeLater = (after: Duration.DurationInput): Step =>
  step({ requestDelay: Duration.decode(after), answer: Answer.Dropped({ reset: false, atOnce: true }) })

/**
 * The provider does nothing, and nothing ever comes.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const hangBeforeCommit: Step = step({ execution: Execution.Nothing(), answer: Answer.Hanging() })

/**
 * The provider executes the request, and nothing ever comes.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const hangAfterCommit: Step = step({ answer: Answer.Hanging() })

/**
 * The body ends before its content-length; the provider has executed the request.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const truncated: Step = step({ answer: Answer.Truncated({ chunked: false }) })

/**
 * The body ends before its last chunk; the provider has executed the request.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const truncatedChunked: Step = step({ answer: Answer.Truncated({ chunked: true }) })

/**
 * Headers and half of the body come, and then nothing; the provider has executed the request.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const stalled: Step = step({ answer: Answer.Stalled() })

/**
 * The body comes one byte at a time, which defeats a deadline for the next byte. The provider has executed the request.
 *
 * @category lost answers
 * @since 0.1.0
 */
export const dripping = (every: Duration.DurationInput): Step =>
  step({ answer: Answer.Dripping({ every: Duration.decode(every) }) })

// --- false answers; the provider has executed the request ---

/**
 * The provider does as it should, and an HTML page comes in place of the answer's body, as from a captive portal.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const htmlPage: Step = step({
  answer: Answer.Replaced({ body: "<!doctype html><html><body>Welcome</body></html>", contentType: "text/html" })
})

/**
 * Half of the JSON, which the transport does not show.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const halfJson: Step = step({ answer: Answer.Halved() })

/**
 * The provider does as it should, and the answer's body is empty.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const emptyBody: Step = step({ answer: Answer.Replaced({ body: "", contentType: "application/json" }) })

/**
 * Any other body under the answer's own status.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const body = (body: string, contentType = "application/json"): Step =>
  step({ answer: Answer.Replaced({ body, contentType }) })

/**
 * The provider's body under another status.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const status = (status: number): Step => step({ answer: Answer.Restatused({ status }) })

/**
 * The payout, with other values than on record.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const altered = (alteration: Alteration): Step => step({ answer: Answer.Altered({ alteration }) })

/**
 * The answer shows another handle.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const wrongHandle: Step = altered({ handle: "somebody-elses-payout" })

/**
 * The answer shows another amount.
 *
 * @param amount minor units
 * @category untrue answers
 * @since 0.1.0
 */
export const wrongAmount = (amount: number): Step => altered({ amount })

/**
 * The answer shows a state that is not documented.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const unknownState = (state = "unheard_of"): Step => altered({ state })

/**
 * The answer to another request: the payout on record under `handle`, or one made up.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const crossed = (handle: string): Step => step({ answer: Answer.Crossed({ handle }) })

/**
 * A valid answer, padded with blanks to this many bytes.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const oversized = (bytes: number): Step => step({ answer: Answer.Padded({ bytes }) })

/**
 * An error of the provider, or of a proxy before it, although the provider has executed the request.
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const apiErrorAfterCommit = (options: ApiErrorOptions): Step => step({ answer: Answer.ApiError(options) })

/**
 * Adds this header to any answer, or replaces the answer's own; `null` removes it. It can be combined with other
 * headers, and with any other step.
 *
 * @example
 * ```ts
 * import { Script } from "effect-billwerk-payouts/testing"
 *
 * // A record of a minute ago, as a cache shows it.
 * const cached = Script.staleRead.pipe(Script.and(Script.header("age", "60")))
 * ```
 *
 * @category untrue answers
 * @since 0.1.0
 */
export const header = (name: string, value: string | null): Step => step({ headers: { [name.toLowerCase()]: value } })

// --- combinators ---

/**
 * Both steps in one. If both set the same part, or the same header, the second one counts.
 *
 * @example
 * ```ts
 * import { Script } from "effect-billwerk-payouts/testing"
 *
 * const step = Script.processingError({ moved: true }).pipe(
 *   Script.and(Script.dropAfterCommit),
 *   Script.delayAnswer("3 seconds"),
 *   Script.onCreate
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const and =
  (that: Step) =>
  (self: Step): Step => {
    const { headers, ...parts } = { ...self.parts, ...that.parts }
    return step(headers === undefined ? parts : { ...parts, headers: { ...self.parts.headers, ...headers } })
  }

/**
 * Only for `POST /v1/payout`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const onCreate = (self: Step): Step => step({ ...self.parts, kind: "Create" })

/**
 * Only for `GET /v1/payout/{handle}`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const onLookup = (self: Step): Step => step({ ...self.parts, kind: "Lookup" })

/**
 * Only for `GET /v1/list/payout`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const onList = (self: Step): Step => step({ ...self.parts, kind: "List" })

/**
 * Only for a transaction's details.
 *
 * @category combinators
 * @since 0.1.0
 */
export const onDetails = (self: Step): Step => step({ ...self.parts, kind: "Details" })

/**
 * Only for one payout.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forHandle =
  (handle: string) =>
  (self: Step): Step =>
    step({ ...self.parts, handle })

/**
 * With a name, which the exchanges that meet the step show to people.
 *
 * @category combinators
 * @since 0.1.0
 */
export const named =
  (name: string) =>
  (self: Step): Step =>
    step({ ...self.parts, name })

/**
 * For this many matching exchanges in a row, in place of one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const times =
  (times: number) =>
  (self: Step): Step =>
    step({ ...self.parts, times })

/**
 * The request takes this long to reach the provider. If the client gives up meanwhile, the request still arrives.
 *
 * @category combinators
 * @since 0.1.0
 */
export const delayRequest =
  (delay: Duration.DurationInput) =>
  (self: Step): Step =>
    step({ ...self.parts, requestDelay: Duration.decode(delay) })

/**
 * The answer waits this long after the provider is done.
 *
 * @category combinators
 * @since 0.1.0
 */
export const delayAnswer =
  (delay: Duration.DurationInput) =>
  (self: Step): Step =>
    step({ ...self.parts, answerDelay: Duration.decode(delay) })
