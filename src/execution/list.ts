/**
 * The provider's list of payouts as a stream: page by page, as the consumer pulls. It ends without an error only after
 * the last page, and leaves out nothing that it cannot read.
 */
import * as Chunk from "effect/Chunk"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { isWithin, localWindow } from "../domain/accountTime.js"
import type { Payout } from "../domain/Payout.js"
import { type ListError, ListFailed } from "../domain/PayoutError.js"
import * as PayoutFilter from "../domain/PayoutFilter.js"
import type { PageBody } from "../domain/Reply.js"
import { type Asking, read, type Unanswered } from "./read.js"

/** The most pages of one list: a million payouts on full pages. */
export const pagesMax = 10_000

/** The most pages in a row without a payout that earlier pages did not show. */
export const barrenPagesMax = 10

/** How many of the latest pages are compared with the next one, to leave out what comes twice. */
export const pagesRemembered = 10

/** How far a list has come. */
interface Progress {
  /** None for the first page. */
  readonly token: string | undefined
  readonly pages: number
  /** How many payouts came out. */
  readonly listed: number
  readonly barren: number
  /** The handles of the latest pages. */
  readonly latest: ReadonlyArray<ReadonlySet<string>>
  /** The token of the latest page whose number is a power of two: tokens in a circle come to it again. */
  readonly mark: string | undefined
}

const beginning: Progress = { token: undefined, pages: 0, listed: 0, barren: 0, latest: [], mark: undefined }

/** All payouts that a filter lets through, newest first. */
export const list = (asking: Asking, input: PayoutFilter.Input): Stream.Stream<Payout, ListError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const filter = yield* PayoutFilter.make(input)
      const { window } = filter
      const local = window._tag === "LocalTimes" ? window : localWindow(window, yield* timeZoneOf(asking, window))
      const isWanted = (payout: Payout) => window._tag === "LocalTimes" || isWithin(window, payout.created)
      const asked: Asked = { filter, local, isWanted }
      return Stream.paginateChunkEffect(beginning, (progress) => page(asking, asked, progress))
    })
  )

type Moments = Extract<PayoutFilter.ValidWindow, { readonly _tag: "Moments" }>

const timeZoneOf = Effect.fnUntraced(function* (asking: Asking, { timeZone }: Moments) {
  if (timeZone !== undefined) return timeZone
  const exchange = asking.client.lookUpAccount
  const account = yield* Effect.mapError(read(asking, { kind: "Account", about: "The account", exchange }), unread(0))
  return yield* Option.match(DateTime.zoneMakeNamed(account.timeZone), {
    onNone: () => broken(beginning, "this machine does not know the account's time zone: give the filter's timeZone"),
    onSome: Effect.succeed
  })
})

/** What is asked for, on every page. */
interface Asked {
  readonly filter: PayoutFilter.PayoutFilter
  readonly local: PayoutFilter.LocalWindow
  readonly isWanted: (payout: Payout) => boolean
}

/** Reads one page. Returns the payouts that earlier pages did not show, and how the list goes on. */
const page = Effect.fnUntraced(function* (
  asking: Asking,
  { filter, isWanted, local: { from, to } }: Asked,
  progress: Progress
) {
  const { listed, pages, token } = progress
  const exchange = asking.client.list({ filter, from, to, token })
  const question = { kind: "List", about: `A list, page ${pages + 1}`, exchange } as const
  const body = yield* Effect.mapError(read(asking, question), unread(listed))
  if (isShortened(from, body)) {
    return yield* broken(progress, "the provider shows a window that begins later than the requested one")
  }
  const fresh = freshOf(body, progress)
  const wanted = fresh.filter(isWanted)
  const next = advance(progress, body, { fresh: fresh.length, wanted: wanted.length })
  const wrong = next.token === undefined ? undefined : isEndless(progress, next)
  if (wrong !== undefined) return yield* broken(progress, wrong)
  return [Chunk.fromIterable(wanted), next.token === undefined ? Option.none<Progress>() : Option.some(next)] as const
})

const unread = (listed: number) => (unanswered: Unanswered) => new ListFailed({ ...unanswered, listed })

const broken = ({ listed }: Progress, why: string) =>
  new ListFailed({ attempts: [], category: "UnexpectedResponse", why, listed })

// Without `from`, the provider shows a month only. One that ignores it must not seem to show everything. A window that
// ends earlier is no sign of that: the provider may end it at the present.
const isShortened = (from: string, { from: shown }: PageBody): boolean => {
  const [asked, used] = [from, shown ?? from].map(PayoutFilter.readLocalTime)
  return asked !== undefined && used !== undefined && used.epochMillis > asked.epochMillis
}

// A payout that is created meanwhile may move others to the next page, where they come again. Their handles tell.
const freshOf = ({ payouts }: PageBody, { latest }: Progress): ReadonlyArray<Payout> => {
  const seen = new Set<string>()
  return payouts.filter(({ handle }) => {
    const isNew = !seen.has(handle) && !latest.some((page) => page.has(handle))
    seen.add(handle)
    return isNew
  })
}

const advance = (
  progress: Progress,
  { nextPageToken, payouts }: PageBody,
  { fresh, wanted }: { readonly fresh: number; readonly wanted: number }
): Progress => {
  const pages = progress.pages + 1
  return {
    token: nextPageToken,
    pages,
    listed: progress.listed + wanted,
    barren: fresh === 0 ? progress.barren + 1 : 0,
    latest: [new Set(payouts.map(({ handle }) => handle)), ...progress.latest].slice(0, pagesRemembered),
    mark: Number.isInteger(Math.log2(pages)) ? progress.token : progress.mark
  }
}

const isEndless = (before: Progress, { barren, mark, pages, token }: Progress): string | undefined => {
  if (token === before.token || token === before.mark || token === mark) return "a page leads back to an earlier one"
  if (barren >= barrenPagesMax) return `${barren} pages in a row have no payout that earlier pages did not show`
  return pages >= pagesMax ? `the list has more than ${pagesMax} pages: list a shorter window` : undefined
}
