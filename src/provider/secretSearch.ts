/**
 * Finds secrets in a text from the provider: unchanged, in another case or alphabet, cut off, escaped or encoded. It
 * hides too much rather than too little: its results are only for people, and decide nothing.
 */
import * as Encoding from "effect/Encoding"
import { decodings, type Folded, folded, foldedWithPlaces, notAscii, unescaped } from "./plainText.js"

/** The text in place of a hidden one. */
export const redacted = "<redacted>"

/** Texts that may not be shown. They are prepared for the search when the first text comes, and once. */
export type Secrets = () => Known

export const secrets = (texts: () => ReadonlyArray<string>): Secrets => {
  let known: Known | undefined
  return () => (known ??= knownOf(texts()))
}

/** A search for secrets in texts. */
export interface Hidden {
  /** Whether a word, a name or an id contains a part of a secret. */
  readonly isIn: (word: string) => boolean
  /** A sentence without its secrets. Undefined if the content of the text cannot be determined. */
  readonly takenFrom: (text: string) => string | undefined
}

export const hiding = (...all: ReadonlyArray<Secrets>): Hidden => ({
  isIn: (text) => {
    const plain = unescaped(text)
    if (plain === undefined) return true
    const word = wordOf(plain)
    return all.some((secrets) => isInWord(word, secrets()))
  },
  takenFrom: (text) => {
    const plain = unescaped(text)
    if (plain === undefined) return undefined
    const places = Array.from({ length: plain.length }, () => false)
    for (const secrets of all) cover(places, plain, secrets())
    return without(plain, places)
  }
})

// --- how close the search is ---

interface Closeness {
  /** This many characters in a row that a secret also has are a part of it. */
  readonly part: number
  /** A secret of at least this length is found in the middle of a word, too. */
  readonly inside: number
}

const inTexts: Closeness = { part: 6, inside: 4 }

// Ids are random, and would now and then contain a part of a secret.
const inWords: Closeness = { part: 10, inside: 8 }

/** The shortest part of a secret that counts at a cut. */
const edgeMin = 3

/** The fewest digits in a row that are hidden, with any signs between them: card numbers have 12 to 19. */
const digitsMin = 12

// --- what it searches for ---

export interface Known {
  /** Letters and digits only. */
  readonly folded: ReadonlyArray<string>
  /** Secrets without letters and digits. */
  readonly signs: ReadonlyArray<string>
  /** The length of the shortest secret that is found inside an encoded text. */
  readonly shortest: number
  /** Whether some secret has this part. All parts are as long as one of the two kinds of closeness says. */
  readonly hasPart: (part: string) => boolean
  /** What a text may end with, or begin with, where it was cut off. */
  readonly edges: () => Edges
}

interface Edges {
  readonly beginnings: ReadonlySet<string>
  readonly endings: ReadonlySet<string>
}

const knownOf = (secrets: ReadonlyArray<string>): Known => {
  const forms = Array.from(new Set(secrets.flatMap(formsOf)))
  const plain = Array.from(new Set(forms.map(folded))).filter((text) => text !== "")
  let edges: Edges | undefined
  return {
    folded: plain,
    signs: secrets.filter((secret) => secret !== "" && folded(secret) === ""),
    // A character beyond ASCII may become several letters.
    shortest: secrets.some((secret) => secret.search(notAscii) !== -1)
      ? 0
      : Math.min(...plain.map(({ length }) => length).filter((length) => length >= inTexts.inside)),
    hasPart: partsOf(plain),
    edges: () => (edges ??= edgesOf(plain))
  }
}

const edgesOf = (plain: ReadonlyArray<string>): Edges => {
  const lengths = Array.from({ length: inTexts.part - edgeMin }, (_, index) => edgeMin + index)
  const longEnough = plain.flatMap((text) =>
    lengths.filter((length) => length < text.length).map((length) => ({ text, length }))
  )
  return {
    beginnings: new Set(longEnough.map(({ length, text }) => text.slice(0, length))),
    endings: new Set(longEnough.map(({ length, text }) => text.slice(-length)))
  }
}

/** The secret unchanged, in base64, as UTF-8 read byte by byte, and without its non-ASCII characters. */
const formsOf = (secret: string): ReadonlyArray<string> => [
  secret,
  Encoding.encodeBase64(secret),
  ...(secret.search(notAscii) === -1
    ? []
    : [String.fromCharCode(...encoder.encode(secret.slice(0, asciiMax))), secret.replace(notAscii, "")])
]

/** Longer texts are found by their parts. */
const asciiMax = 1024
const encoder = new TextEncoder()

// An index of the parts of a few short secrets costs more than it saves: most exchanges look for two words.
const partsOf = (plain: ReadonlyArray<string>): ((part: string) => boolean) => {
  if (plain.reduce((sum, { length }) => sum + length, 0) <= indexedMin) {
    return (part) => plain.some((text) => text.includes(part))
  }
  const indexes = new Map<number, ReadonlySet<string>>()
  return (part) => {
    const index = indexes.get(part.length) ?? indexOf(plain, part.length)
    indexes.set(part.length, index)
    return index.has(part)
  }
}

const indexedMin = 512

const indexOf = (plain: ReadonlyArray<string>, length: number): ReadonlySet<string> => {
  const parts = new Set<string>()
  for (const text of plain) {
    for (let at = 0; at + length <= text.length; at++) parts.add(text.slice(at, at + length))
  }
  return parts
}

// --- where it is found ---

/**
 * Marks each position in the text that belongs to a secret: also its beginning or end where the text was cut off, and
 * each number as long as a card's.
 */
const cover = (places: Array<boolean>, text: string, known: Known): void => {
  const folded = foldedWithPlaces(text)
  const mark: Mark = (from, to) => places.fill(true, folded.from[from], folded.to[to - 1])
  coverParts(folded, known, mark)
  coverWhole(text, folded, known, inTexts, mark)
  coverEdges(text, folded, known.edges(), mark)
  for (const { index, 0: run } of text.matchAll(digits)) places.fill(true, index, index + run.length)
  for (const sign of known.signs) for (const at of placesOf(text, sign)) places.fill(true, at, at + sign.length)
  for (const token of tokensOf(text)) {
    if (isEncoded(token, known, inTexts)) places.fill(true, token.from, token.from + token.length)
  }
}

/** A word as it is searched for each of the secrets. */
interface Word {
  readonly text: string
  readonly folded: string
  readonly tokens: ReadonlyArray<Token>
}

const wordOf = (text: string): Word => ({ text, folded: folded(text), tokens: tokensOf(text) })

const isInWord = ({ folded, text, tokens }: Word, known: Known): boolean =>
  hasPart(folded, known, inWords) ||
  hasWhole(text, known) ||
  known.signs.some((sign) => text.includes(sign)) ||
  tokens.some((token) => isEncoded(token, known, inWords))

const hasWhole = (word: string, known: Known): boolean => {
  let isFound = false
  if (known.folded.some((secret) => secret.length < inWords.part)) {
    coverWhole(word, foldedWithPlaces(word), known, inWords, () => (isFound = true))
  }
  return isFound
}

/** Takes a place in the folded text. */
type Mark = (from: number, to: number) => void

const digits = new RegExp(`\\p{Nd}(?:[^\\p{L}\\p{N}]{0,3}\\p{Nd}){${digitsMin - 1},}`, "gu")

const coverParts = ({ text }: Folded, { hasPart }: Known, mark: Mark): void => {
  const length = inTexts.part
  for (let at = 0; at + length <= text.length; at++) if (hasPart(text.slice(at, at + length))) mark(at, at + length)
}

/** Secrets shorter than a part. A very short one must be a word of its own, or harmless words would be hidden. */
const coverWhole = (
  original: string,
  folded: Folded,
  { folded: secrets }: Known,
  { inside, part }: Closeness,
  mark: Mark
): void => {
  for (const secret of secrets) {
    if (secret.length >= part) continue
    for (const at of placesOf(folded.text, secret)) {
      const end = at + secret.length
      if (secret.length >= inside || (isBegun(original, folded, at) && isEnded(original, folded, end))) mark(at, end)
    }
  }
}

const isBegun = (original: string, { from }: Folded, at: number): boolean =>
  !letterOrDigit.test(original.slice(0, from[at]).slice(-1))

const isEnded = (original: string, { to }: Folded, end: number): boolean =>
  !letterOrDigit.test(original.slice(to[end - 1]).slice(0, 1))

const letterOrDigit = /[\p{L}\p{N}]/u

/** The rest of a secret in a text that the provider, or a system before it, cut off. */
const coverEdges = (original: string, folded: Folded, { beginnings, endings }: Edges, mark: Mark): void => {
  const cuts = Array.from(
    original.matchAll(/…|\.{2,}|\*{2,}/g),
    ({ index, 0: cut }) => [index, index + cut.length] as const
  )
  for (const place of [original.length, ...cuts.map(([begins]) => begins)]) {
    const end = countBefore(folded, place)
    const begun = lengthsOf((length) => beginnings.has(folded.text.slice(Math.max(0, end - length), end)))
    if (begun !== undefined && isBegun(original, folded, end - begun)) mark(end - begun, end)
  }
  for (const place of [0, ...cuts.map(([, ends]) => ends)]) {
    const start = countBefore(folded, place)
    const ended = lengthsOf((length) => endings.has(folded.text.slice(start, start + length)))
    if (ended !== undefined && isEnded(original, folded, start + ended)) mark(start, start + ended)
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

/** A part of a text that may be the base64 or the hex of a secret. It is decoded when it is long enough to be one. */
interface Token {
  readonly from: number
  readonly length: number
  /** Letters and digits only. */
  readonly decoded: () => ReadonlyArray<string>
}

const tokensOf = (text: string): ReadonlyArray<Token> =>
  Array.from(text.matchAll(encodedForm), ({ index, 0: token }) => {
    let decoded: ReadonlyArray<string> | undefined
    return { from: index, length: token.length, decoded: () => (decoded ??= decodings(token).map(folded)) }
  })

/** Whether the token is base64 or hex of a secret, from any of its first characters on. */
const isEncoded = ({ decoded, length }: Token, known: Known, closeness: Closeness): boolean =>
  // Four characters of base64 are three of a text. Most names are too short to be a secret's base64.
  length * 0.75 >= Math.min(known.shortest, closeness.part) &&
  decoded().some(
    (text) =>
      hasPart(text, known, closeness) ||
      known.folded.some((secret) => isShort(secret, closeness) && text.includes(secret))
  )

const isShort = ({ length }: string, { part }: Closeness): boolean => length < part && length >= inTexts.inside

const hasPart = (text: string, known: Known, { part }: Closeness): boolean => {
  for (let at = 0; at + part <= text.length; at++) if (known.hasPart(text.slice(at, at + part))) return true
  return false
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
