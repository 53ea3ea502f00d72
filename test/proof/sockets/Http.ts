/** As much of HTTP/1.1 as it takes to tell one message of a stream of bytes from the next. */
import { Stream } from "effect"
import type { Bytes, Cut } from "./Toxics.js"

/** A request or an answer, whole. */
export interface Message {
  /** Its very bytes. */
  readonly bytes: Buffer
  /** `POST /v1/payout HTTP/1.1`, or `HTTP/1.1 200 OK`. */
  readonly line: string
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The messages in a stream of bytes. Each has to say its length, as the sandbox's answers and our requests do. */
export const messages = (bytes: Bytes): Stream.Stream<Message, Cut> =>
  bytes.pipe(
    Stream.mapAccum(Buffer.alloc(0), (unread: Buffer, piece) => {
      const found: Array<Message> = []
      let rest = Buffer.concat([unread, piece])
      for (let next = read(rest); next !== undefined; next = read(rest)) {
        found.push(next)
        rest = rest.subarray(next.bytes.length)
      }
      return [rest, found] as const
    }),
    Stream.mapConcat((found) => found)
  )

const read = (unread: Buffer): Message | undefined => {
  const end = unread.indexOf("\r\n\r\n")
  if (end === -1) return undefined
  const [line = "", ...lines] = unread.subarray(0, end).toString("latin1").split("\r\n")
  const headers = Object.fromEntries(
    lines.map((one) => {
      const colon = one.indexOf(":")
      return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()] as const
    })
  )
  const length = end + 4 + Number(headers["content-length"] ?? 0)
  if (unread.length < length) return undefined
  return { bytes: unread.subarray(0, length), line, headers, body: unread.subarray(end + 4, length) }
}
