/**
 * A batch's store over a `KeyValueStore`: one key per run and handle, one per run, two for what the store is about,
 * and one for the lock.
 *
 * Runs have numbers, and each one writes to keys of its own. A run that was stopped in a write can lose the lock
 * meanwhile, and its value then lands late, without knowing what the new run sent. With one key per handle it would
 * replace the new run's entry, and nothing would show that there was one. So a late value only replaces one of its own
 * run, and the entry of the latest run holds. Nothing is merged: a later run's entry has all that it read, and a begin
 * that landed late was not sent, because its run then found the lock lost. A row costs one read per earlier run.
 */
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Entry } from "./entries.js"
import * as lease from "./lease.js"
import { checkAccount, failed, type Store, StoreFailed } from "./store.js"

export interface Settings {
  readonly store: KeyValueStore.KeyValueStore
  readonly about: string
  readonly otherAccount: boolean
  readonly lease: Duration.Duration
}

const keys = {
  lock: "lock",
  about: "about",
  account: "account",
  run: (run: number) => `run/${run}`,
  entry: (run: number, handle: string) => `entry/${run}/${handle}`
}

const json = Schema.parseJson(Entry)
const encode = Schema.encode(json)
const decode = Schema.decode(json)

export const make = ({ about, lease: term, otherAccount, store }: Settings): Store => {
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

  const { countRuns, find } = reading(get)

  const peek = Effect.fnUntraced(function* (handles: ReadonlyArray<string>) {
    yield* refuseOther
    const findLatest = find(yield* countRuns)
    const found = new Map<string, Entry>()
    for (const handle of handles) {
      const entry = yield* findLatest(handle)
      if (entry !== undefined) found.set(handle, entry)
    }
    return found
  })

  const open = Effect.fnUntraced(function* (given?: string) {
    const { check, name } = yield* lease.acquire(cell, term)
    yield* refuseOther
    const found = Option.getOrUndefined(yield* get(keys.account))
    yield* checkAccount(keys.account, { found, given, otherAccount })
    yield* set(keys.about, about)
    if (given !== undefined) yield* set(keys.account, given)
    const run = (yield* countRuns) + 1
    // Who does not have the lock after this writes no entry, so of two runs with one number, one at most has entries.
    yield* set(keys.run(run), name)
    yield* check
    let failure: StoreFailed | undefined
    const append = (entry: Entry) =>
      Effect.gen(function* () {
        if (failure !== undefined) return yield* failure
        const text = yield* Effect.orDie(encode(entry))
        yield* check
        yield* set(keys.entry(run, entry.handle), text)
        yield* check
      }).pipe(Effect.tapError((error) => Effect.sync(() => void (failure = error))))
    return { find: find(run), append }
  })

  return { open, peek }
}

const reading = (get: (key: string) => Effect.Effect<Option.Option<string>, StoreFailed>) => {
  /** How many runs have opened the store. */
  const countRuns = Effect.gen(function* () {
    let runs = 0
    while (Option.isSome(yield* get(keys.run(runs + 1)))) runs += 1
    return runs
  })

  const findOf = Effect.fnUntraced(function* (run: number, handle: string) {
    const key = keys.entry(run, handle)
    const found = yield* get(key)
    if (Option.isNone(found)) return undefined
    // A ParseError prints the text that it could not read.
    const entry = yield* Effect.mapError(decode(found.value), () => new StoreFailed({ store: key, reason: "no entry" }))
    if (entry.handle !== handle) return yield* new StoreFailed({ store: key, reason: "it has another handle" })
    return entry
  })

  const find = (runs: number) =>
    Effect.fnUntraced(function* (handle: string) {
      for (let run = runs; run > 0; run--) {
        const entry = yield* findOf(run, handle)
        if (entry !== undefined) return entry
      }
      return undefined
    })

  return { countRuns, find }
}
