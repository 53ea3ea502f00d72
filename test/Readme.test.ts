/** Runs the programs of the documents: what they print is what the pages say, and those that print nothing do what they say. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either, Layer, Redacted, Runtime, Stream } from "effect"
import { type BillwerkClient, Payouts } from "effect-billwerk-payouts"
import { Acquirer, Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { formatWithOptions } from "node:util"
import { vi } from "vitest"
import { pay as payWrongly } from "./docs/agentsWrong.js"
import { payPrizes } from "./docs/batch.js"
import { InMemory, OneProcess } from "./docs/engines.js"
import { PayoutsLive } from "./docs/live.js"
import { nextStep } from "./docs/match.js"
import { prize } from "./docs/prize.js"
import { again } from "./docs/recover.js"
import { toCardToken, toNewCustomer, toSavedMethod } from "./docs/requests.js"
import { live as sharingLimits } from "./docs/sharedLimits.js"
import { report } from "./docs/unfinished.js"

const root = path.resolve(import.meta.dirname, "..")
const pages = [
  "README.md",
  "AGENTS.md",
  ...readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
]

const programs = pages.flatMap((page) =>
  [
    ...readFileSync(path.join(root, page), "utf8").matchAll(
      /<!-- test\/docs\/(\S+)\.ts -->\n+```ts\n(?:(?!```)[^])*```\n+It prints:\n+```text\n([^]*?)```/g
    )
  ].map(([, name = "", output = ""]) => ({ page, name, output }))
)

/** What a program prints, a line each time, as Node prints it. */
const printed = async (program: () => Promise<unknown>): Promise<string> => {
  const lines: Array<string> = []
  const log = vi.spyOn(console, "log").mockImplementation((...values: ReadonlyArray<unknown>) => {
    lines.push(formatWithOptions({ colors: false }, ...values))
  })
  try {
    await program()
  } finally {
    log.mockRestore()
  }
  return lines.join("\n")
}

describe("The pages with programs that print", () => {
  it("are found", () => assert.isAtLeast(programs.length, 10))

  for (const { name, output, page } of programs) {
    it(`${page} says truly what ${name}.ts prints`, async () => {
      assert.strictEqual(await printed(() => import(`./docs/${name}.ts`)), output.trimEnd())
    })
  }
})

/** Runs in a folder of its own, because the programs name files without one. */
const inFolder = async (program: Effect.Effect<void>): Promise<void> => {
  const before = process.cwd()
  const folder = mkdtempSync(path.join(tmpdir(), "payouts-docs-"))
  process.chdir(folder)
  try {
    await Effect.runPromise(program)
  } finally {
    process.chdir(before)
    rmSync(folder, { recursive: true, force: true })
  }
}

const withKey = Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["BILLWERK_API_KEY", "priv_0123"]])))
const over = (options: Sandbox.Options) => Layer.provideMerge(Payouts.layer, Sandbox.layerWith(options))

describe("The programs that print nothing", () => {
  it("requests.ts makes requests", () => {
    const token = Redacted.make("ct_0123456789abcdef0123456789abcdef")
    for (const request of [toSavedMethod, toCardToken(token), toNewCustomer(44, token)]) {
      assert.isTrue(Either.isRight(request))
    }
    assert.strictEqual(Either.getOrThrow(toNewCustomer(44, token)).handle, "prize.2026.44")
  })

  it.effect("match.ts says what to do about an error", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.hardDeclined("credit_card_expired"))
      const payouts = yield* Payouts.Payouts
      const error = yield* Effect.flip(payouts.create(yield* prize("0042")))
      assert.strictEqual(nextStep(error), "ask for another payment method: credit_card_expired")
    }).pipe(Effect.provide(over({})))
  )

  it.effect("agentsWrong.ts pays twice, when the answer to its create is late", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.hangAfterCommit.pipe(Script.onCreate))
      const prize = { id: 42, card: "ca_fcfac2016614418f969fa5697383e47c", amount: 12_500 }
      yield* Sandbox.inVirtualTime(payWrongly(prize))
      assert.strictEqual((yield* sandbox.ledger).totalMoved, 25_000)
    }).pipe(Effect.provide(Sandbox.layer))
  )

  it.effect("recover.ts pays what was not paid, and what was paid not again", () =>
    Effect.gen(function* () {
      const unbooked = Stream.mapEffect(Stream.make("0001", "0002"), prize)
      const results = yield* Stream.runCollect(again(unbooked))
      assert.deepStrictEqual(
        [...results].map(({ result }) => Either.merge(result)._tag),
        ["Paid", "Paid"]
      )
      const ledger = yield* Effect.flatMap(Sandbox.Sandbox, ({ ledger }) => ledger)
      assert.strictEqual(Ledger.moved(ledger, "prize-2026-0001"), 12_500)
      assert.strictEqual(Ledger.moved(ledger, "prize-2026-0002"), 12_500)
    }).pipe(
      Effect.provide(
        over({
          history: [
            {
              handle: "prize-2026-0001",
              amount: 12_500,
              transactions: [
                {
                  created: { age: "1 hour" },
                  destination: "ca_fcfac2016614418f969fa5697383e47c",
                  outcome: Acquirer.paid
                }
              ]
            }
          ]
        })
      )
    )
  )

  it("batch.ts pays a batch, and pays none of it when it is run again", () =>
    inFolder(
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        const prizes = yield* Effect.forEach(["0001", "0002"], prize)
        const runtime = yield* Effect.runtime<BillwerkClient.BillwerkClient>()
        const run = Effect.promise(() => printed(() => Runtime.runPromise(runtime)(payPrizes(prizes))))
        assert.include(yield* run, "prize-2026-0002 Paid Moved")
        const before = (yield* sandbox.exchanges).length
        assert.include(yield* run, "prize-2026-0002 Paid Moved")
        assert.strictEqual((yield* sandbox.exchanges).length, before)
      }).pipe(Effect.provide(Sandbox.layer), Effect.orDie)
    ))

  it("live.ts and engines.ts build their layers, and unfinished.ts lists what is in doubt in the file", () =>
    inFolder(
      Effect.gen(function* () {
        yield* Layer.build(PayoutsLive)
        yield* Layer.build(InMemory)
        yield* Layer.build(OneProcess)
        yield* report
      }).pipe(Effect.scoped, withKey, Effect.orDie)
    ))

  it("sharedLimits.ts asks for its configuration", () =>
    inFolder(
      Effect.gen(function* () {
        const error = yield* Effect.flip(Layer.build(sharingLimits))
        assert.include(String(error), "REDIS_HOST")
      }).pipe(Effect.scoped, withKey, Effect.orDie)
    ))
})
