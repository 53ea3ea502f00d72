/**
 * Brings texts into one form in which secrets and texts are compared: without escapes and encodings, and reduced to
 * letters and digits.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"

// --- letters and digits only ---

/** A text in lower case, without accents, blanks and signs. */
export const folded = (text: string): string =>
  text.replace(noText, "").replace(notAscii, plainOf).toLowerCase().replace(asciiSigns, "")

export interface Folded {
  readonly text: string
  /** Where the original of each character begins and ends. */
  readonly from: ReadonlyArray<number>
  readonly to: ReadonlyArray<number>
}

/** `folded`, with the places of the original. */
export const foldedWithPlaces = (original: string): Folded => {
  let text = ""
  let at = 0
  const [from, to]: [Array<number>, Array<number>] = [[], []]
  for (const char of original) {
    const plain = plainOf(char)
    for (let unit = 0; unit < plain.length; unit++) {
      from.push(at)
      to.push(at + char.length)
    }
    text += plain
    at += char.length
  }
  return { text, from, to }
}

/** What a decoder writes for bytes that are no text: most of what is decoded on trial. */
const noText = /\ufffd+/g
export const notAscii = /[^\x00-\x7f]/gu
const asciiSigns = /[\x00-\x2f\x3a-\x60\x7b-\x7f]+/g

const plainOf = (char: string): string =>
  /[a-z0-9]/.test(char)
    ? char
    : char
        .normalize("NFKD")
        .toLowerCase()
        .replace(/[øæß]/g, (one) => (one === "ø" ? "o" : one === "æ" ? "ae" : "ss"))
        .replace(/[^\p{L}\p{N}]/gu, "")

// --- encodings ---

/**
 * What a token may be the hex or the base64 of. Its base64 may begin with any of its first four characters. A long
 * token of hex digits is hex: the base64 of a text has other characters, too. Most ids are such tokens.
 */
export const decodings = (token: string): ReadonlyArray<string> => {
  const hex = isHex.test(token) ? [decoder.decode(bytesOf(token))] : []
  return hex.length > 0 && token.length >= hexMin
    ? hex
    : [...hex, ...[0, 1, 2, 3].map((skipped) => base64Of(token.slice(skipped)))]
}

const isHex = /^(?:[0-9a-f]{2})+$/i
const hexMin = 16

const bytesOf = (hex: string): Uint8Array => {
  const bytes = new Uint8Array(hex.length / 2)
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(hex.slice(2 * at, 2 * at + 2), 16)
  return bytes
}

const base64Of = (token: string): string => {
  const standard = token.replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "")
  const whole = standard.slice(0, standard.length % 4 === 1 ? -1 : undefined)
  const bytes = Encoding.decodeBase64(whole.padEnd(Math.ceil(whole.length / 4) * 4, "="))
  return Either.isRight(bytes) ? decoder.decode(bytes.right) : ""
}

const decoder = new TextDecoder()

// --- escapes ---

const roundsMax = 4

/** The text without the escapes of URLs, JSON and HTML, also repeated ones. Undefined if they do not end. */
export const unescaped = (text: string): string | undefined => {
  let plain = text
  for (let round = 0; round < roundsMax; round++) {
    const next = onceUnescaped(plain)
    if (next === plain) return plain
    plain = next
  }
  return onceUnescaped(plain) === plain ? plain : undefined
}

// Nearly every text has no escape, and this check is cheap.
const onceUnescaped = (text: string): string => (/[%\\&]/.test(text) ? withoutEscapes(text) : text)

const withoutEscapes = (text: string): string =>
  text
    .replace(/(?:%[0-9a-f]{2})+/gi, (run) => fromBytes(run.slice(1).split("%")))
    .replace(
      /\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([/"'\\]))/gi,
      (_, wide?: string, byte?: string, sign?: string) => sign ?? String.fromCharCode(parseInt(wide ?? byte ?? "", 16))
    )
    .replace(/&#(x[0-9a-f]{1,6}|\d{1,7});/gi, (_, code: string) => fromCodePoint(code))
    .replace(/&([a-z])(?:acute|grave|circ|uml|tilde|ring|cedil|slash|caron);/gi, "$1")
    .replace(/&(aelig|szlig|amp|lt|gt|quot|apos|nbsp);/gi, (_, name: string) => named[name.toLowerCase()] ?? " ")

const named: Readonly<Record<string, string>> = {
  aelig: "æ",
  szlig: "ß",
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'"
}

// As UTF-8, or byte by byte if it is not UTF-8.
const fromBytes = (hex: ReadonlyArray<string>): string => {
  const bytes = Uint8Array.from(hex, (byte) => parseInt(byte, 16))
  const text = decoder.decode(bytes)
  return text.includes("\ufffd") ? String.fromCharCode(...bytes) : text
}

const fromCodePoint = (code: string): string => {
  const point = /^x/i.test(code) ? parseInt(code.slice(1), 16) : Number(code)
  return point <= 0x10ffff ? String.fromCodePoint(point) : " "
}
