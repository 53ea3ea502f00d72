import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Logger, Scope } from "effect"
import { announce } from "../../src/execution/liveServices.js"

/** Opens services, each in a scope of its own, and gives what is logged. */
const logged = <A>(program: (open: (name?: string) => Effect.Effect<Scope.CloseableScope>) => Effect.Effect<A>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => lines.push(`${logLevel.label} ${String(message)}`))
    const open = (name?: string) => Effect.tap(Scope.make(), (scope) => Scope.extend(announce(name), scope))
    return Effect.as(Effect.provide(program(open), Logger.replace(Logger.defaultLogger, logger)), lines)
  })

const warning =
  "WARN A second Payouts service is live for the same account in this process. They do not know of each other's payouts: " +
  "provide one layer to the whole program. On Workers, which need a layer for each request, one payout is paid at one " +
  "place (docs/runtimes.md)."
const close = (scope: Scope.CloseableScope) => Scope.close(scope, Exit.void)

describe("liveServices", () => {
  it.effect("warns of the second service of an account, once in a process (E18)", () =>
    Effect.gen(function* () {
      const lines = yield* logged((open) => Effect.all([open("second"), open("second"), open("second")]))
      assert.deepStrictEqual(lines, [warning])
      assert.deepStrictEqual(yield* logged((open) => open("second")), [])
    })
  )

  it.effect("is silent about services of other accounts, and about clients that name none", () =>
    Effect.gen(function* () {
      const lines = yield* logged((open) => Effect.all([open("one"), open("other"), open(), open()]))
      assert.deepStrictEqual(lines, [])
    })
  )

  it.effect("is silent about a service after another one, whose scope is closed", () =>
    Effect.gen(function* () {
      const lines = yield* logged((open) =>
        Effect.gen(function* () {
          yield* close(yield* open("turns"))
          yield* close(yield* open("turns"))
        })
      )
      assert.deepStrictEqual(lines, [])
      assert.deepStrictEqual(yield* logged((open) => Effect.all([open("turns"), open("turns")])), [warning])
    })
  )
})
