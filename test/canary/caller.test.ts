/** Secrets that the caller gives, in whatever place (101-110, I8). */
import { HttpClient } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Either, Exit, Fiber, Metric, ParseResult, Redacted, Schema, TestClock } from "effect"
import {
  Attempt,
  BillwerkClient,
  BillwerkConfig,
  Exposure,
  Hint,
  Money,
  Outcome,
  PaidContradicted,
  Payout,
  PayoutError,
  PayoutRequest,
  RetryPolicy,
  Webhook
} from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"
import { inspect } from "node:util"
import { requestOf } from "../support.js"
import { tracing } from "../tracing.js"
import {
  key,
  token,
  saved,
  email,
  apiKey,
  details,
  texts,
  names,
  customer,
  toToken,
  toSaved,
  handle,
  text,
  shown,
  logging,
  assertSilent,
  payout,
  lost,
  provider,
  payoutsOver,
  watched,
  tagOf,
  timeout
} from "./canaries.js"
import { everything } from "../everything.js"

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
