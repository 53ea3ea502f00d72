/**
 * Plays a scenario against the sandbox, over the real HTTP stack, and compares what our side reports with what the
 * sandbox knows.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as Schedule from "effect/Schedule"
import * as PayoutRequest from "../domain/PayoutRequest.js"
import type * as Payouts from "../Payouts.js"
import * as Ledger from "../sandbox/Ledger.js"
import * as Sandbox from "../sandbox/Sandbox.js"
import * as Script from "../sandbox/Script.js"
import { type Difference, type Scenario, usual } from "./Scenario.js"
import type { Ended } from "./Summary.js"

/** The services that play a scenario. */
export interface Cast {
  /** Pays over the real HTTP stack. */
  readonly payouts: Payouts.Payouts["Type"]
  /** The same with a short deadline. */
  readonly impatient: Payouts.Payouts["Type"]
  /** The same in a process that is gone: it shares nothing with the other but the provider. */
  readonly earlier: Payouts.Payouts["Type"]
  /** Has an address where no server listens. */
  readonly unreachable: Payouts.Payouts["Type"]
}

/** A claim that must hold for every behaviour of the provider. */
export interface Check {
  readonly claim: string
  readonly holds: boolean
}

export interface Performance {
  readonly scenario: Scenario
  readonly handle: string
  readonly ended: Ended
  /** The log lines, with how often each was logged. */
  readonly logged: ReadonlyMap<string, number>
  /** What really left the account for this request, in minor units. */
  readonly moved: number
  /** The same for another request, which had taken the handle before. */
  readonly movedForAnother: number
  readonly checks: ReadonlyArray<Check>
}

export const play = (scenario: Scenario, cast: Cast) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    const handle = `demo-${scenario.name}`
    if (scenario.earlier !== undefined) {
      yield* script(handle, scenario.earlier.steps)
      yield* Effect.either(call(cast.earlier, handle, scenario.earlier.request))
    }
    const movedForAnother = scenario.earlier?.request === undefined ? 0 : Ledger.moved(yield* sandbox.ledger, handle)
    const before = (yield* exchangesOf(handle)).length
    const logged = new Map<string, number>()
    yield* script(handle, scenario.steps)
    const payouts = cast[scenario.by ?? "payouts"]
    const ended = yield* call(payouts, handle, scenario.request, scenario.call).pipe(
      Effect.flatMap((outcome) =>
        scenario.awaits === undefined
          ? Effect.succeed(outcome)
          : payouts.awaitFinal(outcome, pollPolicies[scenario.awaits])
      ),
      Effect.merge,
      // Alone: the lines are part of the report, and not of standard error.
      Effect.locally(FiberRef.currentLoggers, HashSet.make(loggerTo(logged)))
    )
    const seen = (yield* exchangesOf(handle)).slice(before)
    const moved = Ledger.moved(yield* sandbox.ledger, handle) - movedForAnother
    const performance: Performance = { scenario, handle, ended, logged, moved, movedForAnother, checks: [] }
    return { ...performance, checks: checksOf(performance, seen) }
  })

// A wait for a webhook makes no second poll before its deadline.
const pollPolicies = {
  "by poll": { schedule: Schedule.spaced("200 millis"), deadline: "20 seconds" },
  "by webhook": { schedule: Schedule.spaced("1 hour"), deadline: "20 seconds" }
} as const

const script = (handle: string, steps: ReadonlyArray<Script.Step> = []) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(...steps.map(Script.forHandle(handle))))

const exchangesOf = (handle: string) =>
  Effect.flatMap(Sandbox.Sandbox, ({ exchanges }) =>
    Effect.map(exchanges, (all) => all.filter((exchange) => exchange.handle === handle))
  )

const call = (
  payouts: Payouts.Payouts["Type"],
  handle: string,
  request: Difference = {},
  method: "create" | "recover" = "create"
) => Effect.flatMap(PayoutRequest.fromUnknown({ ...usual, handle, ...request }), (valid) => payouts[method](valid))

const loggerTo = (logged: Map<string, number>) =>
  Logger.make(({ logLevel, message }) => {
    const line = `${logLevel.label} ${String(message)}`
    logged.set(line, (logged.get(line) ?? 0) + 1)
  })

/** Whether the reported exposure includes what really moved. */
export const covers = ({ exposure }: Ended, moved: number): boolean => exposure.min <= moved && moved <= exposure.max

const checksOf = (
  { ended, moved, scenario }: Performance,
  seen: ReadonlyArray<Sandbox.Exchange>
): ReadonlyArray<Check> => {
  const { certainty } = ended
  const creates = seen.filter(({ kind }) => kind === "Create")
  return [
    { claim: `ends as ${scenario.expected}`, holds: ended._tag === scenario.expected },
    { claim: "what moved is within the exposure", holds: covers(ended, moved) },
    { claim: "the certainty is true", holds: certainty === "MayHaveMoved" || (certainty === "Moved") === moved > 0 },
    {
      claim: "every exchange that the provider saw is on record",
      // A create that was given up early may not have arrived.
      holds: seen.length <= ended.attempts.filter(({ sent }) => sent !== "NotSent").length
    },
    { claim: "every create had the same bytes", holds: new Set(creates.map((one) => one.fingerprint)).size <= 1 }
  ]
}
