/**
 * Where a batch keeps what it began and how that ended, so that a run that is killed can be run again. Two layers: a
 * journal file, and any `KeyValueStore`.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as journal from "./journal.js"
import * as keyed from "./keyed.js"
import type { Store } from "./store.js"

export { Begun, Ended, Entry, Recorded } from "./entries.js"
export { BatchLocked, type Opened, type Store, StoreFailed } from "./store.js"

/**
 * The record of one batch. Use one store per batch, and the same one for each run of it.
 *
 * @category tags
 * @since 0.1.0
 */
export class BatchStore extends Context.Tag("effect-billwerk-payouts/BatchStore")<BatchStore, Store>() {}

/**
 * The settings of a store.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * How long a lock holds that its run does not renew. A new run waits that long before it takes the lock of a killed
   * one over. A run that cannot renew in time (its machine slept, say) has lost the store, and sends nothing more.
   * Default: 5 seconds.
   */
  readonly lease?: Duration.DurationInput | undefined
  /**
   * What the store is about, such as `live`: a store that was begun with another name is refused. Default: `payouts`.
   */
  readonly about?: string | undefined
  /**
   * Takes a store that an earlier run began with another account. Say so only if it is the same account with a new key,
   * or at another address: what was paid from one account says nothing about another one. Default: false.
   */
  readonly otherAccount?: boolean | undefined
}

/**
 * How long a lock holds without being renewed: 5 seconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const leaseDefault: Duration.Duration = Duration.seconds(5)

const settingsOf = ({ about = "payouts", lease = leaseDefault, otherAccount = false }: Options) => ({
  about,
  otherAccount,
  lease: Duration.decode(lease)
})

/**
 * A journal file: NDJSON, one entry per line, appended and synced. Entries that wait at the same time share one sync.
 * Only its owner can read it. The lock is `<file>.lock` beside it. A last line that was not written to its end is cut
 * off; any other line that cannot be read is a `StoreFailed`, and nothing is sent.
 *
 * @example
 * ```ts
 * import { BatchStore } from "effect-billwerk-payouts"
 *
 * const store = BatchStore.layerFile("prizes.journal.ndjson")
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  file: string,
  options: Options = {}
): Layer.Layer<BatchStore, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    BatchStore,
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      return BatchStore.of(journal.make({ file, files, path, ...settingsOf(options) }))
    })
  )

/**
 * A `KeyValueStore` with one key per handle, and one for the lock. **It is as safe as that store**: a value that `set`
 * has returned for must outlast the process. `KeyValueStore.layerMemory` does not, so it is for tests and simulations;
 * `KeyValueStore.layerFileSystem` does not sync what it writes, so it outlasts a killed process and not a power failure.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerKeyValueStore: Layer.Layer<BatchStore, never, KeyValueStore.KeyValueStore> = Layer.suspend(() =>
  layerKeyValueStoreWith({})
)

/**
 * `layerKeyValueStore` with options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerKeyValueStoreWith = (options: Options): Layer.Layer<BatchStore, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(
    BatchStore,
    Effect.map(KeyValueStore.KeyValueStore, (store) => BatchStore.of(keyed.make({ store, ...settingsOf(options) })))
  )
