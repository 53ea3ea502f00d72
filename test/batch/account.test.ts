/** A store belongs to the account that its first run paid from. */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { BatchStore } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { inVirtualTime, newFile, requestsOf, runBy, storeIn } from "./support.js"

type NewStore = Effect.Effect<(options: BatchStore.Options) => Layer.Layer<BatchStore.BatchStore>>

const inFile: NewStore = Effect.sync(() => {
  const file = newFile()
  return (options) => storeIn(file, undefined, options)
})

const inKeys: NewStore = Effect.gen(function* () {
  const context = yield* Layer.build(KeyValueStore.layerMemory)
  return (options: BatchStore.Options) =>
    BatchStore.layerKeyValueStoreWith(options).pipe(Layer.provide(Layer.succeedContext(context)))
}).pipe(Effect.scoped)

const open = (store: Layer.Layer<BatchStore.BatchStore>, account?: string) =>
  inVirtualTime(
    Effect.flatMap(BatchStore.BatchStore, (one) => one.open(account)).pipe(
      Effect.scoped,
      Effect.provide(store),
      Effect.match({
        onFailure: (error) => (error._tag === "StoreFailed" ? error.reason : error._tag),
        onSuccess: () => "opened"
      })
    )
  )

const refusal =
  "it is of another account, or of another key. If it is the same account with a new key, say so: " +
  "otherAccount (--other-account)"

for (const [what, newStore] of [
  ["a journal file", inFile],
  ["a KeyValueStore", inKeys]
] as const) {
  describe(`a batch's account over ${what}`, () => {
    it.effect("is the one of the earlier runs, unless the caller says that only the key is new", () =>
      Effect.gen(function* () {
        const store = yield* newStore
        assert.strictEqual(yield* open(store({}), "one"), "opened")
        assert.strictEqual(yield* open(store({}), "two"), refusal)
        assert.strictEqual(yield* open(store({}), "one"), "opened")
        // A client without a name, such as one in a test, has nothing to compare, and leaves the name as it is.
        assert.strictEqual(yield* open(store({})), "opened")
        assert.strictEqual(yield* open(store({}), "two"), refusal)
        assert.strictEqual(yield* open(store({ otherAccount: true }), "two"), "opened")
        assert.strictEqual(yield* open(store({}), "two"), "opened")
        assert.strictEqual(yield* open(store({}), "one"), refusal)
      })
    )

    it.scoped(
      "is the one of the client that pays, so that another account's store does not say that rows are paid",
      () =>
        Effect.gen(function* () {
          const sandbox = yield* Sandbox.make()
          const store = (yield* newStore)({})
          assert.strictEqual(yield* open(store, "another"), "opened")
          const error = yield* inVirtualTime(Effect.flip(runBy(sandbox, store, requestsOf(1))))
          assert.strictEqual(error._tag === "StoreFailed" ? error.reason : error._tag, refusal)
          assert.deepStrictEqual(yield* sandbox.exchanges, [])
        })
    )
  })
}
