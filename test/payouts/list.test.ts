/** What `list` shows, in which order and how completely, and how it fails. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, DateTime, Duration, Effect, Fiber, Layer, Redacted, Stream, TestClock } from "effect"
import { BillwerkClient, type PayoutFilter, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Acquirer, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { inVirtualTime, layer, requestOf } from "../support.js"
import { always, exact, script } from "./fixture.js"

const at = (iso: string) => DateTime.unsafeMake(iso)
const card = "ca_fcfac2016614418f969fa5697383e47c"
const otherCard = "ca_00000000000000000000000000000000"

/** A paid payout of the past. */
const past = (
  handle: string,
  created: string,
  {
    amount = 12_500,
    destination = card,
    ...more
  }: Partial<Omit<Sandbox.PastPayout, "transactions">> & {
    readonly destination?: string
  } = {}
): Sandbox.PastPayout => ({
  handle,
  amount,
  ...more,
  transactions: [{ created: at(created), destination, outcome: Acquirer.paid }]
})

/** So many payouts, one a minute from noon of the first of October 2026, UTC. */
const many = (count: number): ReadonlyArray<Sandbox.PastPayout> =>
  Array.from({ length: count }, (_, index) =>
    past(`p-${index}`, DateTime.formatIso(DateTime.add(at("2026-10-01T12:00:00Z"), { minutes: index })))
  )

const october: PayoutFilter.Input = { from: "2026-10-01", to: "2026-11-01" }

const list = (filter: PayoutFilter.Input, options?: Payouts.CallOptions) =>
  Stream.unwrap(Effect.map(Payouts.Payouts, (payouts) => payouts.list(filter, options)))

const handles = (filter: PayoutFilter.Input = october, options?: Payouts.CallOptions) =>
  list(filter, options).pipe(
    Stream.map(({ handle }) => handle),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray)
  )

const failureOf = (filter: PayoutFilter.Input = october, options?: Payouts.CallOptions) =>
  inVirtualTime(Effect.flip(handles(filter, options)))

/** The kinds of the exchanges that the provider saw. */
const kinds = Effect.gen(function* () {
  const sandbox = yield* Sandbox.Sandbox
  return (yield* sandbox.exchanges).map(({ kind }) => kind)
})

const november = TestClock.setTime(Date.UTC(2026, 10, 2))

const page = (fields: object) => JSON.stringify({ size: 100, from: "2026-10-01", to: "2026-11-01", ...fields })
const entry = (handle: string) => ({ handle, state: "paid", amount: 1, customer: "c", transactions: [] })

describe("Payouts.list", () => {
  it.effect("shows the payouts of the window, newest first, with their records", () =>
    Effect.gen(function* () {
      yield* november
      const [first] = Chunk.toReadonlyArray(yield* Stream.runCollect(list(october)))
      assert.deepStrictEqual(yield* handles(), ["later", "earlier"])
      assert.deepStrictEqual(
        [first?.handle, first?.state, first?.amount, first?.currency, first?.transactions.length],
        ["later", "paid", 700, "DKK", 1]
      )
    }).pipe(
      Effect.provide(
        layer({
          history: [
            past("before", "2026-09-30T21:59:59.999Z"),
            past("earlier", "2026-09-30T22:00:00Z"),
            past("later", "2026-10-31T22:59:59.999Z", { amount: 700 }),
            past("after", "2026-10-31T23:00:00Z")
          ]
        })
      )
    )
  )

  it.effect("asks for full pages, one after another, only as the consumer pulls", () =>
    Effect.gen(function* () {
      yield* november
      assert.strictEqual((yield* handles()).length, 250)
      assert.deepStrictEqual(yield* kinds, ["List", "List", "List"])
      assert.strictEqual(yield* Stream.runCount(Stream.take(list(october), 100)), 100)
      assert.strictEqual((yield* kinds).length, 4)
    }).pipe(Effect.provide(layer({ history: many(250) })))
  )

  it.effect("goes back further than a month", () =>
    Effect.gen(function* () {
      yield* november
      assert.deepStrictEqual(yield* handles({ from: "2024-01-01", to: "2026-11-01" }), ["old"])
    }).pipe(Effect.provide(layer({ history: [past("old", "2024-02-03T04:05:06Z")] })))
  )

  it.effect("selects by state, customer, currency, amount, prefix of the handle, and card", () =>
    Effect.gen(function* () {
      yield* november
      const select = (selection: PayoutFilter.Selection) => handles({ ...october, ...selection })
      assert.deepStrictEqual(yield* select({ states: ["failed", "processing"] }), ["lost"])
      assert.deepStrictEqual(yield* select({ customer: "anna" }), ["p.anna"])
      assert.deepStrictEqual(yield* select({ currencies: ["EUR", "SEK"] }), ["euro"])
      assert.deepStrictEqual(yield* select({ amount: { from: 700, to: 701 } }), ["small"])
      assert.deepStrictEqual(yield* select({ handlePrefix: "p." }), ["p.anna"])
      assert.deepStrictEqual(yield* select({ card: otherCard }), ["carded"])
      assert.deepStrictEqual(yield* select({ card: Redacted.make(otherCard) }), ["carded"])
      assert.deepStrictEqual(yield* select({ currencies: ["EUR"], amount: { from: 700, to: 701 } }), [])
    }).pipe(
      Effect.provide(
        layer({
          history: [
            past("p.anna", "2026-10-02T00:00:00Z", { customer: "anna" }),
            past("euro", "2026-10-03T00:00:00Z", { currency: "EUR" }),
            past("small", "2026-10-04T00:00:00Z", { amount: 700 }),
            past("carded", "2026-10-05T00:00:00Z", { destination: otherCard }),
            {
              handle: "lost",
              amount: 5,
              transactions: [
                { created: at("2026-10-06T00:00:00Z"), destination: card, outcome: Acquirer.processingError() }
              ]
            }
          ]
        })
      )
    )
  )
})

describe("Payouts.list, its window", () => {
  it.effect("is exact between moments, for which the library reads the account's time zone", () =>
    Effect.gen(function* () {
      yield* november
      const filter = { from: at("2026-10-05T10:00:00.250Z"), to: at("2026-10-05T10:00:00.750Z") }
      assert.deepStrictEqual(yield* handles(filter), ["in", "first"])
      assert.deepStrictEqual(yield* kinds, ["Account", "List"])
    }).pipe(
      Effect.provide(
        layer({
          timezone: "America/New_York",
          history: [
            past("before", "2026-10-05T10:00:00.249Z"),
            past("first", "2026-10-05T10:00:00.250Z"),
            past("in", "2026-10-05T10:00:00.749Z"),
            past("after", "2026-10-05T10:00:00.750Z")
          ]
        })
      )
    )
  )

  it.effect("misses nothing in the hour that comes twice, and repeats nothing", () =>
    Effect.gen(function* () {
      yield* november
      const hour = (from: string, to: string) => handles({ from: at(from), to: at(to) })
      assert.deepStrictEqual(yield* hour("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"), ["summer"])
      assert.deepStrictEqual(yield* hour("2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"), ["winter"])
      assert.deepStrictEqual(yield* hour("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"), ["summer"])
    }).pipe(
      Effect.provide(
        layer({ history: [past("summer", "2026-10-25T00:45:00Z"), past("winter", "2026-10-25T01:45:00Z")] })
      )
    )
  )

  it.effect("needs no account where the caller gives its time zone", () =>
    Effect.gen(function* () {
      yield* november
      const timeZone = DateTime.zoneUnsafeMakeNamed("Europe/Copenhagen")
      const filter = { from: at("2026-10-01T00:00:00Z"), to: at("2026-11-01T00:00:00Z"), timeZone }
      assert.deepStrictEqual(yield* handles(filter), ["one"])
      assert.deepStrictEqual(yield* kinds, ["List"])
    }).pipe(Effect.provide(layer({ history: [past("one", "2026-10-02T00:00:00Z")] })))
  )

  it.effect("fails if the account cannot be read, or its time zone is unknown on this machine", () =>
    Effect.gen(function* () {
      const filter = { from: at("2026-10-01T00:00:00Z"), to: at("2026-11-01T00:00:00Z") }
      yield* script(Script.apiError({ status: 403, code: 7 }))
      const refused = yield* failureOf(filter)
      assert(refused._tag === "ListFailed")
      assert.deepStrictEqual(
        [refused.category, refused.status, refused.code, refused.listed, refused.attempts.map(({ kind }) => kind)],
        ["RequestRejected", 403, 7, 0, ["Account"]]
      )
      yield* script(Script.body(JSON.stringify({ timezone: "Moon/Tranquility" })))
      const unknown = yield* failureOf(filter)
      assert.include(unknown.message, "give the filter's timeZone")
      assert.notInclude(unknown.message, "Tranquility")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is refused before anything is sent if it makes no sense", () =>
    Effect.gen(function* () {
      const fieldOf = (filter: PayoutFilter.Input) =>
        Effect.map(failureOf(filter), (error) => (error._tag === "InvalidRequest" ? error.field : error._tag))
      const noon = at("2026-10-01T12:00:00Z")
      assert.strictEqual(yield* fieldOf({ from: "2026-10-01", to: "2026-10-01" }), "to")
      assert.strictEqual(yield* fieldOf({ from: noon, to: noon }), "to")
      assert.strictEqual(yield* fieldOf({ from: "2026-10-01T00:00:00Z", to: "2026-10-02" }), "from")
      assert.strictEqual(yield* fieldOf({ from: "2026-02-30", to: "2026-10-02" }), "from")
      assert.strictEqual(yield* fieldOf({ from: "2026-10-01", to: "tomorrow" }), "to")
      assert.strictEqual(yield* fieldOf({ ...october, states: [] }), "states")
      assert.strictEqual(yield* fieldOf({ ...october, currencies: ["dkk"] }), "currencies")
      assert.strictEqual(yield* fieldOf({ ...october, customer: "two words" }), "customer")
      assert.strictEqual(yield* fieldOf({ ...october, handlePrefix: "/" }), "handlePrefix")
      assert.strictEqual(yield* fieldOf({ ...october, amount: { from: 5, to: 5 } }), "amount")
      assert.strictEqual(yield* fieldOf({ ...october, card: "ct_0123" }), "card")
      assert.strictEqual(yield* fieldOf({ ...october, pageSize: 101 }), "pageSize")
      assert.strictEqual(yield* fieldOf({ ...october, pageSize: 9 }), "pageSize")
      assert.deepStrictEqual(yield* kinds, [])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is not silently cut to the month that the provider shows by default", () =>
    Effect.gen(function* () {
      yield* script(Script.body(page({ from: "2026-10-02T00:00:00.000", count: 0, content: [] })))
      const error = yield* failureOf()
      assert.include(error.message, "begins later than the requested one")
      yield* script(Script.body(page({ from: "2026-10-01T00:00:00.000", count: 0, content: [] })))
      assert.deepStrictEqual(yield* handles(), [])
    }).pipe(Effect.provide(layer()))
  )
})

describe("Payouts.list, while payouts are created", () => {
  for (const pageTokens of ["Position", "Offset"] as const) {
    it.effect(`shows each of the earlier payouts once (${pageTokens})`, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2026, 9, 20))
        const payouts = yield* Payouts.Payouts
        const seen: Array<string> = []
        yield* list({ ...october, pageSize: 10 }).pipe(
          Stream.rechunk(1),
          Stream.runForEach(({ handle }) =>
            Effect.gen(function* () {
              seen.push(handle)
              if (seen.length % 4 !== 0) return
              yield* TestClock.adjust("1 second")
              yield* payouts.create(requestOf({ handle: `new-${seen.length}` }))
            })
          )
        )
        const expected = many(45).map(({ handle }) => handle)
        assert.deepStrictEqual(seen.filter((handle) => handle.startsWith("p-")).sort(), [...expected].sort())
        assert.strictEqual(new Set(seen).size, seen.length)
      }).pipe(Effect.provide(layer({ pageTokens, history: many(45) })))
    )
  }

  it.effect("does not show a payout that the list does not have yet", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2026, 9, 20))
      const payouts = yield* Payouts.Payouts
      yield* payouts.create(requestOf({ handle: "new" }))
      assert.deepStrictEqual(yield* handles(), [])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* handles(), ["new"])
    }).pipe(Effect.provide(layer({ listLag: "5 seconds" })))
  )
})

describe("Payouts.list, when the provider fails", () => {
  it.effect("asks for a page again by the policy, each page with its own budgets, and the list stays whole", () =>
    Effect.gen(function* () {
      yield* november
      const lost = [
        Script.status(502),
        Script.apiError({ status: 429, code: 122 }),
        Script.dropAfterCommit,
        Script.htmlPage
      ]
      yield* script(
        ...lost.map(Script.onList),
        Script.normal,
        Script.truncated,
        Script.halfJson,
        Script.apiError({ status: 500, code: 2 })
      )
      const seen = yield* inVirtualTime(handles(october, { policy: exact }))
      assert.strictEqual(seen.length, 150)
      assert.strictEqual(new Set(seen).size, 150)
      assert.strictEqual((yield* kinds).length, 2 + 7)
    }).pipe(Effect.provide(layer({ history: many(150) })))
  )

  it.effect("fails after the policy's budget, with the attempts of the page and the number of payouts before", () =>
    Effect.gen(function* () {
      yield* november
      yield* script(Script.normal)
      yield* always(Script.apiError({ status: 503, code: 2 }))
      const error = yield* failureOf(october, { policy: exact })
      assert(error._tag === "ListFailed")
      assert.deepStrictEqual([error.category, error.status, error.code, error.listed], ["ServerError", 503, 2, 100])
      assert.deepStrictEqual(
        error.attempts.map(({ delay, kind, outcome }) => [kind, outcome, delay && Duration.format(delay)]),
        [
          ["List", "ServerError", "0"],
          ["List", "ServerError", "1s"],
          ["List", "ServerError", "2s"],
          ["List", "ServerError", "4s"],
          ["List", "ServerError", undefined]
        ]
      )
      assert.include(error.message, "not complete: it ended after 100")
    }).pipe(Effect.provide(layer({ history: many(150) })))
  )

  it.effect("does not ask again for what the provider refuses", () =>
    Effect.gen(function* () {
      yield* script(Script.apiError({ status: 400, code: 144 }))
      const error = yield* failureOf()
      assert(error._tag === "ListFailed")
      assert.deepStrictEqual(
        [error.category, error.attempts.length, error.why],
        ["RequestRejected", 1, "HTTP 400, Query took too long, adjust time range"]
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("asks again after a gateway's own refusal", () =>
    Effect.gen(function* () {
      yield* script(Script.reply({ status: 404, body: "<html>" }))
      assert.deepStrictEqual(yield* inVirtualTime(handles()), [])
      assert.strictEqual((yield* kinds).length, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not take a cache's page for the provider's", () =>
    Effect.gen(function* () {
      yield* always(Script.header("age", "60"))
      const error = yield* failureOf()
      assert.include(error.message, "an answer from a cache")
    }).pipe(Effect.provide(layer()))
  )
})

describe("Payouts.list, of a page that cannot be relied on", () => {
  const broken: ReadonlyArray<readonly [says: string, body: string, why: string]> = [
    [
      "an entry without an amount, and names its handle",
      page({ count: 2, content: [entry("a"), { ...entry("b"), amount: "1" }] }),
      "a page whose entry 2 is no payout (handle b)"
    ],
    ["an entry that is no object", page({ count: 1, content: [null] }), "a page whose entry 1 is no payout"],
    [
      "an entry whose handle cannot be shown",
      page({ count: 1, content: [{ ...entry("a"), handle: "not a handle" }] }),
      "a page whose entry 1 is no payout (handle <redacted>)"
    ],
    ["fewer payouts than it says", page({ count: 2, content: [entry("a")] }), "a page of 1 payouts that says it has 2"],
    [
      "a token that is no text",
      page({ count: 1, content: [entry("a")], next_page_token: 5 }),
      "a page whose token for the next page is no token"
    ],
    ["no list of payouts", page({ count: 0 }), "a body that is no List answer"],
    [
      "more payouts than fit on a page",
      page({ content: Array.from({ length: 101 }, (_, index) => entry(`p-${index}`)) }),
      "a page of 101 payouts"
    ]
  ]

  for (const [says, body, why] of broken) {
    it.effect(`fails for ${says}, and leaves nothing out`, () =>
      Effect.gen(function* () {
        yield* script(Script.body(body))
        const error = yield* failureOf(october, { policy: RetryPolicy.none })
        assert(error._tag === "ListFailed")
        assert.deepStrictEqual([error.category, error.why], ["UnexpectedResponse", `HTTP 200, ${why}`])
      }).pipe(Effect.provide(layer()))
    )
  }

  it.effect("shows a payout with a state that is not known", () =>
    Effect.gen(function* () {
      yield* script(Script.body(page({ count: 1, content: [{ ...entry("a"), state: "on_hold" }] })))
      const [one] = Chunk.toReadonlyArray(yield* Stream.runCollect(list(october)))
      assert.deepStrictEqual([one?.handle, one?.state], ["a", "<redacted>"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("ends where a token leads back to an earlier page, after one page or after several", () =>
    Effect.gen(function* () {
      const leading = (number: number, token: string) =>
        Script.reply({ status: 200, body: page({ content: [entry(`p-${number}`)], next_page_token: token }) })
      yield* script(leading(1, "a"), leading(2, "a"))
      assert.include((yield* failureOf()).message, "leads back")
      yield* script(...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => leading(number, "abc"[number % 3] ?? "")))
      const error = yield* failureOf()
      assert.include(error.message, "leads back")
      assert.isAtMost(error._tag === "ListFailed" ? error.listed : 99, 8)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("ends where pages never show another payout", () =>
    Effect.gen(function* () {
      yield* script(
        ...Array.from({ length: 20 }, (_, index) =>
          Script.reply({ status: 200, body: page({ content: [entry("a")], next_page_token: `t${index}` }) })
        )
      )
      const error = yield* failureOf()
      assert.include(error.message, "10 pages in a row have no payout that earlier pages did not show")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails for a page that is larger than an answer may be, which a smaller page size mends", () =>
    Effect.gen(function* () {
      yield* november
      yield* script(Script.oversized(2 * 1024 * 1024))
      const error = yield* failureOf(october, { policy: RetryPolicy.none })
      assert.include(error.message, "a body of more than 1048576 bytes")
      assert.strictEqual((yield* handles({ ...october, pageSize: 10 })).length, 30)
    }).pipe(Effect.provide(layer({ history: many(30) })))
  )
})

describe("Payouts.list, within the request limits", () => {
  const slow = { rate: 0.5, burst: 1, concurrent: 1 }
  const limited = Payouts.layer.pipe(
    Layer.provide(BillwerkClient.layer({ apiKey: Sandbox.apiKey, requestLimits: { reads: slow, writes: slow } })),
    Layer.provideMerge(Sandbox.layerHttpClientWith({ history: many(250) }))
  )

  it.effect("waits for a turn before each page, and the wait spends no budget", () =>
    Effect.gen(function* () {
      yield* november
      yield* script(Script.normal, Script.status(502))
      const seen = yield* inVirtualTime(handles(october, { policy: exact }))
      assert.strictEqual(seen.length, 250)
      const sandbox = yield* Sandbox.Sandbox
      const times = (yield* sandbox.exchanges).map(({ started }) => started.epochMillis - Date.UTC(2026, 10, 2))
      assert.deepStrictEqual(times, [0, 2_000, 4_000, 6_000])
    }).pipe(Effect.provide(limited))
  )
})

describe("Payouts.list, interrupted", () => {
  it.effect("ends at once and asks for nothing more", () =>
    Effect.gen(function* () {
      yield* script(Script.hangAfterCommit)
      const fiber = yield* Effect.fork(handles())
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* kinds, ["List"])
    }).pipe(Effect.provide(layer()))
  )
})
