/**
 * What something between the client and the provider can make of an answer. The request has reached the provider, which
 * has done what was asked (but for a reset before the commit); the lie is in what the client is told of it.
 */
import { Data, Deferred, Effect, Stream } from "effect"
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib"
import { answer, chunk, head } from "../../servers.js"
import type { Message } from "./Http.js"
import { type Bytes, cut } from "./Toxics.js"

export type Lie = Data.TaggedEnum<{
  /** Half of the body: short of its length, of its last chunk, or of nothing that could tell. */
  Truncated: { readonly body: "Declared" | "Chunked" | "UntilClose"; readonly end: "Close" | "Reset" }
  /** A whole body, and then a chunk that is none. */
  Garbled: {}
  /** A 1xx that nobody asked for, before the answer. */
  Interim: { readonly status: 100 | 102 | 103 }
  /** 101: from here on, the connection is said to speak something else. */
  Upgraded: {}
  /** The answer, twice at once. */
  Doubled: {}
  /** On a connection that was kept, each answer is the one to the request before. */
  Behind: {}
  /** The answer to another request of the same kind, on another connection, and the other way round. */
  Crossed: {}
  /** To a create, the answer to a lookup that found nothing. */
  Astray: {}
  /** Sent elsewhere. */
  Redirected: { readonly status: 301 | 302 | 303 | 307 | 308; readonly to: string }
  /** The answer, packed, although it was asked for as it is. */
  Packed: { readonly encoding: keyof typeof packers }
  /** To a lookup, the first answer that its URL got, whatever the provider says now; with an `Age`, or without. */
  Cached: { readonly age: "Said" | "Unsaid" }
  /** The answer, followed by many blanks, and packed. */
  Bomb: {}
  /** Headers by the ten thousands, and then the answer. */
  Flood: {}
  /** The page of a gateway. */
  Gateway: { readonly status: number }
  /** A reset instead of the answer: before or after the provider has done what was asked. `kept`: never a first request. */
  Reset: { readonly commit: "Before" | "After"; readonly kept: boolean }
}>

export const Lie = Data.taggedEnum<Lie>()

export interface Told {
  readonly lie: Lie
  /** How many of the answers it is told about: 1 is all of them. */
  readonly rate: number
}

export const told = (lie: Lie, rate = 1): Told => ({ lie, rate })

/** An answer on its way to the client. */
export interface Exchange {
  /** 1 for the first on its connection. */
  readonly ordinal: number
  readonly request: Message
  readonly answer: Message
  /** The answer before it on the same connection. */
  readonly previous: Message | undefined
}

/** Whether there is anything to lie about. */
export const applies = (lie: Lie, { ordinal, request }: Pick<Exchange, "ordinal" | "request">): boolean => {
  if (lie._tag === "Astray") return request.line.startsWith("POST")
  if (lie._tag === "Cached") return request.line.startsWith("GET")
  return lie._tag === "Behind" || (lie._tag === "Reset" && lie.kept) ? ordinal > 1 : true
}

/** Whether the provider never gets the request. */
export const isBeforeCommit = (lie: Lie): boolean => lie._tag === "Reset" && lie.commit === "Before"

/** What the client is told instead of an answer. */
export const tell = (lie: Lie, exchange: Exchange, desk: Desk): Bytes => {
  const { answer: truth, previous, request } = exchange
  const { body, bytes, headers } = truth
  return Lie.$match(lie, {
    Truncated: (cutOff) => Stream.concat(Stream.make(truncated(cutOff.body, truth)), cut(cutOff.end, apart)),
    Garbled: () =>
      Stream.concat(
        Stream.make(Buffer.concat([head(200, { "transfer-encoding": "chunked" }), chunk(body)])),
        Stream.fromEffect(Effect.as(Effect.sleep(apart), Buffer.from("no chunk\r\n\r\n")))
      ),
    Interim: ({ status }) => Stream.make(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Interim\r\n\r\n`), bytes])),
    Upgraded: () => Stream.make(Buffer.concat([Buffer.from(upgrade), bytes])),
    Doubled: () => Stream.make(Buffer.concat([bytes, bytes])),
    Behind: () => Stream.make(previous?.bytes ?? bytes),
    Crossed: () => Stream.map(Stream.fromEffect(desk.swap(request.line.slice(0, 4), truth)), (other) => other.bytes),
    Astray: () => Stream.make(answer(404, '{"code":137,"error":"Payout not found","http_status":404}')),
    Redirected: ({ status, to }) => Stream.make(answer(status, "", { location: to })),
    Packed: ({ encoding }) =>
      Stream.make(answer(200, packers[encoding](body), { ...typeOf(headers), "content-encoding": encoding })),
    Cached: ({ age }) => Stream.make(aged(desk.first(request.line, truth), truth, age)),
    Bomb: () =>
      Stream.make(answer(200, Buffer.concat([gzipSync(body), manyBlanks()]), { ...typeOf(headers), ...packed })),
    Flood: () => Stream.make(Buffer.concat([flood(), bytes.subarray(bytes.indexOf("\r\n") + 2)])),
    Gateway: ({ status }) =>
      Stream.make(answer(status, `<html><h1>${status}</h1></html>`, { "content-type": "text/html" })),
    Reset: () => cut("Reset")
  })
}

/** So far apart, in milliseconds, that it arrives in two: a reset would overtake what was written just before it. */
const apart = 20

const truncated = (framing: "Declared" | "Chunked" | "UntilClose", { body, bytes }: Message): Buffer => {
  const half = body.subarray(0, body.length / 2)
  switch (framing) {
    case "Declared":
      return bytes.subarray(0, bytes.length - half.length)
    case "Chunked":
      return Buffer.concat([head(200, { "transfer-encoding": "chunked" }), chunk(half)])
    case "UntilClose":
      return Buffer.concat([head(200, { connection: "close" }), half])
  }
}

const packers = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync }

const aged = (first: Message, truth: Message, age: "Said" | "Unsaid"): Buffer => {
  if (first === truth || age === "Unsaid") return first.bytes
  const headers = first.bytes.indexOf("\r\n") + 2
  return Buffer.concat([first.bytes.subarray(0, headers), Buffer.from("age: 1\r\n"), first.bytes.subarray(headers)])
}

const upgrade = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"
const packed = { "content-encoding": "gzip" }
const typeOf = (headers: Message["headers"]) => ({ "content-type": headers["content-type"] ?? "application/json" })

const once = <A>(make: () => A): (() => A) => {
  let made: A | undefined
  return () => (made ??= make())
}

/** How large a bomb becomes. */
export const bombBytes = 48 * 1024 * 1024

// Packed bodies may follow one another: so the true body, with nothing but blanks behind it, is still JSON.
const manyBlanks = once(() => gzipSync(Buffer.alloc(bombBytes, " ")))

const flood = once(() =>
  Buffer.from(`HTTP/1.1 200 OK\r\n${Array.from({ length: 20_000 }, (_, index) => `x-${index}: x\r\n`).join("")}`)
)

/** Where answers are kept and swapped. */
export interface Desk {
  /** The first answer to a request of that line. */
  readonly first: (line: string, mine: Message) => Message
  /** Another one of the kind. If there is none in time, it is given back. */
  readonly swap: (kind: string, mine: Message) => Effect.Effect<Message>
}

export const makeDesk = (patience: number): Desk => {
  const waiting = new Map<string, { readonly mine: Message; readonly other: Deferred.Deferred<Message> }>()
  const firsts = new Map<string, Message>()
  return {
    first: (line, mine) => {
      const first = firsts.get(line) ?? mine
      firsts.set(line, first)
      return first
    },
    swap: (kind, mine) =>
      Effect.gen(function* () {
        const first = waiting.get(kind)
        if (first !== undefined) {
          waiting.delete(kind)
          yield* Deferred.succeed(first.other, mine)
          return first.mine
        }
        const other = yield* Deferred.make<Message>()
        waiting.set(kind, { mine, other })
        return yield* Deferred.await(other).pipe(
          Effect.timeoutTo({ duration: patience, onSuccess: (swapped) => swapped, onTimeout: () => mine }),
          Effect.ensuring(Effect.sync(() => (waiting.get(kind)?.other === other ? waiting.delete(kind) : undefined)))
        )
      })
  }
}
