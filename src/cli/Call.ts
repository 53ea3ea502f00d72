/**
 * One call of the library as a command makes it: over the connection that was asked for, reported in the format that was
 * asked for, and never silent about money when it is cut short.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Handle } from "../domain/Handle.js"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import * as Payouts from "../Payouts.js"
import * as RetryPolicy from "../RetryPolicy.js"
import * as Connection from "./Connection.js"
import { exitCode } from "./ExitCode.js"
import * as Report from "./Report.js"

/** The options that every call has. */
export interface Flags {
  readonly policy: "standard" | "none"
  readonly live: boolean
  readonly json: boolean
}

type Service = Payouts.Payouts["Type"]

/** A call that may move money. */
export const pay = (flags: Flags, handle: Handle, call: (payouts: Service) => Effect.Effect<Outcome, PayoutError>) => {
  const format = formatOf(flags)
  return whole(Effect.flatMap(Payouts.Payouts, call), {
    onSuccess: (outcome) => Report.outcome(outcome, format),
    onFailure: (error) => Report.error(error, format),
    // It may have been cut short at any moment, so the request may have left.
    onCutShort: (how) => Report.cutShort(`${how}: ${unclear(handle)}`, exitCode.mayHaveMoved, format)
  }).pipe(Effect.provide(payouts(flags)))
}

/** A call that moves nothing. */
export const ask = (flags: Flags, handle: Handle) => {
  const format = formatOf(flags)
  return whole(
    Effect.flatMap(Payouts.Payouts, (payouts) => payouts.get(handle)),
    {
      onSuccess: (payout) => Report.payout(payout, format),
      onFailure: (error) => Report.lookupError(error, format),
      onCutShort: (how) => Report.cutShort(`${how}: payout ${handle} was not looked up`, exitCode.notAsked, format)
    }
  ).pipe(Effect.provide(payouts(flags)))
}

const unclear = (handle: Handle): string =>
  `it is unclear whether payout ${handle} was made. Run resume with the same request, which asks the provider first; ` +
  `never pay again under another handle.`

const formatOf = ({ json, live }: Flags): Report.Format => ({ json, mode: live ? "Live" : "Sandbox" })

const payouts = ({ live, policy }: Flags) =>
  Payouts.layerWith({ policy: RetryPolicy[policy] }).pipe(Layer.provide(Connection.layer(live ? "Live" : "Sandbox")))

interface Ends<A, E, B, E2, R> {
  readonly onSuccess: (value: A) => Effect.Effect<B, E2, R>
  readonly onFailure: (error: E) => Effect.Effect<B, E2, R>
  readonly onCutShort: (how: string) => Effect.Effect<B, E2, R>
}

// A command is uninterruptible but for this: what there is to say about an interrupted call is said, and is what the
// process ends with. (A failure that passes a handler on an interrupted, interruptible fiber is lost.) A defect's text
// may hold anything, so that it happened has to do.
const whole = <A, E, R, B, E2, R2>(call: Effect.Effect<A, E, R>, ends: Ends<A, E, B, E2, R2>) =>
  Effect.flatMap(Effect.exit(Effect.interruptible(call)), (exit) => {
    if (Exit.isSuccess(exit)) return ends.onSuccess(exit.value)
    const failure = Cause.failureOrCause(exit.cause)
    if (failure._tag === "Left") return ends.onFailure(failure.left)
    return ends.onCutShort(Cause.isInterrupted(exit.cause) ? "interrupted" : "broken off by a defect of this program")
  })
