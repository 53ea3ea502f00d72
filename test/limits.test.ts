/** `npm run bench:limits`: its server keeps the documented request limits, and says which one a request is over. */
import { assert, it } from "@effect/vitest"
import { Admission, reads, writes } from "../bench/limits/admission.js"

/** How many of so many requests are let in, each answered before the next one comes. */
const admitted = (admission: Admission, count: number, at: (n: number) => number): number => {
  let admitted = 0
  for (let n = 0; n < count; n++) {
    const refusal = admission.enter(at(n))
    if (refusal === undefined) {
      admitted += 1
      admission.leave()
    } else assert.strictEqual(refusal, 122)
  }
  return admitted
}

it("lets a burst in, then so many per second, and refuses the rest with code 122", () => {
  for (const [limit, burst, rate] of [
    [writes, 25, 10],
    [reads, 50, 25]
  ] as const) {
    const admission = new Admission(limit)
    assert.strictEqual(
      admitted(admission, 100, () => 0),
      burst
    )
    // A thousand requests in ten seconds. A refused one takes no token.
    assert.strictEqual(
      admitted(admission, 1_000, (n) => (n + 1) * 10),
      rate * 10
    )
    // A pause saves up one burst, and no more.
    assert.strictEqual(
      admitted(admission, 100, () => 3_600_000),
      burst
    )
  }
})

it("lets ten be under way at a time, and refuses the next one with code 123 and without a token", () => {
  const admission = new Admission(writes)
  for (let n = 0; n < 10; n++) assert.strictEqual(admission.enter(0), undefined)
  for (let n = 0; n < 20; n++) assert.strictEqual(admission.enter(0), 123)
  for (let n = 0; n < 10; n++) admission.leave()
  assert.strictEqual(
    admitted(admission, 100, () => 0),
    15
  )
})
