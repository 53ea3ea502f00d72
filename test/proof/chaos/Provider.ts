/**
 * The provider, outside of every process that is killed: the sandbox on a socket, with its ledger, which a dice makes
 * about as unreliable as a bad day. It loses answers, executes late, hides successes, and settles later.
 */
import { Duration, Effect, identity, Layer } from "effect"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { about, type Chance } from "../simulation/Chance.js"
import { destination } from "../../support.js"

export interface Weather {
  /** Whether anything goes wrong. Without, each exchange succeeds. */
  isBad: boolean
}

/** Whatever the provider is asked to do, it has done this much later, in milliseconds. */
export const latest = 10_500

const settled = (chance: Chance) =>
  chance.weighted<Acquirer.Settled>([
    [Acquirer.paid, 8],
    [Acquirer.hardDeclined(), 1],
    [Acquirer.processingError({ moved: chance.happens(0.5) }), 1]
  ]) ?? Acquirer.paid

const onCreate = (chance: Chance): Script.Step =>
  chance.weighted<() => Script.Step>([
    [() => Script.normal, 50],
    [() => Script.processing({ after: Duration.millis(chance.between(100, 2_000)), as: settled(chance) }), 12],
    [() => Script.dropAfterCommit, 7],
    [() => Script.resetAfterCommit, 4],
    [() => Script.dropBeforeCommit, 4],
    [() => Script.connectionRefused, 2],
    [() => Script.executeLater(Duration.millis(chance.between(50, 4_000))), 5],
    // Held up on the way: whoever is killed meanwhile has sent it.
    [() => Script.delayRequest(Duration.millis(chance.between(500, 10_000)))(Script.normal), 10],
    [() => Script.apiError({ status: 503, code: 2 }), 2],
    [() => Script.status(502), 3],
    [() => Script.apiError({ status: 429, code: 122 }), 2],
    [() => Script.truncated, 2],
    [() => Script.processingError({ moved: true }), 3],
    [() => Script.processingError(), 3],
    [() => Script.hardDeclined(), 16],
    [() => Script.softDeclined(), 3]
  ])?.() ?? Script.normal

const onLookup = (chance: Chance): Script.Step =>
  chance.weighted([
    [Script.normal, 88],
    [Script.apiError({ status: 500, code: 2 }), 4],
    [Script.dropAfterCommit, 3],
    [Script.staleRead, 3],
    [Script.status(502), 2]
  ]) ?? Script.normal

const unreliable = (seed: number, weather: Weather, sandbox: Sandbox.Service): Sandbox.Service => {
  let ordinal = 0
  return {
    ...sandbox,
    receive: (incoming) => {
      const chance = about(seed, `exchange ${++ordinal}`)
      const isCreate = incoming.method === "POST"
      const step = !weather.isBad ? Script.normal : isCreate ? onCreate(chance) : onLookup(chance)
      // On the way there, and back: whoever is killed in flight may have been heard, or not.
      const isLate = step.parts.requestDelay !== undefined
      const timed = step.pipe(
        isLate ? identity : Script.delayRequest(Duration.millis(chance.between(0, 15))),
        Script.delayAnswer(Duration.millis(chance.between(0, 15))),
        isCreate ? Script.onCreate : Script.onLookup
      )
      return Effect.zipRight(sandbox.script(timed), sandbox.receive(incoming))
    }
  }
}

/** What the provider has of a third of the orders: declines of the last 30 days, mostly of other cards and amounts. */
const historyOf = (seed: number, orders: number): ReadonlyArray<Sandbox.PastPayout> =>
  Array.from({ length: orders }, (_, index) => index + 1).flatMap((order) => {
    const chance = about(seed, `history ${order}`)
    if (!chance.happens(0.33)) return []
    const decline = () => ({
      created: { age: chance.happens(0.3) ? chance.between(0, 60_000) : chance.duration(1_000, days(30)) },
      destination: chance.happens(0.3) ? destination : "ca_another",
      outcome: chance.happens(0.5) ? Acquirer.hardDeclined() : Acquirer.softDeclined()
    })
    const amount = chance.happens(0.15) ? order + 1 : order
    return [{ handle: `pay-${order}`, amount, currency: "DKK", transactions: [decline()] }]
  })

const days = (count: number): number => count * 24 * 60 * 60 * 1000

/** The sandbox at an address of its own. `orders`: how many it may be asked for. */
export const layer = (
  seed: number,
  weather: Weather,
  orders: number
): Layer.Layer<SandboxServer.SandboxServer | Sandbox.Sandbox> =>
  SandboxServer.layer.pipe(
    Layer.orDie,
    Layer.provideMerge(
      Layer.effect(
        Sandbox.Sandbox,
        Effect.map(Sandbox.make({ testAmounts: false, history: historyOf(seed, orders) }), (sandbox) =>
          unreliable(seed, weather, sandbox)
        )
      )
    )
  )
