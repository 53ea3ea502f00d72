/** Request limits that several processes share: in virtual time, and over Redis where there is a server. */
import { RateLimiter } from "@effect/experimental"
import { layerStore } from "@effect/experimental/RateLimiter/Redis"
import * as Command from "@effect/platform/Command"
import type { PlatformError } from "@effect/platform/Error"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Context, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { RequestLimits } from "effect-billwerk-payouts"
import * as SharedRequestLimits from "effect-billwerk-payouts/SharedRequestLimits"
import { accessSync, mkdtempSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { VirtualTime } from "../proof/simulation/VirtualTime.js"

const reads: RequestLimits.Limit = { rate: 1e6, burst: 1e6, concurrent: 1e6 }
const limits: RequestLimits.Limits = { reads, writes: { rate: 10, burst: 6, concurrent: 9 } }

const run = <A, E>(test: Effect.Effect<A, E>): A => {
  const exit = new VirtualTime(0).runExit(test)
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  return exit.value
}

/** Three processes that share a store. */
const processes = Effect.replicateEffect(SharedRequestLimits.make({ processes: 3, limits }), 3)

/** When the exchanges of some processes began, if each begins so many that take so long. */
const begun = (services: ReadonlyArray<RequestLimits.RequestLimits["Type"]>, each: number, takes = 0) =>
  Effect.map(
    Effect.all(
      services.flatMap((service) =>
        Array.from({ length: each }, () =>
          service.withTurn("Create", "New", () => Effect.zipLeft(Clock.currentTimeMillis, Effect.sleep(takes)))
        )
      ),
      { concurrency: "unbounded" }
    ),
    (times) => [...times].sort((a, b) => a - b)
  )

const assertWithin = (times: ReadonlyArray<number>, { burst, rate }: RequestLimits.Limit) => {
  for (const from of times) {
    for (const window of [0, 1_000, 5_000]) {
      const within = times.filter((at) => at >= from && at <= from + window).length
      assert.isAtMost(within, burst + (window / 1000) * rate + 1e-6)
    }
  }
}

/** How many requests a provider refuses that fills its bucket at the rate. A refused one takes no token. */
const refused = (times: ReadonlyArray<number>, { burst, rate }: RequestLimits.Limit): number => {
  let tokens = burst
  let filled = times[0] ?? 0
  return times.filter((at) => {
    tokens = Math.min(burst, tokens + ((at - filled) / 1_000) * rate)
    filled = at
    const isRefused = tokens < 1 - 1e-6
    if (!isRefused) tokens -= 1
    return isRefused
  }).length
}

/** The memory store, which a test takes away. */
const store = (isAway: { now: "Here" | "Fails" | "Hangs" }) =>
  Layer.provide(
    RateLimiter.layer,
    Layer.effect(
      RateLimiter.RateLimiterStore,
      Effect.map(RateLimiter.RateLimiterStore, ({ fixedWindow, tokenBucket }) => ({
        fixedWindow,
        tokenBucket: (options: Parameters<typeof tokenBucket>[0]) =>
          Effect.suspend(() => {
            if (isAway.now === "Fails") return new RateLimiter.RateLimitStoreError({ message: "away" })
            return isAway.now === "Hangs" ? Effect.never : tokenBucket(options)
          })
      }))
    ).pipe(Layer.provide(RateLimiter.layerStoreMemory))
  )

describe("Shared request limits", () => {
  it("are kept by three processes together, in full", () => {
    const times = run(
      Effect.provide(
        Effect.flatMap(processes, (all) => begun(all, 40)),
        store({ now: "Here" })
      )
    )
    assertWithin(times, limits.writes)
    assert.isAtMost(times.at(-1) ?? 0, ((120 - 6) / 10) * 1_000 * 1.03)
  })

  it("let one process have the rates of those that are idle, and its share of the concurrent exchanges", () => {
    const [fast, slow] = run(
      Effect.provide(
        Effect.gen(function* () {
          const [one] = yield* processes
          assert(one !== undefined)
          const fast = yield* begun([one], 30)
          const start = yield* Clock.currentTimeMillis
          const slow = yield* begun([one], 6, 1_000)
          return [fast.at(-1), (slow.at(-1) ?? 0) - start] as const
        }),
        store({ now: "Here" })
      )
    )
    assert.strictEqual(fast, 2_400)
    assert.isAtLeast(slow, 1_000)
  })

  for (const how of ["Fails", "Hangs"] as const) {
    it(`are kept by each process's share while the store ${how.toLowerCase()}, which is logged once, and then in full again`, () => {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      run(
        Effect.gen(function* () {
          const isAway: Parameters<typeof store>[0] = { now: how }
          const [first, second, third] = yield* Effect.provide(processes, store(isAway))
          assert(first !== undefined && second !== undefined && third !== undefined)
          const away = yield* begun([first, second, third], 20)
          assertWithin(away, { ...limits.writes, burst: limits.writes.burst + 1 })
          isAway.now = "Here"
          yield* Effect.sleep(SharedRequestLimits.storeRetry)
          // The others have as long to notice it.
          yield* begun([first], 1)
          yield* Effect.sleep(SharedRequestLimits.storeRetry)
          const start = yield* Clock.currentTimeMillis
          const back = yield* begun([first], 30)
          assert.isAtMost((back.at(-1) ?? 0) - start, 2_400)
        }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      )
      assert.deepStrictEqual(lines.filter((line) => line.includes("is away")).length, 3, "once a process")
      assert.deepStrictEqual(lines.filter((line) => line.includes("is back")).length, 1)
    })
  }

  it("grant no burst when the store goes away, and none when it comes back with all its tokens", () => {
    const times = run(
      Effect.gen(function* () {
        const isAway: Parameters<typeof store>[0] = { now: "Here" }
        const make = SharedRequestLimits.make({ processes: 3 })
        const all = yield* Effect.provide(Effect.replicateEffect(make, 3), store(isAway))
        const busy = yield* Effect.fork(begun(all, 200))
        yield* Effect.sleep("20 seconds")
        isAway.now = "Fails"
        yield* Effect.sleep("20 seconds")
        isAway.now = "Here"
        return yield* Fiber.join(busy)
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
    assert.strictEqual(refused(times, RequestLimits.documented.writes), 0)
    assert.isAtMost(times.at(-1) ?? 0, ((600 - 20) / 10) * 1_000 * 1.1)
  })

  it("refuse a number of processes that is none", () => {
    for (const count of [0, 1.5, -1, NaN]) {
      const exit = run(
        Effect.exit(Effect.provide(SharedRequestLimits.make({ processes: count }), store({ now: "Here" })))
      )
      assert.isTrue(Exit.isFailure(exit))
    }
  })
})

const redisServer = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find((file) => {
  try {
    accessSync(file)
    return true
  } catch {
    return false
  }
})

const freePort = Effect.async<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

/** A Redis of this test's own, until the scope closes. */
const redis = (port: number): Effect.Effect<void, PlatformError, Scope.Scope> =>
  Command.make(
    redisServer ?? "",
    ...["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    ...["--dir", mkdtempSync(path.join(tmpdir(), "redis-"))]
  ).pipe(Command.start, Effect.asVoid, Effect.provide(NodeContext.layer))

describe.skipIf(redisServer === undefined)("Shared request limits over Redis", () => {
  it.live("are kept by three processes together, and outlive a Redis that is stopped and started again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const port = yield* freePort
        // The last Redis outlives its clients, which could not say goodbye to it otherwise.
        const last = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
        const service = Layer.build(
          Layer.provide(
            SharedRequestLimits.layer({
              processes: 3,
              limits: { reads, writes: { rate: 50, burst: 10, concurrent: 9 } }
            }),
            Layer.provide(RateLimiter.layer, layerStore({ host: "127.0.0.1", port, retryStrategy: () => 100 }))
          )
        )
        const services = (yield* Effect.replicateEffect(service, 3)).map(Context.get(RequestLimits.RequestLimits))
        // A busy machine makes exchanges late, and never early.
        const kept = (each: number) => Effect.map(begun(services, each), assertPace)
        yield* Effect.scoped(Effect.zipRight(redis(port), kept(20)))
        yield* kept(5)
        yield* Scope.extend(redis(port), last)
        yield* kept(5)
      })
    )
  )
})

const assertPace = (times: ReadonlyArray<number>) => {
  const took = (times.at(-1) ?? 0) - (times[0] ?? 0)
  assert.isAtLeast(took, ((times.length - 13) / 50) * 1_000 - 50)
}
