/**
 * Finds secrets in a text from the provider: unchanged, in another case or alphabet, cut off, escaped or encoded. It
 * hides too much rather than too little: its results are only for people, and decide nothing.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"

/** The text in place of a hidden one. */
export const redacted = "<redacted>"

/** A search for secrets in texts. */
export interface Hidden {
  /** Whether a word, a name or an id contains a part of a secret. */
  readonly isIn: (word: string) => boolean
  /** A sentence without its secrets. Undefined if the content of the text cannot be determined. */
  readonly takenFrom: (text: string) => string | undefined
}

/** Prepares the search when the first text comes: most exchanges have none. */
export const hiding = (secrets: () => ReadonlyArray<string>): Hidden => {
  let known: Known | undefined
  const know = (): Known => (known ??= knownOf(secrets()))
  return {
    isIn: (word) => {
      const plain = decoded(word)
      return plain === undefined || covered(plain, know(), inWords).includes(true)
    },
    takenFrom: (text) => {
      const plain = decoded(text)
      return plain === undefined ? undefined : without(plain, covered(plain, know(), inTexts))
    }
  }
}

// --- how close the search is ---

interface Closeness {
  /** This many characters in a row that a secret also has are a part of it. */
  readonly part: number
  /** A secret of at least this length is found in the middle of a word, too. */
  readonly inside: number
  /** Whether to look for the beginning of a secret where a text ends, and for its end where a text begins. */
  readonly atEdges: boolean
}

const inTexts: Closeness = { part: 6, inside: 4, atEdges: true }

// Ids are random, and would now and then contain a part of a secret.
const inWords: Closeness = { part: 10, inside: 8, atEdges: false }

/** The shortest part of a secret that counts at a cut. */
const edgeMin = 3

/** The fewest digits in a row that are hidden, with any signs between them: card numbers have 12 to 19. */
const digitsMin = 12

// --- what it searches for ---

interface Known {
  /** Letters and digits only. */
  readonly folded: ReadonlyArray<string>
  /** Secrets without letters and digits. */
  readonly signs: ReadonlyArray<string>
  readonly parts: Map<number, ReadonlySet<string>>
  readonly beginnings: ReadonlySet<string>
  readonly endings: ReadonlySet<string>
}

const knownOf = (secrets: ReadonlyArray<string>): Known => {
  const forms = Array.from(new Set(secrets.flatMap(formsOf)))
  const folded = Array.from(new Set(forms.map((form) => foldedOf(form).text))).filter((text) => text !== "")
  const lengths = Array.from({ length: inTexts.part - edgeMin }, (_, index) => edgeMin + index)
  const longEnough = folded.flatMap((text) =>
    lengths.filter((length) => length < text.length).map((length) => ({ text, length }))
  )
  return {
    folded,
    signs: secrets.filter((secret) => secret !== "" && foldedOf(secret).text === ""),
    parts: new Map(),
    beginnings: new Set(longEnough.map(({ length, text }) => text.slice(0, length))),
    endings: new Set(longEnough.map(({ length, text }) => text.slice(-length)))
  }
}

/** The secret unchanged, in base64, as UTF-8 read byte by byte, and without its non-ASCII characters. */
const formsOf = (secret: string): ReadonlyArray<string> => [
  secret,
  Encoding.encodeBase64(secret),
  ...(isAscii.test(secret)
    ? []
    : [String.fromCharCode(...encoder.encode(secret.slice(0, asciiMax))), secret.replace(notAscii, "")])
]

const isAscii = /^[\x00-\x7f]*$/
const notAscii = /[^\x00-\x7f]/g
/** Longer texts are found by their parts. */
const asciiMax = 1024
const encoder = new TextEncoder()

const partsOf = (known: Known, length: number): ReadonlySet<string> => {
  const made = known.parts.get(length)
  if (made !== undefined) return made
  const parts = new Set(
    known.folded.flatMap((text) =>
      Array.from({ length: Math.max(0, text.length - length + 1) }, (_, at) => text.slice(at, at + length))
    )
  )
  known.parts.set(length, parts)
  return parts
}

// --- letters and digits only ---

interface Folded {
  /** In lower case, without accents, blanks and signs. */
  readonly text: string
  /** Where the original of each character begins and ends. */
  readonly from: ReadonlyArray<number>
  readonly to: ReadonlyArray<number>
}

const foldedOf = (original: string): Folded => {
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

const plainOf = (char: string): string =>
  /[a-z0-9]/.test(char)
    ? char
    : char
        .normalize("NFKD")
        .toLowerCase()
        .replace(/[øæß]/g, (one) => (one === "ø" ? "o" : one === "æ" ? "ae" : "ss"))
        .replace(/[^\p{L}\p{N}]/gu, "")

// --- where it is found ---

/** For each position in the text, whether it belongs to a secret. */
const covered = (text: string, known: Known, closeness: Closeness): Array<boolean> => {
  const places = Array.from({ length: text.length }, () => false)
  const folded = foldedOf(text)
  const cover = (from: number, to: number) => places.fill(true, folded.from[from], folded.to[to - 1])
  coverParts(folded, partsOf(known, closeness.part), closeness.part, cover)
  coverWhole(text, folded, known, closeness, cover)
  if (closeness.atEdges) {
    coverEdges(text, folded, known, cover)
    for (const { index, 0: run } of text.matchAll(digits)) places.fill(true, index, index + run.length)
  }
  for (const sign of known.signs) for (const at of placesOf(text, sign)) places.fill(true, at, at + sign.length)
  for (const { index, 0: token } of text.matchAll(encodedForm)) {
    if (isEncoded(token, known, closeness)) places.fill(true, index, index + token.length)
  }
  return places
}

type Cover = (from: number, to: number) => void

const digits = new RegExp(`\\p{Nd}(?:[^\\p{L}\\p{N}]{0,3}\\p{Nd}){${digitsMin - 1},}`, "gu")

const coverParts = ({ text }: Folded, parts: ReadonlySet<string>, length: number, cover: Cover): void => {
  for (let at = 0; at + length <= text.length; at++) if (parts.has(text.slice(at, at + length))) cover(at, at + length)
}

/** Secrets shorter than a part. A very short one must be a word of its own, or harmless words would be hidden. */
const coverWhole = (
  original: string,
  folded: Folded,
  { folded: secrets }: Known,
  { inside, part }: Closeness,
  cover: Cover
): void => {
  for (const secret of secrets) {
    if (secret.length >= part) continue
    for (const at of placesOf(folded.text, secret)) {
      const end = at + secret.length
      if (secret.length >= inside || (isBegun(original, folded, at) && isEnded(original, folded, end))) cover(at, end)
    }
  }
}

const isBegun = (original: string, { from }: Folded, at: number): boolean =>
  !letterOrDigit.test(original.slice(0, from[at]).slice(-1))

const isEnded = (original: string, { to }: Folded, end: number): boolean =>
  !letterOrDigit.test(original.slice(to[end - 1]).slice(0, 1))

const letterOrDigit = /[\p{L}\p{N}]/u

/** The rest of a secret in a text that the provider, or a system before it, cut off. */
const coverEdges = (original: string, folded: Folded, { beginnings, endings }: Known, cover: Cover): void => {
  const cuts = Array.from(
    original.matchAll(/…|\.{2,}|\*{2,}/g),
    ({ index, 0: cut }) => [index, index + cut.length] as const
  )
  for (const place of [original.length, ...cuts.map(([begins]) => begins)]) {
    const end = countBefore(folded, place)
    const begun = lengthsOf((length) => beginnings.has(folded.text.slice(Math.max(0, end - length), end)))
    if (begun !== undefined && isBegun(original, folded, end - begun)) cover(end - begun, end)
  }
  for (const place of [0, ...cuts.map(([, ends]) => ends)]) {
    const start = countBefore(folded, place)
    const ended = lengthsOf((length) => endings.has(folded.text.slice(start, start + length)))
    if (ended !== undefined && isEnded(original, folded, start + ended)) cover(start, start + ended)
  }
}

const lengthsOf = (fits: (length: number) => boolean): number | undefined => {
  for (let length = inTexts.part - 1; length >= edgeMin; length--) if (fits(length)) return length
  return undefined
}

// The positions are sorted.
const countBefore = ({ from }: Folded, place: number): number => {
  let [low, high] = [0, from.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((from[middle] ?? 0) < place) low = middle + 1
    else high = middle
  }
  return low
}

const placesOf = (text: string, part: string): ReadonlyArray<number> => {
  const places: Array<number> = []
  for (let at = text.indexOf(part); at !== -1; at = text.indexOf(part, at + 1)) places.push(at)
  return places
}

// --- encoded secrets ---

const encodedForm = /[A-Za-z0-9+/_-]{6,}={0,2}/g

/** Whether the token is base64 or hex of a secret, from any of its first characters on. */
const isEncoded = (token: string, known: Known, closeness: Closeness): boolean =>
  [bytesOf(Encoding.decodeHex(token)), ...[0, 1, 2, 3].map((skipped) => base64Of(token.slice(skipped)))].some(
    (text) => text !== "" && foundIn(foldedOf(text), known, closeness)
  )

const foundIn = ({ text }: Folded, known: Known, { part }: Closeness): boolean => {
  const parts = partsOf(known, part)
  for (let at = 0; at + part <= text.length; at++) if (parts.has(text.slice(at, at + part))) return true
  return known.folded.some((secret) => secret.length < part && secret.length >= inTexts.inside && text.includes(secret))
}

const base64Of = (token: string): string => {
  const standard = token.replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "")
  const whole = standard.slice(0, standard.length % 4 === 1 ? -1 : undefined)
  return bytesOf(Encoding.decodeBase64(whole.padEnd(Math.ceil(whole.length / 4) * 4, "=")))
}

const bytesOf = (bytes: Either.Either<Uint8Array, unknown>): string =>
  Either.isRight(bytes) ? decoder.decode(bytes.right) : ""

const decoder = new TextDecoder()

// --- escaped secrets ---

const roundsMax = 4

/** The text without the escapes of URLs, JSON and HTML, also repeated ones. Undefined if they do not end. */
const decoded = (text: string): string | undefined => {
  let plain = text
  for (let round = 0; round < roundsMax; round++) {
    const next = unescaped(plain)
    if (next === plain) return plain
    plain = next
  }
  return unescaped(plain) === plain ? plain : undefined
}

const unescaped = (text: string): string =>
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

// --- the text that is left ---

const without = (text: string, places: ReadonlyArray<boolean>): string => {
  let shown = ""
  let gap = ""
  let isHidden = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (places[at] === true) {
      // A gap between two hidden parts is shown only if it contains letters or digits.
      if (!isHidden || letterOrDigit.test(gap)) shown += gap + redacted
      gap = ""
      isHidden = true
    } else gap += char
  }
  return shown + gap
}
