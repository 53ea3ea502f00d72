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
 * Makes the cleaner for one exchange. `keys` (as `ofKey` has them) and `texts` are what must not come back; `compared` are
 * texts that an answer has to show as they are, so what is part of one of them is not taken out. What looks for them is
 * made for the first text that is long enough to hold one: in most exchanges there is none.
 */
export const cleaner = (
  keys: ReadonlyArray<string>,
  texts: ReadonlyArray<string> = [],
  compared: ReadonlyArray<string> = []
): Clean => {
  const shortest = Math.min(lengthOfShortest(keys), lengthOfShortest(texts))
  let pattern: RegExp | "None" | undefined
  return (text) => {
    if (text.length < shortest) return presentable(text)
    pattern ??= patternOf([...keys, ...texts.flatMap(inUrlToo)], compared) ?? "None"
    return presentable(pattern === "None" ? text : text.replace(pattern, "<redacted>"))
  }
}

const lengthOfShortest = (secrets: ReadonlyArray<string>): number =>
  // A short one may be a secret once it is encoded, but never shorter.
  secrets.reduce((shortest, secret) => (secret === "" ? shortest : Math.min(shortest, secret.length)), Infinity)

const patternOf = (secrets: ReadonlyArray<string>, compared: ReadonlyArray<string>): RegExp | undefined => {
  // The longest first: one secret may begin with another.
  const hidden = Array.from(new Set(secrets))
    .filter((secret) => isSecret(secret) && !compared.some((text) => includes(text, secret)))
    .sort((a, b) => b.length - a.length)
  // In any case: providers change that of an address.
  return hidden.length === 0 ? undefined : new RegExp(hidden.map(RegExp_.escape).join("|"), "gi")
}

const isSecret = (text: string): boolean => text.length >= secretLengthMin || /.@./.test(text)

const includes = (text: string, part: string): boolean => text.toLowerCase().includes(part.toLowerCase())

/** A key as it may come back: as it is, in a URL, in base64, or as the user name of HTTP Basic; with padding or not. */
export const ofKey = (key: string): ReadonlyArray<string> => [
  ...inUrlToo(key),
  ...[key, `${key}:`].map((text) => Encoding.encodeBase64(text).replace(/=+$/, ""))
]

/** Never shorter than the text itself. */
const inUrlToo = (text: string): ReadonlyArray<string> => [text, encodeURIComponent(text)]

const presentable = (text: string): string =>
  text.length <= textMax && isPrintable.test(text)
    ? text
    : shortened(text.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, " "))

// Nearly every text of the provider is, and this is told at a glance.
const isPrintable = /^[\x20-\x7e]*$/

// What was cut shows it, so that it never equals what it begins with; and a pair is not cut in two.
const shortened = (text: string): string =>
  text.length <= textMax ? text : `${text.slice(0, textMax - 1).replace(/\p{Cs}$/u, "")}…`
