/**
 * Workers: what a payout comes to by a layer of the isolate, of the request, and of a Durable Object. The latter two are the
 * examples of `docs/runtimes.md`, as they are: whatever they fetch arrives at a Sandbox, as if it were the provider.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Cause, Effect, Layer, Redacted, type Scope } from "effect"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import * as Workerd from "./Workerd.js"

const sandboxed = Layer.provideMerge(SandboxServer.layer, Sandbox.layerSandbox)

interface Answer {
  readonly status: number
  readonly body: unknown
}

const sent = (url: string, init: RequestInit = {}): Effect.Effect<Answer, Cause.UnknownException> =>
  Effect.tryPromise(async (signal) => {
    const answer = await fetch(url, { signal, ...init })
    const text = await answer.text()
    return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : text }
  })

const input = (handle: string) =>
  JSON.stringify({ handle, destination: "ca_fcfac2016614418f969fa5697383e47c", amount: 12_500, currency: "DKK" })

const pay = ({ url }: Workerd.Running, handle: string) => sent(url, { method: "POST", body: input(handle) })

const handles = (count: number) => Array.from({ length: count }, (_, index) => `prize-${index}`)

/** How many answers had each status. */
const statuses = (answers: ReadonlyArray<Answer>) => {
  const counted: Record<number, number> = {}
  for (const { status } of answers) counted[status] = (counted[status] ?? 0) + 1
  return counted
}

const creates = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  return (yield* sandbox.exchanges).filter(({ kind }) => kind === "Create").length
})

const check =
  <E>(run: Effect.Effect<void, E, Scope.Scope | Sandbox.Sandbox | SandboxServer.SandboxServer>) =>
  () =>
    Effect.runPromise(Effect.scoped(Effect.provide(run, sandboxed)))

const slow = Script.delayAnswer("500 millis")(Script.normal)

describe.skipIf(Workerd.workerd === undefined)("A layer of the isolate, on Workers,", () => {
  const served = Effect.gen(function* () {
    const { url } = yield* SandboxServer.SandboxServer
    const worker = yield* Workerd.serve({ program: "test/proof/runtimes/worker.ts" })
    const paid = (handle: string) => sent(`${worker.url}/isolate?url=${encodeURIComponent(url)}&handle=${handle}`)
    return { paid, worker }
  })

  it(
    "hangs the second of two requests for one payout: it waits for what the first one waits for",
    check(
      Effect.gen(function* () {
        const { paid, worker } = yield* served
        const sandbox = yield* Sandbox.Sandbox
        assert.deepStrictEqual(yield* paid("prize-0"), { status: 200, body: "Paid" })
        yield* sandbox.script(slow)
        const answers = yield* Effect.all([paid("prize-1"), paid("prize-1")], { concurrency: 2 })
        assert.deepStrictEqual(statuses(answers), { 200: 1, 500: 1 })
        assert.include(worker.complaints(), "code had hung")
      })
    ),
    120_000
  )

  it(
    "hangs requests that wait for a turn within the request limits",
    check(
      Effect.gen(function* () {
        const { paid } = yield* served
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.always(slow)
        const answers = yield* Effect.forEach(handles(40), paid, { concurrency: 40 })
        const paidOnes = answers.filter(({ body }) => body === "Paid").length
        assert.isAbove(paidOnes, 0)
        assert.deepStrictEqual(statuses(answers), { 200: paidOnes, 500: 40 - paidOnes })
        assert.isAbove(40 - paidOnes, 10)
      })
    ),
    120_000
  )
})

describe.skipIf(Workerd.workerd === undefined)("A layer of the request, on Workers,", () => {
  const served = Effect.gen(function* () {
    const { port } = yield* SandboxServer.SandboxServer
    return yield* Workerd.serve({
      program: "test/docs/worker.ts",
      provider: `127.0.0.1:${port}`,
      bindings: { BILLWERK_API_KEY: Redacted.value(Sandbox.apiKey) }
    })
  })

  it(
    "pays every request of many at once, and answers what cannot be paid",
    check(
      Effect.gen(function* () {
        const worker = yield* served
        const sandbox = yield* Sandbox.Sandbox
        const answers = yield* Effect.forEach(handles(40), (handle) => pay(worker, handle), { concurrency: 40 })
        assert.deepStrictEqual(statuses(answers), { 200: 40 })
        assert.strictEqual(yield* creates, 40)
        yield* sandbox.script(Script.hardDeclined("credit_card_expired"))
        // It stores nothing, so it has to assume that an earlier request has sent a create.
        assert.deepStrictEqual(yield* pay(worker, "declined"), { status: 202, body: { reason: "HardDeclined" } })
        assert.deepStrictEqual((yield* sent(worker.url, { method: "POST", body: "{}" })).status, 400)
      })
    ),
    120_000
  )

  it(
    "pays nothing again when a request comes again after a 202",
    check(
      Effect.gen(function* () {
        const worker = yield* served
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(Script.processingError({ moved: true }).pipe(Script.onCreate))
        assert.strictEqual((yield* pay(worker, "again")).status, 202)
        assert.deepStrictEqual(yield* pay(worker, "again"), { status: 202, body: { reason: "ProcessingError" } })
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "again"), 12_500)
      })
    ),
    120_000
  )

  it(
    "looks a payout up whose caller left before its answer was lost",
    check(
      Effect.gen(function* () {
        const worker = yield* served
        const sandbox = yield* Sandbox.Sandbox
        yield* pay(worker, "first")
        yield* sandbox.script(Script.dropAfterCommit.pipe(Script.delayAnswer("1 second"), Script.onCreate))
        yield* Effect.timeoutOption(pay(worker, "left"), "300 millis")
        yield* Effect.sleep("3 seconds")
        const kinds = (yield* sandbox.exchanges).filter(({ handle }) => handle === "left").map(({ kind }) => kind)
        assert.deepStrictEqual(kinds, ["Lookup", "Create", "Lookup"])
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "left"), 12_500)
      })
    ),
    120_000
  )
})

describe.skipIf(Workerd.workerd === undefined)("A layer of a Durable Object, on Workers,", () => {
  const served = Effect.gen(function* () {
    const { port } = yield* SandboxServer.SandboxServer
    return yield* Workerd.serve({
      program: "test/docs/durableObject.ts",
      provider: `127.0.0.1:${port}`,
      bindings: { BILLWERK_API_KEY: Redacted.value(Sandbox.apiKey) },
      object: { className: "PayoutsObject", binding: "PAYOUTS" }
    })
  })

  it(
    "joins requests for one payout, and keeps the request limits",
    check(
      Effect.gen(function* () {
        const worker = yield* served
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(slow)
        const same = yield* Effect.all([pay(worker, "same"), pay(worker, "same"), pay(worker, "same")], {
          concurrency: 3
        })
        assert.deepStrictEqual(statuses(same), { 200: 3 })
        assert.strictEqual(yield* creates, 1)
        const answers = yield* Effect.forEach(handles(40), (handle) => pay(worker, handle), { concurrency: 40 })
        assert.deepStrictEqual(statuses(answers), { 200: 40 })
        assert.strictEqual(yield* creates, 41)
      })
    ),
    120_000
  )

  it(
    "recovers by what it stored: it sends nothing again that was paid",
    check(
      Effect.gen(function* () {
        const worker = yield* served
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(
          Script.dropAfterCommit.pipe(Script.onCreate),
          Script.status(503).pipe(Script.onLookup, Script.times(20))
        )
        const doubtful = yield* pay(worker, "doubtful")
        assert.strictEqual(doubtful.status, 202)
        const before = yield* creates
        yield* sandbox.clear
        const again = yield* pay(worker, "doubtful")
        assert.deepStrictEqual(again, { status: 200, body: { handle: "doubtful", state: "Paid", certainty: "Moved" } })
        assert.strictEqual(yield* creates, before)
        assert.strictEqual(Ledger.moved(yield* sandbox.ledger, "doubtful"), 12_500)
      })
    ),
    120_000
  )
})
