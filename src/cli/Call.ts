/**
 * One call of the library from a command, over the requested connection and in the requested format. If the call is cut
 * short, it always says what that means for the money.
 */
import * as Cause from "effect/Cause"
import { BadArgument, SystemError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Handle } from "../domain/Handle.js"
import type { Outcome } from "../domain/Outcome.js"
import type { PayoutError } from "../domain/PayoutError.js"
import type * as PayoutFilter from "../domain/PayoutFilter.js"
import type { PayoutRequest } from "../domain/PayoutRequest.js"
import * as Payouts from "../Payouts.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import * as Reconciliation from "../reconciliation/Reconciliation.js"
import { type BadInput, make } from "./BadInput.js"
import * as Connection from "./Connection.js"
import * as Doctor from "./Doctor.js"
import type { Exited } from "./ExitCode.js"
import type * as Keeper from "./Keeper.js"
import * as Probe from "./Probe.js"
import * as Report from "./Report.js"
import { StandardOutput } from "./StandardOutput.js"

/** The settings of every call. */
export interface Settings extends Report.Format, Connection.Provider {
  readonly policy: "standard" | "interactive" | "none"
}

type Service = Payouts.Payouts["Type"]

/** A call that may move money, over the connection of the command. */
export const pay = (
  settings: Settings,
  handle: Handle,
  keeper: Keeper.Keeper,
  call: (payouts: Service) => Effect.Effect<Outcome, PayoutError>
) =>
  whole(Effect.flatMap(Payouts.Payouts, call), {
    ...concluded(settings, keeper),
    // The call may end at any moment, so the request may have left.
    onCutShort: (how) => Report.cutShort(`${how}: ${unclear(settings, handle, keeper)}`, "mayHaveMoved", settings)
  }).pipe(Effect.provide(kept(settings, keeper)))

/** A call that waits for the end of a payout over the connection of the command, and sends nothing. */
export const awaitFinal = (
  settings: Settings,
  request: PayoutRequest,
  keeper: Keeper.Keeper,
  options: Payouts.RecoverOptions & Pick<Payouts.AwaitFinalOptions, "deadline">
) => {
  const looked = Effect.flatMap(Payouts.Payouts, (payouts) =>
    Effect.flatMap(payouts.recover(request, { ...options, lookUpOnly: true }), (outcome) =>
      outcome._tag === "Processing"
        ? payouts.awaitFinal(outcome, { deadline: options.deadline })
        : Effect.succeed(outcome)
    )
  )
  return whole(looked, {
    ...concluded(settings, keeper),
    onCutShort: (how) =>
      Report.cutShort(
        `${how}: payout ${request.handle} was not seen to its end. Nothing was sent.`,
        "notAsked",
        settings
      )
  }).pipe(Effect.provide(kept(settings, keeper)))
}

/** The end of a call about one payout: its evidence is stored, and it is reported. */
const concluded = (settings: Settings, { account, conclude }: Keeper.Keeper) => ({
  onSuccess: (outcome: Outcome) =>
    Effect.flatMap(conclude(outcome), (file) => Report.outcome(outcome, { account, file }, settings)),
  onFailure: (error: PayoutError) =>
    Effect.flatMap(conclude(error), (file) => Report.error(error, { account, file }, settings))
})

/** A call that moves no money. */
export const ask = (settings: Settings, handle: Handle) =>
  whole(
    Effect.flatMap(Payouts.Payouts, (payouts) => payouts.get(handle)),
    {
      onSuccess: (payout) => Report.payout(payout, settings),
      onFailure: (error) => Report.lookupError(error, settings),
      onCutShort: (how) => Report.cutShort(`${how}: payout ${handle} was not looked up`, "notAsked", settings)
    }
  ).pipe(Effect.provide(payouts(settings)))

/**
 * Lists payouts, and prints each as its page comes. A reader that closes standard output ends the list without
 * a message.
 */
export const list = (settings: Settings, filter: PayoutFilter.Input) =>
  Effect.flatMap(Effect.all([StandardOutput, Report.listLines(settings)]), ([output, linesOf]) => {
    const listed = Stream.unwrap(Effect.map(Payouts.Payouts, (payouts) => payouts.list(filter)))
    return whole(Stream.run(linesOf(listed), output), {
      onSuccess: () => Report.listed(settings),
      onFailure: (error) => Report.listError(error, settings),
      onCutShort: (how) => Report.cutShort(`${how}: the list is not complete`, "notAsked", settings)
    })
  }).pipe(Effect.provide(payouts(settings)))

/** Asks the account what decides whether payouts can succeed. */
export const examine = (settings: Settings, given: Doctor.Given) =>
  whole(Doctor.examine(given), {
    onSuccess: (findings) => Report.findings(findings, settings),
    onFailure: (error) => error,
    onCutShort: (how) => Report.cutShort(`${how}: the account was not asked to the end`, "notAsked", settings)
  }).pipe(Effect.provide(Connection.layer(settings)))

/** Pays test amounts on a test account, and observes what the provider does. */
export const observe = (settings: Settings, given: Probe.Given) =>
  whole(Probe.observe(given), {
    onSuccess: (seen) => Report.observations(seen, settings),
    onFailure: (error): Effect.Effect<void, BadInput | Exited> => error,
    onCutShort: (how) =>
      Report.cutShort(`${how}: the probe is not complete, and may have paid`, "mayHaveMoved", settings)
  }).pipe(Effect.provide(Connection.layer(settings)))

/**
 * Compares books with what the provider has. Without a filter there is no list, and each row is looked up. The report
 * comes out line by line, as for a list.
 */
export const reconcile = <R>(
  settings: Settings,
  expected: Stream.Stream<Reconciliation.Expectation, BadInput, R>,
  filter: PayoutFilter.Input | undefined
) =>
  Effect.flatMap(Effect.all([StandardOutput, Ref.make(false)]), ([output, agrees]) => {
    const report = Stream.unwrap(
      Effect.map(Payouts.Payouts, ({ assess, list }) =>
        Reconciliation.reconcile({ expected, shown: filter === undefined ? Stream.empty : list(filter), assess })
      )
    ).pipe(
      // Of the platform's errors, only one of standard output means that its reader has gone.
      Stream.mapError((error) => (isOfPlatform(error) ? make(`temporary files failed (${error._tag})`) : error)),
      Stream.tap((one) => (one._tag === "Summary" ? Ref.set(agrees, one.agrees) : Effect.void))
    )
    return whole(Effect.zipRight(Stream.run(Report.reconciliationLines(settings)(report), output), Ref.get(agrees)), {
      onSuccess: (agree) => Report.reconciled(agree, settings),
      onFailure: Effect.fnUntraced(function* (error) {
        return yield* error._tag === "BadInput" ? error : Report.listError(error, settings)
      }),
      onCutShort: (how) => Report.cutShort(`${how}: the books were not compared to the end`, "notAsked", settings)
    })
  }).pipe(Effect.provide(payouts(settings)))

const isOfPlatform = Schema.is(Schema.Union(SystemError, BadArgument))

const unclear = ({ mode }: Settings, handle: Handle, { name }: Keeper.Keeper): string =>
  mode === "Sandbox"
    ? `the sandbox ended, and payout ${handle} with it. No money has moved.`
    : `it is unclear whether payout ${handle} was made. Run recover with the same request` +
      `${name === undefined ? "" : ` and --evidence ${name}`}, which asks the provider first; ` +
      `never pay again under another handle.`

/** For calls whose evidence is stored before each create. */
const kept = ({ policy }: Settings, { beforeCreate }: Keeper.Keeper) =>
  Payouts.layerWith({ policy: RetryPolicy[policy], beforeCreate })

/** For calls that keep no evidence. */
const payouts = (settings: Settings) =>
  Layer.provide(Payouts.layerWith({ policy: RetryPolicy[settings.policy] }), Connection.layer(settings))

interface Ends<A, E, B, E2, R> {
  readonly onSuccess: (value: A) => Effect.Effect<B, E2, R>
  readonly onFailure: (error: E) => Effect.Effect<B, E2, R>
  readonly onCutShort: (how: string) => Effect.Effect<B, E2, R>
}

/** A call, with a report of each way in which it can end. */
// A command is uninterruptible except for this call. After an interruption, the report still runs, and the process ends
// with its exit code. (A failure that passes a handler on an interrupted, interruptible fiber is lost.) A defect's text
// may hold anything, so only its occurrence is reported.
export const whole = <A, E, R, B, E2, R2>(call: Effect.Effect<A, E, R>, ends: Ends<A, E, B, E2, R2>) =>
  Effect.flatMap(Effect.exit(Effect.interruptible(call)), (exit) => {
    if (Exit.isSuccess(exit)) return ends.onSuccess(exit.value)
    const failure = Cause.failureOrCause(exit.cause)
    if (failure._tag === "Left") return ends.onFailure(failure.left)
    return ends.onCutShort(Cause.isInterrupted(exit.cause) ? "interrupted" : "stopped by a defect of this program")
  })
