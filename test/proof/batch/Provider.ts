/**
 * The provider, outside of every program that is killed: the sandbox on a socket, with its ledger. It loses answers,
 * carries out creates late, fails, declines and hides payments, about as often as chance says.
 */
import { Deferred, Duration, Effect, Layer } from "effect"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { about, type Chance } from "../simulation/Chance.js"

export interface Weather {
  /** Whether anything goes wrong. Without, each exchange succeeds. */
  isBad: boolean
  /** Opened when it is no longer bad. */
  readonly isOver: Deferred.Deferred<void>
}

/** Whatever the provider is asked to do, it has done this much later, in milliseconds. */
export const latest = 3_500

/** What goes wrong: anything, or what only a record that goes before the create can tell of. */
export type Mix = "anything" | "late creates"

const onCreate = (chance: Chance): Script.Step =>
  chance.weighted<() => Script.Step>([
    [() => Script.normal, 52],
    [() => Script.processing({ after: Duration.millis(chance.between(50, 800)), as: Acquirer.paid }), 5],
    [() => Script.dropAfterCommit, 5],
    [() => Script.resetAfterCommit, 3],
    [() => Script.dropBeforeCommit, 3],
    // Held up on the way: the program that sent it may be dead when it is carried out.
    [() => Script.delayRequest(Duration.millis(chance.between(200, 3_000)))(Script.normal), 10],
    [() => Script.executeLater(Duration.millis(chance.between(50, 2_000))), 3],
    [() => Script.apiError({ status: 503, code: 2 }), 2],
    [() => Script.apiError({ status: 429, code: 122 }), 1],
    [() => Script.truncated, 2],
    [() => Script.processingError({ moved: true }), 2],
    [() => Script.processingError(), 2],
    [() => Script.hardDeclined(), 8],
    [() => Script.softDeclined(), 2]
  ])?.() ?? Script.normal

const onLookup = (chance: Chance): Script.Step =>
  chance.weighted([
    [Script.normal, 92],
    [Script.apiError({ status: 500, code: 2 }), 3],
    [Script.dropAfterCommit, 3],
    [Script.staleRead, 2]
  ]) ?? Script.normal

const unreliable = (seed: number, weather: Weather, mix: Mix, sandbox: Sandbox.Service): Sandbox.Service => {
  let ordinal = 0
  const seen = new Set<string>()
  // The first create of every other row is carried out when all is over, whatever became of its program; all that the
  // programs of that time send again is declined.
  const isHeld = (body: string) => {
    const isFirst = !seen.has(body)
    seen.add(body)
    return mix === "late creates" && weather.isBad && isFirst && about(seed, body).happens(0.5)
  }
  return {
    ...sandbox,
    receive: (incoming) => {
      const chance = about(seed, `exchange ${++ordinal}`)
      const isCreate = incoming.method === "POST"
      if (isCreate && isHeld(Buffer.from(incoming.body).toString())) {
        const late = Effect.zipRight(Deferred.await(weather.isOver), sandbox.receive(incoming))
        return Effect.zipRight(Effect.forkDaemon(late), Effect.never)
      }
      const step = !weather.isBad
        ? Script.normal
        : isCreate
          ? mix === "anything"
            ? onCreate(chance)
            : Script.hardDeclined()
          : onLookup(chance)
      // On the way back as well, so that a program dies between what was done and what it knows.
      const timed = step.pipe(
        Script.delayAnswer(Duration.millis(chance.between(0, 15))),
        isCreate ? Script.onCreate : Script.onLookup
      )
      return Effect.zipRight(sandbox.script(timed), sandbox.receive(incoming))
    }
  }
}

/** The sandbox at an address of its own. */
export const layer = (
  seed: number,
  weather: Weather,
  mix: Mix
): Layer.Layer<SandboxServer.SandboxServer | Sandbox.Sandbox> =>
  SandboxServer.layer.pipe(
    Layer.orDie,
    Layer.provideMerge(
      Layer.effect(
        Sandbox.Sandbox,
        Effect.map(Sandbox.make({ testAmounts: false }), (sandbox) => unreliable(seed, weather, mix, sandbox))
      )
    )
  )
