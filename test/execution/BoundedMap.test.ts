import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { BoundedMap } from "../../src/execution/BoundedMap.js"

setFlagsFromString("--expose-gc")
const gc: () => void = runInNewContext("gc")

/** How many of those that came and went are still somewhere, when ten of them are there at a time. */
const kept = (map: {
  readonly set: (key: string, value: object) => unknown
  readonly delete: (key: string) => unknown
}) =>
  Effect.gen(function* () {
    const gone: Array<WeakRef<object>> = []
    for (let index = 0; index < 20_000; index++) {
      const value = { index }
      map.set(`${index}`, value)
      if (index % 10 === 0) gone.push(new WeakRef(value))
      map.delete(`${index - 10}`)
    }
    // What was looked at stays until the turn ends.
    yield* Effect.sleep("1 millis")
    gc()
    return gone.filter((reference) => reference.deref() !== undefined).length
  })

describe("BoundedMap", () => {
  it("forgets its oldest, and tells which", () => {
    const map = new BoundedMap<number>(3)
    const forgotten = [1, 2, 3, 4, 5].map((index) => map.set(`${index}`, index))
    assert.deepStrictEqual(forgotten, [undefined, undefined, undefined, ["1", 1], ["2", 2]])
    assert.strictEqual(map.delete("4"), 4)
    assert.isUndefined(map.delete("4"))
    assert.isUndefined(map.set("6", 6))
    assert.deepStrictEqual(map.set("7", 7), ["3", 3])
    map.set("5", 55)
    assert.deepStrictEqual(map.set("8", 8), ["5", 55])
    assert.deepStrictEqual([...map.values()], [6, 7, 8])
    assert.deepStrictEqual([map.get("6"), map.get("7"), map.get("8")], [6, 7, 8])
  })

  it("goes on forgetting when everything was deleted meanwhile", () => {
    const map = new BoundedMap<number>(2)
    for (let round = 0; round < 100; round++) {
      for (const key of ["a", "b", "c", "d"]) map.set(`${round}${key}`, round)
      assert.deepStrictEqual(
        [map.get(`${round}b`), map.get(`${round}c`), map.get(`${round}d`)],
        [undefined, round, round]
      )
      map.delete(`${round}c`)
      map.delete(`${round}d`)
    }
  })

  it.live("keeps nothing that is gone", () =>
    Effect.gen(function* () {
      assert.isAtMost(yield* kept(new BoundedMap<object>(10_000)), 2)
      assert.isAtMost(yield* kept(new BoundedMap<object>(5)), 2)
    })
  )
})
