/**
 * The provider's list of payouts: newest first, by a window in the account's local time, in pages. Filters and defaults
 * are documented; what a page's token holds is a switch.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { readLocalTime } from "../domain/PayoutFilter.js"
import type * as ErrorCode from "./ErrorCode.js"
import * as Ledger from "./Ledger.js"
import type { Rules } from "./Rules.js"
import { readListQuery } from "./wire.js"

/** A page of the list. */
export interface Page {
  readonly size: number
  /** The window that was used: local times of the account. */
  readonly from: string
  readonly to: string
  readonly payouts: ReadonlyArray<Ledger.Recorded>
  readonly nextPageToken: string | undefined
}

/** What is wrong with a query. */
interface Invalid {
  readonly name: ErrorCode.Name
  readonly message: string | undefined
}

type Query = ReturnType<typeof readListQuery>

/** One page at `now` (epoch milliseconds by Effect's clock). */
export const list = (ledger: Ledger.Ledger, rules: Rules, query: string, now: number): Either.Either<Page, Invalid> =>
  Either.gen(function* () {
    const asked = readListQuery(query)
    const window = yield* windowOf(asked, rules, now)
    const size = yield* sizeOf(asked.size)
    const isSelected = yield* selectionOf(asked)
    const start = yield* startOf(asked.token)
    const visible = now - Duration.toMillis(rules.listLag)
    const all = newestFirst(ledger).filter(
      (payout) =>
        isSelected(payout) &&
        shownAt(payout, rules) >= window.from.epochMillis &&
        shownAt(payout, rules) < window.to.epochMillis &&
        payout.created.epochMillis <= visible
    )
    const first = start(all)
    const payouts = all.slice(first, first + size)
    const last = payouts.at(-1)
    const isLast = last === undefined || first + size >= all.length
    return {
      size,
      from: localTime(window.from),
      to: localTime(window.to),
      payouts,
      nextPageToken: isLast ? undefined : tokenAfter(last, all, first + size, rules)
    }
  })

const invalid = (message: string): Either.Either<never, Invalid> => Either.left({ name: "invalidRequest", message })

const newestFirst = (ledger: Ledger.Ledger): ReadonlyArray<Ledger.Recorded> => [...Ledger.payouts(ledger)].reverse()

// The dates that the provider writes, and so those that it compares, are by its own clock.
const shownAt = ({ created }: Ledger.Recorded, { clockAhead, clockBehind }: Rules): number =>
  created.epochMillis + Duration.toMillis(clockAhead) - Duration.toMillis(clockBehind)

// --- the window ---

const windowOf = ({ customer, from, to }: Query, rules: Rules, now: number) =>
  Either.gen(function* () {
    const present = now + Duration.toMillis(rules.clockAhead) - Duration.toMillis(rules.clockBehind)
    const end = to === undefined ? zoned(present, rules) : yield* momentOf("to", to, rules)
    const begin = from === undefined ? monthBack(end, customer) : yield* momentOf("from", from, rules)
    if (begin.epochMillis > end.epochMillis) {
      return yield* Either.left<Invalid>({ name: "fromAfterTo", message: undefined })
    }
    return { from: begin, to: end }
  })

const zoned = (millis: number, { timezone }: Rules): DateTime.Zoned =>
  DateTime.unsafeMakeZoned(millis, { timeZone: timezone })

// Without `from`, the window is one month, unless the query is bound to a customer (documented).
const monthBack = (to: DateTime.Zoned, customer: string | undefined): DateTime.Zoned =>
  customer === undefined ? DateTime.subtract(to, { months: 1 }) : DateTime.unsafeMakeZoned(0, { timeZone: to.zone })

const momentOf = (name: string, text: string, { timezone }: Rules): Either.Either<DateTime.Zoned, Invalid> => {
  const digits = readLocalTime(text)
  return digits === undefined
    ? invalid(`${name} is not a local date or time`)
    : Either.right(
        DateTime.unsafeMakeZoned(DateTime.toPartsUtc(digits), { timeZone: timezone, adjustForTimeZone: true })
      )
}

const localTime = (time: DateTime.Zoned): string =>
  DateTime.formatIso(DateTime.unsafeMake(time.epochMillis + DateTime.zonedOffset(time))).slice(0, 23)

// --- pages ---

const sizeDefault = 20
const sizeMin = 10
const sizeMax = 100

const sizeOf = (text: string | undefined): Either.Either<number, Invalid> => {
  const size = text === undefined ? sizeDefault : /^\d{1,4}$/.test(text) ? Number(text) : 0
  return size >= sizeMin && size <= sizeMax ? Either.right(size) : invalid(`size must be ${sizeMin} to ${sizeMax}`)
}

/** Where the page starts among all payouts. */
type Start = (all: ReadonlyArray<Ledger.Recorded>) => number

const fromTheBeginning: Start = () => 0

const startOf = (token: string | undefined): Either.Either<Start, Invalid> => {
  if (token === undefined) return Either.right(fromTheBeginning)
  const text = Option.getOrElse(Either.getRight(Encoding.decodeBase64UrlString(token)), () => "")
  const [, millis, count = ""] = /^(\d*):(\d+)$/.exec(text) ?? []
  if (millis === undefined) return invalid("the token of the page is not valid")
  return Either.right(millis === "" ? () => Number(count) : behind(Number(millis), Number(count)))
}

// Behind all that is newer, and the first `count` payouts of this time.
const behind =
  (millis: number, count: number): Start =>
  (all) => {
    const newer = all.filter(({ created }) => created.epochMillis > millis).length
    const same = all.filter(({ created }) => created.epochMillis === millis).length
    return newer + Math.min(count, same)
  }

const tokenAfter = (
  { created }: Ledger.Recorded,
  all: ReadonlyArray<Ledger.Recorded>,
  end: number,
  { pageTokens }: Rules
): string => {
  if (pageTokens === "Offset") return Encoding.encodeBase64Url(`:${end}`)
  const same = all.slice(0, end).filter((one) => one.created.epochMillis === created.epochMillis).length
  return Encoding.encodeBase64Url(`${created.epochMillis}:${same}`)
}

// --- filters ---

type Test = (payout: Ledger.Recorded) => boolean

const selectionOf = (asked: Query): Either.Either<Test, Invalid> =>
  Either.map(amountsOf(asked.amount), (isAmount) => {
    const { card, currencies, customer, handle, handleContains, handlePrefix, states } = asked
    const tests: ReadonlyArray<Test> = [
      (payout) => isAmount(payout.amount),
      (payout) => states.length === 0 || states.includes(payout.state),
      (payout) => currencies.length === 0 || currencies.includes(payout.currency),
      (payout) => customer === undefined || payout.customer === customer,
      (payout) => payout.handle.startsWith(handlePrefix ?? ""),
      (payout) => payout.handle.includes(handleContains ?? ""),
      (payout) => handle === undefined || payout.handle === handle,
      ({ transactions }) => card === undefined || transactions.some((one) => Redacted.value(one.card) === card)
    ]
    return (payout) => tests.every((test) => test(payout))
  })

// `[10000;20000)`: brackets include an end, parentheses exclude it (documented by example).
const amountsOf = (text: string | undefined): Either.Either<(amount: number) => boolean, Invalid> => {
  if (text === undefined) return Either.right(() => true)
  const [, open, from, to, close] = /^([[(])(\d+);(\d+)([\])])$/.exec(text) ?? []
  if (from === undefined || to === undefined) return invalid("amount is not an interval")
  return Either.right(
    (amount) =>
      (open === "[" ? amount >= Number(from) : amount > Number(from)) &&
      (close === "]" ? amount <= Number(to) : amount < Number(to))
  )
}
