/**
 * One row of the table: what the provider is going to do, what we ask for, and how it has to end.
 */
import type * as PayoutRequest from "../domain/PayoutRequest.js"
import type { Step } from "../sandbox/Script.js"
import type { Ended } from "./Summary.js"

/** What a payout is like unless a scenario says otherwise. */
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
  /** The same as a script; without a step, the provider goes by its rules. */
  readonly steps?: ReadonlyArray<Step>
  readonly request?: Difference
  /** What another process did before under the same handle. */
  readonly earlier?: { readonly steps?: ReadonlyArray<Step>; readonly request?: Difference }
  /** `create`, unless said. */
  readonly call?: "recover"
  /** How the end of a payout that is processing is waited for, if it is. */
  readonly awaits?: "by poll" | "by webhook"
  /** Who pays, if not with patience and at the right address. */
  readonly by?: "impatient" | "unreachable"
  readonly expected: Ended["_tag"]
}
