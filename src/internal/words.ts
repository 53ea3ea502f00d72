/**
 * The provider's free text, made fit for errors, logs and people: short, on one line, and rid of every secret that it
 * repeats.
 */

/** The longest text of the provider that is kept: a handle's, which is the longest that has to be compared. */
export const textMax = 255

// Shorter strings are no secrets, and cutting them out would garble innocent words.
const secretLengthMin = 8

export type Clean = (text: string) => string

/** Makes the cleaner for one exchange. `secrets` are what must not come back: the destination, the key. */
export const cleaner = (secrets: ReadonlyArray<string>): Clean => {
  // The longest first: one secret may begin with another.
  const hidden = secrets.filter(({ length }) => length >= secretLengthMin).sort((a, b) => b.length - a.length)
  return (text) =>
    hidden
      .reduce((rest, secret) => rest.replaceAll(secret, "<redacted>"), text)
      .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, " ")
      .slice(0, textMax)
      // The limit may have cut a pair in two.
      .replace(/\p{Cs}$/u, "")
}
