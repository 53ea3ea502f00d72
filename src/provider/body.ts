/**
 * The bytes of a body -> its text, unpacked where that is declared. No answer is asked for in a packed form, and a server or
 * something before it may pack one all the same; fetch unpacks by itself, and other layers do not.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as BillwerkConfig from "./BillwerkConfig.js"

/** What became of a body. `Broken`: what is packed cannot be unpacked. */
export type Text = { readonly text: string } | "TooLarge" | "Broken"

const decoder = new TextDecoder()

/**
 * The text of a body, of which no more than `bodyBytesMax` is unpacked. What is JSON as it came has been unpacked on its way,
 * or never was packed, whatever is declared. What is in no form that this platform knows stays as it is.
 */
export const textOf = (bytes: Uint8Array, declared: string | undefined): Text => {
  const text = decoder.decode(bytes)
  const forms = (declared ?? "").toLowerCase().split(",").flatMap(formOf).reverse()
  if (forms.length === 0 || isJson(text)) return { text }
  // A proxy packs once, or twice. More is made to keep somebody busy.
  if (forms.length > formsMax) return { text }
  let unpacked = bytes
  for (const form of forms) {
    const next = unpack(unpacked, form)
    if (next === undefined) return { text }
    // A text has been unpacked already: it is no JSON.
    if (Either.isLeft(next)) return next.left === "Broken" && !isBinary.test(text) ? { text } : next.left
    unpacked = next.right
  }
  return { text: decoder.decode(unpacked) }
}

const formsMax = 3

type Form = "gzip" | "deflate" | "br" | "unknown"

const formOf = (name: string): ReadonlyArray<Form> => {
  switch (name.trim()) {
    case "":
    case "identity":
      return []
    case "gzip":
    case "x-gzip":
      return ["gzip"]
    case "deflate":
      return ["deflate"]
    case "br":
      return ["br"]
    default:
      return ["unknown"]
  }
}

const isJson = (text: string): boolean => Either.isRight(Either.try((): unknown => JSON.parse(text.trim())))

// Control characters, and what is no UTF-8: in no text.
const isBinary = /[\0-\x08\x0e-\x1f\ufffd]/

/** None: not in this form, or not on this platform. */
const unpack = (bytes: Uint8Array, form: Form): Either.Either<Uint8Array, "TooLarge" | "Broken"> | undefined => {
  const zlib = nodeZlib()
  if (zlib === undefined || form === "unknown") return undefined
  const { BROTLI_OPERATION_FLUSH, Z_SYNC_FLUSH } = zlib.constants
  const maxOutputLength = BillwerkConfig.bodyBytesMax
  // What breaks off is taken as far as it goes, as by fetch: the JSON in it has no end, either.
  const options = { finishFlush: Z_SYNC_FLUSH, maxOutputLength }
  const unpacked = (): Uint8Array => {
    switch (form) {
      case "gzip":
        return zlib.gunzipSync(bytes, options)
      case "br":
        return zlib.brotliDecompressSync(bytes, { finishFlush: BROTLI_OPERATION_FLUSH, maxOutputLength })
      case "deflate":
        // With the header of zlib, which the standard asks for, or without, as some send it.
        return ((bytes[0] ?? 0) & 0x0f) === 0x08
          ? zlib.inflateSync(bytes, options)
          : zlib.inflateRawSync(bytes, options)
    }
  }
  return Either.try({
    try: unpacked,
    catch: (error) =>
      Predicate.hasProperty(error, "code") && error.code === "ERR_BUFFER_TOO_LARGE" ? "TooLarge" : "Broken"
  })
}

/**
 * Where there is none (browsers, edge workers, Node before 20.16), a packed answer is understood over layers that unpack by
 * themselves, which is all that those platforms have.
 */
const nodeZlib = () => (typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:zlib"))
