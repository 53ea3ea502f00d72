/** What a call says about the money and about itself, held against what the provider has seen and done. */
import type { Duration } from "effect"
import { Option } from "effect"
import { type Attempt, type Outcome, type PayoutError } from "effect-billwerk-payouts"
import { Ledger, type Sandbox } from "effect-billwerk-payouts/testing"

/** What a call ended with. */
export type Said = Outcome.Outcome | PayoutError.PayoutError

/** The provider's side. */
export interface Provider {
  readonly ledger: Ledger.Ledger
  readonly exchanges: ReadonlyArray<Sandbox.Exchange>
  readonly bodies: (handle: string) => number
}

/** A payout that was asked for, and all that has been said of it. */
export interface Story {
  readonly handle: string
  readonly amount: number
  /** How often an attempt of it was scripted to pay and to be called failed. */
  readonly hidden: number
  readonly calls: ReadonlyArray<{ readonly said: Said; readonly took: Duration.Duration }>
}

/** What is not true about the money at this moment. (I2, I3, the exposure) */
export const aboutMoney = (said: Said, handle: string, ledger: Ledger.Ledger): ReadonlyArray<string> => {
  const { certainty, exposure } = said
  const moved = Ledger.moved(ledger, handle)
  const isPaid = Option.exists(Ledger.payout(ledger, handle), ({ state }) => state === "paid")
  return untrue(`${handle} ended as ${said._tag}, ${certainty}, ${exposure.min} to ${exposure.max}: `, [
    [moved >= exposure.min && moved <= exposure.max, `${moved} moved`],
    [certainty !== "NotMoved" || moved === 0, `${moved} moved, and was denied`],
    [certainty !== "Moved" || moved > 0, "nothing moved"],
    [said._tag !== "Paid" || isPaid, "the provider has no payment on record"],
    [!("payout" in said) || said.payout.handle === handle, "it shows somebody else's payout"]
  ])
}

/** What is not true about a payout when all calls for it have ended, and nothing is under way. (I1, I5, I7) */
export const aboutStory = (story: Story, provider: Provider): ReadonlyArray<string> => {
  const { calls, handle, hidden } = story
  const said = calls.at(-1)?.said
  const movements = Ledger.movements(provider.ledger, handle).length
  const seen = (kind: Attempt.Kind) =>
    provider.exchanges.filter((exchange) => exchange.kind === kind && exchange.handle === handle).length
  const attempts = accounted(story)
  const sent = (kind: Attempt.Kind) => attempts.filter((one) => one.kind === kind && one.sent !== "NotSent").length
  const answered = (kind: Attempt.Kind) => attempts.filter((one) => one.kind === kind && one.sent === "Sent").length
  return [
    ...(said === undefined ? [] : aboutMoney(said, handle, provider.ledger)),
    ...untrue(`${handle}: `, [
      [said?._tag !== "Paid" || hidden > 0 || movements === 1, `paid by ${movements} movements`],
      [movements <= 1 + hidden, `moved ${movements} times`],
      [provider.bodies(handle) <= 1, `${provider.bodies(handle)} different bodies`],
      [seen("Create") <= sent("Create"), `${seen("Create")} creates arrived, ${sent("Create")} are on record`],
      [seen("Lookup") <= sent("Lookup"), `${seen("Lookup")} lookups arrived, ${sent("Lookup")} are on record`]
    ]),
    ...untrue(`${handle}: answered without being asked, `, [
      [answered("Create") <= seen("Create"), `${answered("Create")} of ${seen("Create")} creates`],
      [answered("Lookup") <= seen("Lookup"), `${answered("Lookup")} of ${seen("Lookup")} lookups`]
    ])
  ]
}

/** What is not true about all of them together. */
export const aboutLedger = (stories: ReadonlyArray<Story>, { ledger }: Provider): ReadonlyArray<string> => {
  const hidden = new Set(stories.filter((story) => story.hidden > 0).map(({ handle }) => handle))
  const known = new Set(stories.map(({ handle }) => handle))
  return [
    ...Ledger.paidTwice(ledger).map((handle) => `${handle} was paid twice`),
    ...Ledger.movedTwice(ledger).flatMap((handle) => (hidden.has(handle) ? [] : [`${handle} moved twice`])),
    ...Ledger.payouts(ledger).flatMap(({ handle }) => (known.has(handle) ? [] : [`${handle} is nobody's payout`]))
  ]
}

/** The attempts of all calls, each once: a later call carries on what an earlier one left in doubt. */
export const accounted = ({ calls }: Story): ReadonlyArray<Attempt.Attempt> => {
  const attempts = new Map<string, Attempt.Attempt>()
  for (const { said } of calls) {
    for (const one of said.attempts) attempts.set(`${one.ordinal} ${one.kind} ${one.started.epochMillis}`, one)
  }
  return [...attempts.values()]
}

const untrue = (about: string, claims: ReadonlyArray<readonly [holds: boolean, otherwise: string]>) =>
  claims.filter(([holds]) => !holds).map(([, otherwise]) => about + otherwise)
