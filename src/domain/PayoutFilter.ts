/**
 * Which payouts a list shows: a window of time, which is always given, and what else they have in common.
 */
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { CustomerHandle } from "./Customer.js"
import { isCardToken, Reference } from "./Destination.js"
import { isHandle, refusal as handleRefusal } from "./Handle.js"
import { InvalidRequest } from "./InvalidRequest.js"
import { amountMax, Currency } from "./Money.js"

/**
 * The documented states of a payout.
 *
 * @category models
 * @since 0.1.0
 */
export const State = Schema.Literal("created", "processing", "failed", "paid").annotations({
  description: "a state: created, processing, failed or paid"
})

/**
 * @category models
 * @since 0.1.0
 */
export type State = typeof State.Type

/**
 * A window between two moments. The provider counts in local times of the account's time zone, so the library converts
 * the moments. It asks the provider for slightly more where a local time occurs twice (the end of summer time), and
 * leaves out what was created outside of the moments.
 *
 * @category models
 * @since 0.1.0
 */
export interface Moments {
  /** Inclusive. */
  readonly from: DateTime.DateTime
  /** Exclusive. */
  readonly to: DateTime.DateTime
  /**
   * The account's time zone. **A wrong one hides payouts.** Default: the library reads it from the provider when the
   * list begins (`GET /v1/account`, documented). Give it only for a key that may not read the account.
   */
  readonly timeZone?: DateTime.TimeZone | undefined
}

/**
 * A window between two local times of the account, as texts without an offset: `2026-10-01` (midnight),
 * `2026-10-01T08:30` or `2026-10-01T08:30:00`. The provider reads them in the account's time zone. Where a local time
 * occurs twice, it is not documented which one it means.
 *
 * @category models
 * @since 0.1.0
 */
export interface LocalTimes {
  /** Inclusive. */
  readonly from: string
  /** Exclusive. */
  readonly to: string
  /** Not here: the account's own time zone counts. */
  readonly timeZone?: never
}

/**
 * The window of a list, by the payout's `created`. Both ends are required: without `from`, the provider shows one month
 * only (documented).
 *
 * @category models
 * @since 0.1.0
 */
export type Window = Moments | LocalTimes

/**
 * What else the listed payouts have in common. What is left out does not matter.
 *
 * @category models
 * @since 0.1.0
 */
export interface Selection {
  /**
   * One of these states, at the moment of the page. A payout may change its state while pages are read; whether that
   * can hide another payout from a later page is not documented. Leave it out where the list must be complete.
   */
  readonly states?: ReadonlyArray<State> | undefined
  /** The customer's handle. */
  readonly customer?: string | undefined
  /** One of these ISO 4217 codes. */
  readonly currencies?: ReadonlyArray<string> | undefined
  /** Minor units: `from` inclusive, `to` exclusive. */
  readonly amount?: { readonly from: number; readonly to: number } | undefined
  /** The beginning of the handle. */
  readonly handlePrefix?: string | undefined
  /** A saved card (`ca_...`). It is sent in the URL, and is in no error, log or span. */
  readonly card?: string | Redacted.Redacted<string> | undefined
  /**
   * How many payouts the provider puts on one page: 10 to 100. A page of more than `BillwerkConfig.bodyBytesMax` bytes
   * fails the list; a smaller size mends that. Default: 100.
   */
  readonly pageSize?: number | undefined
}

/**
 * A filter as the caller writes it.
 *
 * @example
 * ```ts
 * import { DateTime } from "effect"
 * import type { PayoutFilter } from "effect-billwerk-payouts"
 *
 * // All of October, by the account's own calendar.
 * const october: PayoutFilter.Input = { from: "2026-10-01", to: "2026-11-01" }
 *
 * // The payouts in euros of one exact day of UTC.
 * const day: PayoutFilter.Input = {
 *   from: DateTime.unsafeMake("2026-10-01T00:00:00Z"),
 *   to: DateTime.unsafeMake("2026-10-02T00:00:00Z"),
 *   currencies: ["EUR"]
 * }
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export type Input = Window & Selection

/**
 * The window of a filter that was checked.
 *
 * @category models
 * @since 0.1.0
 */
export type ValidWindow =
  | {
      readonly _tag: "Moments"
      readonly from: DateTime.Utc
      readonly to: DateTime.Utc
      readonly timeZone: DateTime.TimeZone | undefined
    }
  | LocalWindow

/**
 * Two local times of the account, as the provider takes them.
 *
 * @category models
 * @since 0.1.0
 */
export interface LocalWindow {
  readonly _tag: "LocalTimes"
  /** Inclusive. */
  readonly from: string
  /** Exclusive. */
  readonly to: string
}

/**
 * A filter that was checked. The card prints as `<redacted>`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PayoutFilter {
  /** The window of time, by the payout's `created`. */
  readonly window: ValidWindow
  /** Only payouts in one of these states; empty for all. */
  readonly states: ReadonlyArray<State>
  /** Only payouts of this customer's handle. */
  readonly customer: string | undefined
  /** Only payouts in one of these currencies; empty for all. */
  readonly currencies: ReadonlyArray<string>
  /** Only amounts in this range, in minor units, both ends included. */
  readonly amount: { readonly from: number; readonly to: number } | undefined
  /** Only handles that begin so. */
  readonly handlePrefix: string | undefined
  /** Only payouts to this saved card. */
  readonly card: Redacted.Redacted<string> | undefined
  /** How many payouts one page holds. */
  readonly pageSize: number
}

/**
 * The fewest payouts of one page (documented).
 *
 * @category limits
 * @since 0.1.0
 */
export const pageSizeMin = 10

/**
 * The most payouts of one page (documented).
 *
 * @category limits
 * @since 0.1.0
 */
export const pageSizeMax = 100

/**
 * Checks a filter, or fails with `InvalidRequest`. `Payouts.list` does that itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (input: Input): Either.Either<PayoutFilter, InvalidRequest> => {
  // A copy: what is checked is what is kept.
  const own: Readonly<Record<string, unknown>> = { ...input }
  return Either.all({
    window: windowFrom(own),
    states: listOf("states", State, own["states"]),
    customer: optionally("customer", CustomerHandle, own["customer"]),
    currencies: listOf("currencies", Currency, own["currencies"]),
    amount: optionally("amount", AmountInterval, own["amount"]),
    handlePrefix: prefixFrom(own["handlePrefix"]),
    card: cardFrom(own["card"]),
    pageSize: Either.map(optionally("pageSize", PageSize, own["pageSize"]), (size = pageSizeMax) => size)
  })
}

const refused = (field: string, reason: string) => Either.left(new InvalidRequest({ field, reason }))

const check = <A, I>(field: string, schema: Schema.Schema<A, I>, value: unknown): Either.Either<A, InvalidRequest> =>
  Schema.is(schema)(value) ? Either.right(value) : Either.left(InvalidRequest.mustBe(field, schema))

const optionally = <A, I>(field: string, schema: Schema.Schema<A, I>, value: unknown) =>
  value === undefined ? Either.right(undefined) : check(field, schema, value)

const listOf = <A, I>(field: string, schema: Schema.Schema<A, I>, value: unknown) => {
  if (value === undefined) return Either.right<ReadonlyArray<A>>([])
  return Array.isArray(value) && value.length > 0
    ? Either.all(value.map((one: unknown) => check(field, schema, one)))
    : refused(field, "must be a list of one or more, or left out")
}

const AmountInterval = Schema.Struct({ from: Schema.Int, to: Schema.Int })
  .pipe(Schema.filter(({ from, to }) => from >= 1 && from < to && to <= amountMax))
  .annotations({
    description: `two integers of 1 to ${amountMax}, the first one smaller`
  })

const PageSize = Schema.Int.pipe(Schema.between(pageSizeMin, pageSizeMax)).annotations({
  description: `an integer from ${pageSizeMin} to ${pageSizeMax}`
})

const prefixFrom = (value: unknown) => {
  if (value === undefined) return Either.right(undefined)
  return isHandle(value) ? Either.right(value) : Either.left(handleRefusal("handlePrefix", value))
}

const cardFrom = (value: unknown): Either.Either<Redacted.Redacted<string> | undefined, InvalidRequest> => {
  if (value === undefined) return Either.right(undefined)
  const text = Redacted.isRedacted(value) ? Option.getOrUndefined(revealed(value)) : value
  return Schema.is(Reference)(text) && !isCardToken(text)
    ? Either.right(Redacted.make(text))
    : refused("card", "must be the reference of a saved card (ca_...), and no card token or card number")
}

// `Redacted.value` throws for a wiped value.
const revealed = Option.liftThrowable((value: Redacted.Redacted<unknown>) => Redacted.value(value))

const windowFrom = (own: Readonly<Record<string, unknown>>): Either.Either<ValidWindow, InvalidRequest> => {
  const { from, timeZone, to } = own
  if (DateTime.isDateTime(from) && DateTime.isDateTime(to)) {
    if (timeZone !== undefined && !DateTime.isTimeZone(timeZone))
      return refused("timeZone", "must be a DateTime.TimeZone")
    return from.epochMillis < to.epochMillis
      ? Either.right({ _tag: "Moments", from: DateTime.toUtc(from), to: DateTime.toUtc(to), timeZone })
      : tooEarly
  }
  const wrong = [from, to].findIndex((end) => !isLocalTime(end))
  if (!isLocalTime(from) || !isLocalTime(to)) return refused(wrong === 0 ? "from" : "to", expected)
  if (timeZone !== undefined) return refused("timeZone", "must be left out: local times are in the account's time zone")
  return toSecond(from) < toSecond(to) ? Either.right({ _tag: "LocalTimes", from, to }) : tooEarly
}

const tooEarly = refused("to", "must be later than from")

const expected =
  'must be a DateTime, or the account\'s local time as text without an offset, such as "2026-10-01" or ' +
  '"2026-10-01T08:30:00", and the other end of the window must be of the same kind'

const isLocalTime = (value: unknown): value is string => typeof value === "string" && readLocalTime(value) !== undefined

/**
 * A local time as a date of UTC with the same digits, if the text is one.
 *
 * @internal
 */
export const readLocalTime = (text: string): DateTime.Utc | undefined => {
  const full = toSecond(text)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?$/.test(full)) return undefined
  const date = Option.getOrUndefined(DateTime.make(`${full}Z`))
  // JavaScript takes the 30th of February for a day of March.
  return date !== undefined && DateTime.formatIso(date).startsWith(full.slice(0, 19)) ? date : undefined
}

const toSecond = (text: string): string =>
  text.length === 10 ? `${text}T00:00:00` : text.length === 16 ? `${text}:00` : text
