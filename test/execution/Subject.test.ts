/** Creates that are on record before anything is known of them: those that are intended, and those that are assumed. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { Exposure } from "effect-billwerk-payouts"
import { fingerprints } from "../../src/domain/PayoutRequest.js"
import * as Process from "../../src/execution/Process.js"
import * as Subject from "../../src/execution/Subject.js"
import { requestOf } from "../support.js"

const request = requestOf()
const subject = Subject.subjectOf(request)
const { method, request: id } = fingerprints(request)
const nothing = Exposure.empty(request.handle)
const until = { clock: "here", at: 5000.4 }

describe("Subject: an intended create", () => {
  const intended = (process: Process.Process, count: number, of = request) =>
    Subject.intended(process, of, nothing, { count, from: { clock: process.clock, at: 1000.4 }, within: 60_000 })

  it.effect("has the id of the create that will follow, the arguments by their fingerprints, and its time", () =>
    Effect.gen(function* () {
      const process = yield* Process.make(Duration.hours(6))
      const { clocks, creates } = intended(process, 1)
      assert.deepStrictEqual(creates, [
        {
          id: `${process.clock}/1`,
          count: 1,
          clock: process.clock,
          from: 1000,
          to: 61_001,
          amount: request.amount,
          request: id,
          ...(method === undefined ? {} : { method }),
          before: [],
          guess: false
        }
      ])
      assert.isDefined(method)
      assert.deepStrictEqual(clocks, {})
      assert.strictEqual(process.newId(id).id, `${process.clock}/1`)
    })
  )

  it.effect("names no method where the request has a card token", () =>
    Effect.gen(function* () {
      const process = yield* Process.make(Duration.hours(6))
      const [create] = intended(
        process,
        1,
        requestOf({ destination: Redacted.make("ct_0123456789abcdef"), customer: "c-1" })
      ).creates
      assert.isDefined(create)
      assert.notProperty(create, "method")
    })
  )

  it.effect("is no later create's, if it is one of several", () =>
    Effect.gen(function* () {
      const process = yield* Process.make(Duration.hours(6))
      assert.strictEqual(intended(process, 3).creates[0]?.count, 3)
      assert.strictEqual(process.newId(id).id, `${process.clock}/2`)
    })
  )

  it.effect("says how far the provider's clock is ahead, once that is measured", () =>
    Effect.gen(function* () {
      const process = yield* Process.make(Duration.hours(6))
      process.measure({ min: -500, max: 500 })
      assert.deepStrictEqual(intended(process, 1).clocks, { [process.clock]: { min: -500, max: 500 } })
    })
  )
})

describe("Subject: an assumed create", () => {
  const assume = (over: Partial<Subject.Assumption> = {}) =>
    Subject.assumedCreate(subject, { count: 1, guess: false, until, ...over })
  const beside = (...ids: ReadonlyArray<string>): Exposure.Evidence =>
    ids.reduce((evidence, id) => Exposure.withCreate(evidence, { ...assume(), id }), nothing)
  const name = `assumed/${id}/here`

  it("has the arguments and the latest time, and no earliest one", () => {
    assert.deepStrictEqual(assume({ count: 2 }), {
      id: name,
      count: 2,
      clock: "here",
      to: 5001,
      amount: request.amount,
      request: id,
      ...(method === undefined ? {} : { method }),
      before: [],
      guess: false
    })
  })

  it("knows no arguments of a bare handle", () => {
    const { fingerprints: _, ...bare } = subject
    const create = Subject.assumedCreate(bare, { count: 1, guess: false, until })
    assert.deepStrictEqual([create.id, create.request, create.method], ["assumed//here", undefined, undefined])
  })

  it("is apart from a number, where it is a guess", () =>
    assert.strictEqual(assume({ guess: true }).id, `assumed/${id}/guess/here`))

  it("has an id that is not in the evidence that it comes beside", () => {
    assert.strictEqual(assume({ beside: nothing }).id, name)
    assert.strictEqual(assume({ beside: beside("another", `x${name}`, `${name}x`) }).id, name)
    assert.strictEqual(assume({ beside: beside(name) }).id, `${name}/1`)
    assert.strictEqual(assume({ beside: beside(`several/${name}`) }).id, `${name}/1`)
    assert.strictEqual(assume({ beside: beside(`x/several/${name}`) }).id, name)
    assert.strictEqual(assume({ beside: beside(name, `${name}/7`, `${name}/2`) }).id, `${name}/8`)
  })
})
