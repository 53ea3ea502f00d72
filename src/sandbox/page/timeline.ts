/**
 * The timeline of one payout: its exchanges, the money that moved, what settled later, and the webhooks.
 */
import * as DateTime from "effect/DateTime"
import type { Exchange } from "../Exchange.js"
import type * as Ledger from "../Ledger.js"
import type { Sent } from "../SandboxWebhooks.js"
import type { Known } from "./doubt.js"
import { byName } from "./faults.js"
import { answerOf, didOf, requestOf } from "./words.js"

export interface Entry {
  /** ISO 8601, in UTC. */
  readonly at: string
  /** Decides the colour: money that moved, something lost or hidden, or neither. */
  readonly tone: "Moved" | "Lost" | "Plain"
  readonly title: string
  /** Minor units. */
  readonly amount?: number | undefined
  readonly currency?: string | undefined
  /** How long the exchange took, in milliseconds. */
  readonly took?: number | undefined
  readonly lines: ReadonlyArray<readonly [label: string, text: string]>
}

/** Oldest first. */
export const timelineOf = (
  { exchanges, movements, record }: Known,
  webhooks: ReadonlyArray<Sent>
): ReadonlyArray<Entry> =>
  [
    ...exchanges.map(ofExchange),
    ...(record?.transactions ?? []).filter(isAsynchronous).map(ofSettlement),
    ...movements.map(ofMovement),
    ...webhooks.map(ofWebhook)
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))

const ofExchange = (exchange: Exchange): Entry => {
  const { amount, currency, deed, ended, ending, started, step } = exchange
  const script = step === undefined ? [] : ([["Fault", byName.get(step)?.title ?? step]] as const)
  return {
    at: DateTime.formatIso(started),
    tone: ending === "Answered" || ending === "Pending" ? "Plain" : "Lost",
    title: requestOf(exchange),
    amount,
    currency,
    took: ended === undefined ? undefined : ended.epochMillis - started.epochMillis,
    lines: [...script, ["Provider", didOf(deed)], ["Answer", answerOf(exchange)]]
  }
}

const ofMovement = ({ amount, currency, hidden, when }: Ledger.Movement): Entry => ({
  at: DateTime.formatIso(when),
  tone: hidden ? "Lost" : "Moved",
  title: "Money moved",
  amount,
  currency,
  lines: hidden ? [["Hidden", "The record shows this attempt as failed. No client can see this."]] : []
})

/** Whether a transaction was open for a while. */
const isAsynchronous = ({ created, settled }: Ledger.Transaction): boolean =>
  settled !== undefined && settled.epochMillis > created.epochMillis

const ofSettlement = ({ created, error, errorState, settled, state }: Ledger.Transaction): Entry => ({
  at: DateTime.formatIso(settled ?? created),
  tone: "Plain",
  title: `Settled: ${state}`,
  lines: errorState === undefined ? [] : [["Reason", `${errorState}, ${error}`]]
})

const ofWebhook = ({ eventType = "of another kind", kind, status, when }: Sent): Entry => ({
  at: DateTime.formatIso(when),
  tone: status === undefined ? "Lost" : "Plain",
  title: `Webhook ${eventType}`,
  lines: [
    ...(kind === "Genuine" ? [] : ([["Sender", kind === "Copy" ? "A repeat." : "Without the secret."]] as const)),
    ["Answer", status === undefined ? "None in time." : `HTTP ${status}.`]
  ]
})
