/** A run that is stopped in a write loses the store to another run, and its write lands when that one has sent more. */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Either, Fiber, Layer } from "effect"
import { BatchStore, Exposure } from "effect-billwerk-payouts"
import { rmSync } from "node:fs"
import { inVirtualTime, newFile, storeIn, withFile } from "./support.js"

const evidenceOf = (...ids: ReadonlyArray<string>): Exposure.Evidence =>
  ids.reduce((evidence, id) => Exposure.withCreate(evidence, createOf(id)), Exposure.empty("prize-1"))

const createOf = (id: string): Exposure.Create => ({
  id,
  count: 1,
  clock: "clock",
  to: 0,
  amount: 500,
  request: "0",
  before: [],
  guess: false
})

const begun = (...ids: ReadonlyArray<string>): BatchStore.Begun => ({
  _tag: "Begun",
  handle: "prize-1",
  request: "0",
  evidence: evidenceOf(...ids)
})

const notMoved: BatchStore.Ended = {
  _tag: "Ended",
  handle: "prize-1",
  request: "0",
  result: { outcome: "PaymentMethodNotFound", certainty: "NotMoved", exposure: { min: 0, max: 0 } },
  evidence: Exposure.empty("prize-1")
}

const paid: BatchStore.Ended = {
  ...notMoved,
  result: { outcome: "Paid", certainty: "Moved", exposure: { min: 500, max: 500 } },
  evidence: evidenceOf("b")
}

interface Slow {
  readonly store: Layer.Layer<BatchStore.BatchStore>
  /** The same, with a disk that answers. */
  readonly quick: Layer.Layer<BatchStore.BatchStore>
  /** Takes the lock away, as a run does that takes it over. */
  readonly robbed: Effect.Effect<void>
}

/** A store whose writes wait for `go` if they have the word in them. */
type NewSlow = (word: string, reached: Deferred.Deferred<void>, go: Deferred.Deferred<void>) => Effect.Effect<Slow>

const waitingFor =
  (word: string, reached: Deferred.Deferred<void>, go: Deferred.Deferred<void>) =>
  <A, E>(text: string, write: Effect.Effect<A, E>) =>
    text.includes(word)
      ? Effect.zipRight(Deferred.succeed(reached, undefined), Effect.zipRight(Deferred.await(go), write))
      : write

const inFile: NewSlow = (...stall) =>
  Effect.sync(() => {
    const file = newFile()
    const wait = waitingFor(...stall)
    const store = storeIn(file, (files) =>
      withFile(files, file, (opened) => ({
        writeAll: (bytes) => wait(new TextDecoder().decode(bytes), opened.writeAll(bytes))
      }))
    )
    return { store, quick: storeIn(file), robbed: Effect.sync(() => rmSync(`${file}.lock`)) }
  })

const inKeys: NewSlow = (...stall) =>
  Effect.scoped(
    Effect.gen(function* () {
      const keys = yield* Effect.flatMap(Layer.build(KeyValueStore.layerMemory), (context) =>
        Effect.provide(KeyValueStore.KeyValueStore, context)
      )
      const wait = waitingFor(...stall)
      const slow: KeyValueStore.KeyValueStore = {
        ...keys,
        set: (key, value) => wait(typeof value === "string" ? value : "", keys.set(key, value))
      }
      const over = (some: KeyValueStore.KeyValueStore) =>
        BatchStore.layerKeyValueStore.pipe(Layer.provide(Layer.succeed(KeyValueStore.KeyValueStore, some)))
      return { store: over(slow), quick: over(keys), robbed: Effect.orDie(keys.remove("lock")) }
    })
  )

const open = Effect.flatMap(BatchStore.BatchStore, (store) => store.open())

/** The first run begins, and is stopped in its second entry; the second run writes its own; the late one lands. */
const lateAfter = (
  newSlow: NewSlow,
  late: BatchStore.Entry,
  own: ReadonlyArray<BatchStore.Entry>,
  after: ReadonlyArray<BatchStore.Entry> = []
) =>
  inVirtualTime(
    Effect.gen(function* () {
      const [reached, go] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const { quick, robbed, store } = yield* newSlow(late._tag === "Ended" ? "NotMoved" : "late", reached, go)
      const first = yield* Effect.provide(open, store)
      yield* first.append(begun("a"))
      const stopped = yield* Effect.fork(Effect.either(first.append(late)))
      yield* Deferred.await(reached)
      yield* robbed
      const second = yield* Effect.provide(open, quick)
      assert.deepStrictEqual(yield* second.find("prize-1"), begun("a"))
      for (const entry of own) yield* second.append(entry)
      yield* Deferred.succeed(go, undefined)
      assert.strictEqual(Either.isLeft(yield* Fiber.join(stopped)), true)
      for (const entry of after) yield* second.append(entry)
      const peeked = yield* Effect.provide(
        Effect.flatMap(BatchStore.BatchStore, ({ peek }) => peek(["prize-1"])),
        quick
      )
      yield* robbed
      const third = yield* Effect.provide(open, quick)
      const found = yield* third.find("prize-1")
      assert.deepStrictEqual(peeked.get("prize-1"), found)
      assert(found !== undefined)
      return [found._tag, ...(found.evidence?.creates ?? []).map(({ id }) => id)]
    }).pipe(Effect.scoped)
  )

for (const [what, newSlow] of [
  ["a journal file", inFile],
  ["a KeyValueStore", inKeys]
] as const) {
  describe(`an entry that lands late in ${what}`, () => {
    it.effect("does not end what the new run began", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lateAfter(newSlow, notMoved, [begun("a", "b")]), ["Begun", "a", "b"])
      })
    )
  })
}

describe("a begin that lands late in a journal file", () => {
  it.effect("counts beside what the new run began, before it and after it", () =>
    Effect.gen(function* () {
      const late = begun("a", "late")
      assert.deepStrictEqual((yield* lateAfter(inFile, late, [begun("a", "b")])).sort(), ["Begun", "a", "b", "late"])
      assert.deepStrictEqual((yield* lateAfter(inFile, late, [], [begun("a", "b")])).sort(), [
        "Begun",
        "a",
        "b",
        "late"
      ])
      assert.deepStrictEqual((yield* lateAfter(inFile, late, [paid])).sort(), ["Begun", "a", "b", "late"])
    })
  )
})
