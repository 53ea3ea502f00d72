/**
 * One row of the table: what the provider will do, what we request, and how it must end.
 */
import type * as PayoutRequest from "../domain/PayoutRequest.js"
import type { Step } from "../sandbox/Script.js"
import type { Ended } from "./Summary.js"

/** The arguments of a payout, unless a scenario says otherwise. */
export const usual = {
  destination: "ca_fcfac2016614418f969fa5697383e47c",
  amount: 12_500,
  currency: "DKK"
} as const satisfies Partial<PayoutRequest.Input>

/** How a request differs from the usual one. */
export type Difference = Partial<Pick<PayoutRequest.Input, "amount" | "destination" | "customer">>

export interface Scenario {
  /** Part of the handle. */
  readonly name: string
  readonly title: string
  /** What the provider does, in words. */
  readonly provider: string
  /** The same as a script. Without a step, the provider follows its rules. */
  readonly steps?: ReadonlyArray<Step>
  readonly request?: Difference
  /** What another process did before under the same handle. */
  readonly earlier?: { readonly steps?: ReadonlyArray<Step>; readonly request?: Difference }
  /** Default: `create`. */
  readonly call?: "recover"
  /** How to wait for the end of a processing payout, if at all. */
  readonly awaits?: "by poll" | "by webhook"
  /** The service that pays, if not the one with the usual deadline and the right address. */
  readonly by?: "impatient" | "unreachable"
  readonly expected: Ended["_tag"]
}
