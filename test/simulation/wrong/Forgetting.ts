/** Clients that forget what they knew, or were told. */
import { Effect, Exit } from "effect"
import type { Outcome, PayoutError } from "effect-billwerk-payouts"
import type { Client } from "../Client.js"
import { choosing, libraryWith, type WrongClient } from "./Wrong.js"

/** Forgets all about a payout when a call for it has ended in some way: a service for each, to be thrown away. */
const forgettingAfter =
  (isForgotten: (exit: Exit.Exit<Outcome.Outcome, PayoutError.PayoutError>) => boolean) =>
  (_: Client, fresh: Effect.Effect<Client>): Client => {
    const known = new Map<string, Client>()
    const find = (handle: string) =>
      Effect.suspend(() => {
        const client = known.get(handle)
        return client === undefined ? Effect.tap(fresh, (made) => known.set(handle, made)) : Effect.succeed(client)
      })
    return choosing((handle, call) =>
      Effect.flatMap(find(handle), call).pipe(
        Effect.onExit((exit) => Effect.sync(() => isForgotten(exit) && known.delete(handle)))
      )
    )
  }

const forgetsEarlierAttempts: WrongClient = {
  name: "forgets earlier attempts",
  wrong: "begins each call as if nothing had been sent: no memory, and a create where it should resume",
  wild: "a function `pay(request)` without a place for what became of the call before",
  breaks: ["I3", "I4", "I10"],
  make: libraryWith({
    calls: (client, fresh) => {
      const { create } = forgettingAfter(() => true)(client, fresh)
      return { create, resume: (request, { policy } = {}) => create(request, { policy }) }
    }
  })
}

const takesRestartForBeginning: WrongClient = {
  name: "takes a restart for a beginning",
  wrong: "creates after a restart, where it should resume",
  wild: "a job that is run again from its first line when the machine comes back",
  breaks: ["I3", "I4"],
  make: libraryWith({
    calls: (client) => ({ ...client, resume: (request, { policy } = {}) => client.create(request, { policy }) })
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

const ignoresUnseen: WrongClient = {
  name: "ignores unseen",
  wrong: "is told how many requests others have sent, and counts none of them",
  wild: "`resume(request, { outstandingCreates: 0 })`: the process that died surely got its answer",
  breaks: ["I3", "I4"],
  make: libraryWith({
    calls: (client) => ({
      ...client,
      resume: (request, options) => client.recover(request, { ...options, unseen: 0 })
    })
  })
}

export const forgetters: ReadonlyArray<WrongClient> = [
  forgetsEarlierAttempts,
  takesRestartForBeginning,
  forgetsWhatItPaid,
  forgetsInterruptions,
  ignoresUnseen
]
