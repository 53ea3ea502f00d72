/** Clients that misread one answer of the provider. */
import { Headers, HttpClient, HttpClientRequest } from "@effect/platform"
import { Effect, Order } from "effect"
import type { Payout, Reply } from "effect-billwerk-payouts"
import {
  concluding,
  isFailure,
  libraryWith,
  nothing,
  reading,
  readingPayouts,
  readingReason,
  type WrongClient
} from "./Wrong.js"

const trusts200: WrongClient = {
  name: "trusts 200",
  wrong: "HTTP 200 means paid, whatever the body says",
  wild: "`if (response.ok) markAsPaid()`; this API answers 200 to a declined payout as well",
  breaks: ["I2"],
  make: libraryWith({
    exchanges: reading((reply, { kind, request }) => {
      if (kind === "Lookup" || reply.status !== 200) return reply
      const { amount, currency, handle } = request
      const payout: Payout.Payout = { handle, amount, currency, state: "paid", transactions: [] }
      return { ...reply, body: { _tag: "PayoutBody", payout } }
    })
  })
}

const takesProcessingForPaid: WrongClient = {
  name: "takes processing for paid",
  wrong: "a payout that is processing counts as paid",
  wild: '`state !== "failed"`, written when every payment method was synchronous',
  breaks: ["I2"],
  make: libraryWith({
    exchanges: readingPayouts((payout) => (payout.state === "processing" ? { ...payout, state: "paid" } : payout))
  })
}

const checksNoEcho: WrongClient = {
  name: "no echo check",
  wrong: "does not compare the handle, amount, currency and customer of the answer with those of the request",
  wild: "the body is decoded and believed: it came over TLS, so whose payout should it be?",
  breaks: ["I2"],
  make: libraryWith({
    exchanges: readingPayouts((payout, { amount, currency, handle }) => ({
      ...payout,
      handle,
      amount,
      currency,
      customer: undefined
    }))
  })
}

const latestIsLast: WrongClient = {
  name: "latest is last",
  wrong: "takes the last transaction of the list for the latest, instead of the one created last",
  wild: "`transactions.at(-1)`; the provider documents no order",
  breaks: ["I4", "I15"],
  // Each keeps its place and gets the date that would make the place right.
  make: libraryWith({
    exchanges: readingPayouts((payout) => {
      const dates = payout.transactions.map(({ created }) => created).sort(byTime)
      return { ...payout, transactions: payout.transactions.map((one, index) => ({ ...one, created: dates[index] })) }
    })
  })
}

const byTime = Order.mapInput(Order.number, (date: Payout.Transaction["created"]) => date?.epochMillis ?? -Infinity)

const reads134AsRefusal: WrongClient = {
  name: "reads 134 as a client error",
  wrong: "a repeat that is answered with 400/134 or 400/133 counts as refused, and so as not paid",
  wild: "`status >= 400 && status < 500` is a bug in our request: check the implementation",
  breaks: ["I3"],
  make: libraryWith({
    exchanges: reading((reply) => (isClaim(codeOf(reply)) ? { ...reply, status: 422 } : reply)),
    calls: concluding((said) => {
      const create = said.attempts.findLast(({ kind }) => kind === "Create")
      return isFailure(said) && isClaim(create?.code) ? nothing : said.exposure
    })
  })
}

const codeOf = ({ body }: Reply.Response): number | undefined => (body._tag === "ApiError" ? body.code : undefined)
const isClaim = (code: number | undefined): boolean => code === 133 || code === 134

const takes408ForRefusal: WrongClient = {
  name: "takes 408 for a refusal",
  wrong: "HTTP 408 counts as a refusal, like any other 4xx",
  wild: "the letter of the documentation: 4xx means check your implementation",
  breaks: ["I3", "I4"],
  make: libraryWith({ exchanges: reading((reply) => (reply.status === 408 ? { ...reply, status: 422 } : reply)) })
}

const takes5xxForFailure: WrongClient = {
  name: "takes 5xx for a failure",
  wrong: "HTTP 5xx counts as a failed payout",
  wild: "`catch { markAsFailed() }` around a client that throws on every status above 299",
  breaks: ["I3", "I4"],
  make: libraryWith({
    exchanges: reading((reply, { kind }) =>
      kind === "Create" && reply.status >= 500 ? { ...reply, status: 422 } : reply
    )
  })
}

const believesErrorBodies: WrongClient = {
  name: "believes an error under 200",
  wrong: "an error body under HTTP 200 counts as a refusal",
  wild: '`if ("code" in body) throw new ApiError(body)`, before anybody looks at the status',
  breaks: ["I3", "I4"],
  make: libraryWith({
    exchanges: reading((reply, { kind }) =>
      kind === "Create" && reply.status === 200 && reply.body._tag === "ApiError" ? { ...reply, status: 422 } : reply
    )
  })
}

const takesSilenceFor404: WrongClient = {
  name: "takes a failed lookup for a 404",
  wrong: "a lookup that fails counts as one that found nothing",
  wild: "`const payout = await lookup(handle).catch(() => null); if (!payout) await create(request)`",
  breaks: ["I4"],
  make: libraryWith({
    exchanges: (exchanges) => ({
      ...exchanges,
      lookup: (handle, request) =>
        Effect.map(exchanges.lookup(handle, request), (reply) =>
          reply._tag === "Response" && reply.body._tag === "PayoutBody" ? reply : notFound
        )
    })
  })
}

const notFound: Reply.Reply = { _tag: "Response", status: 404, body: { _tag: "ApiError", code: 137 } }

const takesProcessingErrorForDecline: WrongClient = {
  name: "takes a processing error for a decline",
  wrong: "a processing error counts as a decline: no money has moved",
  wild: '`state === "failed"` is the end of it; the documentation says that it may have paid all the same',
  breaks: ["I3"],
  make: libraryWith({
    exchanges: readingReason((errorState) => (errorState === "processing_error" ? "hard_declined" : errorState))
  })
}

const takesUnknownReasonForDecline: WrongClient = {
  name: "takes an unknown reason for a decline",
  wrong: "a failed payout whose `error_state` is none of the documented ones counts as declined",
  wild: "the `default:` of a switch over an enum that the provider may extend any day",
  breaks: ["I3"],
  make: libraryWith({
    exchanges: readingReason((errorState) => (documented.has(errorState) ? errorState : "hard_declined"))
  })
}

const documented = new Set(["hard_declined", "soft_declined", "processing_error", "pending"])

const believesCaches: WrongClient = {
  name: "believes a cache",
  wrong: "lets a cache answer, and takes what it has kept for what the provider says",
  wild: "`interceptors.cache()`, a `fetch` that keeps GETs: nobody asks for `no-store`, and nobody looks at `Age`",
  breaks: ["I1b", "I2", "I3", "I4", "I7", "I15"],
  make: libraryWith({
    http: HttpClient.mapRequest((request) =>
      HttpClientRequest.modify(request, { headers: Headers.remove(request.headers, "cache-control") })
    ),
    exchanges: reading((reply) => ({ ...reply, isCached: false }))
  })
}

const comparesNoCard: WrongClient = {
  name: "does not compare the card",
  wrong: "does not look at the card that the record shows: what became of the handle became of these arguments",
  wild: "the handle is the idempotency key, so whatever is under it is ours",
  breaks: ["I2", "I3", "I4"],
  make: libraryWith({
    exchanges: readingPayouts((payout) => ({
      ...payout,
      transactions: payout.transactions.map((one) => ({ ...one, method: undefined }))
    }))
  })
}

export const misreaders: ReadonlyArray<WrongClient> = [
  trusts200,
  takesProcessingForPaid,
  checksNoEcho,
  latestIsLast,
  reads134AsRefusal,
  takes408ForRefusal,
  takes5xxForFailure,
  believesErrorBodies,
  takesSilenceFor404,
  takesProcessingErrorForDecline,
  takesUnknownReasonForDecline,
  believesCaches,
  comparesNoCard
]
