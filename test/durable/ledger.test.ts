/** The books of docs/durable.md: each step again, two decisions, and an engine with a client of its own. */
import * as LibsqlClient from "@effect/sql-libsql/LibsqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import { WorkflowEngine } from "@effect/workflow"
import { Clock, Config, Effect, Layer, Option, Redacted } from "effect"
import { Payouts } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { Books, PrizePayment, PrizePaymentLive } from "../docs/durable.js"
import { balances, BooksLive, decide, migrate, openCases, reassess } from "../docs/ledger.js"
import { requestOf } from "../support.js"

const handle = "prize-2026-0042"

/** What each account has, without those that have nothing. */
const accounts = Effect.map(balances, (rows) =>
  Object.fromEntries(rows.filter(({ total }) => total !== 0).map(({ account, total }) => [account, total]))
)

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "books-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)
const Sqlite = Layer.unwrapScoped(
  Effect.map(folder, (folder) => LibsqlClient.layer({ url: `file:${path.join(folder, "books.sqlite")}` }))
)

const url = Effect.runSync(Effect.option(Config.string("PAYOUTS_POSTGRES_URL")))
const Postgres = Layer.unwrapScoped(
  Effect.gen(function* () {
    const schema = `books_${yield* Clock.currentTimeMillis}`
    const at = new URL(Option.getOrThrow(url))
    const admin = yield* Layer.build(PgClient.layer({ url: Redacted.make(at.href) }))
    yield* Effect.flatMap(SqlClient.SqlClient, (sql) => sql`CREATE SCHEMA ${sql(schema)}`).pipe(Effect.provide(admin))
    at.searchParams.set("options", `-c search_path=${schema}`)
    return PgClient.layer({ url: Redacted.make(at.href) })
  })
)

describe.each([
  { database: "SQLite", skip: false, Client: Sqlite },
  { database: "PostgreSQL", skip: Option.isNone(url), Client: Postgres }
])("The books on $database", ({ Client, skip }) => {
  const told = skip ? it.live.skip : it.live
  const Live = Layer.provideMerge(BooksLive, Client)

  /** A payout of 12,500 that may have moved three times. */
  const doubtful = Effect.gen(function* () {
    yield* migrate
    const books = yield* Books
    yield* books.reserve(handle, 12_500)
    yield* books.askAPerson(handle, 37_500)
    return books
  })

  const decided = (moved: number, person: string) =>
    Effect.match(decide(handle, moved, person), { onSuccess: () => "Closed", onFailure: ({ _tag }) => _tag })

  told("reserve, book and release once, however often a step runs", () =>
    Effect.gen(function* () {
      yield* migrate
      const books = yield* Books
      for (const one of [1, 2]) yield* books.reserve("a", 12_500 * one)
      for (const _ of [1, 2]) yield* books.book("a", 12_500)
      yield* books.reserve("b", 100)
      for (const _ of [1, 2]) yield* books.release("b")
      assert.deepStrictEqual(yield* accounts, { available: -12_500, paid: 12_500 })
    }).pipe(Effect.provide(Live))
  )

  told("reserve nothing when the step that asked runs again after a person has decided", () =>
    Effect.gen(function* () {
      yield* migrate
      const books = yield* Books
      for (const [one, atMost] of [
        ["a", 12_500], // as much as is reserved, so the first run of the step adds nothing
        ["b", 37_500]
      ] as const) {
        yield* books.reserve(one, 12_500)
        yield* books.askAPerson(one, atMost)
        yield* decide(one, 0, "Grace")
        yield* books.askAPerson(one, atMost)
        assert.deepStrictEqual(yield* accounts, {})
      }
      assert.deepStrictEqual(yield* openCases, [])
    }).pipe(Effect.provide(Live))
  )

  told("reserve more when more may have moved, also after a case was closed", () =>
    Effect.gen(function* () {
      const books = yield* doubtful
      yield* books.askAPerson(handle, 50_000)
      assert.deepStrictEqual(yield* openCases, [{ handle, atMost: 50_000 }])
      assert.deepStrictEqual(yield* accounts, { available: -50_000, reserved: 50_000 })
      yield* decide(handle, 0, "Grace")
      assert.deepStrictEqual(yield* accounts, {})
      yield* books.askAPerson(handle, 62_500)
      assert.deepStrictEqual(yield* openCases, [{ handle, atMost: 62_500 }])
      yield* decide(handle, 12_500, "Ada")
      assert.deepStrictEqual(yield* accounts, { available: -12_500, paid: 12_500 })
    }).pipe(Effect.provide(Live))
  )

  told("refuse a second decision, and one about more than is reserved", () =>
    Effect.gen(function* () {
      yield* doubtful
      assert.strictEqual(yield* decided(50_000, "Ada"), "NotClosed")
      assert.deepStrictEqual(yield* openCases, [{ handle, atMost: 37_500 }])
      yield* decide(handle, 0, "Grace")
      for (const moved of [12_500, 0]) {
        assert.strictEqual(yield* decided(moved, "Ada"), "NotClosed")
      }
      assert.deepStrictEqual(yield* accounts, {})
    }).pipe(Effect.provide(Live))
  )

  told("ask again about what is reserved anew after a case was closed: another card may have been paid", () =>
    Effect.gen(function* () {
      const books = yield* doubtful
      yield* decide(handle, 0, "the record")
      for (const _ of [1, 2]) yield* books.reserve(handle, 12_500)
      assert.deepStrictEqual(yield* accounts, { available: -12_500, reserved: 12_500 })
      for (const _ of [1, 2]) yield* books.askAPerson(handle, 37_500)
      assert.deepStrictEqual(yield* openCases, [{ handle, atMost: 37_500 }])
      assert.deepStrictEqual(yield* accounts, { available: -37_500, reserved: 37_500 })
      yield* decide(handle, 12_500, "Grace")
      yield* books.askAPerson(handle, 37_500)
      assert.deepStrictEqual(yield* openCases, [])
      assert.deepStrictEqual(yield* accounts, { available: -12_500, paid: 12_500 })
    }).pipe(Effect.provide(Live))
  )

  told("book what has moved after a person said that nothing had, and what moved on top of it", () =>
    Effect.gen(function* () {
      const books = yield* doubtful
      yield* decide(handle, 0, "Grace")
      for (const _ of [1, 2]) yield* books.book(handle, 12_500)
      assert.deepStrictEqual(yield* accounts, { available: -12_500, paid: 12_500 })
      yield* books.book(handle, 25_000)
      assert.deepStrictEqual(yield* accounts, { available: -25_000, paid: 25_000 })
    }).pipe(Effect.provide(Live))
  )

  told("count a payment once that the payout finds while a person decides about it", () =>
    Effect.gen(function* () {
      yield* migrate
      const books = yield* Books
      const handles = Array.from({ length: 50 }, (_, number) => `prize-${number}`)
      for (const one of handles) {
        yield* books.reserve(one, 12_500)
        yield* books.askAPerson(one, 12_500)
      }
      // What comes second finds what the first has booked.
      yield* Effect.forEach(
        handles,
        (one) => Effect.all([Effect.exit(decide(one, 12_500, "Grace")), books.book(one, 12_500)], { concurrency: 2 }),
        { concurrency: 5 }
      )
      assert.deepStrictEqual(yield* accounts, { available: -625_000, paid: 625_000 })
    }).pipe(Effect.provide(Live))
  )

  told("count what is booked in what a person says has moved", () =>
    Effect.gen(function* () {
      yield* migrate
      const books = yield* Books
      yield* books.reserve(handle, 12_500)
      yield* books.book(handle, 12_500)
      yield* books.askAPerson(handle, 12_500) // an earlier processing error may have paid as well
      assert.deepStrictEqual(yield* accounts, { available: -25_000, paid: 12_500, reserved: 12_500 })
      assert.strictEqual(yield* decided(0, "Grace"), "NotClosed")
      yield* decide(handle, 25_000, "Grace")
      assert.deepStrictEqual(yield* accounts, { available: -25_000, paid: 25_000 })
    }).pipe(Effect.provide(Live))
  )
})

const otherCard = requestOf({ destination: "ca_0123456789abcdef0123456789abcdef" })
const pay = (request = requestOf()) => Effect.merge(PrizePayment.execute({ request }))

const workflows = (sandbox: Sandbox.Options = {}) =>
  Layer.mergeAll(PrizePaymentLive, PayoutWorkflow.layer).pipe(
    Layer.provide(Payouts.layer),
    Layer.provideMerge(BooksLive),
    Layer.provideMerge(Sqlite),
    Layer.provideMerge(WorkflowEngine.layerMemory),
    Layer.provideMerge(Sandbox.layerWith(sandbox))
  )

describe("The workflow around a payout, with its books,", () => {
  it.effect("releases nothing of a paid prize that comes again with another card", () =>
    Effect.gen(function* () {
      yield* migrate
      yield* Sandbox.inVirtualTime(Effect.zipRight(pay(), pay(otherCard)))
      assert.deepStrictEqual(yield* accounts, { available: -25_000, paid: 12_500, reserved: 12_500 })
      yield* Sandbox.inVirtualTime(reassess(otherCard)) // knows its own money only
      assert.deepStrictEqual(yield* openCases, [{ handle, atMost: 12_500 }])
      yield* decide(handle, 12_500, "Grace")
      assert.deepStrictEqual(yield* accounts, { available: -12_500, paid: 12_500 })
    }).pipe(Effect.provide(workflows()))
  )

  it.effect("keeps the funds of a payout that is processing, although another card was refused under its handle", () =>
    Effect.gen(function* () {
      yield* migrate
      yield* Sandbox.inVirtualTime(PrizePayment.execute({ request: requestOf() }, { discard: true }))
      yield* Sandbox.inVirtualTime(Effect.sleep("1 minute"))
      yield* Sandbox.inVirtualTime(pay(otherCard))
      assert.deepStrictEqual(yield* accounts, { available: -12_500, reserved: 12_500 })
      yield* Sandbox.inVirtualTime(pay())
      assert.deepStrictEqual(yield* accounts, { available: -12_500, paid: 12_500 })
    }).pipe(Effect.provide(workflows({ outcome: Acquirer.processing({ after: "1 hour" }) })))
  )

  it.effect("reserves the funds of another card, after the first one was declined and released", () =>
    Effect.gen(function* () {
      yield* migrate
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.hardDeclined().pipe(Script.onCreate))
      yield* Sandbox.inVirtualTime(pay())
      assert.deepStrictEqual(yield* accounts, {})
      yield* Sandbox.inVirtualTime(PrizePayment.execute({ request: otherCard }, { discard: true }))
      yield* Sandbox.inVirtualTime(Effect.sleep("1 minute"))
      // It is under way, and will be paid: nobody else may spend these funds.
      assert.deepStrictEqual(yield* accounts, { available: -12_500, reserved: 12_500 })
      yield* Sandbox.inVirtualTime(pay(otherCard))
      assert.deepStrictEqual(yield* accounts, { available: -12_500, paid: 12_500 })
    }).pipe(Effect.provide(workflows({ outcome: Acquirer.processing({ after: "1 hour" }) })))
  )

  it.effect("releases nothing that another card may have moved, although the first one's step comes late", () =>
    Effect.gen(function* () {
      yield* migrate
      const sandbox = yield* Sandbox.Sandbox
      const books = yield* Books
      // The first card was declined, and its release waits for the books. The second card's payment is in doubt.
      yield* books.reserve(handle, 12_500)
      yield* sandbox.script(Script.processingError({ moved: true }).pipe(Script.onCreate, Script.times(3)))
      yield* Sandbox.inVirtualTime(pay(otherCard))
      yield* books.release(handle)
      const cases = yield* openCases
      const { reserved } = (yield* accounts) as { reserved?: number }
      assert.deepStrictEqual([cases, reserved], [[{ handle, atMost: 37_500 }], 37_500])
    }).pipe(Effect.provide(workflows()))
  )

  it.effect("books what has certainly moved, and keeps what an earlier processing error may have paid", () =>
    Effect.gen(function* () {
      yield* migrate
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.processingError({ moved: true }).pipe(Script.onCreate))
      yield* Sandbox.inVirtualTime(pay())
      assert.deepStrictEqual(yield* accounts, { available: -25_000, paid: 12_500, reserved: 12_500 })
      assert.deepStrictEqual(yield* openCases, [{ handle, atMost: 12_500 }])
    }).pipe(Effect.provide(workflows()))
  )

  it.live("writes to its own database, and not to the engine's", () =>
    Effect.gen(function* () {
      const files = yield* folder
      const Own = LibsqlClient.layer({ url: `file:${path.join(files, "books.sqlite")}` })
      yield* Effect.zipRight(migrate, pay()).pipe(
        Effect.provide(
          Layer.mergeAll(PrizePaymentLive, PayoutWorkflow.layer).pipe(
            Layer.provide(Payouts.layer),
            Layer.provideMerge(BooksLive),
            Layer.provideMerge(Own),
            Layer.provideMerge(SqliteEngine.layer({ filename: path.join(files, "payouts.sqlite") })),
            Layer.provideMerge(Sandbox.layer)
          )
        )
      )
      const own = yield* Effect.provide(accounts, Own)
      assert.deepStrictEqual(own, { available: -12_500, paid: 12_500 })
    }).pipe(Effect.scoped)
  )
})
