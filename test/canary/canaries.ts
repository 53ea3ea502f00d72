/** Canaries: the secrets of a request, and the search for them in everything that leaves this library (109, 110, 111, I8). */
import { HttpClient, HttpClientError, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { assert } from "@effect/vitest"
import { Cause, Console, Effect, Either, Encoding, Exit, Layer, Logger, LogLevel, Redacted, Schema } from "effect"
import { BillwerkClient, Outcome, Payout, PayoutError, RetryPolicy } from "effect-billwerk-payouts"
import { inspect } from "node:util"
import { anotherProcess, inVirtualTime, requestOf } from "../support.js"
import { tracing } from "../tracing.js"
import { everything } from "../everything.js"

// --- the canaries ---

// With all that base64 and URLs write in another way.
export const key = "priv_C4n4ry+/K3y=0123456789?abcdef"

export const token = "ct_C4n4ry70ken/0123456789+abcdef"

// As long as the documented ones are: a shorter one could pass for the name of a field.
export const saved = "ca_C4n4ryS4ved0123456789abcdef012345"

export const email = "canary.winner@example.com"

export const apiKey = Redacted.make(key)

const phone = "+45 55 01 99 23"

const longText = Array.from({ length: 30 }, (_, index) => `verse${index}ofTheCanarySong`).join(" ")

export const details = {
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

export const texts = {
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

export const names = Object.entries(canaries)

export const customer = { generateHandle: true, ...details } as const

export const toToken = requestOf({ destination: Redacted.make(token), customer, ...texts })

export const toSaved = requestOf({ destination: saved, customer, ...texts })

export const { handle } = toToken

// --- where they could turn up ---

export const text = (show: () => unknown): string => {
  try {
    return String(show())
  } catch {
    return ""
  }
}

const encode = Schema.encodeUnknownEither(
  Schema.Union(PayoutError.PayoutError, PayoutError.LookupError, PayoutError.ListError, Outcome.Outcome, Payout.Payout)
)

/** Every way in which a value, an error above all, is shown. */
export const shown = (value: unknown): ReadonlyArray<string> => {
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
export const logging = () => {
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
export const logEverywhere = (value: unknown) =>
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
export const assertSilent = (
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
export interface Echo {
  readonly text: string
  readonly id: string
}

export const payout = (
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

export interface Answered {
  readonly status: number
  readonly id: string
  readonly body: unknown
}

export const written = ({ body, id, status }: Answered) => ({
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

export type Reply = (echo: Echo) => Answered | "Lost"

export const lost: Reply = () => "Lost"

export interface Scenario {
  readonly end: string
  readonly create: Reply
  readonly lookup: Reply
}

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
export const provider = ({ create, lookup }: Pick<Scenario, "create" | "lookup">, echo: Echo) =>
  HttpClient.make((request) => {
    const answered = (request.method === "POST" ? create : lookup)(echo)
    if (answered === "Lost") return Effect.fail(lostError(request, echo))
    const { headers, status, text } = written(answered)
    return Effect.sync(() => HttpClientResponse.fromWeb(request, new Response(text, { status, headers })))
  })

export const payoutsOver = (http: HttpClient.HttpClient, keepProviderTexts = false, policy = RetryPolicy.none) =>
  Effect.gen(function* () {
    const client = yield* BillwerkClient.make({ requestLimits: "None", apiKey, keepProviderTexts }).pipe(
      Effect.provideService(HttpClient.HttpClient, http)
    )
    const payouts = yield* anotherProcess({ policy }).pipe(Effect.provideService(BillwerkClient.BillwerkClient, client))
    return { client, payouts }
  })

/** Runs an effect with every logger and a tracer, and gives what became of it, and all that was written on the way. */
export const watched = <A, E>(effect: Effect.Effect<A, E>) =>
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

export const tagOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "_tag" in value ? value._tag : undefined

// What is rendered in every way is much, and the machine may be busy.
export const timeout = 120_000
