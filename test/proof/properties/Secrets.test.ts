/**
 * Whatever the provider repeats of a secret, in whatever form and place and however often, no rendering of what comes of
 * it shows it (109, 110, I8).
 */
import { HttpClient, HttpClientError } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Effect,
  Either,
  Encoding,
  Exit,
  FastCheck as fc,
  Logger,
  LogLevel,
  Redacted,
  Schema,
  Stream
} from "effect"
import { Outcome, Payout, PayoutError, type PayoutRequest, type Payouts } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { inspect } from "node:util"
import { requestOf } from "../../support.js"
import { tracing } from "../../tracing.js"
import { policies, policyNames } from "./behaviours.js"
import { counters, property } from "./property.js"
import { World } from "./World.js"
import { everything } from "../../everything.js"

// --- secrets, and the forms in which they may come back ---

interface Secrets {
  readonly key: string
  readonly destination: string
  readonly email: string
}

// With all that base64 and URLs write in another way; without what `inspect` and JSON write in another way.
const secrets: fc.Arbitrary<Secrets> = fc.record({
  key: fc.stringMatching(/^priv_[A-Za-z0-9+/=?_.~!*-]{16,40}$/),
  destination: fc.stringMatching(/^c[at]_[A-Za-z0-9+/=?_.~!*-]{16,40}$/),
  email: fc.stringMatching(/^[a-z0-9._+-]{3,20}@[a-z]{4,10}\.example$/)
})

const unpadded = (base64: string): string => base64.replace(/=+$/, "")

/** Each form of the key, and of the other secrets; what is searched for is the same without regard to case. */
const formsOfKey = (key: string): ReadonlyArray<string> => [
  ...formsOf(key),
  Encoding.encodeBase64(key),
  `Basic ${Encoding.encodeBase64(`${key}:`)}`,
  unpadded(Encoding.encodeBase64(`${key}:`))
]
const formsOf = (secret: string): ReadonlyArray<string> => [secret, encodeURIComponent(secret), secret.toUpperCase()]

const canariesOfKey = (key: string): ReadonlyArray<string> => [
  key,
  encodeURIComponent(key),
  unpadded(Encoding.encodeBase64(key)),
  unpadded(Encoding.encodeBase64(`${key}:`))
]
const canariesOf = ({ destination, email, key }: Secrets): ReadonlyArray<string> => [
  ...canariesOfKey(key),
  ...[destination, email].flatMap((secret) => [secret, encodeURIComponent(secret)])
]

// --- a provider that repeats them ---

interface Answer {
  readonly kind: "Payout" | "Error" | "Page" | "Cut" | "Lost"
  readonly status: number
  readonly code: number
  readonly state: string | "Echo"
  readonly errorState: string | "Echo"
  /** Which forms are repeated, by number. */
  readonly echoes: ReadonlyArray<number>
  readonly around: "words" | "URL" | "nothing" | "too long"
  /** Whether JSON writes what it can as an escape. */
  readonly escaped: boolean
}

const answers: fc.Arbitrary<Answer> = fc.record({
  kind: fc.constantFrom("Payout", "Payout", "Error", "Error", "Page", "Cut", "Lost"),
  status: fc.constantFrom(200, 200, 302, 400, 401, 404, 408, 422, 429, 500, 503),
  code: fc.constantFrom(1, 2, 6, 40, 74, 122, 133, 134, 135, 136, 137),
  state: fc.constantFrom("paid", "processing", "failed", "failed", "failed", "on_hold", "Echo"),
  errorState: fc.constantFrom("hard_declined", "soft_declined", "processing_error", "shy", "Echo"),
  echoes: fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
  around: fc.constantFrom("words", "URL", "nothing", "too long"),
  escaped: fc.boolean()
})

const echoOf = ({ around, echoes }: Answer, forms: ReadonlyArray<string>): string => {
  const text = echoes.map((index) => forms[index % forms.length]).join(" ")
  switch (around) {
    case "words":
      return `cannot pay to ${text}, sorry`
    case "URL":
      return `https://example.com/?of=${text}&and#`
    case "nothing":
      return text
    case "too long":
      return `${"x".repeat(240)}${text}`
  }
}

const bodyOf = (answer: Answer, handle: string, echo: string): string => {
  const { code, errorState, kind, state } = answer
  const or = (word: string) => (word === "Echo" ? echo : word)
  const failure = [
    ["error", echo],
    ["message", echo],
    ["error_state", or(errorState)],
    ["transaction_error", echo],
    ["request_id", echo],
    ["request-id", echo],
    ["path", echo],
    [echo, echo]
  ]
  const transaction = { ...Object.fromEntries(failure), id: echo, state: or(state), acquirer_message: echo }
  const payout = {
    handle: echo.length % 5 === 0 ? echo : handle,
    state: or(state),
    amount: 12_500,
    text: echo,
    customer: echo,
    transactions: [{ ...transaction, acquirer_code: echo, card_type: echo, provider: echo, card: { [echo]: echo } }]
  }
  const text = JSON.stringify(kind === "Payout" ? payout : { code, ...Object.fromEntries(failure) })
  const json = answer.escaped ? text.replace(/[_/+@~]/g, escapeOf) : text
  return kind === "Page" ? `<html>${echo}</html>` : kind === "Cut" ? json.slice(0, -2) : json
}

const escapeOf = (char: string): string =>
  char === "/" ? "\\/" : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`

/** The same as a page of a list. */
const pageOf = (answer: Answer, handle: string, echo: string): string =>
  answer.kind === "Payout" || answer.kind === "Cut"
    ? `{"count":1,"from":${JSON.stringify(echo)},"content":[${bodyOf(answer, handle, echo)}]}`
    : bodyOf(answer, handle, echo)

const stepOf = (answer: Answer, handle: string, echo: string, round: number, body = bodyOf): Script.Step => {
  const word = echo.split(" ").find((part) => part.length > 8) ?? echo
  return Script.reply({
    status: answer.kind === "Payout" ? 200 : answer.status,
    // No id comes twice: the answer would be taken for a cache's.
    headers: {
      "request-id": `${word}.${round}`,
      "retry-after": word,
      location: `https://example.com/${word}`,
      "x-echo": echo
    },
    body: body(answer, handle, echo)
  })
}

/** A connection that is lost in words, as fetch's and node's are. */
const lostOf = (request: HttpClientError.RequestError["request"], echo: string) =>
  new HttpClientError.RequestError({
    request,
    reason: "Transport",
    description: echo,
    cause: new Error(echo, {
      cause: Object.assign(new Error(echo), { code: echo, syscall: echo, headers: { authorization: echo } })
    })
  })

const worldOf = (
  apiKey: string,
  answers: ReadonlyArray<Answer>,
  handle: string,
  forms: ReadonlyArray<string>,
  body = bodyOf
): World => {
  let turn = 0
  const world = new World({
    apiKey: Redacted.make(apiKey),
    transport: (sandbox) =>
      HttpClient.make((request) => {
        const answer = answers[turn++ % answers.length]
        return answer?.kind === "Lost" ? Effect.fail(lostOf(request, echoOf(answer, forms))) : sandbox.execute(request)
      })
  })
  const steps = (round: number) =>
    answers.flatMap((answer) =>
      answer.kind === "Lost" ? [] : [stepOf(answer, handle, echoOf(answer, forms), round, body)]
    )
  // More often than the calls have exchanges.
  world.script(...Array.from({ length: 20 }, (_, round) => steps(round)).flat())
  return world
}

// --- all that can be seen of what becomes of it ---

const encode = Schema.encodeUnknownEither(
  Schema.Union(PayoutError.PayoutError, PayoutError.LookupError, PayoutError.ListError, Outcome.Outcome, Payout.Payout)
)

const renderings = (value: unknown): ReadonlyArray<string> => [
  String(value),
  JSON.stringify(value),
  inspect(value),
  inspect(value, everything),
  value instanceof Error ? `${value.name} ${value.message} ${value.stack} ${inspect(value.cause, everything)}` : "",
  Cause.pretty(Cause.parallel(Cause.fail(value), Cause.die(value)), { renderErrorCause: true }),
  JSON.stringify(Exit.fail(value)),
  JSON.stringify(Either.merge(encode(value)))
]

/** An effect's end, and all that was logged and traced on the way to it. */
const watched = <A, E>(effect: Effect.Effect<A, E>) => {
  const written: Array<string> = []
  const logger = Logger.make<unknown, void>((entry) => {
    for (const one of [Logger.jsonLogger, Logger.logfmtLogger, Logger.stringLogger]) written.push(one.log(entry))
    written.push(inspect(entry.message, everything), inspect(entry.cause, everything), inspect(entry.annotations))
  })
  const { spans, tracer } = tracing()
  const observed = Effect.exit(effect).pipe(
    Effect.tap((exit) => Effect.logError("it ended", exit, Exit.isFailure(exit) ? exit.cause : Cause.empty)),
    Effect.withSpan("workflow"),
    Effect.withTracer(tracer),
    Logger.withMinimumLogLevel(LogLevel.All),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger))
  )
  const traced = () =>
    spans.map(({ attributes, events, links, name, status }) =>
      inspect([name, attributes, events, links, status], everything)
    )
  return { observed, texts: () => [...written, ...traced()] }
}

const assertSilent = (texts: ReadonlyArray<string>, canaries: ReadonlyArray<string>): void => {
  for (const text of texts) {
    const lower = text.toLowerCase()
    for (const canary of canaries) {
      const at = lower.indexOf(canary.toLowerCase())
      assert.strictEqual(at, -1, `"${canary}" is in ...${text.slice(Math.max(0, at - 80), at + 80)}...`)
    }
  }
}

describe("No secret that a provider repeats", () => {
  const met = counters<string>()
  const ofLists = counters<string>()

  const requestTo = ({ destination, email }: Secrets): PayoutRequest.PayoutRequest => {
    const customer = { generateHandle: true, email } as const
    return destination.startsWith("ct_")
      ? requestOf({ destination: Redacted.make(destination), customer })
      : requestOf({ destination, customer })
  }

  property(
    "is in any rendering of any end of any history, nor in its logs and spans (109, 110, I8)",
    90,
    fc.record({ secrets, answers: fc.array(answers, { minLength: 1, maxLength: 5 }), policy: policyNames }),
    ({ answers, policy, secrets }) => {
      const request = requestTo(secrets)
      const forms = [...formsOfKey(secrets.key), ...formsOf(secrets.destination), ...formsOf(secrets.email)]
      const world = worldOf(secrets.key, answers, request.handle, forms)
      const options: Payouts.CallOptions = { policy: policies[policy] }
      for (const call of [world.payouts.create(request, options), world.payouts.recover(request, options)]) {
        const { observed, texts } = watched(call)
        const exit = world.run(observed)
        assert(Exit.isSuccess(exit))
        const end = exit.value
        const value = Exit.isSuccess(end) ? end.value : Cause.squash(end.cause)
        met.count(Exit.isSuccess(end) ? end.value._tag : end.cause._tag === "Fail" ? end.cause.error._tag : "a defect")
        assertSilent([...renderings(value), ...renderings(end), ...texts()], canariesOf(secrets))
      }
    },
    () => {
      assert.strictEqual(met.of("a defect"), 0)
      for (const tag of ["HardDeclined", "SoftDeclined", "ProcessingError", "UnexpectedResponse", "ServerError"]) {
        assert.isAbove(met.of(tag), 0, tag)
      }
    }
  )

  property(
    "is in any rendering of a lookup, although it knows no request (D6)",
    20,
    fc.record({ secrets, answers: fc.array(answers, { minLength: 1, maxLength: 5 }), policy: policyNames }),
    ({ answers, policy, secrets }) => {
      const { handle } = requestOf()
      const forms = [...formsOfKey(secrets.key), ...formsOf(secrets.destination), ...formsOf(secrets.email)]
      const world = worldOf(secrets.key, answers, handle, forms)
      const { observed, texts } = watched(world.payouts.get(handle, { policy: policies[policy] }))
      const exit = world.run(observed)
      assert(Exit.isSuccess(exit))
      const value = Exit.isSuccess(exit.value) ? exit.value.value : Cause.squash(exit.value.cause)
      assertSilent([...renderings(value), ...renderings(exit.value), ...texts()], canariesOf(secrets))
    }
  )

  property(
    "is in any rendering of a list or of a transaction's details, nor is the card of the filter",
    20,
    fc.record({ secrets, answers: fc.array(answers, { minLength: 1, maxLength: 5 }), policy: policyNames }),
    ({ answers, policy, secrets }) => {
      const { handle } = requestOf()
      const options = { policy: policies[policy] }
      const filter = { from: "2026-01-01", to: "2026-02-01", card: `ca_${secrets.destination.slice(3)}` }
      const card = { ...secrets, destination: filter.card }
      const forms = [...formsOfKey(card.key), ...formsOf(card.destination), ...formsOf(card.email)]
      // An e-mail address may be a payout's handle.
      const hidden = canariesOf(card).filter((canary) => !canary.includes(card.email))
      const world = worldOf(card.key, answers, handle, forms, pageOf)
      const listed = Effect.map(Stream.runCollect(world.payouts.list(filter, options)), Chunk.toReadonlyArray)
      const details = world.payouts.transactionDetails(handle, "a".repeat(32), options)
      for (const call of [listed, details]) {
        const { observed, texts } = watched<unknown, PayoutError.ListError | PayoutError.LookupError>(call)
        const exit = world.run(observed)
        assert(Exit.isSuccess(exit))
        const end = exit.value
        const value: unknown = Exit.isSuccess(end) ? end.value : Cause.squash(end.cause)
        const all = Array.isArray(value) ? value.flatMap(renderings) : []
        ofLists.count(Array.isArray(value) ? (value.length > 0 ? "payouts" : "none") : "another end")
        assertSilent([...renderings(value), ...all, ...renderings(end), ...texts()], hidden)
      }
    },
    () => assert.isAbove(ofLists.of("payouts"), 0)
  )

  it("would be overlooked: the search finds whatever is put where", () => {
    fc.assert(
      fc.property(secrets, (secrets) => {
        for (const canary of canariesOf(secrets)) {
          const leaky = new PayoutError.InvalidRequest({ field: "text", reason: `was ${canary}` })
          const { observed, texts } = watched(Effect.fail(leaky))
          new World().run(observed)
          const found = [...renderings(leaky), ...texts()].filter((text) => {
            try {
              assertSilent([text], [canary])
              return false
            } catch {
              return true
            }
          })
          assert.isAtLeast(found.length, 12)
        }
      }),
      { numRuns: 2 }
    )
  })
})
