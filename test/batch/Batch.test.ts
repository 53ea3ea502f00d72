/** A batch that is cut short anywhere and run again, and when it stops. */
import { SystemError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Cause, Clock, Effect, Either, Exit, Fiber, TestClock } from "effect"
import { Batch, BatchStore, Exposure, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { requestOf } from "../support.js"
import {
  createsOf,
  failingAfter,
  inVirtualTime,
  memory,
  movedOf,
  newFile,
  requestsOf,
  runBy,
  storeIn,
  withFile
} from "./support.js"

const amountsOf = (requests: ReturnType<typeof requestsOf>) => requests.map(({ amount }) => Number(amount))

const twoStores = [
  ["a journal file", Effect.sync(() => storeIn(newFile()))],
  ["a KeyValueStore", memory]
] as const

for (const [what, newStore] of twoStores) {
  describe(`a batch over ${what}`, () => {
    it.scoped("pays each row once, and skips all of them in the next run", () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const store = yield* newStore
        const requests = requestsOf(40)
        const told: Array<string> = []
        const onResult = ({ index, recorded, result }: Batch.Result) =>
          Effect.sync(() => void told.push(`${index} ${recorded.outcome}${result === undefined ? " before" : ""}`))
        const first = yield* inVirtualTime(runBy(sandbox, store, requests, { onResult }))
        const all = { rows: 40, amount: amountsOf(requests).reduce((total, amount) => total + amount, 0) }
        const expected: Batch.Summary = {
          rows: 40,
          ended: 40,
          earlier: 0,
          paid: { DKK: all },
          processing: {},
          notMoved: {},
          toSendAgain: 0,
          inDoubt: {},
          failuresInARow: 0,
          notBegun: 0,
          stopped: undefined,
          missing: []
        }
        assert.deepStrictEqual(first, expected)
        assert.deepStrictEqual(told.splice(0).sort(), requests.map((_, index) => `${index} Paid`).sort())
        const received = (yield* sandbox.exchanges).length
        const second = yield* inVirtualTime(runBy(sandbox, store, requests, { onResult }))
        assert.deepStrictEqual(second, { ...expected, earlier: 40 })
        assert.deepStrictEqual(
          told,
          requests.map((_, index) => `${index} Paid before`)
        )
        assert.strictEqual((yield* sandbox.exchanges).length, received)
        assert.deepStrictEqual(yield* movedOf(sandbox, requests), amountsOf(requests))
      })
    )

    it.scoped("pays each row once if it is interrupted before, in or after any exchange", () =>
      Effect.gen(function* () {
        const requests = requestsOf(4)
        for (let at = 1; at <= 8; at++) {
          for (const isCarriedOut of [false, true]) {
            const sandbox = yield* Sandbox.make()
            yield* sandbox.script(Script.dropAfterCommit, Script.normal)
            const store = yield* newStore
            let seen = 0
            // Neither this exchange nor a later one of this process is ever answered.
            const dying: Sandbox.Service = {
              ...sandbox,
              receive: (incoming) =>
                ++seen < at
                  ? sandbox.receive(incoming)
                  : Effect.zipRight(isCarriedOut ? sandbox.receive(incoming) : Effect.void, Effect.never)
            }
            const killed = yield* Effect.fork(inVirtualTime(runBy(dying, store, requests, { concurrency: 2 })))
            while (seen < at && (yield* Fiber.poll(killed))._tag === "None") yield* Effect.promise(() => sleep(1))
            yield* Fiber.interrupt(killed)
            const { notBegun, paid, stopped } = yield* inVirtualTime(runBy(sandbox, store, requests))
            const where = `${at}, ${isCarriedOut} ${JSON.stringify(stopped)}`
            assert.deepStrictEqual([where, notBegun, paid["DKK"]?.rows], [where, 0, 4])
            assert.deepStrictEqual([where, ...(yield* movedOf(sandbox, requests))], [where, ...amountsOf(requests)])
          }
        }
      })
    )

    it.scoped("is refused while another run has it, and not when that has ended or was killed", () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const store = yield* newStore
        const requests = requestsOf(1)
        const open = Effect.flatMap(BatchStore.BatchStore, ({ open }) => open()).pipe(Effect.provide(store))
        yield* inVirtualTime(
          Effect.gen(function* () {
            const refused = yield* Effect.scoped(Effect.zipRight(open, Effect.flip(runBy(sandbox, store, requests))))
            assert.strictEqual(refused._tag, "BatchLocked")
          })
        )
        assert.deepStrictEqual(yield* sandbox.exchanges, [])
        const after = yield* inVirtualTime(runBy(sandbox, store, requests))
        assert.strictEqual(after.paid["DKK"]?.rows, 1)
      })
    )

    it.scoped("has one of two runs that start at the same time", () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const store = yield* newStore
        const requests = requestsOf(3)
        yield* sandbox.always(Script.delayAnswer("25 seconds")(Script.normal))
        const both = yield* inVirtualTime(
          Effect.all(Arr.replicate(Effect.either(runBy(sandbox, store, requests)), 2), { concurrency: 2 })
        )
        const tags = both.map((one) => (Either.isRight(one) ? one.right.ended : one.left._tag))
        assert.deepStrictEqual(tags.map(String).sort(), ["3", "BatchLocked"])
        assert.deepStrictEqual((yield* createsOf(sandbox)).sort(), requests.map(({ handle }) => handle).sort())
      })
    )

    it.scoped("refuses a row that is not what an earlier run recorded, and sends nothing", () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const store = yield* newStore
        const requests = requestsOf(3)
        yield* sandbox.script(Script.forHandle("prize-2")(Script.hardDeclined()))
        yield* inVirtualTime(runBy(sandbox, store, requests))
        const received = (yield* sandbox.exchanges).length
        for (const changes of [{ amount: 1 }, { currency: "EUR" }, { destination: "ca_another" }, { text: "new" }]) {
          const changed = requestOf({ handle: "prize-2", amount: 10_002, ...changes })
          const more = [...requestsOf(1), changed, ...requestsOf(4).slice(3)]
          const refused = yield* inVirtualTime(Effect.flip(runBy(sandbox, store, more)))
          assert(refused._tag === "BatchRefused")
          const [{ index, reason }] = refused.rows
          assert.deepStrictEqual(
            [refused.rows.length, index, reason],
            [1, 1, "has other arguments than an earlier run recorded for prize-2: give it as it was, or leave it out"]
          )
        }
        assert.strictEqual((yield* sandbox.exchanges).length, received)
      })
    )
  })
}

describe("a batch", () => {
  it.scoped("refuses two rows with one handle, and sends nothing", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const [one = requestOf()] = requestsOf(1)
      const refused = yield* inVirtualTime(Effect.flip(runBy(sandbox, yield* memory, [one, ...requestsOf(2)])))
      assert(refused._tag === "BatchRefused")
      assert.deepStrictEqual(refused.rows, [{ index: 1, reason: "has the handle of row 0, prize-1" }])
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
    })
  )

  it.scoped("dies before it sends anything if its concurrency is not an integer of 1 or more", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const store = yield* memory
      for (const concurrency of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        const exit = yield* inVirtualTime(Effect.exit(runBy(sandbox, store, requestsOf(1), { concurrency })))
        assert.deepStrictEqual(
          exit,
          Exit.die(new Cause.IllegalArgumentException(`concurrency must be an integer of 1 or more: ${concurrency}`))
        )
      }
      assert.deepStrictEqual(yield* sandbox.exchanges, [])
    })
  )

  it.scoped("recovers what is in doubt or processing, and leaves alone what certainly failed", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const store = yield* memory
      const requests = requestsOf(5)
      const [, declined = requestOf()] = requests
      const on = (number: number, step: Script.Step) => Script.forHandle(`prize-${number}`)(step)
      yield* sandbox.script(
        on(1, Script.softDeclined()),
        on(2, Script.hardDeclined()),
        on(3, Script.apiError({ status: 404, code: 40 })),
        on(4, Script.processing({ after: "1 hour" })),
        on(5, Script.processingError({ moved: true }))
      )
      const options = { policy: RetryPolicy.none }
      const first = yield* inVirtualTime(runBy(sandbox, store, requests, options))
      assert.deepStrictEqual(
        [first.notMoved, first.toSendAgain, first.processing, first.inDoubt, first.paid, first.failuresInARow > 0],
        [
          { DKK: { rows: 3, amount: 30_006 } },
          0,
          { DKK: { rows: 1, amount: 10_004 } },
          { DKK: { rows: 1, amount: 10_005 } },
          {},
          true
        ]
      )
      const before = (yield* sandbox.exchanges).length
      const second = yield* inVirtualTime(runBy(sandbox, store, requests, options))
      const asked = (yield* sandbox.exchanges).slice(before).map(({ handle, kind }) => `${kind} ${handle}`)
      assert.deepStrictEqual(asked.sort(), ["Lookup prize-4", "Lookup prize-5"])
      assert.deepStrictEqual([second.ended, second.earlier], [5, 3])

      const third = (yield* sandbox.exchanges).length
      yield* inVirtualTime(runBy(sandbox, store, requests, { ...options, retryFailed: true }))
      const retried = (yield* sandbox.exchanges)
        .slice(third)
        .flatMap(({ handle, kind }) => (kind === "Create" ? [handle] : []))
      assert.deepStrictEqual(retried.sort(), ["prize-1", "prize-3"])
      assert.notInclude(retried, declined.handle)
    })
  )

  it.scoped("does not take an old decline for the answer to a create that `retryFailed` has sent", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const store = yield* memory
      const requests = requestsOf(1)
      const options = { policy: RetryPolicy.none }
      // The second create is held up on the way, and the lookup after it shows the decline of the first one.
      const late = Script.delayRequest("10 minutes")(Script.paid)
      yield* sandbox.script(Script.onCreate(Script.softDeclined()), Script.onCreate(late))
      const first = yield* inVirtualTime(runBy(sandbox, store, requests, options))
      assert.deepStrictEqual(first.notMoved, { DKK: { rows: 1, amount: 10_001 } })
      const second = yield* inVirtualTime(runBy(sandbox, store, requests, { ...options, retryFailed: true }))
      assert.deepStrictEqual([second.notMoved, second.inDoubt], [{}, { DKK: { rows: 1, amount: 10_001 } }])
      yield* inVirtualTime(Effect.sleep("10 minutes"))
      assert.deepStrictEqual(yield* movedOf(sandbox, requests), [10_001])
      const third = yield* inVirtualTime(runBy(sandbox, store, requests, options))
      assert.deepStrictEqual([third.paid, third.inDoubt], [{ DKK: { rows: 1, amount: 10_001 } }, {}])
    })
  )

  it.scoped("looks each row up first where something else may have sent it", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const requests = requestsOf(2)
      yield* inVirtualTime(runBy(sandbox, yield* memory, requests.slice(0, 1)))
      const { paid } = yield* inVirtualTime(runBy(sandbox, yield* memory, requests, { mayBeSent: true }))
      assert.strictEqual(paid["DKK"]?.rows, 2)
      assert.deepStrictEqual(
        (yield* sandbox.exchanges)
          .map(({ handle, kind }) => `${kind} ${handle}`)
          .slice(1)
          .sort(),
        ["Create prize-2", "Lookup prize-1", "Lookup prize-2"]
      )
    })
  )

  for (const mayBeSent of [false, true]) {
    const how = mayBeSent ? "leaves" : "does not leave"
    const where = mayBeSent ? "something else may have sent it" : "only its own runs sent it"
    it.scoped(`${how} a row that was begun in doubt after a decline, where ${where}`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const store = yield* memory
        const runIt = (options: Batch.Options) => inVirtualTime(runBy(sandbox, store, requestsOf(1), options))
        yield* sandbox.script(Script.processing({ after: "1 hour", as: Acquirer.hardDeclined() }))
        assert.strictEqual((yield* runIt({})).processing["DKK"]?.rows, 1)
        yield* TestClock.adjust("2 hours")
        const { inDoubt, notMoved } = yield* runIt({ mayBeSent })
        assert.deepStrictEqual(
          [inDoubt["DKK"]?.rows, notMoved["DKK"]?.rows],
          mayBeSent ? [1, undefined] : [undefined, 1]
        )
      })
    )
  }

  it.scoped("says what it would do, and neither sends nor locks", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const store = yield* memory
      const requests = requestsOf(4)
      yield* sandbox.script(Script.forHandle("prize-2")(Script.dropBeforeCommit.pipe(Script.onCreate)))
      yield* sandbox.always(Script.forHandle("prize-2")(Script.connectionRefused.pipe(Script.onLookup)))
      yield* inVirtualTime(runBy(sandbox, store, requests.slice(0, 2), { policy: RetryPolicy.none }))
      const before = (yield* sandbox.exchanges).length
      const plan = yield* Batch.plan(requests).pipe(Effect.provide(store))
      assert.deepStrictEqual(
        { ...plan, fresh: plan.fresh.map(({ handle }) => String(handle)) },
        { done: 1, begun: 1, fresh: ["prize-3", "prize-4"], inDoubt: { DKK: { rows: 1, amount: 10_002 } }, missing: [] }
      )
      assert.strictEqual((yield* sandbox.exchanges).length, before)
    })
  )
})

describe("a batch stops", () => {
  it.scoped("when more money than the limit is in doubt, and recovers that in the next run", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const store = yield* memory
      const requests = requestsOf(10)
      const policy = RetryPolicy.none
      yield* sandbox.always(Script.dropAfterCommit)
      const options = { policy, concurrency: 1, stop: { inDoubt: { DKK: 25_000 } } }
      const first = yield* inVirtualTime(runBy(sandbox, store, requests, options))
      assert.deepStrictEqual(
        [first.stopped, first.ended, first.notBegun, first.inDoubt],
        [
          { _tag: "InDoubt", currency: "DKK", amount: 30_006, limit: 25_000 },
          3,
          7,
          { DKK: { rows: 3, amount: 30_006 } }
        ]
      )
      // Still more than the limit, so it begins nothing new; but it recovers.
      const second = yield* inVirtualTime(runBy(sandbox, store, requests, options))
      assert.deepStrictEqual([second.ended, second.notBegun, second.stopped?._tag], [3, 7, "InDoubt"])
      yield* sandbox.clear
      const third = yield* inVirtualTime(runBy(sandbox, store, requests, options))
      assert.deepStrictEqual([third.paid["DKK"]?.rows, third.stopped], [10, undefined])
      assert.deepStrictEqual(yield* movedOf(sandbox, requests), amountsOf(requests))
    })
  )

  it.scoped("when more than one limit for all currencies is in doubt in one of them", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const requests = ["DKK", "EUR", "DKK", "EUR", "DKK"].map((currency, index) =>
        requestOf({ handle: `prize-${index}`, amount: 60, currency })
      )
      yield* sandbox.always(Script.dropAfterCommit)
      const options = { policy: RetryPolicy.none, concurrency: 1, stop: { inDoubt: 100 } }
      const { ended, stopped } = yield* inVirtualTime(runBy(sandbox, yield* memory, requests, options))
      assert.deepStrictEqual([ended, stopped], [3, { _tag: "InDoubt", currency: "DKK", amount: 120, limit: 100 }])
    })
  )

  it.scoped("after a number of failures in a row, and not after as many with a success between", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const fails = [1, 2, 4, 5, 6]
      yield* sandbox.script(...fails.map((number) => Script.forHandle(`prize-${number}`)(Script.softDeclined())))
      const { ended, stopped } = yield* inVirtualTime(
        runBy(sandbox, yield* memory, requestsOf(10), { concurrency: 1, stop: { failuresInARow: 3 } })
      )
      assert.deepStrictEqual([ended, stopped], [6, { _tag: "FailuresInARow", count: 3 }])
    })
  )

  for (const status of [401, 403]) {
    it.scoped(`at the first ${status}, lets end what is under way, and sends those rows in the next run`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const store = yield* memory
        const requests = requestsOf(10)
        yield* sandbox.script(
          Script.forHandle("prize-1")(Script.delayAnswer("2 seconds")(Script.normal)),
          Script.forHandle("prize-2")(Script.apiError({ status, code: 6 }))
        )
        const { ended, paid, stopped, toSendAgain } = yield* inVirtualTime(
          runBy(sandbox, store, requests, { concurrency: 2 })
        )
        assert.deepStrictEqual(
          [stopped, ended, paid["DKK"]?.rows, toSendAgain],
          [{ _tag: "KeyRefused", status }, 2, 1, 1]
        )
        const next = yield* inVirtualTime(runBy(sandbox, store, requests, { concurrency: 2 }))
        assert.deepStrictEqual([next.stopped, next.paid["DKK"]?.rows, next.toSendAgain], [undefined, 10, 0])
        assert.deepStrictEqual(yield* movedOf(sandbox, requests), amountsOf(requests))
      })
    )
  }

  it.scoped("at a 401 of a lookup after a lost answer, although the row is reported as unclear", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      yield* sandbox.script(Script.dropAfterCommit.pipe(Script.onCreate))
      yield* sandbox.always(Script.apiError({ status: 401, code: 6 }).pipe(Script.onLookup))
      const { ended, inDoubt, stopped } = yield* inVirtualTime(
        runBy(sandbox, yield* memory, requestsOf(3), { concurrency: 1 })
      )
      assert.deepStrictEqual([ended, inDoubt["DKK"]?.rows, stopped], [1, 1, { _tag: "KeyRefused", status: 401 }])
    })
  )
})

describe("a journal", () => {
  it.scoped("names the rows in doubt that a later file lacks", () =>
    Effect.gen(function* () {
      const file = newFile()
      yield* oneInDoubt(yield* Sandbox.make(), file)
      const missingOf = (requests: ReturnType<typeof requestsOf>) =>
        Effect.map(Effect.provide(Batch.plan(requests), storeIn(file)), ({ missing }) => missing)
      assert.deepStrictEqual([yield* missingOf(requestsOf(1)), yield* missingOf(requestsOf(2))], [["prize-2"], []])
    })
  )

  it.scoped("with a row in doubt that the requests lack has nothing new sent, unless that row is left", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const file = newFile()
      yield* oneInDoubt(sandbox, file)
      // The row in doubt was paid. Under another handle it would be paid again.
      const requests = [...requestsOf(1), requestOf({ handle: "prize-2b", amount: 10_002 })]
      const missing = [{ handle: "prize-2", exposure: { min: 0, max: 10_002 } }]
      const held = yield* inVirtualTime(runBy(sandbox, storeIn(file), requests))
      assert.deepStrictEqual([held.stopped, held.notBegun, held.missing], [{ _tag: "Missing", rows: 1 }, 1, missing])
      assert.deepStrictEqual(yield* createsOf(sandbox), ["prize-1", "prize-2"])
      const left = yield* inVirtualTime(runBy(sandbox, storeIn(file), requests, { missing: "Leave" }))
      assert.deepStrictEqual([left.stopped, left.paid["DKK"]?.rows, left.missing], [undefined, 2, missing])
    })
  )

  it.scoped("has each create on disk before it is sent, for its owner only, and without what is secret", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const file = newFile()
      const canaries = {
        destination: "ca_C4n4ryS4ved0123456789abcdef012345",
        customer: "c4n4ry-customer",
        text: "C4n4ry text",
        textOnStatement: "C4N4RY STATEMENT",
        acquirerReference: "C4N4RY-REFERENCE"
      }
      const requests = [requestOf({ handle: "prize-1", amount: 7, ...canaries })]
      const before: Array<number> = []
      const watched: Sandbox.Service = {
        ...sandbox,
        receive: (incoming) => {
          if (incoming.method === "POST") before.push(entriesOf(file).filter(({ _tag }) => _tag === "Begun").length)
          return sandbox.receive(incoming)
        }
      }
      yield* sandbox.script(Script.dropBeforeCommit.pipe(Script.onCreate))
      yield* inVirtualTime(runBy(watched, storeIn(file), requests))
      assert.deepStrictEqual(before, [1, 2])
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      const text = readFileSync(file, "utf8")
      for (const canary of Object.values(canaries)) assert.notInclude(text, canary)
    })
  )

  const entriesOf = (file: string): ReadonlyArray<BatchStore.Entry> =>
    readFileSync(file, "utf8")
      .split("\n")
      .slice(1, -1)
      .map((line) => JSON.parse(line))
      .filter(({ _tag }) => _tag !== "Opening")

  /** A row that is paid, and one in doubt: its create was carried out, and not answered. */
  const oneInDoubt = (sandbox: Sandbox.Service, file: string) =>
    Effect.gen(function* () {
      yield* sandbox.script(
        Script.normal,
        Script.dropAfterCommit.pipe(Script.onCreate),
        Script.dropBeforeCommit.pipe(Script.onLookup)
      )
      const options = { policy: RetryPolicy.none, concurrency: 1 }
      yield* inVirtualTime(runBy(sandbox, storeIn(file), requestsOf(2), options))
      return readFileSync(file)
    })

  const peek = (file: string) =>
    Effect.flatMap(BatchStore.BatchStore, ({ peek }) => peek(["prize-1", "prize-2"])).pipe(
      Effect.provide(storeIn(file)),
      Effect.map((entries) => ["prize-1", "prize-2"].map((handle) => entries.get(handle)?._tag))
    )

  it.scoped("has all but its last entry, at whichever byte that is torn", () =>
    Effect.gen(function* () {
      const file = newFile()
      const whole = yield* oneInDoubt(yield* Sandbox.make(), file)
      const last = Buffer.byteLength(whole.toString().trimEnd().split("\n").at(-1) ?? "") + 1
      assert.deepStrictEqual(yield* peek(file), ["Ended", "Ended"])
      for (let cut = 1; cut <= last; cut++) {
        writeFileSync(file, whole.subarray(0, whole.length - cut))
        assert.deepStrictEqual([cut, ...(yield* peek(file))], [cut, "Ended", "Begun"])
      }
    })
  )

  for (const [what, cutOf] of [
    ["in the result of a row", () => 40],
    ["before the end of its line", () => 1],
    ["in what goes before a create", (last: number) => last + 40],
    ["in its first line", (_: number, length: number) => length - 20]
  ] as const) {
    it.scoped(`pays each row once after it was torn ${what}, and has whole lines again`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const file = newFile()
        const requests = requestsOf(2)
        const whole = yield* oneInDoubt(sandbox, file)
        const last = Buffer.byteLength(whole.toString().trimEnd().split("\n").at(-1) ?? "") + 1
        writeFileSync(file, whole.subarray(0, whole.length - cutOf(last, whole.length)))
        const { paid } = yield* inVirtualTime(runBy(sandbox, storeIn(file), requests))
        assert.strictEqual(paid["DKK"]?.rows, 2)
        assert.deepStrictEqual(yield* movedOf(sandbox, requests), amountsOf(requests))
        for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) JSON.parse(line)
      })
    )
  }

  it.scoped("that is damaged elsewhere, or is no journal, or another's, is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const file = newFile()
      const requests = requestsOf(3)
      yield* inVirtualTime(runBy(sandbox, storeIn(file), requests))
      const received = (yield* sandbox.exchanges).length
      const lines = readFileSync(file, "utf8").split("\n")
      const reasonFor = (text: string, options?: BatchStore.Options) => {
        writeFileSync(file, text)
        return Effect.map(
          inVirtualTime(Effect.flip(runBy(sandbox, storeIn(file, undefined, options), requests))),
          (error) => (error._tag === "StoreFailed" ? error.reason : error._tag)
        )
      }
      assert.strictEqual(yield* reasonFor(lines.with(2, "{}").join("\n")), "line 3 is damaged")
      assert.strictEqual(yield* reasonFor(lines.with(2, "").join("\n")), "line 3 is damaged")
      assert.strictEqual(yield* reasonFor("handle,amount\n"), "it is no journal of a batch")
      assert.strictEqual(yield* reasonFor("notes without an end"), "it is no journal of a batch")
      assert.strictEqual(readFileSync(file, "utf8"), "notes without an end")
      assert.strictEqual(
        yield* reasonFor(lines.join("\n"), { about: "live" }),
        "it is about payouts, and not about live"
      )
      assert.strictEqual((yield* sandbox.exchanges).length, received)
    })
  )

  for (const [what, method] of [
    ["cannot be synced", "sync"],
    ["has no room on the disk", "writeAll"]
  ] as const) {
    it.scoped(`that ${what} stops the batch: nothing is sent that is not on record`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.make()
        const file = newFile()
        const requests = requestsOf(6)
        const cause = Object.assign(new Error("secret"), { code: "ENOSPC" })
        const failure = new SystemError({
          reason: "Unknown",
          module: "FileSystem",
          method,
          description: "secret",
          cause
        })
        const store = storeIn(file, (files) => withFile(files, file, failingAfter(4, method, failure)))
        const first = yield* inVirtualTime(runBy(sandbox, store, requests, { concurrency: 1 }))
        assert.deepStrictEqual(first.stopped, { _tag: "StoreFailed", reason: "Unknown (ENOSPC)" })
        const creates = yield* createsOf(sandbox)
        const onRecord = readFileSync(file, "utf8")
        for (const handle of creates) assert.include(onRecord, `"handle":"${handle}"`)
        assert.isBelow(creates.length, 6)
        const second = yield* inVirtualTime(runBy(sandbox, storeIn(file), requests))
        assert.strictEqual(second.paid["DKK"]?.rows, 6)
        assert.deepStrictEqual(yield* movedOf(sandbox, requests), amountsOf(requests))
      })
    )
  }

  it.scoped("leaves no draft of its lock behind where that cannot be written", () =>
    Effect.gen(function* () {
      const file = newFile()
      const failure = new SystemError({ reason: "Unknown", module: "FileSystem", method: "rename" })
      const store = storeIn(file, (files) => ({ ...files, rename: () => Effect.fail(failure) }))
      const error = yield* inVirtualTime(Effect.flip(runBy(yield* Sandbox.make(), store, requestsOf(1))))
      assert(error._tag === "StoreFailed")
      assert.deepStrictEqual([error.reason, readdirSync(path.dirname(file))], ["Unknown", []])
    })
  )

  it.scoped("shares one sync among the entries that wait", () =>
    Effect.gen(function* () {
      const file = newFile()
      let syncs = 0
      const count = (opened: FileSystem.File): Partial<FileSystem.File> => ({
        sync: Effect.suspend(() => {
          syncs += 1
          return opened.sync
        })
      })
      const store = storeIn(file, (files) => withFile(files, file, count))
      const entries = Array.from({ length: 5_000 }, (_, index): BatchStore.Entry => {
        const handle = `prize-${index}`
        return { _tag: "Begun", handle, request: "0", evidence: Exposure.empty(handle) }
      })
      yield* inVirtualTime(
        Effect.gen(function* () {
          const { append } = yield* Effect.flatMap(BatchStore.BatchStore, ({ open }) => open())
          yield* Effect.forEach(entries, append, { concurrency: "unbounded", discard: true })
        }).pipe(Effect.scoped, Effect.provide(store))
      )
      assert.strictEqual(entriesOf(file).length, 5_000)
      assert.isBelow(syncs, 20)
    })
  )

  it.scoped("has the lock of a killed run for one lease, and then pays", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const file = newFile()
      writeFileSync(`${file}.lock`, "killed 7")
      const { paid } = yield* inVirtualTime(
        runBy(sandbox, storeIn(file, undefined, { lease: "20 seconds" }), requestsOf(1))
      )
      const waited = yield* Clock.currentTimeMillis
      assert.deepStrictEqual([paid["DKK"]?.rows, waited >= 20_000, existsSync(`${file}.lock`)], [1, true, false])
    })
  )

  it.scoped("is lost to a run that pays the row: it does not say that nothing moved, and ends at once", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const file = newFile()
      const requests = requestsOf(1)
      yield* sandbox.script(Script.apiError({ status: 429, code: 122, retryAfter: "9" }))
      const another = runBy(sandbox, yield* memory, requests)
      let isTaken = false
      const robbed: Sandbox.Service = {
        ...sandbox,
        receive: (incoming) => {
          if (isTaken) return sandbox.receive(incoming)
          isTaken = true
          const take = Effect.sync(() => writeFileSync(`${file}.lock`, "another 0"))
          return Effect.zipLeft(sandbox.receive(incoming), Effect.zipRight(take, Effect.orDie(another)))
        }
      }
      const told: Array<Batch.Result> = []
      const onResult = (result: Batch.Result) => Effect.sync(() => void told.push(result))
      const summary = yield* inVirtualTime(runBy(robbed, storeIn(file), requests, { onResult }))
      assert.deepStrictEqual(yield* movedOf(sandbox, requests), [10_001])
      assert.deepStrictEqual(
        [summary.notMoved, summary.inDoubt, summary.stopped?._tag],
        [{}, { DKK: { rows: 1, amount: 10_001 } }, "StoreFailed"]
      )
      assert.deepStrictEqual(
        told.map(({ recorded, result }) => [recorded, result]),
        [[{ outcome: "StoreFailed", certainty: "MayHaveMoved", exposure: { min: 0, max: 10_001 } }, undefined]]
      )
      assert.isBelow(yield* Clock.currentTimeMillis, 15_000)
    })
  )

  it.scoped("is lost to a run that did not renew its lock: it sends nothing more", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const file = newFile()
      const requests = requestsOf(3)
      let isTaken = false
      const robbed: Sandbox.Service = {
        ...sandbox,
        receive: (incoming) => {
          // As a run would do that took it for dead.
          if (!isTaken) writeFileSync(`${file}.lock`, "another 0")
          isTaken = true
          return sandbox.receive(incoming)
        }
      }
      const exit = yield* Effect.exit(inVirtualTime(runBy(robbed, storeIn(file), requests, { concurrency: 1 })))
      assert(Exit.isSuccess(exit))
      assert.deepStrictEqual([exit.value.stopped?._tag, exit.value.notBegun], ["StoreFailed", 2])
      assert.deepStrictEqual(yield* createsOf(sandbox), ["prize-1"])
      assert.strictEqual(readFileSync(`${file}.lock`, "utf8"), "another 0")
    })
  )
})
