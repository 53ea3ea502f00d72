/** What earlier releases have stored is read, and goes on, in this one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { readdirSync, readFileSync } from "node:fs"
import * as stored from "../../src/durable/stored.js"
import { requestOf } from "../support.js"
import { filename, GoldenFile, load, request, runtime, scenarios } from "./golden.js"

const folder = new URL("golden/", import.meta.url)
const releases = readdirSync(folder)
  .sort()
  .map((name) => [name, Schema.decodeSync(GoldenFile)(readFileSync(new URL(name, folder), "utf8"))] as const)

it("Each version of what is stored has its rows", () => {
  const versions = Array.from({ length: stored.version }, (_, index) => `${index + 1}.json`)
  assert.deepStrictEqual(
    releases.map(([name]) => name),
    versions.sort()
  )
})

describe.each(releases)("The rows of %s", (_, golden) => {
  it("are of all states", () => {
    assert.deepStrictEqual(Object.keys(golden), Object.keys(scenarios))
  })

  it.effect("are of the same executions as the requests are today", () =>
    Effect.gen(function* () {
      const id = yield* PayoutWorkflow.executionId(request)
      for (const { messages } of Object.values(golden)) {
        const run = messages.find(({ tag }) => tag === "run")
        assert.strictEqual(run?.["entity_id"], id)
      }
    })
  )

  for (const [name, { ends, then }] of Object.entries(scenarios)) {
    it.live(`(${name}) go on: ${ends[0]}`, () =>
      Effect.gen(function* () {
        const rows = golden[name]
        assert(rows !== undefined)
        const made = yield* filename
        yield* load(made, rows)
        const said = yield* Effect.provide(
          Effect.zipRight(
            then?.(request) ?? Effect.void,
            PayoutWorkflow.execute(request).pipe(
              Effect.merge,
              Effect.timeoutOption(ends[0] === "Waits" ? 2_000 : 20_000)
            )
          ),
          runtime(made)
        )
        assert.deepStrictEqual(
          Option.match(said, {
            onNone: () => ["Waits"],
            onSome: ({ _tag, certainty, exposure }) => [_tag, certainty, exposure.max]
          }),
          [...ends]
        )
        const sandbox = yield* Sandbox.Sandbox
        const sent = (yield* sandbox.exchanges).filter(({ kind }) => kind === "Create").length
        assert.strictEqual(sent, ends[0] === "Paid" && name !== "paid" ? 1 : 0)
      }).pipe(Effect.scoped, Effect.provide(Sandbox.layer))
    )
  }
})

describe("An execution", () => {
  it.effect("has an id that no release changes: it would begin each unfinished payout anew", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.forEach(
        [requestOf(), requestOf({ customer: "c-1", text: "t", textOnStatement: "s", acquirerReference: "a" })],
        PayoutWorkflow.executionId
      )
      assert.deepStrictEqual(ids, ["2dfb73798a9ea5b3fface0e4e77341a2", "8df2510f444d505cb0a7ccb8013d9db2"])
    })
  )
})
