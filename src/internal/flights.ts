/**
 * Within one process a handle has one conversation with the provider at a time, and what it left unclear is remembered,
 * so that the next call for it asks before it sends.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type { BillwerkClient } from "../BillwerkClient.js"
import type { Handle } from "../domain/Handle.js"
import type { Outcome, Paid } from "../domain/Outcome.js"
import { HandleConflict, type HardDeclined, type PayoutError } from "../domain/PayoutError.js"
import { differences, type PayoutRequest } from "../domain/PayoutRequest.js"
import type { RetryPolicy } from "../RetryPolicy.js"
import { converse } from "./conversation.js"
import { Journal } from "./journal.js"
import * as Plan from "./plan.js"

/** How many payouts are remembered. The oldest are forgotten first. */
export const rememberedMax = 10_000

/** A call for a payout. */
export interface Call {
  readonly request: PayoutRequest
  readonly policy: RetryPolicy
  readonly first: Plan.Step
  /** How many requests may have been sent that this process knows nothing of. */
  readonly unseen: number
}

type Ended = Exit.Exit<Outcome, PayoutError>

/** A call that is running. `done` is made by the first call that joins it, and is none if it was interrupted. */
interface Flight {
  readonly request: PayoutRequest
  done: Deferred.Deferred<Option.Option<Ended>> | undefined
}

/** What a call left behind: an end that nothing changes any more, or the evidence of what is not over. */
interface Memory {
  readonly journal: Journal
  readonly final: Paid | HardDeclined | undefined
}

export const make = (client: BillwerkClient["Type"]): ((call: Call) => Effect.Effect<Outcome, PayoutError>) => {
  const flights = new Map<Handle, Flight>()
  const memories = new Map<Handle, Memory>()

  const board = (call: Call): Effect.Effect<Outcome, PayoutError> =>
    Effect.suspend(() => {
      const flight = flights.get(call.request.handle)
      if (flight !== undefined) return join(flight, call)
      const memory = memories.get(call.request.handle)
      return memory === undefined ? start(call) : recall(memory, call)
    })

  const join = (flight: Flight, call: Call) => {
    const differs = differences(flight.request, call.request)
    if (differs.length > 0) return conflict(new Journal(call.request, 0), differs)
    flight.done ??= Deferred.unsafeMake(FiberId.none)
    return Effect.flatMap(
      Deferred.await(flight.done),
      // Interrupted: the first to get here carries on, and asks before it sends if anything was left unclear.
      Option.getOrElse(() => board(call))
    )
  }

  const recall = ({ final, journal }: Memory, call: Call): Effect.Effect<Outcome, PayoutError> => {
    const differs = differences(journal.request, call.request)
    // Other arguments are another try, but only once it is certain that these have not paid.
    if (differs.length > 0) return journal.isInDoubt ? conflict(journal, differs) : start(call)
    if (final === undefined) return fly(journal, { ...call, first: Plan.firstAsk })
    return final._tag === "Paid" ? Effect.succeed(final) : final
  }

  const start = (call: Call) => fly(new Journal(call.request, call.unseen), call)

  const fly = (journal: Journal, { first, policy, request }: Call) =>
    Effect.uninterruptibleMask((restore) => {
      const flight: Flight = { request, done: undefined }
      flights.set(request.handle, flight)
      return restore(converse(client, policy, journal, first)).pipe(
        Effect.onExit((exit) => Effect.zipRight(journal.interrupt(), land(flight, journal, exit)))
      )
    })

  const land = (flight: Flight, journal: Journal, exit: Ended) =>
    Effect.suspend(() => {
      remember(journal, exit)
      flights.delete(flight.request.handle)
      return flight.done === undefined
        ? Effect.void
        : Deferred.succeed(flight.done, Exit.isInterrupted(exit) ? Option.none() : Option.some(exit))
    })

  const remember = (journal: Journal, exit: Ended): void => {
    const { handle } = journal.request
    const final = finalOf(exit)
    memories.delete(handle)
    if (final === undefined && !journal.isInDoubt) return
    memories.set(handle, { journal: journal.compact(), final })
    if (memories.size > rememberedMax) forgetOldest()
  }

  const forgetOldest = (): void => {
    const oldest = memories.keys().next()
    if (oldest.done !== true) memories.delete(oldest.value)
  }

  return board
}

const finalOf = (exit: Ended): Paid | HardDeclined | undefined => {
  if (Exit.isSuccess(exit)) return exit.value._tag === "Paid" ? exit.value : undefined
  return exit.cause._tag === "Fail" && exit.cause.error._tag === "HardDeclined" ? exit.cause.error : undefined
}

const conflict = (journal: Journal, differs: ReadonlyArray<string>) =>
  new HandleConflict({ ...journal.accounting, with: "Process", differs })
