/**
 * What the engine stores outlives the version that wrote it. So each stored value carries a version, and reading one never
 * fails: it says whether this version can read it.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * The version of all stored values. A change that an older version would misread raises it; what this version can no
 * longer read by its schemas is then converted in `read`.
 */
export const version = 1

/** A stored value. */
export type Stored<A> = Readable<A> | Unread

export interface Readable<A> {
  readonly _tag: "Readable"
  readonly value: A
}

/**
 * A value that this version cannot read. `Newer`: a later version wrote it, and can. `Broken`: no version can. `raw` is
 * what is stored.
 */
export interface Unread {
  readonly _tag: "Newer" | "Broken"
  readonly raw: unknown
}

export const readable = <A>(value: A): Readable<A> => ({ _tag: "Readable", value })

/** Reads a stored value. One without a version was written before there were versions. */
export const read = <A, I>(schema: Schema.Schema<A, I>, raw: unknown): Stored<A> => {
  if (!Predicate.isRecord(raw)) return { _tag: "Broken", raw }
  const { version: by = 1, ...encoded } = raw
  if (typeof by === "number" && by > version) return { _tag: "Newer", raw }
  return Either.match(Schema.decodeUnknownEither(schema)(encoded), {
    onLeft: (): Stored<A> => ({ _tag: "Broken", raw }),
    onRight: readable
  })
}

/** A schema of stored values, which refuses none of them. */
export const of = <A, I extends object>(schema: Schema.Schema<A, I>): Schema.Schema<Stored<A>, unknown> =>
  Schema.transform(Schema.Unknown, Schema.declare(isStored<A>), {
    strict: true,
    decode: (raw) => read(schema, raw),
    encode: (stored) =>
      stored._tag === "Readable" ? { version, ...Schema.encodeSync(schema)(stored.value) } : stored.raw
  })

const isStored = <A>(value: unknown): value is Stored<A> =>
  Predicate.hasProperty(value, "_tag") &&
  (value._tag === "Readable" || value._tag === "Newer" || value._tag === "Broken")
