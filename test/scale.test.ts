/** `npm run bench:scale`, small: what it measures is true of what it pays. The figures are the bench's. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { operator, volume, waiting } from "../bench/volume.js"
import { inBulk } from "../src/execution/bulk.js"

it.live("pays as many as it is given, and each once", () =>
  Effect.gen(function* () {
    const { cpuMicrosEach, rssEndBytes, rssMaxBytes, seconds } = yield* volume(1_000, 256)
    for (const figure of [cpuMicrosEach, rssEndBytes, seconds]) assert.isAbove(figure, 0)
    assert.isAtLeast(rssMaxBytes, rssEndBytes * 0.9)
  })
)

it.live("costs little beside what it pays", () =>
  Effect.gen(function* () {
    const rounds = yield* operator(inBulk, 10_000, 256, 5)
    // It is far less. A fiber for each element, with all that goes with it, was more than 100.
    assert.isBelow(Math.min(...rounds), 50)
  })
)

it.live(
  "pays all that wait, when their wait ends, and holds no more for each of them however many they are",
  () =>
    Effect.gen(function* () {
      setFlagsFromString("--expose-gc")
      globalThis.gc ??= runInNewContext("gc")
      const { heapBytesEach, paid } = yield* waiting(2_000, 12)
      assert.strictEqual(paid, 2_000)
      // Workers that fork each other inherit more and more: it was 28,000 for this many, and 66,000 for 10,000.
      assert.isBelow(heapBytesEach, 23_000)
    }),
  60_000
)
