/**
 * Clients that draw the wrong conclusion from answers that they read right. Where the conclusion is that a decline has
 * cost nothing, somebody may try another card: then the rest of the library refuses, because it knows better, and the
 * payout never comes to an end (I15).
 */
import { Effect } from "effect"
import type { Attempt, Exposure, Reply } from "effect-billwerk-payouts"
import { concluding, type Evident, isFailure, libraryWith, nothing, type WrongClient } from "./Wrong.js"

const believesTheLastError: WrongClient = {
  name: "believes the last error",
  wrong: "reads off the last exchange whether money can have moved, instead of folding over all of them",
  wild: '`catchTag("Unauthorized", () => markAsFailed())` after a retry: the lost answer before the 401 is forgotten',
  breaks: ["I3", "I15"],
  make: libraryWith({
    calls: concluding((said) => (isFailure(said) ? exposureOf(said, said.attempts.slice(-1)) : said.exposure))
  })
}

/** What a few attempts come to, if nothing else is looked at: one amount for each that got no clear answer. */
const exposureOf = ({ amount }: Evident, attempts: ReadonlyArray<Attempt.Attempt>): Exposure.Exposure => {
  const open = attempts.filter(({ bearing, kind, recorded }) =>
    bearing === "Recorded" ? (recorded?.processingErrors ?? 0) > 0 : kind === "Create" && bearing !== "None"
  )
  return { min: 0, max: open.length * amount }
}

const takes404ForProof: WrongClient = {
  name: "takes 404 for proof",
  wrong: "a lookup that finds no payout proves that nothing sent before it will ever pay",
  wild: "look it up, and if it is not there, it did not happen: but requests travel, and reads lag behind writes",
  breaks: ["I3", "I15"],
  make: libraryWith({
    calls: concluding((said) => {
      const absent = said.attempts.findLastIndex(({ outcome }) => outcome === "NotFound")
      return absent < 0 || !isFailure(said) ? said.exposure : exposureOf(said, said.attempts.slice(absent))
    })
  })
}

const takesTimeoutForFailure: WrongClient = {
  name: "takes a timeout for a failure",
  wrong: "a request that got no answer in time counts as not sent",
  wild: '`catchTag("TimeoutException", () => markAsFailed())`: aborting a request does not stop the provider',
  breaks: ["I3", "I4"],
  make: libraryWith({
    exchanges: (exchanges) => ({
      ...exchanges,
      create: (request) => Effect.map(exchanges.create(request), unsentIfLate)
    })
  })
}

const unsentIfLate = (reply: Reply.Reply): Reply.Reply =>
  reply._tag === "NoResponse" && reply.reason === "Deadline" ? { ...reply, sent: "NotSent" } : reply

const takesPaidForPaidOnce: WrongClient = {
  name: "takes paid for paid once",
  wrong: "a payout that is paid has cost its amount, whatever was tried before",
  wild: "`total += payout.amount`: a processing error before the success may have paid too",
  breaks: ["I3"],
  make: libraryWith({
    calls: concluding(({ _tag, amount, exposure }) => (_tag === "Paid" ? { min: amount, max: amount } : exposure))
  })
}

const takesDeclineForEndOfDoubt: WrongClient = {
  name: "takes a decline for the end of doubt",
  wrong: "a decline settles what is not known about the attempts before it",
  wild: '`if (payout.errorState === "hard_declined") return "not paid"`, after an attempt that nobody answered for',
  breaks: ["I3", "I15"],
  make: libraryWith({
    calls: concluding(({ _tag, exposure }) => (_tag === "HardDeclined" ? nothing : exposure))
  })
}

const countsFailures: WrongClient = {
  name: "an old failure accounts for a lost request",
  wrong: "takes any failure on record for what became of a lost request, however old it is and whoever made it",
  wild: "as many failed transactions as attempts: then all of them have failed. Counting, where identity is known",
  breaks: ["I3", "I15"],
  make: libraryWith({
    calls: concluding((said) => {
      const lost = said.attempts.filter(({ bearing, kind }) => kind === "Create" && bearing === "Unclear").length
      return isFailure(said) && "payout" in said && said.payout.transactions.every(isDeclined) && lost > 0
        ? { min: 0, max: Math.max(0, lost - said.payout.transactions.length) * said.amount }
        : said.exposure
    })
  })
}

const isDeclined = ({ errorState }: { readonly errorState?: string | undefined }): boolean =>
  errorState === "hard_declined" || errorState === "soft_declined"

export const jumpers: ReadonlyArray<WrongClient> = [
  believesTheLastError,
  takes404ForProof,
  takesTimeoutForFailure,
  takesPaidForPaidOnce,
  takesDeclineForEndOfDoubt,
  countsFailures
]
