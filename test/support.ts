/** What many tests share: a request, the layers, and another process. */
import { Config, Effect, Layer, Scope } from "effect"
import { PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"

export const destination = "ca_fcfac2016614418f969fa5697383e47c"

/** Whether the tests run against mutants: what takes many seconds is then left out. */
export const isMutated = Effect.runSync(Config.withDefault(Config.boolean("PAYOUTS_MUTATION"), false))

/** A request that was validated. Throws if it is refused, for tests that are about something else. */
export const requestOf = (input: Partial<PayoutRequest.Input> = {}) =>
  Effect.runSync(
    PayoutRequest.fromUnknown({ handle: "prize-2026-0042", destination, amount: 12_500, currency: "DKK", ...input })
  )

/** The library over the in-memory provider. */
export const layer = (options: Sandbox.Options = {}, payouts: Payouts.Options = {}) =>
  Payouts.layerWith(payouts).pipe(Layer.provideMerge(Sandbox.layerWith(options)))

/** The exchanges of a client that is only asked to create and to look up. */
export const noReads = {
  list: () => Effect.dieMessage("a list was asked for"),
  transactionDetails: () => Effect.dieMessage("details were asked for"),
  lookUpAccount: Effect.dieMessage("the account was asked for")
} as const

/** Another process of this test: a service of its own, which lives on until the test run ends. */
export const anotherProcess = (options?: Payouts.Options) =>
  Effect.flatMap(Scope.make(), (scope) => Scope.extend(Payouts.make(options), scope))

/** Runs an effect to its end in virtual time. */
export const { inVirtualTime } = Sandbox
