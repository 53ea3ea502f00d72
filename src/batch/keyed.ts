/**
 * A batch's store over a `KeyValueStore`: one key per handle, one for what the store is about, and one for the lock.
 */
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Entry } from "./entries.js"
import * as lease from "./lease.js"
import { failed, type Store, StoreFailed } from "./store.js"

export interface Settings {
  readonly store: KeyValueStore.KeyValueStore
  readonly about: string
  readonly lease: Duration.Duration
}

const keys = { lock: "lock", about: "about", entry: (handle: string) => `entry/${handle}` }

const json = Schema.parseJson(Entry)
const encode = Schema.encode(json)
const decode = Schema.decode(json)

export const make = ({ about, lease: term, store }: Settings): Store => {
  const get = (key: string) => Effect.mapError(store.get(key), failed(key))
  const set = (key: string, value: string) => Effect.mapError(store.set(key, value), failed(key))

  const cell: lease.Cell = {
    name: keys.lock,
    read: Effect.map(get(keys.lock), Option.getOrUndefined),
    write: (text) => set(keys.lock, text),
    remove: Effect.mapError(store.remove(keys.lock), failed(keys.lock))
  }

  const refuseOther = Effect.flatMap(get(keys.about), (found) =>
    Option.exists(found, (other) => other !== about)
      ? new StoreFailed({ store: keys.about, reason: `it is not about ${about}` })
      : Effect.void
  )

  const find = Effect.fnUntraced(function* (handle: string) {
    const key = keys.entry(handle)
    const found = yield* get(key)
    if (Option.isNone(found)) return undefined
    // A ParseError prints the text that it could not read.
    const entry = yield* Effect.mapError(decode(found.value), () => new StoreFailed({ store: key, reason: "no entry" }))
    if (entry.handle !== handle) return yield* new StoreFailed({ store: key, reason: "it has another handle" })
    return entry
  })

  const peek = Effect.fnUntraced(function* (handles: ReadonlyArray<string>) {
    yield* refuseOther
    const found = new Map<string, Entry>()
    for (const handle of handles) {
      const entry = yield* find(handle)
      if (entry !== undefined) found.set(handle, entry)
    }
    return found
  })

  const open = Effect.gen(function* () {
    const { check } = yield* lease.acquire(cell, term)
    yield* refuseOther
    yield* set(keys.about, about)
    let failure: StoreFailed | undefined
    const append = (entry: Entry) =>
      Effect.gen(function* () {
        if (failure !== undefined) return yield* failure
        const text = yield* Effect.orDie(encode(entry))
        yield* check
        yield* set(keys.entry(entry.handle), text)
        yield* check
      }).pipe(Effect.tapError((error) => Effect.sync(() => void (failure = error))))
    return { find, append }
  })

  return { open, peek }
}
