/**
 * Canaries: secrets that a provider repeats in every field it has, searched for in everything that leaves this library
 * (109, 110, 111, I8).
 */
import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse, HttpServerRequest } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Console,
  DateTime,
  Effect,
  Either,
  Encoding,
  Exit,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Metric,
  ParseResult,
  Redacted,
  Schedule,
  Schema,
  Stream,
  TestClock
} from "effect"
import {
  Attempt,
  BillwerkClient,
  BillwerkConfig,
  Exposure,
  Hint,
  Hints,
  Money,
  Outcome,
  PaidContradicted,
  Payout,
  PayoutError,
  PayoutRequest,
  Payouts,
  RetryPolicy,
  Webhook,
  WebhookHandler
} from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { inspect } from "node:util"
import { payout as runCommand } from "./cli/support.js"
import { answer, serve } from "./servers.js"
import { anotherProcess, inVirtualTime, requestOf } from "./support.js"
import { tracing } from "./tracing.js"

// --- the canaries ---

// With all that base64 and URLs write in another way.
const key = "priv_C4n4ry+/K3y=0123456789?abcdef"
const token = "ct_C4n4ry70ken/0123456789+abcdef"
// As long as the documented ones are: a shorter one could pass for the name of a field.
const saved = "ca_C4n4ryS4ved0123456789abcdef012345"
const email = "canary.winner@example.com"
const apiKey = Redacted.make(key)
const phone = "+45 55 01 99 23"
const longText = Array.from({ length: 30 }, (_, index) => `verse${index}ofTheCanarySong`).join(" ")
const details = {
  email,
  firstName: "Winifred",
  lastName: "Ørsted-Canárian",
  address: "Canarygade 17, 4. tv.",
  address2: "c/o Nightingale",
  city: "Fuglebjerg",
  postalCode: "DK-4250",
  company: "Finch & Sons",
  phone,
  vat: "DK55019923",
  metadata: { seat: "balcony seven", member: "m-990017" }
} as const
const texts = {
  text: longText,
  textOnStatement: "NESTBOX PRIZE 7719",
  acquirerReference: "ACQ-REF-551902"
} as const
/** Nobody gives one; a provider has it all the same. */
const cards = { "a card number": "4111111111111111", "a long card number": "6212345678901234569" } as const

const canaries = {
  "the key": key,
  "the key as HTTP Basic": Encoding.encodeBase64(`${key}:`),
  "the key as HTTP Basic, without padding": Encoding.encodeBase64(`${key}:`).replace(/=+$/, ""),
  "the key in base64": Encoding.encodeBase64(key).replace(/=+$/, ""),
  "the key in a URL": encodeURIComponent(key),
  "the card token": token,
  "the card token in a URL": encodeURIComponent(token),
  "the saved method": saved,
  "the customer's email": email,
  "the customer's email in a URL": encodeURIComponent(email),
  "the customer's phone": phone,
  "the customer's phone, without blanks": phone.replace(/ /g, ""),
  "the customer's first name": details.firstName,
  "the customer's last name": details.lastName,
  "the customer's last name in a URL": encodeURIComponent(details.lastName),
  "the customer's address": details.address,
  "the customer's address in base64": Encoding.encodeBase64(details.address),
  "the customer's second address": details.address2,
  "the customer's city": details.city,
  "the customer's postal code": details.postalCode,
  "the customer's company": details.company,
  "the customer's VAT number": details.vat,
  "the customer's metadata": details.metadata.seat,
  "more of the customer's metadata": details.metadata.member,
  "the text": longText,
  "the beginning of the text": longText.slice(0, 60),
  "the middle of the text": longText.slice(250, 310),
  "the end of the text": longText.slice(-60),
  "the text on the statement": texts.textOnStatement,
  "the acquirer's reference": texts.acquirerReference,
  ...cards
} as const

const names = Object.entries(canaries)

const customer = { generateHandle: true, ...details } as const
const toToken = requestOf({ destination: Redacted.make(token), customer, ...texts })
const toSaved = requestOf({ destination: saved, customer, ...texts })
const { handle } = toToken

/** What a provider can know, and repeat, of a request. */
const known = (request: PayoutRequest.PayoutRequest) =>
  names.filter(([name]) => !(request === toToken ? /saved/ : /token/).test(name)).map(([, canary]) => canary)

// --- where they could turn up ---

const text = (show: () => unknown): string => {
  try {
    return String(show())
  } catch {
    return ""
  }
}

const everything = {
  depth: Infinity,
  maxArrayLength: Infinity,
  maxStringLength: Infinity,
  showHidden: true,
  getters: true
}

const encode = Schema.encodeUnknownEither(
  Schema.Union(PayoutError.PayoutError, PayoutError.LookupError, PayoutError.ListError, Outcome.Outcome, Payout.Payout)
)

/** Every way in which a value, an error above all, is shown. */
const shown = (value: unknown): ReadonlyArray<string> => {
  const encoded = encode(value)
  return [
    text(() => value),
    text(() => JSON.stringify(value)),
    text(() => inspect(value)),
    text(() => inspect(value, everything)),
    text(() => (value instanceof Error ? `${value.name} ${value.message} ${value.stack}` : "")),
    text(() => Cause.pretty(Cause.sequential(Cause.fail(value), Cause.die(value)), { renderErrorCause: true })),
    text(() => JSON.stringify(Cause.fail(value))),
    text(() => inspect(Exit.fail(value), everything)),
    Either.isRight(encoded) ? JSON.stringify(encoded.right) : "",
    // What a ParseError would print if the value were decoded as something else.
    text(() => (Either.isLeft(encoded) ? inspect(encoded.left, everything) : ""))
  ]
}

/** Every logger of Effect at work, and what each wrote. */
const logging = () => {
  const written: Array<string> = []
  const keep = (...parts: ReadonlyArray<unknown>) => {
    written.push(parts.map((part) => (typeof part === "string" ? part : inspect(part, everything))).join(" "))
  }
  const unsafe: Console.UnsafeConsole = {
    ...console,
    log: keep,
    error: keep,
    warn: keep,
    info: keep,
    debug: keep,
    trace: keep,
    group: keep,
    groupCollapsed: keep,
    groupEnd: () => {},
    dir: keep
  }
  const loggers: ReadonlyArray<Logger.Logger<unknown, unknown>> = [
    Logger.jsonLogger,
    Logger.logfmtLogger,
    Logger.stringLogger,
    Logger.structuredLogger,
    Logger.prettyLogger({ colors: false, mode: "tty" }),
    Logger.withConsoleLog(Logger.prettyLogger({ colors: true, mode: "browser" })),
    Logger.withLeveledConsole(Logger.stringLogger)
  ]
  const all = Logger.make<unknown, void>((options) => {
    // The pretty logger writes to the console of the fiber.
    for (const logger of loggers) keep(logger.log(options))
  })
  const layer = Layer.mergeAll(
    Logger.replace(Logger.defaultLogger, all),
    Logger.minimumLogLevel(LogLevel.All),
    Console.setConsole(Console.Console.of({ ...silent, unsafe }))
  )
  return { layer, written }
}

const silent: Console.Console = Effect.runSync(Effect.consoleWith(Effect.succeed))

/** Logs a value at every level, as message, as annotation and as cause. */
const logEverywhere = (value: unknown) =>
  Effect.gen(function* () {
    yield* Effect.logTrace("trace", value)
    yield* Effect.logDebug("debug", value)
    yield* Effect.logInfo(value)
    yield* Effect.logWarning("warning", Cause.fail(value))
    yield* Effect.logError("error", value, Cause.die(value))
    yield* Effect.logFatal("fatal", value)
  }).pipe(
    Effect.annotateLogs({ value }),
    Effect.withLogSpan("canary"),
    Effect.withSpan("canary", { attributes: { value } })
  )

/** Fails if a canary is in any text; says which, and what was around it. */
const assertSilent = (
  title: string,
  texts: ReadonlyArray<string>,
  hidden: ReadonlyArray<readonly [string, string]> = names
) => {
  for (const text of texts) {
    const lower = text.toLowerCase()
    for (const [name, canary] of hidden) {
      const at = lower.indexOf(canary.toLowerCase())
      assert.strictEqual(at, -1, `${title} shows ${name}: ...${text.slice(Math.max(0, at - 80), at + 60)}...`)
    }
  }
}

// --- a provider that repeats what it is told ---

/** What is repeated where there is room for all of it, and where there is room for one. */
interface Echo {
  readonly text: string
  readonly id: string
}

const apiError = (status: number, code: number, { id, text: echo }: Echo): Answered => ({
  status,
  id,
  body: {
    code,
    error: echo,
    message: `text ${echo} text`,
    // An answer about another handle would be none.
    path: `${echo}/v1/payout/${handle}`,
    timestamp: echo,
    http_status: status,
    http_reason: echo,
    request_id: id,
    "request-id": id,
    // A refusal that names one that is no decline is a doubt.
    ...([40, 122, 135, 136].includes(code) ? {} : { transaction_error: echo }),
    more: { [echo]: echo }
  }
})

const payout = (
  state: string,
  errorState: string | undefined,
  { id, text: echo }: Echo,
  changes: object = {}
): Answered => ({
  status: 200,
  id,
  body: {
    handle,
    state,
    amount: 12_500,
    currency: "DKK",
    text: echo,
    customer: echo,
    created: echo,
    transactions: [
      {
        id: echo,
        state: state === "failed" ? "failed" : state,
        payout: echo,
        amount: 12_500,
        created: "2025-10-01T09:30:00.000+00:00",
        error_state: errorState,
        error: `error ${echo}`,
        acquirer_code: echo,
        acquirer_message: `said ${echo}.`,
        acquirer_reference: echo,
        text_on_statement: echo,
        card_type: echo,
        provider: echo,
        masked_card: echo,
        fingerprint: echo,
        // Another card than the request's would be another payout's; of a token it is not known.
        card: { id: state === "failed" ? undefined : saved, customer: echo, gw_ref: echo }
      },
      ...(errorState === undefined ? [{ id: echo, state: echo, error_state: echo }] : [])
    ],
    ...changes
  }
})

/** Everything at once, with one of them as the request's id; or, where a word is wanted, one after the other. */
const echoes = (told: ReadonlyArray<string>, turn: number): ReadonlyArray<Echo> => [
  { text: told.join(" "), id: told[turn % told.length] ?? "" },
  ...(turn === 0 || turn === 14 || turn === 15 ? told.map((canary) => ({ text: canary, id: canary })) : [])
]

interface Answered {
  readonly status: number
  readonly id: string
  readonly body: unknown
}

const written = ({ body, id, status }: Answered) => ({
  status,
  text: typeof body === "string" ? body : JSON.stringify(body),
  headers: {
    "content-type": "application/json",
    "request-id": id,
    "retry-after": id,
    location: `https://example.com/${encodeURIComponent(id)}`,
    "set-cookie": `echo=${encodeURIComponent(id)}`,
    "x-echo": id
  }
})

type Reply = (echo: Echo) => Answered | "Lost"

const lost: Reply = () => "Lost"
const unknown: Reply = (echo) => apiError(404, 137, echo)

interface Scenario {
  readonly end: string
  readonly create: Reply
  readonly lookup: Reply
}

const scenarios: ReadonlyArray<Scenario> = [
  { end: "Paid", create: (echo) => payout("paid", undefined, echo), lookup: unknown },
  { end: "Processing", create: (echo) => payout("processing", undefined, echo), lookup: unknown },
  { end: "HardDeclined", create: (echo) => payout("failed", "hard_declined", echo), lookup: unknown },
  { end: "SoftDeclined", create: (echo) => payout("failed", "soft_declined", echo), lookup: unknown },
  { end: "ProcessingError", create: (echo) => payout("failed", "processing_error", echo), lookup: unknown },
  { end: "CommunicationError", create: lost, lookup: unknown },
  { end: "CommunicationError", create: lost, lookup: (echo) => apiError(500, 2, echo) },
  { end: "CommunicationError", create: (echo) => apiError(408, 1, echo), lookup: lost },
  { end: "ServerError", create: (echo) => apiError(500, 2, echo), lookup: unknown },
  { end: "ServerError", create: (echo) => apiError(503, 2, echo), lookup: (echo) => apiError(401, 6, echo) },
  { end: "UnexpectedResponse", create: (echo) => apiError(200, 2, echo), lookup: unknown },
  { end: "UnexpectedResponse", create: (echo) => apiError(307, 2, echo), lookup: unknown },
  {
    end: "UnexpectedResponse",
    create: (echo) => ({ status: 200, id: echo.id, body: `<html>${echo.text}` }),
    lookup: unknown
  },
  {
    end: "UnexpectedResponse",
    create: (echo) => ({ status: 200, id: echo.id, body: `{"${echo.text}` }),
    lookup: unknown
  },
  {
    end: "UnexpectedResponse",
    create: (echo) => payout(echo.text, undefined, echo),
    lookup: (echo) => payout(echo.text, undefined, echo)
  },
  {
    end: "UnexpectedResponse",
    create: (echo) => payout("failed", echo.text, echo),
    lookup: (echo) => payout("failed", echo.text, echo)
  },
  {
    end: "UnexpectedResponse",
    create: (echo) => payout("paid", undefined, echo, { handle: echo.text }),
    lookup: unknown
  },
  {
    end: "UnexpectedResponse",
    create: (echo) => payout("paid", undefined, echo, { currency: echo.text }),
    lookup: unknown
  },
  { end: "UnexpectedResponse", create: (echo) => apiError(400, 134, echo), lookup: unknown },
  { end: "PaymentMethodNotFound", create: (echo) => apiError(404, 40, echo), lookup: unknown },
  { end: "PaymentMethodNotAllowed", create: (echo) => apiError(400, 135, echo), lookup: unknown },
  { end: "CustomerMismatch", create: (echo) => apiError(400, 136, echo), lookup: unknown },
  { end: "RequestRejected", create: (echo) => apiError(401, 6, echo), lookup: unknown },
  { end: "RequestRejected", create: (echo) => apiError(422, 1, echo), lookup: unknown },
  { end: "RateLimited", create: (echo) => apiError(429, 122, echo), lookup: unknown },
  {
    end: "HandleConflict",
    create: (echo) => apiError(400, 134, echo),
    lookup: (echo) => payout("paid", undefined, echo, { amount: 1, currency: echo.text })
  },
  { end: "Paid", create: lost, lookup: (echo) => payout("paid", undefined, echo) },
  // Without a card or a date of the answer, nothing says that it is this request's decline.
  { end: "CommunicationError", create: lost, lookup: (echo) => payout("failed", "hard_declined", echo) },
  { end: "UnexpectedResponse", create: (echo) => payout(echo.text, undefined, echo), lookup: lost }
]

/** A connection that fails in words, as fetch's and node's errors may. */
const lostError = (request: HttpClientRequest.HttpClientRequest, { text: echo }: Echo) =>
  new HttpClientError.RequestError({
    request,
    reason: "Transport",
    description: echo,
    cause: new Error(`read ${echo}`, {
      cause: Object.assign(new Error(echo), { code: echo, syscall: echo, host: echo, headers: { authorization: echo } })
    })
  })

/** The provider as an `HttpClient`. */
const provider = ({ create, lookup }: Pick<Scenario, "create" | "lookup">, echo: Echo) =>
  HttpClient.make((request) => {
    const answered = (request.method === "POST" ? create : lookup)(echo)
    if (answered === "Lost") return Effect.fail(lostError(request, echo))
    const { headers, status, text } = written(answered)
    return Effect.sync(() => HttpClientResponse.fromWeb(request, new Response(text, { status, headers })))
  })

const payoutsOver = (http: HttpClient.HttpClient, keepProviderTexts = false, policy = RetryPolicy.none) =>
  Effect.gen(function* () {
    const client = yield* BillwerkClient.make({ requestLimits: "None", apiKey, keepProviderTexts }).pipe(
      Effect.provideService(HttpClient.HttpClient, http)
    )
    const payouts = yield* anotherProcess({ policy }).pipe(Effect.provideService(BillwerkClient.BillwerkClient, client))
    return { client, payouts }
  })

/** Runs an effect with every logger and a tracer, and gives what became of it, and all that was written on the way. */
const watched = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const { layer, written } = logging()
    const { spans, tracer } = tracing()
    const exit = yield* inVirtualTime(
      Effect.gen(function* () {
        const exit = yield* Effect.exit(effect)
        yield* logEverywhere(Exit.isSuccess(exit) ? exit.value : Cause.squash(exit.cause))
        yield* Effect.logError("exit", exit, Exit.isFailure(exit) ? exit.cause : exit.value)
        return exit
      }).pipe(Effect.withSpan("workflow"), Effect.withTracer(tracer), Effect.provide(layer))
    )
    const traced = spans.map(({ attributes, events, links, name, status }) =>
      inspect({ name, attributes, events, links, status }, everything)
    )
    const value = Exit.isSuccess(exit) ? exit.value : Cause.squash(exit.cause)
    return {
      value,
      wrote: written.length,
      texts: [
        ...shown(value),
        ...shown(exit),
        ...written,
        ...traced,
        text(() => (Exit.isFailure(exit) ? Cause.pretty(exit.cause, { renderErrorCause: true }) : ""))
      ]
    }
  })

const tagOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "_tag" in value ? value._tag : undefined

// What is rendered in every way is much, and the machine may be busy.
const timeout = 120_000

describe("Nothing that the provider repeats of a request", { timeout }, () => {
  for (const [index, scenario] of scenarios.entries()) {
    it.effect(`is in anything that comes of a ${scenario.end} (109, 110, D6) #${index + 1}`, () =>
      Effect.gen(function* () {
        for (const request of index % 5 === 0 ? [toToken, toSaved] : index % 2 === 0 ? [toSaved] : [toToken]) {
          for (const [turn, echo] of echoes(known(request), index).entries()) {
            // By default, and where the provider's texts are kept.
            const { payouts } = yield* payoutsOver(provider(scenario, echo), turn % 2 === index % 2)
            const { texts, value, wrote } = yield* watched(payouts.create(request))
            assert.strictEqual(tagOf(value), scenario.end)
            assert.isAbove(wrote, 40)
            assertSilent(scenario.end, texts)
            // Another call: it asks first, or is refused, or succeeds.
            for (const { amount } of [{ amount: 1 }, request]) {
              const again = yield* Effect.merge(
                payouts.recover(new PayoutRequest.PayoutRequest({ ...request, amount: Money.Amount.make(amount) }))
              )
              assertSilent(`${scenario.end}, then ${again._tag}`, shown(again))
            }
          }
        }
      })
    )
  }

  const lookups: ReadonlyArray<readonly [string, Reply]> = [
    ["PayoutNotFound", unknown],
    ["LookupFailed", (echo) => apiError(500, 2, echo)],
    ["LookupFailed", (echo) => apiError(401, 6, echo)],
    ["LookupFailed", (echo) => apiError(429, 122, echo)],
    ["LookupFailed", (echo) => ({ status: 200, id: echo.id, body: echo.text })],
    ["LookupFailed", lost],
    ["a payout", (echo) => payout("failed", "hard_declined", echo)],
    ["a payout", (echo) => payout(echo.text, echo.text, echo)]
  ]
  // Who only looks up has told the key and the handle. What is like a handle may be the customer's.
  const unasked = names.filter(([name]) => /^the (key|card|saved|text)|email|phone|address$|^a /.test(name))
  const lookupEchoes = (turn: number) => [
    ...echoes(
      unasked.map(([, canary]) => canary),
      turn
    ),
    ...(turn === 0 ? names.map(([, canary]) => ({ text: `${canary} of`, id: `${canary} of` })) : [])
  ]
  for (const [index, [end, lookup]] of lookups.entries()) {
    it.effect(`is in anything that comes of a lookup: ${end} (D6) #${index + 1}`, () =>
      Effect.gen(function* () {
        for (const [turn, echo] of lookupEchoes(index % 6 === 0 ? 0 : index).entries()) {
          const { payouts } = yield* payoutsOver(provider({ create: lost, lookup }, echo), turn % 2 === 0)
          const { texts, value } = yield* watched(payouts.get(handle))
          assert.strictEqual(tagOf(value) ?? "a payout", end)
          assertSilent(end, texts)
        }
      })
    )
  }

  const endings: ReadonlyArray<readonly [end: string, lookup: Reply, fromOutcome: string]> = [
    ["Paid", (echo) => payout("paid", undefined, echo), "Paid"],
    ["HardDeclined", (echo) => payout("failed", "hard_declined", echo), "HardDeclined"],
    ["Processing", (echo) => payout("processing", undefined, echo), "Processing"],
    // The same id again: taken for a cache's, so it is no lasting refusal.
    ["LookupFailed", (echo) => apiError(401, 6, echo), "Processing"],
    ["PayoutNotFound", unknown, "Processing"]
  ]
  for (const [index, [end, lookup, fromOutcome]] of endings.entries()) {
    it.effect(`is in the end of a wait: ${end} (D6) #${index + 1}`, () =>
      Effect.gen(function* () {
        for (const echo of lookupEchoes(index).filter((_, turn) => turn % 7 === 0)) {
          // An answer whose id came before is taken for a cache's.
          const processing: Reply = (echo) => payout("processing", "pending", { ...echo, id: "first" })
          const options = { deadline: "1 minute" } as const
          const { payouts } = yield* payoutsOver(provider({ create: processing, lookup }, echo), true)
          const ofHandle = yield* watched(payouts.awaitFinal(handle, options))
          assert.strictEqual(tagOf(ofHandle.value), end)
          assertSilent(`waiting by a handle: ${end}`, ofHandle.texts)
          const another = yield* payoutsOver(provider({ create: processing, lookup }, echo), true)
          const outcome = yield* another.payouts.create(toSaved)
          const ofOutcome = yield* watched(another.payouts.awaitFinal(outcome, options))
          assert.strictEqual(tagOf(ofOutcome.value), fromOutcome)
          assertSilent(`waiting by an outcome: ${fromOutcome}`, ofOutcome.texts)
        }
      })
    )
  }

  /** A page with one payout, and what is repeated all around it. */
  const page = (one: Answered, { id, text: echo }: Echo, changes: object = {}): Answered => ({
    status: 200,
    id,
    body: { size: echo, from: echo, to: echo, range: echo, content: [one.body], [echo]: echo, ...changes }
  })
  const lists: ReadonlyArray<readonly [string, Reply]> = [
    ["payouts", (echo) => page(payout("failed", "hard_declined", echo), echo)],
    ["payouts", (echo) => page(payout(echo.text, echo.text, echo), echo)],
    ["ListFailed", (echo) => page(payout("paid", undefined, echo, { handle: echo.text, amount: echo.text }), echo)],
    ["ListFailed", (echo) => page(payout("paid", undefined, echo, { amount: 1e12 }), echo)],
    ["ListFailed", (echo) => page(payout("paid", undefined, echo), echo, { next_page_token: `${echo.text} ` })],
    ["ListFailed", (echo) => page(payout("paid", undefined, echo), echo, { next_page_token: echo.id, count: 2 })],
    ["ListFailed", (echo) => apiError(400, 144, echo)],
    ["ListFailed", (echo) => apiError(503, 2, echo)],
    ["ListFailed", (echo) => ({ status: 200, id: echo.id, body: { timezone: echo.id, content: echo.text } })],
    ["ListFailed", (echo) => ({ status: 200, id: echo.id, body: `<html>${echo.text}` })],
    ["ListFailed", lost]
  ]
  for (const [index, [end, lookup]] of lists.entries()) {
    it.effect(`is in anything that comes of a list: ${end} #${index + 1}`, () =>
      Effect.gen(function* () {
        const local = { from: "2026-10-01", to: "2026-11-01", card: saved }
        const moments = { from: DateTime.unsafeMake(0), to: DateTime.unsafeMake(1), card: Redacted.make(saved) }
        for (const [turn, echo] of lookupEchoes(index % 6 === 0 ? 0 : index).entries()) {
          const { payouts } = yield* payoutsOver(provider({ create: lost, lookup }, echo), turn % 2 === 0)
          const { texts, value } = yield* watched(Stream.runCollect(payouts.list(local)))
          assert.strictEqual(Chunk.isChunk(value) ? "payouts" : tagOf(value), end)
          assertSilent(`a list: ${end}`, [...texts, ...(Chunk.isChunk(value) ? [...value].flatMap(shown) : [])])
          const ofAccount = yield* watched(Stream.runCollect(payouts.list(moments)))
          assert.strictEqual(tagOf(ofAccount.value), "ListFailed")
          assertSilent("a list without its account", ofAccount.texts)
        }
      })
    )
  }

  it.effect("is in anything that shows a transaction's details, although they are a map of it", () =>
    Effect.gen(function* () {
      const detailed: Reply = (echo) => ({ status: 200, id: echo.id, body: { [echo.text]: echo.text, more: [echo] } })
      for (const [turn, echo] of lookupEchoes(0).entries()) {
        const lookup = turn % 3 === 2 ? (echo: Echo) => apiError(404, 70, echo) : detailed
        const { payouts } = yield* payoutsOver(provider({ create: lost, lookup }, echo), turn % 2 === 0)
        const { texts, value } = yield* watched(payouts.transactionDetails(handle, "a".repeat(32)))
        assert.strictEqual(Redacted.isRedacted(value), turn % 3 !== 2)
        assertSilent("a transaction's details", texts)
      }
    })
  )

  it.effect("is in the results of many payouts", () =>
    Effect.gen(function* () {
      for (const [index, scenario] of scenarios.filter((_, index) => index % 3 === 0).entries()) {
        const [echo] = echoes(known(toToken), index)
        assert(echo !== undefined)
        const { payouts } = yield* payoutsOver(provider(scenario, echo), index % 2 === 0)
        for (const all of [payouts.createAll, payouts.recoverAll]) {
          const { texts, value } = yield* watched(Stream.runCollect(all(Stream.make(toToken))))
          assertSilent(`createAll: ${scenario.end}`, [
            ...texts,
            ...(Chunk.isChunk(value) ? [...value].flatMap(shown) : [])
          ])
        }
      }
    })
  )

  it.scopedLive("is in anything that comes of a real socket, whatever the server says and however it breaks off", () =>
    Effect.gen(function* () {
      for (const request of [toToken, toSaved]) {
        for (const [turn, echo] of known(request).entries()) {
          const server = yield* serve((socket, _, ordinal) => {
            const { headers, status, text } = written(
              apiError(ordinal === 1 ? 500 : 400, ordinal, { text: echo, id: echo })
            )
            if (ordinal === 3) socket.end(`HTTP/1.1 ${echo}\r\n${echo}: ${echo}\r\n\r\n${echo}`)
            else socket.write(answer(status, text, headers))
          })
          const client = yield* BillwerkClient.make({
            requestLimits: "None",
            apiKey,
            baseUrl: server.url,
            keepProviderTexts: turn % 2 === 0
          })
          const payouts = yield* anotherProcess({ policy: RetryPolicy.none }).pipe(
            Effect.provideService(BillwerkClient.BillwerkClient, client)
          )
          for (let turn = 0; turn < 3; turn++) {
            const exit = yield* Effect.exit(payouts.create(request))
            assertSilent("a socket", shown(Exit.isFailure(exit) ? Cause.squash(exit.cause) : exit.value))
          }
        }
      }
    }).pipe(Effect.provide(NodeHttpClient.layer))
  )

  it.scopedLive("is in what the command line writes, or in the file of evidence that it keeps", () =>
    Effect.gen(function* () {
      // What the command line takes as arguments is on the screen already.
      const stdin = JSON.stringify({ handle, destination: saved, amount: 12_500, currency: "DKK", customer, ...texts })
      const env = { BILLWERK_API_KEY: key }
      for (const [index, scenario] of scenarios.filter((_, index) => index % 4 === 0).entries()) {
        const [echo] = echoes(known(toSaved), index)
        assert(echo !== undefined)
        const server = yield* serve((socket, { line }) => {
          const answered = (line.startsWith("POST") ? scenario.create : scenario.lookup)(echo)
          if (answered === "Lost") return void socket.destroy()
          const { headers, status, text } = written(answered)
          socket.write(answer(status, text, headers))
        })
        for (const command of ["create", "recover", "get", "list"]) {
          const folder = yield* Effect.acquireRelease(
            Effect.sync(() => mkdtempSync(path.join(tmpdir(), "canary-"))),
            (made) => Effect.sync(() => rmSync(made, { recursive: true }))
          )
          const about =
            command === "list"
              ? ["--from", "2026-10-01", "--to", "2026-11-01"]
              : command === "get"
                ? ["--handle", handle]
                : ["--file", "-"]
          const args = [command, ...about, "--live"]
          const ran = yield* runCommand([...args, "--policy", "none", ...(index % 2 === 0 ? ["--json"] : [])], {
            folder,
            stdin,
            env: { ...env, BILLWERK_BASE_URL: server.url }
          })
          const kept = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), "utf8"))
          assert.notInclude<number>([1, 2], ran.code, ran.err.join("\n"))
          assertSilent(`payout ${command}: ${scenario.end}`, [...ran.out, ...ran.err, ...kept])
        }
      }
    })
  )

  it.scopedLive("is in the rows of a durable payout, but for what its own request says", () =>
    Effect.gen(function* () {
      // Stored with the request. All else is the provider's to repeat.
      const request = requestOf({ destination: saved, ...texts, customer: "c-1" })
      const stored = new Set<string>([saved, ...Object.values(texts)])
      const hidden = names.filter(([name, canary]) => !stored.has(canary) && !/of the text$/.test(name))
      const echo = { text: hidden.map(([, canary]) => canary).join(" "), id: email }
      for (const scenario of scenarios.filter((_, index) => index % 4 === 0)) {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(path.join(tmpdir(), "canary-"))),
          (made) => Effect.sync(() => rmSync(made, { recursive: true }))
        )
        const { layer, written } = logging()
        const { spans, tracer } = tracing()
        const exit = yield* PayoutWorkflow.execute(request).pipe(
          Effect.provide(
            PayoutWorkflow.layerWith({ policy: RetryPolicy.none, pollSchedule: Schedule.stop }).pipe(
              Layer.provide(Payouts.layer),
              Layer.provideMerge(SqliteEngine.layer({ filename: path.join(folder, "payouts.sqlite") }))
            )
          ),
          Effect.provideServiceEffect(
            BillwerkClient.BillwerkClient,
            Effect.provideService(
              BillwerkClient.make({ requestLimits: "None", apiKey }),
              HttpClient.HttpClient,
              provider(scenario, echo)
            )
          ),
          Effect.exit,
          Effect.withTracer(tracer),
          Effect.provide(layer)
        )
        const rows = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), "utf8"))
        assert.include(rows.join(), request.handle)
        const value = Exit.isSuccess(exit) ? exit.value : Cause.squash(exit.cause)
        const traced = spans.map(({ attributes, events, status }) => inspect([attributes, events, status], everything))
        assertSilent(`a durable ${String(tagOf(value))}`, [...rows, ...shown(value)], hidden)
        // Nothing of the request, either, is where it is not stored.
        assertSilent(`watching a durable ${String(tagOf(value))}`, [...written, ...traced, ...shown(value)])
      }
    })
  )

  it.effect("is in what is logged, traced or answered of a webhook, genuine or not", () =>
    Effect.gen(function* () {
      const secret = Redacted.make("webhook-secret-C4n4ry")
      const told = known(toToken).join(" ")
      const genuine = yield* Webhook.body({ id: "w-1", payout: told, customer: email, paymentMethod: saved }, secret)
      const forged = JSON.stringify({
        ...JSON.parse(genuine),
        id: told,
        timestamp: told,
        signature: told,
        [told]: told
      })
      const app = yield* WebhookHandler.make({ secrets: [secret], onHint: (hint) => Effect.fail(inspect(hint)) }).pipe(
        Effect.provide(Hints.layer)
      )
      for (const body of [genuine, forged, told, `{"${told}`]) {
        const request = new Request(`http://localhost/${encodeURIComponent(email)}`, { method: "POST", body })
        const { texts } = yield* watched(
          Effect.scoped(
            Effect.provideService(app, HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request))
          )
        )
        assertSilent("a webhook", texts)
        const refused = yield* watched(
          Webhook.verify(body, { secrets: [Redacted.make("another"), Redacted.make(key)] })
        )
        assertSilent("a refused webhook", refused.texts)
      }
    })
  )
})

/** Every way in which Effect prints what could not be decoded. */
const refusals = (error: ParseResult.ParseError): ReadonlyArray<string> => [
  ...shown(error),
  ParseResult.TreeFormatter.formatErrorSync(error),
  JSON.stringify(ParseResult.ArrayFormatter.formatErrorSync(error))
]

/** The value with another one in the place of each of its parts. */
const spoilt = (value: unknown, odd: unknown): ReadonlyArray<unknown> => [
  odd,
  ...(Array.isArray(value)
    ? value.flatMap((one, index) => spoilt(one, odd).map((other) => value.with(index, other)))
    : typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([key, one]) => spoilt(one, odd).map((other) => ({ ...value, [key]: other })))
      : [])
]

describe("No secret that the caller gives", { timeout }, () => {
  const secrets = [token, saved, email, key]

  it("is in the refusal of a request, in whatever field it was put (101-108, 110)", () => {
    const whole = { handle: "p-1", destination: saved, amount: 12_500, currency: "DKK", customer: "c-1" }
    let refused = 0
    for (const secret of secrets) {
      const odd = [
        secret,
        [secret],
        { [secret]: secret },
        Redacted.make(`${secret} `),
        `${secret}\n`,
        { handle: secret, [secret]: 1 }
      ]
      const inputs: ReadonlyArray<unknown> = [
        ...odd,
        { ...whole, [secret]: secret },
        ...[
          "handle",
          "destination",
          "amount",
          "currency",
          "customer",
          "text",
          "textOnStatement",
          "acquirerReference"
        ].flatMap((field) =>
          odd.map((value) => ({ ...whole, [field]: value, ...(field === "amount" ? {} : { amount: 0 }) }))
        ),
        ...[
          "handle",
          "email",
          "firstName",
          "country",
          "debtorId",
          "metadata",
          "test",
          "generateHandle",
          "unheardOf",
          secret
        ].flatMap((field) => odd.map((value) => ({ ...whole, customer: { [field]: value } })))
      ]
      for (const input of inputs) {
        const made = PayoutRequest.fromUnknown(input)
        if (Either.isRight(made)) continue
        refused += 1
        // A handle is no secret, and an error names it: so a secret that was taken for a handle is shown as one.
        const error =
          made.left.handle === undefined
            ? made.left
            : new PayoutError.InvalidRequest({ field: made.left.field, reason: made.left.reason })
        assertSilent(inspect(made.left.field), shown(error))
        assertSilent(inspect(made.left.field), shown(made.left), made.left.handle === secret ? [] : names)
      }
    }
    assert.isAbove(refused, 300)
  })

  it("is in the refusal of a value that was stored or queued", () => {
    const decode = Schema.decodeUnknownEither(PayoutRequest.PayoutRequest)
    for (const secret of secrets) {
      for (const destination of [
        { _tag: "SavedMethod", reference: `${secret} ` },
        { _tag: "CardToken", reference: secret },
        secret
      ]) {
        const decoded = decode({ handle: "p-1", destination, amount: 1, currency: "DKK" })
        assertSilent("a ParseError", Either.isLeft(decoded) ? refusals(decoded.left) : [])
      }
    }
    for (const [field, value] of Object.entries(details)) {
      for (const odd of [`${String(value)}\n`, [value], { [String(value)]: value }]) {
        const given = { generateHandle: true, ...details, [field]: odd }
        const destination = { _tag: "SavedMethod", reference: saved }
        const decoded = decode({ handle: "p-1", destination, amount: 1, currency: "DKK", ...texts, customer: given })
        assert.isTrue(Either.isLeft(decoded), field)
        assertSilent(`a ParseError of ${field}`, Either.isLeft(decoded) ? refusals(decoded.left) : [])
      }
    }
    const encoded = Schema.encodeEither(PayoutRequest.PayoutRequest)(toToken)
    assertSilent(
      "the encoding of a card token",
      shown(encoded),
      names.filter(([name]) => name.startsWith("the card"))
    )
  })

  it.effect("is in the refusal of what was kept of a payout: its end, its evidence, a record, a hint (D7)", () =>
    Effect.gen(function* () {
      const echo = { text: "", id: "" }
      const declined = yield* payoutsOver(
        provider({ create: (echo) => payout("failed", "hard_declined", echo), lookup: lost }, echo)
      )
      const paid = yield* payoutsOver(
        provider({ create: (echo) => payout("paid", undefined, echo), lookup: lost }, echo)
      )
      const error = yield* Effect.flip(declined.payouts.create(toSaved))
      const outcome = yield* paid.payouts.create(toSaved)
      assert(error._tag === "HardDeclined")
      const contradiction = new PaidContradicted.PaidContradicted({
        handle,
        paid: outcome.payout,
        shown: error.payout
      })
      const secret = Redacted.make("webhook-secret")
      const hint = yield* Webhook.verify(
        yield* Webhook.body({ id: "w-1", eventId: "e-1", eventType: "payout_paid", payout: handle }, secret),
        { secrets: [secret] }
      )
      const kept: ReadonlyArray<readonly [string, Schema.Schema.AnyNoContext, unknown]> = [
        ["an error", PayoutError.PayoutError, error],
        ["an outcome", Outcome.Outcome, outcome],
        ["evidence", Exposure.Evidence, error.evidence],
        ["a record", Payout.Payout, error.payout],
        ["an error of a lookup", PayoutError.LookupError, yield* Effect.flip(declined.payouts.get(handle))],
        ["an attempt", Attempt.Attempt, error.attempts[0]],
        ["a contradiction", PaidContradicted.PaidContradicted, contradiction],
        ["a hint", Hint.Hint, hint]
      ]
      const leaves: ReadonlyArray<Schema.Schema.AnyNoContext> = [
        Money.Amount,
        Money.Currency,
        Exposure.Certainty,
        Exposure.Moment,
        Attempt.Kind,
        Webhook.Reason
      ]
      for (const schema of leaves) {
        const decoded = Schema.decodeUnknownEither(schema)(email)
        assertSilent(String(schema), Either.isLeft(decoded) ? refusals(decoded.left) : [email])
      }
      let refused = 0
      for (const [title, schema, value] of kept) {
        const encoded: unknown = JSON.parse(JSON.stringify(yield* Schema.encodeUnknown(schema)(value)))
        for (const [, canary] of names.filter((_, index) => index % 5 === 0)) {
          for (const odd of [canary, [canary], { [canary]: canary }]) {
            for (const other of spoilt(encoded, odd)) {
              const decoded = Schema.decodeUnknownEither(schema)(other)
              if (Either.isRight(decoded)) continue
              refused += 1
              assertSilent(`${title} that was refused`, [
                text(() => decoded.left),
                inspect(decoded.left),
                ParseResult.TreeFormatter.formatErrorSync(decoded.left),
                JSON.stringify(ParseResult.ArrayFormatter.formatErrorSync(decoded.left))
              ])
            }
          }
        }
      }
      assert.isAbove(refused, 1000)
    })
  )

  it("is in the refusal of an option", () => {
    for (const secret of secrets) {
      for (const options of [
        { apiKey: Redacted.make(`${secret}:`) },
        { apiKey, baseUrl: secret },
        { apiKey, baseUrl: `http://${secret}@example.com` },
        { apiKey, baseUrl: `https://${encodeURIComponent(secret)}:x@example.com/` },
        { apiKey, userAgent: `${secret}\r\n` }
      ]) {
        const made = BillwerkConfig.make(options)
        assertSilent("a ConfigError", Either.isLeft(made) ? shown(made.left) : ["taken", secret].slice(0, 1))
        assert.isTrue(Either.isLeft(made))
      }
    }
  })

  it.effect("is in a request, a client, a service, a policy, or an effect that will use it", () =>
    Effect.gen(function* () {
      for (const request of [toToken, toSaved]) {
        const { client, payouts } = yield* payoutsOver(provider({ create: lost, lookup: lost }, { text: "", id: "" }))
        const config = BillwerkConfig.make({ apiKey })
        for (const value of [
          request,
          request.destination,
          client,
          payouts,
          config,
          RetryPolicy.standard,
          client.create(request),
          client.lookup(handle),
          payouts.create(request),
          BillwerkClient.layer({ requestLimits: "None", apiKey })
        ]) {
          assertSilent("a value", shown(value))
        }
      }
    })
  )

  it.effect("is in a fiber, the cause of its interruption, or what the next call says of it (27, 82)", () =>
    Effect.gen(function* () {
      for (const request of [toToken, toSaved]) {
        const { layer, written } = logging()
        const { spans, tracer } = tracing()
        const { payouts } = yield* payoutsOver(HttpClient.make(() => Effect.never))
        const fiber = yield* Effect.fork(payouts.create(request).pipe(Effect.withTracer(tracer), Effect.provide(layer)))
        yield* TestClock.adjust("1 second")
        const dump = yield* Fiber.dump(fiber)
        const pretty = yield* Fiber.pretty(fiber)
        assertSilent("a fiber that waits", [
          inspect(dump, everything),
          pretty,
          ...shown(fiber.status),
          text(() => JSON.stringify(fiber)),
          String(fiber)
        ])
        const exit = yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isInterrupted(exit))
        assertSilent("an interruption", [
          ...shown(exit),
          ...written,
          ...(Exit.isFailure(exit) ? [Cause.pretty(exit.cause)] : []),
          ...spans.flatMap(({ attributes, status }) => shown([attributes, status]))
        ])
        const { texts, value } = yield* watched(payouts.create(requestOf({ destination: "ca_another", customer })))
        assert.strictEqual(tagOf(value), "HandleConflict")
        assertSilent("the next call", texts)
      }
    })
  )

  it.effect("is in the metrics, in the sandbox's record of what it received, or in its ledger", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script(Script.dropAfterCommit, Script.apiError({ status: 404, code: 40, error: token }))
      const { payouts } = yield* payoutsOver(Sandbox.httpClient(sandbox))
      for (const request of [toToken, requestOf({ handle: "p-2", destination: saved, customer })])
        yield* Effect.exit(payouts.create(request))
      const exchanges = yield* sandbox.exchanges
      assert.isAtLeast(exchanges.length, 2)
      const { ledger } = sandbox
      // A payout's text is on its record.
      const hidden = names.filter(([name]) => !/the text$/.test(name))
      assertSilent("the sandbox", [...shown(exchanges), ...shown(sandbox), ...shown(yield* ledger)], hidden)
      const metrics = yield* Metric.snapshot
      const plain = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value)
      assertSilent("the metrics", [inspect(metrics, everything), JSON.stringify(metrics, plain)])
    }).pipe(Effect.provide(Sandbox.layerSandboxWith({ apiKey })))
  )
})

describe("The search itself", () => {
  it.effect("finds a canary wherever it is put, or it would prove nothing", () =>
    Effect.gen(function* () {
      const leaky = new PayoutError.InvalidRequest({ field: "text", reason: `was ${email}` })
      const finds = (texts: ReadonlyArray<string>) => texts.filter((text) => text.includes(email)).length
      assert.isAtLeast(finds(shown(leaky)), 7)
      const { layer, written } = logging()
      yield* logEverywhere(leaky).pipe(Effect.provide(layer))
      assert.isAtLeast(finds(written), 36)
      const found = yield* watched(Effect.fail(leaky).pipe(Effect.withSpan("inner")))
      assert.isAbove(finds(found.texts), 50)
      assert.throws(() => assertSilent("it", ["a", `b ${token}`]), /shows the card token/)
    })
  )
})
