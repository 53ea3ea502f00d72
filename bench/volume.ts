/**
 * What `scale.ts` measures: many payouts through one service, over a provider that is an object in the same process and
 * answers at once. Whatever is taken up, by the payouts that were made or by those that wait, is the library's and Effect's.
 */
import { Cookies, Headers, HttpClient, HttpClientResponse, HttpIncomingMessage, UrlParams } from "@effect/platform"
import type { HttpClientError, HttpClientRequest } from "@effect/platform"
import {
  Chunk,
  Effect,
  Either,
  Fiber,
  Inspectable,
  Layer,
  Logger,
  LogLevel,
  Option,
  Redacted,
  Schedule,
  Stream
} from "effect"
import { BillwerkClient, PayoutRequest, Payouts, type RequestLimits, RetryPolicy } from "effect-billwerk-payouts"

const amount = 12_500
const currency = "DKK"
const created = "2025-10-01T09:29:58.120+00:00"

const request = (prefix: string, number: number) =>
  PayoutRequest.make({
    handle: `${prefix}-${number}`,
    destination: "ca_fcfac2016614418f969fa5697383e47c",
    amount,
    currency
  })

/** Requests that are made when they are pulled, and kept by nobody. */
const requests = (prefix: string, count: number): Stream.Stream<PayoutRequest.PayoutRequest> =>
  Stream.range(1, count, 256).pipe(
    Stream.mapChunksEffect((numbers) =>
      Effect.map(
        Effect.forEach(numbers, (number) => request(prefix, number)),
        Chunk.unsafeFromArray
      )
    ),
    Stream.orDie
  )

// --- the provider -----------------------------------------------------------------------------------------------------

/** An answer that is there already. Nobody reads it but as text. */
class Answer extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly status = 200
  readonly remoteAddress = Option.none<string>()
  readonly cookies = Cookies.empty
  readonly headers: Headers.Headers
  readonly text: Effect.Effect<string>
  readonly json = Effect.dieMessage("only as text")
  readonly formData = this.json
  readonly urlParamsBody: Effect.Effect<UrlParams.UrlParams> = this.json
  readonly arrayBuffer = this.json
  readonly stream = Stream.dieMessage("only as text")

  constructor(
    readonly request: HttpClientRequest.HttpClientRequest,
    text: string
  ) {
    super()
    this.text = Effect.succeed(text)
    this.headers = Headers.unsafeFromRecord({ "content-length": String(text.length) })
  }

  toJSON(): unknown {
    return { _id: "@effect/platform/HttpClientResponse", status: this.status }
  }
}

const failed = `{"id":"1","state":"failed","created":"${created}","error_state":"processing_error"}`
const paid = `{"id":"2","state":"paid","created":"${created}"}`

const record = (handle: string, state: "failed" | "paid", transactions: string): string =>
  `{"handle":"${handle}","state":"${state}","amount":${amount},"currency":"${currency}",` +
  `"created":"${created}","${state}":"${created}","transactions":[${transactions}]}`

/** It remembers no payout, so that nothing of it is in what is measured: it answers all of them in the same way. */
class Provider {
  isPaying = true
  refused = 0

  answer({ body, method, url }: HttpClientRequest.HttpClientRequest): string {
    if (method === "GET") return record(url.slice(url.lastIndexOf("/") + 1), "failed", failed)
    const [, handle = ""] = /"handle":"([^"]+)"/.exec(body._tag === "Uint8Array" ? decoder.decode(body.body) : "") ?? []
    if (this.isPaying) return record(handle, "paid", paid)
    this.refused += 1
    return record(handle, "failed", failed)
  }
}

const decoder = new TextDecoder()

/** Limits that no payout here has to wait for, so that what they cost is seen, and not the wait. */
export const wide: RequestLimits.Limits = {
  reads: { rate: 1e9, burst: 1e9, concurrent: 1e9 },
  writes: { rate: 1e9, burst: 1e9, concurrent: 1e9 }
}

/** The service over that provider. */
const live = (
  provider: Provider,
  policy: RetryPolicy.RetryPolicy,
  requestLimits: RequestLimits.Limits | "None" = "None"
): Layer.Layer<Payouts.Payouts> =>
  Payouts.layerWith({ policy }).pipe(
    Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make("priv_scale_0123456789abcdef"), requestLimits })),
    Layer.provide(
      Layer.succeed(
        HttpClient.HttpClient,
        HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
          Effect.map((request) => new Answer(request, provider.answer(request))),
          Effect.succeed
        )
      )
    ),
    Layer.provide(Logger.minimumLogLevel(LogLevel.None)),
    Layer.orDie
  )

/** Pays, and gives back how many were paid. Results are counted, and kept by nobody. */
const pay = (prefix: string, count: number, concurrency: number): Effect.Effect<number, never, Payouts.Payouts> =>
  Effect.flatMap(Payouts.Payouts, (payouts) =>
    Stream.runFold(payouts.createAll(requests(prefix, count), { concurrency }), 0, (sum, { result }) =>
      Either.isRight(result) && result.right._tag === "Paid" ? sum + 1 : sum
    )
  )

const cpuMicros = (since?: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(since)
  return system + user
}

// --- what is measured -------------------------------------------------------------------------------------------------

export interface Volume {
  readonly seconds: number
  /** User and system time of the process, all threads. */
  readonly cpuMicrosEach: number
  readonly rssMaxBytes: number
  readonly rssEndBytes: number
}

/** So many payouts, one after the other but for those that are in flight. */
export const volume = (
  count: number,
  inFlight: number,
  requestLimits: RequestLimits.Limits | "None" = "None"
): Effect.Effect<Volume> =>
  Effect.gen(function* () {
    const cpu = process.cpuUsage()
    const started = process.hrtime.bigint()
    const succeeded = yield* pay("scale", count, inFlight)
    const seconds = Number(process.hrtime.bigint() - started) / 1e9
    const spent = cpuMicros(cpu)
    if (succeeded !== count) return yield* Effect.dieMessage(`${succeeded} of ${count} were paid`)
    return {
      seconds,
      cpuMicrosEach: spent / count,
      rssMaxBytes: process.resourceUsage().maxRSS * 1024,
      rssEndBytes: process.memoryUsage.rss()
    }
  }).pipe(Effect.provide(live(new Provider(), RetryPolicy.standard, requestLimits)))

/** The workers of `createAll`, which are no part of the library's interface. */
export type InBulk = <A, B, E, R>(
  requests: Stream.Stream<A, E, R>,
  concurrency: number,
  work: (request: A) => Effect.Effect<B>
) => Stream.Stream<B, E, R>

/** CPU of those workers for an element, over work that is done already, in each of some rounds. */
export const operator = (inBulk: InBulk, count: number, inFlight: number, rounds: number) =>
  Effect.gen(function* () {
    const cpu = process.cpuUsage()
    const done = yield* Stream.runCount(inBulk(Stream.range(1, count, 256), inFlight, Effect.succeed))
    const micros = cpuMicros(cpu) / count
    if (done !== count) return yield* Effect.dieMessage(`${done} of ${count} came out`)
    return micros
  }).pipe(Effect.replicateEffect(rounds))

export interface Waiting {
  readonly waitSeconds: number
  readonly heapBytesEach: number
  readonly paid: number
  /** From the first one's end of its wait until all were paid. */
  readonly endSeconds: number
  /** Of all of them, once they are paid: what the service remembers, and what is not given back. */
  readonly heapBytesAfter: number
}

/** Payouts that met a processing error, and all wait at once to be sent again. */
export const waiting = (count: number, waitSeconds: number): Effect.Effect<Waiting> => {
  const provider = new Provider()
  const policy = RetryPolicy.make({ processingError: Schedule.fromDelays(`${waitSeconds} seconds`) })
  return Effect.gen(function* () {
    // What is made once, and never again, is made now.
    yield* pay("warm", 100, 100)
    const before = yield* heap
    provider.isPaying = false
    const started = process.hrtime.bigint()
    const paying = yield* Effect.fork(pay("waiting", count, count))
    yield* Effect.repeat(Effect.sleep("20 millis"), { until: () => provider.refused >= count })
    const during = yield* heap
    provider.isPaying = true
    if (Number(process.hrtime.bigint() - started) / 1e9 > waitSeconds) {
      return yield* Effect.dieMessage(`it took longer than ${waitSeconds} s until all of ${count} waited`)
    }
    const paid = yield* Fiber.join(paying)
    const endSeconds = Number(process.hrtime.bigint() - started) / 1e9 - waitSeconds
    const heapBytesAfter = (yield* heap) - before
    return { waitSeconds, heapBytesEach: (during - before) / count, paid, endSeconds, heapBytesAfter }
  }).pipe(Effect.provide(live(provider, policy)))
}

/** What is in use after a collection: the median of a few, because compilers and caches come and go. */
const heap = Effect.sync(() => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}).pipe(Effect.delay("10 millis"), Effect.replicateEffect(5), Effect.map(median))

export function median(values: ReadonlyArray<number>): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
