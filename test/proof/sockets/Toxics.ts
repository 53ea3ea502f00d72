/**
 * The eight toxics of Toxiproxy, each of them what it does to a stream of bytes. Where the stream ends, so does its side of
 * the connection; where it fails, both sides are cut off.
 */
import { Data, Effect, Stream } from "effect"
import type { Dice } from "./Dice.js"

/** The end of a connection on both sides: in order (FIN), or by a reset (RST). */
export class Cut extends Data.TaggedError("Cut")<{ readonly how: "Close" | "Reset" }> {}

export type Bytes = Stream.Stream<Buffer, Cut>

/** Times are milliseconds, sizes are bytes. */
export type Toxic = Data.TaggedEnum<{
  /** Each piece comes later, by `latency` give or take `jitter`. */
  Latency: { readonly latency: number; readonly jitter: number }
  /** No more than `rate` KB a second. */
  Bandwidth: { readonly rate: number }
  /** The end comes later. */
  SlowClose: { readonly delay: number }
  /** Nothing comes, and then the end: `timeout` after the first byte that did not. 0: no end either. */
  Timeout: { readonly timeout: number }
  /** Nothing comes, and then a reset: `timeout` after the first byte that did not. */
  ResetPeer: { readonly timeout: number }
  /** It comes in slices, with a pause before each. */
  Slicer: { readonly averageSize: number; readonly sizeVariation: number; readonly delay: number }
  /** The end, after so many bytes. */
  LimitData: { readonly bytes: number }
  /** Nobody listens, and who is connected is cut off. */
  Down: {}
}>

export const Toxic = Data.taggedEnum<Toxic>()

/** `Upstream` is what the client sends, `Downstream` what it is answered. */
export type Direction = "Upstream" | "Downstream"

export interface Placed {
  readonly toxic: Toxic
  /** None for `Down`, which is in neither. */
  readonly direction: Direction | undefined
  /** How many of the connections have it: 1 is all of them. */
  readonly toxicity: number
}

export const upstream = (toxic: Toxic, toxicity = 1): Placed => ({ toxic, toxicity, direction: "Upstream" })
export const downstream = (toxic: Toxic, toxicity = 1): Placed => ({ toxic, toxicity, direction: "Downstream" })
export const down: Placed = { toxic: Toxic.Down(), toxicity: 1, direction: undefined }

/** The same bytes, as far as the toxic lets them through. */
export const through =
  (toxic: Toxic, dice: Dice) =>
  (bytes: Bytes): Bytes =>
    Toxic.$match(toxic, {
      Latency: ({ jitter, latency }) => paused(bytes, () => latency + dice.between(-jitter, jitter)),
      // As much as comes in 10 ms, at a time.
      Bandwidth: ({ rate }) =>
        paused(
          sliced(bytes, () => rate * 10),
          (slice) => slice.length / rate
        ),
      SlowClose: ({ delay }) => Stream.concat(bytes, Stream.execute(Effect.sleep(delay))),
      Timeout: ({ timeout }) => (timeout === 0 ? neverEnding(bytes) : swallowed(bytes, timeout, "Close")),
      ResetPeer: ({ timeout }) => swallowed(bytes, timeout, "Reset"),
      Slicer: ({ averageSize, delay, sizeVariation }) =>
        paused(
          sliced(bytes, () => averageSize + dice.between(-sizeVariation, sizeVariation)),
          () => delay
        ),
      LimitData: ({ bytes: limit }) => limited(bytes, limit),
      Down: () => cut("Reset")
    })

const paused = (bytes: Bytes, pause: (piece: Buffer) => number): Bytes =>
  Stream.tap(bytes, (piece) => Effect.sleep(Math.max(0, pause(piece))))

const sliced = (bytes: Bytes, size: () => number): Bytes =>
  Stream.mapConcat(bytes, (piece) => {
    const slices: Array<Buffer> = []
    for (let rest = piece; rest.length > 0;) {
      const length = Math.max(1, Math.round(size()))
      slices.push(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
    return slices
  })

/** The end of the connection. */
export const cut = (how: Cut["how"], after = 0): Bytes =>
  Stream.unwrap(Effect.as(after === 0 ? Effect.void : Effect.sleep(after), Stream.fail(new Cut({ how }))))

const neverEnding = (bytes: Bytes): Bytes => Stream.concat(Stream.drain(bytes), Stream.never)

const swallowed = (bytes: Bytes, timeout: number, how: Cut["how"]): Bytes =>
  Stream.flatMap(Stream.take(bytes, 1), () => cut(how, timeout))

const limited = (bytes: Bytes, limit: number): Bytes =>
  bytes.pipe(
    Stream.mapAccum(
      limit,
      (left, piece) => [left - piece.length, [piece.subarray(0, left), piece.length >= left]] as const
    ),
    Stream.flatMap(([piece, isLast]) => (isLast ? Stream.concat(Stream.make(piece), cut("Close")) : Stream.make(piece)))
  )
