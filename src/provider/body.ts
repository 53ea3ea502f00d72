/**
 * The bytes of a body -> its text, unpacked if the headers declare a packed form. The client asks for unpacked answers,
 * but a server or a proxy may pack one all the same. Fetch unpacks by itself, and other layers do not.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as BillwerkConfig from "./BillwerkConfig.js"

/** The text of a body, or why there is none. `Broken`: the packed body cannot be unpacked. */
export type Text = { readonly text: string } | "TooLarge" | "Broken"

const decoder = new TextDecoder()

/**
 * The text of a body, unpacked to at most `bodyBytesMax`. A body that is already JSON was unpacked on the way, or never
 * packed, so its declared form is ignored. A form that this platform does not know leaves the body as it is.
 */
export const textOf = (bytes: Uint8Array, declared: string | undefined): Text => {
  const text = decoder.decode(bytes)
  const forms = (declared ?? "").toLowerCase().split(",").flatMap(formOf).reverse()
  if (forms.length === 0 || isJson(text)) return { text }
  // A proxy packs once or twice. More packing is an attack.
  if (forms.length > formsMax) return { text }
  let unpacked = bytes
  for (const form of forms) {
    const next = unpack(unpacked, form)
    if (next === undefined) return { text }
    // The body is text, so it was unpacked already, and it is not JSON.
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

// Control characters and invalid UTF-8, which no text has.
const isBinary = /[\0-\x08\x0e-\x1f\ufffd]/

/** Undefined if the form is unknown, or not supported on this platform. */
const unpack = (bytes: Uint8Array, form: Form): Either.Either<Uint8Array, "TooLarge" | "Broken"> | undefined => {
  const zlib = nodeZlib()
  if (zlib === undefined || form === "unknown") return undefined
  const { BROTLI_OPERATION_FLUSH, Z_SYNC_FLUSH } = zlib.constants
  const maxOutputLength = BillwerkConfig.bodyBytesMax
  // A truncated body is unpacked as far as it goes, as fetch does. The JSON in it is then truncated, too.
  const options = { finishFlush: Z_SYNC_FLUSH, maxOutputLength }
  const unpacked = (): Uint8Array => {
    switch (form) {
      case "gzip":
        return zlib.gunzipSync(bytes, options)
      case "br":
        return zlib.brotliDecompressSync(bytes, { finishFlush: BROTLI_OPERATION_FLUSH, maxOutputLength })
      case "deflate":
        // With the zlib header that the standard requires, or without it, as some servers send it.
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
 * Node's zlib, if there is one. Browsers, edge workers and Node before 20.16 have none. They have only layers that
 * unpack by themselves, which read packed answers all the same.
 */
const nodeZlib = () => (typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:zlib"))
