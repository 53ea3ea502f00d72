import { assert, describe, it } from "@effect/vitest"
import { Encoding, FastCheck as fc } from "effect"
import { hiding, secrets } from "../../src/provider/secretSearch.js"

const texts = [
  "ca_fcfac2016614418f969fa5697383e47c",
  "winner.of+prizes@example.com",
  "Jørgen",
  "Bo",
  "Strandvejen 12, 3. tv.",
  "+45 12 34 56 78",
  "DK-1234 5678",
  'the "2nd" prize / raffle',
  "🥧🥧"
]
const hidden = hiding(secrets(() => texts))

/** A text with the secret in the middle of it, and what is left. */
const around = (form: string): string | undefined => hidden.takenFrom(`cannot pay (${form}), sorry`)
const left = "cannot pay (<redacted>), sorry"

const utf16 = (text: string): string =>
  Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")

const forms: ReadonlyArray<readonly [string, (secret: string) => string]> = [
  ["as it is", (text) => text],
  ["in capitals", (text) => text.toUpperCase()],
  ["in small letters", (text) => text.toLowerCase()],
  ["as JSON writes it", (text) => JSON.stringify(text).slice(1, -1)],
  ["as JSON may write it", utf16],
  ["as JSON may write JSON", (text) => JSON.stringify(utf16(text)).slice(1, -1)],
  ["in a URL", encodeURIComponent],
  ["in a URL in a URL", (text) => encodeURIComponent(encodeURIComponent(text))],
  ["in a form", (text) => new URLSearchParams({ a: text }).toString().slice(2)],
  ["in HTML", (text) => text.replace(/[^A-Za-z0-9 ]/gu, (char) => `&#${char.codePointAt(0)};`)],
  ["in HTML, in hex", (text) => text.replace(/[^A-Za-z0-9 ]/gu, (char) => `&#x${char.codePointAt(0)?.toString(16)};`)],
  ["in base64", Encoding.encodeBase64],
  ["in base64 for URLs", Encoding.encodeBase64Url],
  ["in hex", Encoding.encodeHex],
  ["decomposed", (text) => text.normalize("NFD")]
]

describe("What must not be shown", () => {
  for (const [title, form] of forms) {
    it(`is found ${title}`, () => {
      for (const secret of texts) {
        // Of two characters, hex and base64 are nothing to find.
        if (/hex$|base64/.test(title) && [...secret].length < 4) continue
        const cleaned = around(form(secret)) ?? ""
        assert.match(cleaned, /^cannot pay \(\+?<redacted>[="+.)]*, sorry$/, `${secret}: ${cleaned}`)
      }
    })
  }

  it("is found without its signs and blanks, with others, without its accents, and read as another alphabet", () => {
    for (const form of [
      "4512345678",
      "45-1234-5678",
      "45.12.34.56.78",
      "Jorgen",
      "JØRGEN",
      "J&oslash;rgen",
      "JÃ¸rgen",
      "J?rgen"
    ]) {
      assert.strictEqual(around(form), left, form)
    }
    assert.strictEqual(around("STRANDVEJEN 12 3 TV"), left)
    assert.strictEqual(around("J%F8rgen"), left)
  })

  it("is found inside of other words, if it is long enough to be told from them", () => {
    assert.strictEqual(hidden.takenFrom("MrJørgenSen"), "Mr<redacted>Sen")
    assert.strictEqual(hidden.takenFrom("Bob took both boards"), "Bob took both boards")
    assert.strictEqual(hidden.takenFrom("is Bo, or bo? Bo-Bo"), "is <redacted>, or <redacted>")
  })

  it("is found in part: a longer text of the request is not the way around it", () => {
    const text = `${"For your kind help with the annual raffle, ".repeat(6)}and yours is the golden pig`
    const { takenFrom } = hiding(secrets(() => [text]))
    assert.isAbove(text.length, 255)
    for (const [from, to] of [
      [0, 255],
      [0, 40],
      [17, 60],
      [200, 300],
      [250, text.length]
    ] as const) {
      const part = text.slice(from, to)
      const cleaned = takenFrom(`said: ${part} !`) ?? ""
      for (let at = 0; at + 6 <= part.length; at++) assert.notInclude(cleaned, part.slice(at, at + 6))
    }
  })

  it("is found where a text was cut off in the middle of it", () => {
    assert.strictEqual(hidden.takenFrom("cannot pay winner.of"), "cannot pay <redacted>")
    assert.strictEqual(hidden.takenFrom("cannot pay Jør"), "cannot pay <redacted>")
    assert.strictEqual(hidden.takenFrom("cannot pay Jørg… today"), "cannot pay <redacted>… today")
    assert.strictEqual(hidden.takenFrom("cannot pay 45 1..."), "cannot pay <redacted>...")
    assert.strictEqual(hidden.takenFrom(".com cannot be paid"), ".<redacted> cannot be paid")
    assert.strictEqual(hidden.takenFrom("...rgen cannot be paid"), "...<redacted> cannot be paid")
    assert.strictEqual(hidden.takenFrom("card ****e47c is lost"), "card ****<redacted> is lost")
  })

  it("is any number that may be a card's", () => {
    for (const number of ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111-117", "123456789012"]) {
      assert.strictEqual(around(number), left, number)
    }
    assert.strictEqual(around("98765432109"), "cannot pay (98765432109), sorry")
  })

  it("is taken for a secret where escapes have no end", () => {
    const deep = (times: number): string => (times === 0 ? "Jørgen" : encodeURIComponent(deep(times - 1)))
    assert.strictEqual(around(deep(3)), left)
    assert.isUndefined(around(deep(9)))
  })

  it("is nothing of an innocent text", () => {
    for (const text of ["Do not honour", "", "05: Næppe 🍰", "Limit of 100.00 DKK, at 12:30", "100 %, a&b, c\\d"]) {
      assert.strictEqual(hidden.takenFrom(text), text)
    }
  })

  it("leaves no six characters in a row of a secret, wherever and however often it is put", () => {
    const secret = fc.stringMatching(/^[a-z][a-z0-9]{6,30}$/)
    const noise = fc.string({ maxLength: 8 }).filter((text) => !/[%\\&]/.test(text))
    fc.assert(
      fc.property(secret, fc.array(noise, { minLength: 1, maxLength: 5 }), (secret, parts) => {
        const cleaned = (hiding(secrets(() => [secret])).takenFrom(parts.join(secret)) ?? "").toLowerCase()
        const rest = cleaned.replaceAll("<redacted>", " ")
        for (let at = 0; at + 6 <= secret.length; at++) assert.notInclude(rest, secret.slice(at, at + 6))
      })
    )
  })
})

describe("A word", () => {
  it("is looked through for whole secrets, and not for what chance may put into an id", () => {
    for (const word of ["not_j%C3%B8rgen", "bo_is_gone", "x-4512345678", texts[0] ?? ""]) {
      assert.isTrue(hidden.isIn(word), word)
    }
    for (const word of ["board_gone", "5678abfcfac20", "7bo7", "insufficient_funds"])
      assert.isFalse(hidden.isIn(word), word)
  })
})
