import { HttpClient, type HttpClientError } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { RequestLimits } from "effect-billwerk-payouts"
import { Cause, Duration, Effect, Exit, Fiber, Option, Stream, TestClock } from "effect"
import * as Acquirer from "../../src/sandbox/Acquirer.js"
import * as Ledger from "../../src/sandbox/Ledger.js"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import * as Script from "../../src/sandbox/Script.js"
import { create, createBody, createRequest, gist, handle, lookup, transactions } from "./fixture.js"

const withSandbox = (options: Sandbox.Options = {}) => Effect.provide(Sandbox.layerHttpClientWith(options))

const script = (...steps: ReadonlyArray<Script.Step>) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(...steps))

const moved = Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
  Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, handle))
)

const endings = Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
  Effect.map(sandbox.exchanges, (exchanges) => exchanges.map((exchange) => exchange.ending))
)

/** How a lost exchange looks: the error, its reason, and the code and system call of its cause. */
const loss = (error: HttpClientError.HttpClientError) => {
  const { cause } = error
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  const syscall = cause instanceof Error && "syscall" in cause ? cause.syscall : undefined
  return [error._tag, error.reason, code, syscall]
}

describe("A scripted outcome", () => {
  const outcomes = [
    ["paid", Script.paid, [200, "paid"], undefined, 12_500],
    ["processing", Script.processing(), [200, "processing"], undefined, 0],
    ["hardDeclined", Script.hardDeclined(), [200, "failed"], "declined_by_acquirer", 0],
    ["hardDeclined of a reason", Script.hardDeclined("sca_required"), [200, "failed"], "sca_required", 0],
    ["softDeclined", Script.softDeclined(), [200, "failed"], "insufficient_funds", 0],
    ["processingError", Script.processingError(), [200, "failed"], "acquirer_communication_error", 0],
    [
      "processingError that moved",
      Script.processingError({ moved: true }),
      [200, "failed"],
      "acquirer_communication_error",
      12_500
    ],
    ["unknownErrorState", Script.unknownErrorState(), [200, "failed"], "unheard_of", 0]
  ] as const
  for (const [title, step, expected, error, money] of outcomes) {
    it.effect(`${title} is answered, and looked up again`, () =>
      Effect.gen(function* () {
        yield* script(step)
        const answer = yield* create()
        assert.deepStrictEqual([gist(answer), transactions(answer)[0]?.["error"]], [expected, error])
        assert.deepStrictEqual((yield* lookup()).json, answer.json)
        assert.strictEqual(yield* moved, money)
      }).pipe(withSandbox())
    )
  }

  it.effect("has the last word over a test amount", () =>
    Effect.gen(function* () {
      yield* script(Script.paid)
      assert.deepStrictEqual(gist(yield* create({ amount: 3001 })), [200, "paid"])
    }).pipe(withSandbox({ testAmounts: true }))
  )

  it.effect("does not pay a handle twice", () =>
    Effect.gen(function* () {
      yield* script(Script.paid, Script.paid)
      yield* create()
      assert.deepStrictEqual(gist(yield* create()), [400, 134])
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(withSandbox())
  )

  it.effect("of processing settles by itself", () =>
    Effect.gen(function* () {
      yield* script(Script.processing({ after: "1 minute", as: Acquirer.processingError({ moved: true }) }))
      yield* create()
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(gist(yield* lookup()), [200, "failed"])
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(withSandbox())
  )
})

describe("A step", () => {
  it.effect("is for one exchange, in order, and then the provider is as usual", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* script(Script.softDeclined(), Script.hardDeclined())
      assert.strictEqual(yield* sandbox.scriptLeft, 2)
      assert.strictEqual(transactions(yield* create())[0]?.["error_state"], "soft_declined")
      assert.strictEqual(transactions(yield* create())[1]?.["error_state"], "hard_declined")
      assert.strictEqual(yield* sandbox.scriptLeft, 0)
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("may be for creates, for lookups or for one handle, and waits for them", () =>
    Effect.gen(function* () {
      const teapot = (code: number) => Script.apiError({ status: 418, code })
      yield* script(
        teapot(1).pipe(Script.onCreate),
        teapot(2).pipe(Script.onLookup),
        teapot(3).pipe(Script.forHandle("p-3"))
      )
      assert.deepStrictEqual(gist(yield* lookup()), [418, 2])
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      assert.deepStrictEqual(gist(yield* create()), [418, 1])
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
      assert.deepStrictEqual(gist(yield* lookup("p-3")), [418, 3])
    }).pipe(withSandbox())
  )

  it.effect("may be for several exchanges", () =>
    Effect.gen(function* () {
      yield* create()
      yield* script(Script.laggingRead.pipe(Script.times(2)))
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      assert.deepStrictEqual(gist(yield* lookup()), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("may show a payout as it was before its latest transaction, and none before the first", () =>
    Effect.gen(function* () {
      yield* script(Script.staleRead, Script.processingError(), Script.staleRead, Script.normal, Script.staleRead)
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      yield* create()
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
      const stale = yield* lookup()
      assert.deepStrictEqual(gist(stale), [200, "failed"])
      assert.deepStrictEqual(
        transactions(stale).map((one) => one["error_state"]),
        ["processing_error"]
      )
      assert.isUndefined(stale.json["paid"])
      assert.deepStrictEqual(gist(yield* lookup()), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("that is for no exchange is not there", () =>
    Effect.gen(function* () {
      yield* script(Script.dropAfterCommit.pipe(Script.times(0)), Script.softDeclined())
      assert.deepStrictEqual(gist(yield* create()), [200, "failed"])
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("stands until it is cleared when it is set with always, and the script comes first", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.apiError({ status: 503, code: 2 }).pipe(Script.onCreate))
      yield* script(Script.apiError({ status: 500, code: 2 }))
      assert.deepStrictEqual(gist(yield* create()), [500, 2])
      assert.deepStrictEqual(gist(yield* create()), [503, 2])
      assert.deepStrictEqual(gist(yield* create()), [503, 2])
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      yield* sandbox.clear
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("combines with another: a hidden success, its answer lost, after a wait", () =>
    Effect.gen(function* () {
      yield* script(
        Script.processingError({ moved: true }).pipe(
          Script.and(Script.dropAfterCommit),
          Script.delayAnswer("3 seconds")
        )
      )
      const fiber = yield* Effect.fork(Effect.flip(create()))
      yield* TestClock.adjust("2999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      assert.strictEqual(yield* moved, 12_500)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(loss(yield* Fiber.join(fiber)), ["RequestError", "Transport", "ECONNRESET", undefined])
      assert.deepStrictEqual(gist(yield* lookup()), [200, "failed"])
    }).pipe(withSandbox())
  )
})

describe("An answer of somebody", () => {
  it.effect("may be any error of the provider, with a Retry-After of any kind, and nothing is done", () =>
    Effect.gen(function* () {
      yield* script(Script.apiError({ status: 429, code: 122, retryAfter: "soon" }))
      const answer = yield* create()
      assert.deepStrictEqual(
        [gist(answer), answer.json["error"], answer.json["http_status"], answer.headers["retry-after"]],
        [[429, 122], "Request rate limit exceeded", 429, "soon"]
      )
      assert.strictEqual(yield* moved, 0)
    }).pipe(withSandbox())
  )

  it.effect("may be an error although everything was done", () =>
    Effect.gen(function* () {
      yield* script(Script.apiErrorAfterCommit({ status: 502, code: 2, error: "Bad gateway" }))
      const answer = yield* create()
      assert.deepStrictEqual([gist(answer), answer.json["error"]], [[502, 2], "Bad gateway"])
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(withSandbox())
  )

  it.effect("may be the provider's 400 with a transaction error, whether nothing was done or the attempt is paid", () =>
    Effect.gen(function* () {
      const error = { status: 400, code: 77, transactionError: "acquirer_error" }
      yield* script(Script.apiError(error), Script.apiErrorAfterCommit(error).pipe(Script.onCreate))
      const refused = yield* create()
      assert.deepStrictEqual(
        [gist(refused), refused.json["error"], refused.json["transaction_error"]],
        [[400, 77], "Transaction declined", "acquirer_error"]
      )
      assert.deepStrictEqual([gist(yield* lookup()), yield* moved], [[404, 137], 0])
      assert.strictEqual((yield* create()).json["transaction_error"], "acquirer_error")
      assert.deepStrictEqual([gist(yield* lookup()), yield* moved], [[200, "paid"], 12_500])
    }).pipe(withSandbox())
  )

  const transactionErrors = [
    ["nothing done", Script.transactionError(), 77, "acquirer_communication_error", [404, 137], 0],
    [
      "nothing done, of another code and error",
      Script.transactionError("acquirer_rejected_error", { code: 147 }),
      147,
      "acquirer_rejected_error",
      [404, 137],
      0
    ],
    [
      "the money moved unseen",
      Script.transactionError("acquirer_error", { moved: true }),
      77,
      "acquirer_error",
      [200, "failed"],
      12_500
    ]
  ] as const
  for (const [title, step, code, error, record, money] of transactionErrors) {
    it.effect(`may be a transaction error in a 400: ${title}`, () =>
      Effect.gen(function* () {
        const sandbox = yield* Sandbox.Sandbox
        yield* script(step)
        assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
        assert.strictEqual(yield* sandbox.scriptLeft, 1)
        const answer = yield* create()
        assert.deepStrictEqual([gist(answer), answer.json["transaction_error"]], [[400, code], error])
        const found = yield* lookup()
        assert.deepStrictEqual([gist(found), yield* moved], [record, money])
        const [transaction] = transactions(found)
        assert.deepStrictEqual(
          [transaction?.["error_state"], transaction?.["error"]],
          money === 0 ? [undefined, undefined] : ["processing_error", error]
        )
      }).pipe(withSandbox())
    )
  }

  it.effect("may have any header, or lack one, on top of whatever else a step says", () =>
    Effect.gen(function* () {
      yield* script(
        Script.header("Age", "60").pipe(Script.and(Script.header("x-cache", "HIT"))),
        Script.staleRead.pipe(Script.and(Script.header("date", null)), Script.and(Script.header("age", "1"))),
        Script.truncated.pipe(Script.and(Script.header("request-id", "again")))
      )
      const paid = yield* create()
      assert.deepStrictEqual([paid.headers["age"], paid.headers["x-cache"], gist(paid)], ["60", "HIT", [200, "paid"]])
      const stale = yield* lookup()
      assert.deepStrictEqual([stale.headers["age"], stale.headers["date"], gist(stale)], ["1", undefined, [404, 137]])
      const client = yield* HttpClient.HttpClient
      const truncated = yield* client.execute(createRequest(createBody))
      assert.strictEqual(truncated.headers["request-id"], "again")
      const usual = yield* lookup()
      assert.deepStrictEqual(
        [usual.headers["age"], usual.headers["date"]],
        [undefined, "Thu, 01 Jan 1970 00:00:00 GMT"]
      )
    }).pipe(withSandbox())
  )

  it.effect("may be anything at all", () =>
    Effect.gen(function* () {
      yield* script(Script.reply({ status: 599, headers: { "x-proxy": "1" }, body: "busy" }))
      const answer = yield* create()
      assert.deepStrictEqual([answer.status, answer.headers["x-proxy"], answer.text], [599, "1", "busy"])
    }).pipe(withSandbox())
  )

  it.effect("may be a redirect, which is not followed", () =>
    Effect.gen(function* () {
      for (const status of [301, 302, 303, 307, 308] as const) {
        yield* script(Script.redirect(status, "https://elsewhere.test/v1/payout"))
        const answer = yield* create()
        assert.deepStrictEqual(
          [answer.status, answer.headers["location"]],
          [status, "https://elsewhere.test/v1/payout"]
        )
      }
      assert.strictEqual(yield* moved, 0)
    }).pipe(withSandbox())
  )

  it.effect("may have a status that forbids a body, or that HTTP does not know", () =>
    Effect.gen(function* () {
      for (const status of [204, 304, 101, 799]) {
        yield* script(Script.status(status))
        assert.strictEqual((yield* create({ handle: `p-${status}` })).status, status)
      }
    }).pipe(withSandbox())
  )
})

describe("A lost answer", () => {
  const losses = [
    ["connectionRefused", Script.connectionRefused, ["ECONNREFUSED", "connect"], 0, "Refused"],
    ["dropBeforeCommit", Script.dropBeforeCommit, ["ECONNRESET", undefined], 0, "Dropped"],
    ["dropAfterCommit", Script.dropAfterCommit, ["ECONNRESET", undefined], 12_500, "Dropped"],
    ["resetAfterCommit", Script.resetAfterCommit, ["ECONNRESET", "read"], 12_500, "Dropped"]
  ] as const
  for (const [title, step, cause, money, ending] of losses) {
    it.effect(`${title} is a transport error as Node has it, and ${money === 0 ? "nothing" : "the money"} moved`, () =>
      Effect.gen(function* () {
        yield* script(step)
        assert.deepStrictEqual(loss(yield* Effect.flip(createRaw)), ["RequestError", "Transport", ...cause])
        assert.strictEqual(yield* moved, money)
        assert.deepStrictEqual(yield* endings, [ending])
      }).pipe(withSandbox())
    )
  }

  for (const [title, step, money] of [
    ["hangBeforeCommit", Script.hangBeforeCommit, 0],
    ["hangAfterCommit", Script.hangAfterCommit, 12_500]
  ] as const) {
    it.effect(`${title} never comes, can be interrupted, and ${money === 0 ? "nothing" : "the money"} moved`, () =>
      Effect.gen(function* () {
        yield* script(step)
        const answer = yield* create().pipe(Effect.timeoutOption("1 day"), Effect.fork)
        yield* TestClock.adjust("1 day")
        assert.isTrue(Option.isNone(yield* Fiber.join(answer)))
        assert.strictEqual(yield* moved, money)
        assert.deepStrictEqual(yield* endings, ["Hanging"])
      }).pipe(withSandbox())
    )
  }

  for (const [title, step, length] of [
    ["truncated", Script.truncated, true],
    ["truncatedChunked", Script.truncatedChunked, false]
  ] as const) {
    it.effect(`${title} has its headers, half of its body, and then an error`, () =>
      Effect.gen(function* () {
        yield* script(step)
        const client = yield* HttpClient.HttpClient
        const response = yield* client.execute(createRequest(createBody))
        assert.strictEqual(response.status, 200)
        assert.strictEqual("content-length" in response.headers, length)
        const bytes: Array<Uint8Array> = []
        const exit = yield* Effect.exit(
          Stream.runForEach(response.stream, (chunk) => Effect.sync(() => bytes.push(chunk)))
        )
        assert.isAbove(bytes.length, 0)
        assert.strictEqual(errorTag(exit), "ResponseError")
        assert.strictEqual((yield* Effect.flip(response.text)).reason, "Decode")
        assert.strictEqual((yield* Effect.flip(response.arrayBuffer)).reason, "Decode")
        assert.strictEqual(yield* moved, 12_500)
        assert.deepStrictEqual(yield* endings, ["Truncated"])
      }).pipe(withSandbox())
    )
  }

  const errorTag = (exit: Exit.Exit<unknown, HttpClientError.ResponseError>) =>
    Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause))?._tag : undefined

  it.effect("stalled has its headers, half of its body, and then nothing", () =>
    Effect.gen(function* () {
      yield* script(Script.stalled)
      const client = yield* HttpClient.HttpClient
      const response = yield* client.execute(createRequest(createBody))
      const first = yield* Stream.runHead(response.stream)
      assert.isTrue(Option.isSome(first))
      for (const reading of [response.text, Stream.runDrain(response.stream)]) {
        const fiber = yield* reading.pipe(Effect.timeoutOption("1 day"), Effect.fork)
        yield* TestClock.adjust("1 day")
        assert.isTrue(Option.isNone(yield* Fiber.join(fiber)))
      }
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(withSandbox())
  )

  it.effect("dripping comes whole in the end", () =>
    Effect.gen(function* () {
      yield* script(Script.dripping("1 second"))
      const client = yield* HttpClient.HttpClient
      const response = yield* client.execute(createRequest(createBody))
      const seconds = Number(response.headers["content-length"])
      for (const reading of [response.text, Stream.mkString(Stream.decodeText(response.stream))]) {
        const fiber = yield* Effect.fork(reading)
        yield* TestClock.adjust(Duration.seconds(seconds - 1))
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* TestClock.adjust("1 second")
        assert.include(yield* Fiber.join(fiber), '"state":"paid"')
      }
      assert.deepStrictEqual(yield* endings, ["Dripping"])
    }).pipe(withSandbox())
  )

  const createRaw = create()
})

describe("An untrue answer", () => {
  it.effect("is a page, half of the JSON, nothing, or any other text, with status 200", () =>
    Effect.gen(function* () {
      yield* script(Script.htmlPage, Script.halfJson, Script.emptyBody, Script.body("[]"))
      const page = yield* create({ handle: "a" })
      assert.deepStrictEqual([page.status, page.headers["content-type"]], [200, "text/html"])
      const half = yield* create({ handle: "b" })
      assert.deepStrictEqual([half.status, half.text.startsWith('{"handle":"b"'), half.json], [200, true, {}])
      assert.strictEqual(half.headers["content-length"], String(half.text.length))
      assert.deepStrictEqual([(yield* create({ handle: "c" })).text, (yield* create()).text], ["", "[]"])
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(withSandbox())
  )

  it.effect("is a paid payout under another status", () =>
    Effect.gen(function* () {
      yield* script(Script.status(202))
      assert.deepStrictEqual(gist(yield* create()), [202, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("is a payout with another handle, amount, currency, customer or state than is on record", () =>
    Effect.gen(function* () {
      yield* create()
      const altered = (step: Script.Step, field: string) =>
        Effect.zipRight(
          script(step),
          Effect.map(lookup(), (answer) => answer.json[field])
        )
      assert.strictEqual(yield* altered(Script.wrongHandle, "handle"), "somebody-elses-payout")
      assert.strictEqual(yield* altered(Script.wrongAmount(1), "amount"), 1)
      assert.strictEqual(yield* altered(Script.altered({ currency: "SEK" }), "currency"), "SEK")
      assert.strictEqual(yield* altered(Script.altered({ customer: "x" }), "customer"), "x")
      assert.strictEqual(yield* altered(Script.unknownState(), "state"), "unheard_of")
      assert.deepStrictEqual(yield* altered(Script.altered({ transactions: "None" }), "transactions"), [])
      assert.strictEqual((yield* lookup()).json["state"], "paid")
    }).pipe(withSandbox())
  )

  it.effect("has another reason for its latest transaction, or none", () =>
    Effect.gen(function* () {
      yield* create({ amount: 1001 })
      yield* create({ amount: 2001 })
      const reasons = Effect.map(lookup(), (answer) => transactions(answer).map((one) => one["error_state"]))
      yield* script(Script.altered({ errorState: "pending" }))
      assert.deepStrictEqual(yield* reasons, ["processing_error", "pending"])
      yield* script(Script.altered({ errorState: null }))
      assert.deepStrictEqual(yield* reasons, ["processing_error", undefined])
    }).pipe(withSandbox({ testAmounts: true }))
  )

  it.effect("is somebody else's: as it is on record, or made up", () =>
    Effect.gen(function* () {
      yield* create({ handle: "other", amount: 7 })
      yield* script(Script.crossed("other"))
      const crossed = yield* create()
      assert.deepStrictEqual([crossed.json["handle"], crossed.json["amount"]], ["other", 7])
      yield* script(Script.crossed("nobody"))
      assert.strictEqual((yield* lookup()).json["handle"], "nobody")
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(withSandbox())
  )

  it.effect("is as long as you like, and still true", () =>
    Effect.gen(function* () {
      yield* script(Script.oversized(2_000_000))
      const answer = yield* create()
      assert.deepStrictEqual([answer.text.length, answer.json["state"]], [2_000_000, "paid"])
      assert.strictEqual(answer.headers["content-length"], "2000000")
    }).pipe(withSandbox())
  )

  it.effect("stays as it is where there is no payout to alter", () =>
    Effect.gen(function* () {
      yield* script(Script.wrongAmount(1), Script.crossed("x"))
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
    }).pipe(withSandbox())
  )
})

describe("A delay", () => {
  it.effect("of the request moves the money late, at the time of its arrival", () =>
    Effect.gen(function* () {
      yield* script(Script.normal.pipe(Script.delayRequest("10 seconds"), Script.delayAnswer("5 seconds")))
      const fiber = yield* Effect.fork(create())
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual(yield* moved, 0)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* moved, 12_500)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("5 seconds")
      const answer = yield* Fiber.join(fiber)
      assert.strictEqual(answer.json["created"], "1970-01-01T00:00:10.000+00:00")
    }).pipe(withSandbox())
  )

  it.effect("of the request is not undone by a client that goes away", () =>
    Effect.gen(function* () {
      yield* script(Script.normal.pipe(Script.delayRequest("10 seconds")))
      const fiber = yield* Effect.fork(create())
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* moved, 12_500)
      assert.deepStrictEqual(yield* endings, ["Abandoned", "Answered"])
    }).pipe(withSandbox())
  )

  it.effect("of the execution drops the connection at once, and a repeat meanwhile gets there first", () =>
    Effect.gen(function* () {
      yield* script(Script.executeLater("10 seconds"))
      assert.deepStrictEqual(loss(yield* Effect.flip(create())), ["RequestError", "Transport", "ECONNRESET", undefined])
      assert.strictEqual(yield* moved, 0)
      assert.deepStrictEqual(gist(yield* lookup()), [404, 137])
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* moved, 12_500)
    }).pipe(withSandbox())
  )

  it.effect("of the execution pays in the end, when nothing else does", () =>
    Effect.gen(function* () {
      yield* script(Script.executeLater("10 seconds"))
      yield* Effect.flip(create())
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(gist(yield* lookup()), [200, "paid"])
    }).pipe(withSandbox())
  )

  it.effect("of several executions to one moment executes them in the order of their sending", () =>
    Effect.gen(function* () {
      yield* script(Script.executeLater("2 seconds"), Script.executeLater("1 second"), Script.executeLater("1 second"))
      yield* Effect.flip(create({ amount: 3 }))
      yield* Effect.flip(create({ amount: 1 }))
      yield* Effect.flip(create({ amount: 2 }))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* moved, 1)
    }).pipe(withSandbox())
  )

  it.effect("of the execution takes no place within the limits once it is done", () =>
    Effect.gen(function* () {
      yield* script(Script.executeLater("1 second").pipe(Script.times(10)))
      yield* Effect.forEach(
        Array.from({ length: 10 }, (_, index) => `h-${index}`),
        (handle) => Effect.flip(create({ handle }))
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
    }).pipe(withSandbox({ limits: RequestLimits.documented }))
  )

  it.effect("of every answer is the latency", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(create())
      yield* TestClock.adjust("199 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(gist(yield* Fiber.join(fiber)), [200, "paid"])
    }).pipe(withSandbox({ latency: "200 millis" }))
  )

  it.effect("abandoned makes room within the limits", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.always(Script.hangAfterCommit, Script.hangAfterCommit)
      const hanging = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, index) => `h-${index}`),
        (handle) => Effect.fork(create({ handle }))
      )
      yield* Effect.yieldNow()
      yield* sandbox.clear
      assert.deepStrictEqual(gist(yield* create()), [429, 123])
      yield* Fiber.interruptAll(hanging)
      assert.deepStrictEqual(gist(yield* create()), [200, "paid"])
    }).pipe(withSandbox({ limits: RequestLimits.documented }))
  )
})
