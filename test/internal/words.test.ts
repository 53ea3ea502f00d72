import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { cleaner, ofKey, textMax } from "../../src/internal/words.js"

const key = "priv_12051dfac75143fc827cf63a87f46df3"
const destination = "ca_fcfac2016614418f969fa5697383e47c"

describe("The provider's words", () => {
  it("stay as they are when there is nothing to hide", () => {
    const clean = cleaner([key, destination])
    assert.strictEqual(clean("Payout already paid"), "Payout already paid")
    assert.strictEqual(clean("Æblegrød 🥧 på Strøget"), "Æblegrød 🥧 på Strøget")
    assert.strictEqual(clean(""), "")
  })

  it("lose every secret that they repeat, as often as they repeat it (109, 110)", () => {
    const clean = cleaner([key, destination])
    assert.strictEqual(
      clean(`no ${destination} for ${key}; ${destination}${destination}`),
      "no <redacted> for <redacted>; <redacted><redacted>"
    )
  })

  it("lose a secret that begins with another one, whole", () => {
    const longer = `${destination}-2026`
    for (const secrets of [
      [destination, longer],
      [longer, destination]
    ]) {
      assert.strictEqual(cleaner(secrets)(`for ${longer}.`), "for <redacted>.")
    }
  })

  it("keep what is too short to be a secret, or innocent words would go with it", () => {
    assert.strictEqual(cleaner(["card"])("the card is lost"), "the card is lost")
    assert.strictEqual(cleaner([""])("the card is lost"), "the card is lost")
  })

  it("lose a secret that would be cut in two by the limit", () => {
    const text = `${"x".repeat(textMax - 10)}${key}`
    assert.strictEqual(cleaner([key])(text), `${"x".repeat(textMax - 10)}<redacted>`)
    const longer = `${"x".repeat(textMax - 5)}${key}`
    assert.strictEqual(cleaner([key])(longer), `${"x".repeat(textMax - 5)}<red…`)
  })

  it("lose a secret in whatever shape it comes back (109)", () => {
    const odd = "priv_a+b/c?0123456789"
    const clean = cleaner(ofKey(odd), ["ct_a/b+c"])
    for (const text of [odd, encodeURIComponent(odd), "ct_a/b+c", "ct_a%2Fb%2Bc"]) {
      assert.strictEqual(clean(`a ${text} b`), "a <redacted> b")
    }
    for (const encoded of [`${odd}:`, odd].map((text) => Buffer.from(text).toString("base64"))) {
      assert.match(clean(`Basic ${encoded}`), /^Basic <redacted>=*$/)
      assert.strictEqual(clean(`Basic ${encoded.replace(/=+$/, "")}`), "Basic <redacted>")
    }
  })

  it("lose a secret that is all they are, however short", () => {
    const clean = cleaner([key], [destination, "a@b.c", ""])
    for (const secret of [key, destination, "a@b.c"]) assert.strictEqual(clean(secret), "<redacted>")
    assert.strictEqual(clean(""), "")
  })

  it("keep what has to be compared, even if a secret is part of it", () => {
    const clean = cleaner([key], ["winner@example.com"], ["prize-1", "winner@example.com"])
    assert.strictEqual(clean("winner@example.com"), "winner@example.com")
    assert.strictEqual(clean(key), "<redacted>")
  })

  it("never equal what they begin with once they are cut", () => {
    const handle = "x".repeat(textMax)
    assert.strictEqual(cleaner([])(handle), handle)
    assert.strictEqual(cleaner([])(`${handle}y`), `${"x".repeat(textMax - 1)}…`)
  })

  it("come on one line, without anything that moves a terminal's cursor (107)", () => {
    const clean = cleaner([])
    assert.strictEqual(clean("a\r\nERROR b"), "a ERROR b")
    assert.strictEqual(clean("a\u2028b\u2029c\u0085d\u0000e\u001b[2Jf\u007fg"), "a b c d e [2Jf g")
  })

  it("are well-formed, even where the limit falls on an emoji (108)", () => {
    const clean = cleaner([])
    assert.strictEqual(clean("a\ud800b\udfffc"), "a b c")
    assert.strictEqual(clean(`${"x".repeat(textMax - 2)}🥧!`), `${"x".repeat(textMax - 2)}…`)
  })

  it("never hold a secret, a line break or more than 255 characters, whatever they are", () => {
    const noise = fc.string({ unit: "binary", maxLength: 300 })
    fc.assert(
      fc.property(fc.array(fc.oneof(noise, fc.constantFrom(key, destination, "\n", "<", "priv_"))), (parts) => {
        const cleaned = cleaner([key, destination])(parts.join(""))
        assert.isAtMost(cleaned.length, textMax)
        assert.notInclude(cleaned, key)
        assert.notInclude(cleaned, destination)
        assert.notMatch(cleaned, /[\p{Cc}\p{Cs}\u2028\u2029]/u)
      })
    )
  })
})
