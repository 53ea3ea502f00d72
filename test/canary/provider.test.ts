/** Secrets that a provider repeats in every field it has (109, 110, 111, I8). */
import { HttpClient, HttpServerRequest } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, DateTime, Effect, Exit, Layer, Redacted, Schedule, Stream } from "effect"
import {
  BillwerkClient,
  Hints,
  Money,
  PayoutRequest,
  Payouts,
  RetryPolicy,
  Webhook,
  WebhookHandler
} from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { inspect } from "node:util"
import { payout as runCommand } from "../cli/support.js"
import { answer, serve } from "../servers.js"
import { anotherProcess, requestOf } from "../support.js"
import { tracing } from "../tracing.js"
import {
  key,
  saved,
  email,
  apiKey,
  texts,
  names,
  customer,
  toToken,
  toSaved,
  handle,
  shown,
  logging,
  assertSilent,
  type Echo,
  payout,
  type Answered,
  written,
  type Reply,
  lost,
  type Scenario,
  provider,
  payoutsOver,
  watched,
  tagOf,
  timeout
} from "./canaries.js"
import { everything } from "../everything.js"

/** What a provider can know, and repeat, of a request. */
const known = (request: PayoutRequest.PayoutRequest) =>
  names.filter(([name]) => !(request === toToken ? /saved/ : /token/).test(name)).map(([, canary]) => canary)

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

/** Everything at once, with one of them as the request's id; or, where a word is wanted, one after the other. */
const echoes = (told: ReadonlyArray<string>, turn: number): ReadonlyArray<Echo> => [
  { text: told.join(" "), id: told[turn % told.length] ?? "" },
  ...(turn === 0 || turn === 14 || turn === 15 ? told.map((canary) => ({ text: canary, id: canary })) : [])
]

const unknown: Reply = (echo) => apiError(404, 137, echo)

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
            PayoutWorkflow.layerWith({
              policy: RetryPolicy.none,
              pollSchedule: Schedule.stop,
              pauseSchedule: Schedule.stop
            }).pipe(
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
