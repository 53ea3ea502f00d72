/** Clients that forget what they knew, or were told. */
import { DateTime, Effect, Exit } from "effect"
import type { Outcome, PayoutError } from "effect-billwerk-payouts"
import type { Client } from "../Client.js"
import { choosing, libraryWith, type WrongClient } from "./Wrong.js"

/** Forgets all about a payout when a call for it has ended in some way: a service for each, to be thrown away. */
const forgettingAfter =
  (isForgotten: (exit: Exit.Exit<Outcome.Outcome, PayoutError.PayoutError>) => boolean) =>
  (first: Client, fresh: Effect.Effect<Client>): Client => {
    const known = new Map<string, Client>()
    const find = (handle: string) =>
      Effect.suspend(() => {
        const client = known.get(handle)
        return client === undefined ? Effect.tap(fresh, (made) => known.set(handle, made)) : Effect.succeed(client)
      })
    return choosing(first, (handle, call) =>
      Effect.flatMap(find(handle), call).pipe(
        Effect.onExit((exit) => Effect.sync(() => isForgotten(exit) && known.delete(handle)))
      )
    )
  }

const forgetsEarlierAttempts: WrongClient = {
  name: "forgets earlier attempts",
  wrong: "begins each call as if nothing had been sent: no memory, and a create where it should recover",
  wild: "a function `pay(request)` without a place for what became of the call before",
  breaks: ["I3", "I4", "I10"],
  make: libraryWith({
    calls: (client, fresh) => {
      const { create } = forgettingAfter(() => true)(client, fresh)
      return { ...client, create, recover: (request, { policy } = {}) => create(request, { policy }) }
    }
  })
}

const takesRestartForBeginning: WrongClient = {
  name: "takes a restart for a beginning",
  wrong: "creates after a restart, where it should recover",
  wild: "a job that is run again from its first line when the machine comes back",
  breaks: ["I3", "I4"],
  make: libraryWith({
    calls: (client) => ({ ...client, recover: (request, { policy } = {}) => client.create(request, { policy }) })
  })
}

const forgetsWhatItPaid: WrongClient = {
  name: "forgets what it paid",
  wrong: "sends a payout again that it knew to be paid",
  wild: "only what went wrong is kept; or a service that is made anew for each call, inside the handler",
  breaks: ["I10"],
  make: libraryWith({ calls: forgettingAfter((exit) => Exit.isSuccess(exit) && exit.value._tag === "Paid") })
}

const forgetsInterruptions: WrongClient = {
  name: "forgets interruptions",
  wrong: "an interrupted call leaves no trace, although its request was under way",
  wild: "evidence that is written only when the answer comes; `Effect.timeout` around a call, and a new one after it",
  breaks: ["I3", "I4"],
  make: libraryWith({ calls: forgettingAfter(Exit.isInterrupted) })
}

const ignoresOutstanding: WrongClient = {
  name: "ignores outstanding creates",
  wrong: "is told how many requests others have sent, and counts none of them",
  wild: "`recover(request, { outstandingCreates: 0 })`: the process that died surely got its answer",
  breaks: ["I3", "I4"],
  make: libraryWith({
    calls: (client) => ({
      ...client,
      recover: (request, options) => client.recover(request, { ...options, outstandingCreates: 0 })
    })
  })
}

const forgetsByRestarting: WrongClient = {
  name: "forgets by restarting",
  wrong: "makes nothing of the evidence that another process left: what is not in its own memory did not happen",
  wild: "the error is logged as a line of text, and the next run knows only the handle",
  breaks: ["I3", "I4"],
  make: libraryWith({
    calls: (client) => ({
      ...client,
      recover: (request, { evidence, ...options } = {}) =>
        client.recover(request, evidence === undefined ? options : { outstandingCreates: 0, ...options })
    })
  })
}

const takesEvidenceForAll: WrongClient = {
  name: "takes evidence for all there is",
  wrong: "is given evidence and no number, and assumes that nothing was sent beside what the evidence shows",
  wild: "the last error was stored, and the process was killed in a create after it",
  breaks: ["I3", "I4"],
  make: libraryWith({
    calls: (client) => ({
      ...client,
      recover: (request, options = {}) =>
        client.recover(request, options.evidence === undefined ? options : { outstandingCreates: 0, ...options })
    })
  })
}

const takesGuessForCertainty: WrongClient = {
  name: "a guess is certainty",
  wrong: "is told nothing of other processes, looks once, and takes what it sees for all that will ever happen",
  wild: "after a restart: look it up, and what is not there now was never sent",
  breaks: ["I3", "I4"],
  make: libraryWith({
    calls: (client) => ({
      ...client,
      recover: (request, options = {}) =>
        options.evidence === undefined && options.outstandingCreates === undefined
          ? client.recover(request, { ...options, outstandingCreates: 1, lastSentAt: longAgo })
          : client.recover(request, options)
    })
  })
}

const longAgo = DateTime.unsafeMake(0)

const storesTooLate: WrongClient = {
  name: "stores too late",
  wrong: "stores what it knows before each create, without the create that it is about to send",
  wild: "an intent that is written after the request was sent: `await pay(row); await db.save(row)`",
  breaks: ["I3", "I4"],
  make: libraryWith({ stores: (evidence) => ({ ...evidence, creates: evidence.creates.slice(0, -1) }) })
}

export const forgetters: ReadonlyArray<WrongClient> = [
  storesTooLate,
  forgetsEarlierAttempts,
  takesRestartForBeginning,
  forgetsWhatItPaid,
  forgetsInterruptions,
  ignoresOutstanding,
  forgetsByRestarting,
  takesEvidenceForAll,
  takesGuessForCertainty
]
