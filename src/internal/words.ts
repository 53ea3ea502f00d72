/**
 * The provider's free text, made fit for errors, logs and people: short, on one line, and rid of every secret that it
 * repeats.
 */

import * as Encoding from "effect/Encoding"
import * as RegExp_ from "effect/RegExp"

/** The longest text of the provider that is kept: a handle's, which is the longest that has to be compared. */
export const textMax = 255

// Shorter strings are no secrets, unless they are addresses, and cutting them out would garble innocent words.
const secretLengthMin = 8

export type Clean = (text: string) => string

/**
 * Makes the cleaner for one exchange. `secrets` are what must not come back; `compared` are texts that an answer has to
 * show as they are, so what is part of one of them is not taken out.
 */
export const cleaner = (secrets: ReadonlyArray<string>, compared: ReadonlyArray<string> = []): Clean => {
  // The longest first: one secret may begin with another.
  const hidden = Array.from(new Set(secrets))
    .filter((secret) => isSecret(secret) && !compared.some((text) => includes(text, secret)))
    .sort((a, b) => b.length - a.length)
  // In any case: providers change that of an address.
  const pattern = hidden.length === 0 ? undefined : new RegExp(hidden.map(RegExp_.escape).join("|"), "gi")
  return (text) => {
    const safe = pattern === undefined ? text : text.replace(pattern, "<redacted>")
    return shortened(safe.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, " "))
  }
}

const isSecret = (text: string): boolean => text.length >= secretLengthMin || /.@./.test(text)

const includes = (text: string, part: string): boolean => text.toLowerCase().includes(part.toLowerCase())

/** A key as it may come back: as it is, in a URL, in base64, or as the user name of HTTP Basic; with padding or not. */
export const ofKey = (key: string): ReadonlyArray<string> => [
  ...ofText(key),
  ...[key, `${key}:`].map((text) => Encoding.encodeBase64(text).replace(/=+$/, ""))
]

/** Any other secret as it may come back: as it is, or in a URL. */
export const ofText = (text: string): ReadonlyArray<string> => [text, encodeURIComponent(text)]

// What was cut shows it, so that it never equals what it begins with; and a pair is not cut in two.
const shortened = (text: string): string =>
  text.length <= textMax ? text : `${text.slice(0, textMax - 1).replace(/\p{Cs}$/u, "")}…`
