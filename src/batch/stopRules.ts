/**
 * When a run begins no further row. What is under way ends all the same.
 */
import type { Attempt } from "../domain/Attempt.js"
import { isRefusedKey } from "./entries.js"
import type { Progress } from "./progress.js"

/**
 * When a run of a batch stops.
 *
 * @category models
 * @since 0.1.0
 */
export interface StopRules {
  /**
   * Begin no further row once more money than this is in doubt, in minor units: for each currency alike, or by
   * currency. Rows that an earlier run began are recovered all the same, which ends doubt. Default: no limit.
   */
  readonly inDoubt?: number | Readonly<Record<string, number>> | undefined
  /** Begin no further row after that many failures one after the other. Default: no limit. */
  readonly failuresInARow?: number | undefined
}

/**
 * Why a run stopped before it had begun every row: more than `limit` is in doubt; too many failures one after the other;
 * the provider refused the key or what it may do (401, 403); rows that an earlier run left open are not among the
 * requests, of which one may be the same payout under another handle; or the store failed, without which nothing may be
 * begun.
 *
 * @category models
 * @since 0.1.0
 */
export type Stop =
  | { readonly _tag: "InDoubt"; readonly currency: string; readonly amount: number; readonly limit: number }
  | { readonly _tag: "FailuresInARow"; readonly count: number }
  | { readonly _tag: "KeyRefused"; readonly status: number }
  | { readonly _tag: "Missing"; readonly rows: number }
  | { readonly _tag: "StoreFailed"; readonly reason: string }

/** Whether too much is in doubt to begin a fresh row. */
export const byDoubt = ({ inDoubt: limits }: StopRules, { inDoubt }: Progress): Stop | undefined => {
  for (const [currency, { amount }] of Object.entries(inDoubt)) {
    const limit = typeof limits === "object" ? limits[currency] : limits
    if (limit !== undefined && amount > limit) return { _tag: "InDoubt", currency, amount, limit }
  }
  return undefined
}

/** Whether there were too many failures to begin any row. */
export const byFailures = ({ failuresInARow: limit }: StopRules, { failuresInARow }: Progress): Stop | undefined =>
  limit !== undefined && failuresInARow >= limit ? { _tag: "FailuresInARow", count: failuresInARow } : undefined

/** Whether the provider refused the key in one of these attempts. The result may name another reason. */
export const byRefusal = (attempts: ReadonlyArray<Attempt>): Stop | undefined => {
  const status = attempts.find((attempt) => isRefusedKey(attempt.status))?.status
  return status === undefined ? undefined : { _tag: "KeyRefused", status }
}
