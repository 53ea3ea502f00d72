/** A cache on the way to the provider, which ignores what it is told about itself. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, LogLevel } from "effect"
import { BillwerkClient, type Outcome, type PayoutError, RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { anotherProcess, requestOf } from "../../support.js"
import { Lie, told } from "./Lies.js"
import * as Proxy from "./Proxy.js"
import { transports } from "./Transports.js"
import * as Truth from "./Truth.js"

/** Declined for good; paid to another card by a second service; and asked about by a third one. */
const story = (age: "Said" | "Unsaid") =>
  Effect.gen(function* () {
    const { port } = yield* SandboxServer.SandboxServer
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(Script.hardDeclined())
    const proxy = yield* Proxy.make({ port, seed: 1 })
    yield* proxy.suffer({ toxics: [], lies: [told(Lie.Cached({ age }))] })
    const client = yield* BillwerkClient.make({ requestLimits: "None", apiKey: Sandbox.apiKey, baseUrl: proxy.url })
    const [first, second, third] = yield* Effect.all([anotherProcess(), anotherProcess(), anotherProcess()]).pipe(
      Effect.provideService(BillwerkClient.BillwerkClient, client)
    )
    const own = requestOf({ destination: "ca_1" })
    const policy = RetryPolicy.none
    const said: ReadonlyArray<Outcome.Outcome | PayoutError.PayoutError> = [
      yield* Effect.merge(first.create(own, { policy })),
      yield* Effect.merge(second.recover(requestOf({ destination: "ca_2" }), { policy })),
      yield* Effect.merge(third.recover(own, { policy }))
    ]
    return { said, lies: Truth.aboutMoney(said[2] ?? assert.fail(), own.handle, yield* sandbox.ledger), proxy }
  })

describe("A cache that answers every lookup with what it was told first", () => {
  for (const { layer, name } of transports) {
    for (const age of ["Said", "Unsaid"] as const) {
      it.scopedLive(`is not believed over ${name}, where the age of its answers is ${age.toLowerCase()}`, () =>
        Effect.gen(function* () {
          const { lies, proxy, said } = yield* story(age)
          assert.deepStrictEqual(
            said.map(({ _tag, certainty }) => `${_tag} ${certainty}`),
            ["HardDeclined NotMoved", "Paid Moved", "CommunicationError MayHaveMoved"]
          )
          assert.deepStrictEqual(lies, [])
          assert.isAtLeast(proxy.lied(), 2)
        }).pipe(
          Effect.provide(Layer.merge(layer, SandboxServer.layer.pipe(Layer.provideMerge(Sandbox.layerSandbox)))),
          Logger.withMinimumLogLevel(LogLevel.None)
        )
      )
    }
  }
})
