/**
 * Sends one request over an `HttpClient` within its deadline, and returns every outcome as a `Reply`. Only this module
 * sees the errors of HTTP, because they hold requests, and requests hold keys.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import { constTrue } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as BillwerkConfig from "./BillwerkConfig.js"
import type { Content, NoResponse, Reply } from "../domain/Reply.js"
import * as body from "./body.js"
import { within } from "../host/deadline.js"
import * as connectionError from "./connectionError.js"
import * as readReply from "./readReply.js"
import * as sendsOnce from "./sendsOnce.js"
import { current as currentTransmission, Transmission } from "./transmission.js"
import type { Words } from "./words.js"

/** Sends once. Every answer and every failure is a reply. */
export type Send = <Of extends Content>(
  request: HttpClientRequest.HttpClientRequest,
  deadline: Duration.Duration,
  contents: readReply.Contents<Of>,
  words: () => Words
) => Effect.Effect<Reply<Of>>

export const over = (client: HttpClient.HttpClient): Send => {
  const isRepeated = readReply.repeats()
  const prepared = privately(sendsOnce.watch())
  const http = HttpClient.mapRequestEffect(client, (request) => Effect.as(prepared, request))
  return (request, deadline, contents, words) =>
    Effect.clockWith((clock) => exchange(http, request, deadline, { ...contents, words: words(), clock, isRepeated }))
}

const exchange = <Of extends Content>(
  http: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  deadline: Duration.Duration,
  reader: readReply.Reader<Of>
): Effect.Effect<Reply<Of>> => {
  const transmission = new Transmission(request.body)
  let head: readReply.Head | undefined
  const receive = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Reply<Of>> => {
    const arrived = (head = readReply.headOf(response.status, (name) => response.headers[name], reader))
    return Effect.match(textOf(response), {
      onFailure: (error) => readReply.withBody(arrived, error.reason === "EmptyBody" ? "" : readReply.cutOff, reader),
      onSuccess: (text) => readReply.withBody(arrived, text, reader)
    })
  }
  // The exchange has a fiber of its own, and its settings end with it.
  const executed = Effect.flatMap(FiberRef.set(currentTransmission, transmission), () => http.execute(request))
  const answered = Effect.matchEffect(executed, {
    // A host's client may turn statuses into errors. They are still answers.
    onFailure: (error) =>
      error._tag === "ResponseError" && error.reason === "StatusCode"
        ? receive(error.response)
        : Effect.succeed(fromFailure(error, reader, transmission)),
    onSuccess: receive
  })
  // A host's client that dies may have sent the request. Its defect may hold the request, and so the key.
  const survived = Effect.catchAllCause(answered, (cause) =>
    Effect.sync((): Reply<Of> =>
      head === undefined
        ? readReply.died(Cause.squash(cause), reader)
        : readReply.withBody(head, readReply.cutOff, reader)
    )
  )
  const onDeadline = (): Reply<Of> =>
    // The status counts even if the body never came: a 502 without its page is a 502.
    head === undefined
      ? { _tag: "NoResponse", reason: "Deadline", sent: transmission.sent }
      : readReply.withBody(head, readReply.tooLate, reader)
  return within(survived, deadline, onDeadline, () => transmission.end())
}

// `Encode` and `InvalidUrl` happen before anything is sent. For other failures the transport decides. Only the last
// error is known, and a host's client may have sent before.
const fromFailure = (
  error: HttpClientError.HttpClientError,
  reader: readReply.Reader<Content>,
  transmission: Transmission
): NoResponse => {
  const isNotSent =
    error._tag === "RequestError" && (error.reason !== "Transport" || connectionError.isNotSent(error.cause))
  const { hasBegun } = transmission
  // A host's client may have left an exchange behind. It is not sent after this.
  transmission.end()
  return readReply.noResponse(error.cause, reader, isNotSent && !hasBegun)
}

/**
 * Disables the platform's span, whose URL holds the handle, and trace headers to a third party. It also disables
 * redirects: a followed 307 would send the destination to another server. node:http and undici follow none; fetch does
 * unless the request forbids it. A `RequestInit` of the fetch layer itself (a proxy, for example) is visible only
 * inside the client's own context, so it is kept there.
 */
const privately = (watched: (context: Context.Context<never>) => Context.Context<never>) =>
  Effect.updateFiberRefs((id, refs) =>
    FiberRefs.updateManyAs(refs, {
      entries: [
        [HttpClient.currentTracerDisabledWhen, [[id, constTrue]]],
        [HttpClient.currentTracerPropagation, [[id, false]]],
        [FiberRef.currentContext, [[id, watched(manually(FiberRefs.getOrDefault(refs, FiberRef.currentContext)))]]]
      ]
    })
  )

const manually = (context: Context.Context<never>): Context.Context<never> =>
  Context.add(context, FetchHttpClient.RequestInit, {
    ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)),
    ...alone
  })

// A cache inside fetch would answer in the provider's place.
const alone = { redirect: "manual", cache: "no-store" } as const

const textOf = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<string | readReply.NoText, HttpClientError.ResponseError> =>
  isBounded(response) ? response.text : readCapped(response)

// Every HTTP parser enforces the declared length, so a small declared length needs no counting here. But it does not
// limit the size of an unpacked body.
const isBounded = ({ headers }: HttpClientResponse.HttpClientResponse): boolean =>
  headers["content-encoding"] === undefined &&
  Number(headers["content-length"] ?? Infinity) <= BillwerkConfig.bodyBytesMax

const readCapped = ({ headers, stream }: HttpClientResponse.HttpClientResponse) =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let bytes = 0
    return stream.pipe(
      Stream.takeUntil((chunk) => {
        bytes += chunk.byteLength
        if (bytes <= BillwerkConfig.bodyBytesMax) chunks.push(chunk)
        return bytes > BillwerkConfig.bodyBytesMax
      }),
      Stream.runDrain,
      Effect.map((): string | readReply.NoText =>
        bytes > BillwerkConfig.bodyBytesMax
          ? readReply.tooLarge
          : readReply.fromText(body.textOf(joined(chunks, bytes), headers["content-encoding"]))
      )
    )
  })

const joined = (chunks: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}
