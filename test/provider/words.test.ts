import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc, Redacted } from "effect"
import { type About, reading, textMax, type Words } from "../../src/provider/words.js"
import { requestOf } from "../support.js"

const apiKey = "priv_12051dfac75143fc827cf63a87f46df3"
const saved = "ca_fcfac2016614418f969fa5697383e47c"
const token = "ct_0cfac2016614418f969fa5697383e47c"
const customer = {
  generateHandle: true,
  email: "winner@example.com",
  firstName: "Winifred",
  phone: "+45 12 34 56 78",
  vat: "DK12345678",
  postalCode: "2100",
  metadata: { seat: "Balcony 7" }
} as const
const request = requestOf({ handle: "prize-1", destination: saved, text: "Second prize of the raffle", customer })

const wordsOf = (about: Partial<About> = {}, keepTexts = false): Words =>
  reading({ apiKey, keepTexts })({ handle: "prize-1", ...about })()

/** As the answers to a bare lookup, to a request, and to a request with its texts kept, are read. */
const all = [wordsOf(), wordsOf({ request }), wordsOf({ request }, true)]

/** Where the request is known, so that it is known what an answer may repeat. */
const asked = [wordsOf({ request }), wordsOf({ request }, true)]

const table = (
  of: (words: Words) => (text: string) => unknown,
  kept: ReadonlyArray<readonly [string, unknown]>,
  some: ReadonlyArray<Words> = all
) => {
  for (const [text, expected] of kept) for (const words of some) assert.deepStrictEqual(of(words)(text), expected, text)
}

const cardNumber = "4111111111111111"
const longNumber = "4111111111111111117"

describe("A code", () => {
  it("is kept, whether or not it is documented (60, 62)", () =>
    table(
      ({ code }) => code,
      ["paid", "soft_declined", "insufficient_funds", "on_hold", "shy", "sca_3ds_2", "emv_token_deleted"].map(
        (text) => [text, text]
      ),
      asked
    ))

  it("is kept of a bare handle where it is documented, since it is not known what another one may repeat", () => {
    const words = wordsOf()
    for (const text of ["paid", "soft_declined", "insufficient_funds"]) assert.strictEqual(words.code(text), text)
    for (const text of ["on_hold", "fuglebjerg"]) assert.strictEqual(words.code(text), "<redacted>")
    assert.deepStrictEqual(["visa_dk", "clearhaus", "winifred_canary"].map(words.name), [
      "visa_dk",
      "clearhaus",
      undefined
    ])
    assert.deepStrictEqual(["05", "N7", "4250", "40110"].map(words.acquirerCode), ["05", "N7", undefined, undefined])
    assert.strictEqual(words.errorText(134, "Payout already paid"), "Payout already paid")
    assert.strictEqual(words.errorText(1, "oersted_canarian"), undefined)
  })

  it("is told from whatever else stands in its place", () =>
    table(
      ({ code }) => code,
      [
        saved,
        token,
        apiKey,
        "winner@example.com",
        cardNumber,
        longNumber,
        `card_${cardNumber}`,
        "+45 12 34 56 78",
        "Do not honour",
        "Winifred",
        "a\nb",
        "ca_abcdefghijklmnop",
        "x".repeat(65)
      ].map((text) => [text, "<redacted>"])
    ))

  it("repeats nothing of the request, but where it is documented", () => {
    const words = wordsOf({
      request: requestOf({
        text: "hard_declined",
        customer: { generateHandle: true, firstName: "winifred", city: "on_hold" }
      })
    })
    assert.strictEqual(words.code("hard_declined"), "hard_declined")
    for (const text of ["winifred", "not_winifred", "on_hold"]) assert.strictEqual(words.code(text), "<redacted>")
    assert.strictEqual(wordsOf({ request }).code("winifred"), "<redacted>")
    assert.strictEqual(words.name("winifred"), undefined)
    assert.strictEqual(words.name("visa_dk"), "visa_dk")
  })
})

describe("An acquirer's code", () => {
  it("is up to six letters and digits, and no name and no number of anybody", () =>
    table(
      ({ acquirerCode }) => acquirerCode,
      [
        ...["05", "N7", "XA", "1A5", "40110"].map((text) => [text, text] as const),
        ...["", "Sophie", "Bo B", "12345678", cardNumber, longNumber, "DK12345678", "5-1", "a@b.c"].map(
          (text) => [text, undefined] as const
        )
      ],
      asked
    ))

  it("repeats nothing of the request", () => {
    assert.strictEqual(wordsOf({ request: requestOf() }).acquirerCode("2100"), "2100")
    assert.strictEqual(wordsOf({ request }).acquirerCode("2100"), undefined)
  })
})

describe("The name of an error code", () => {
  it("is what the documentation calls it, or another code", () =>
    table(
      ({ errorText }) =>
        (text) =>
          errorText(134, text),
      [
        ["Payout already paid", "Payout already paid"],
        ["PAYOUT ALREADY PAID", "Payout already paid"],
        ["payout_already_paid", "payout_already_paid"]
      ],
      asked
    ))

  it("is nothing else, but where texts are kept", () => {
    for (const words of [wordsOf(), wordsOf({ request }), wordsOf({}, true)]) {
      assert.isUndefined(words.errorText(134, "Payout of Winifred already paid"))
      assert.isUndefined(words.errorText(7, "Payout already paid"))
    }
    assert.strictEqual(
      wordsOf({ request }, true).errorText(134, "Payout of Winifred already paid"),
      "Payout of <redacted> already paid"
    )
  })
})

describe("A handle", () => {
  it("of the payout is kept, and another one is not shown", () =>
    table(
      ({ handle }) => handle,
      [
        ["prize-1", "prize-1"],
        ["prize-2", "<redacted>"],
        ["winner@example.com", "<redacted>"]
      ]
    ))

  it("in a path says whether it is about the payout, and nothing else", () => {
    table(
      ({ path }) => path,
      [
        ["/v1/payout/prize-1", "/prize-1"],
        [`/winner@example.com/v1/payout/prize-1`, "/prize-1"],
        ["/v1/payout/prize-2", "<redacted>"],
        ["/v1/payout/winner@example.com", "<redacted>"],
        [`${"x".repeat(500)}/prize-1`, "/prize-1"]
      ]
    )
    assert.strictEqual(wordsOf({ handle: "a@b" }).path("/v1/payout/a%40b"), "/a@b")
  })
})

describe("A customer's handle", () => {
  it("that is expected is kept as it is, and any other is another one", () => {
    for (const words of [
      wordsOf({ customer: "a@b.c" }),
      wordsOf({ request: requestOf({ customer: "a@b.c" }) }),
      wordsOf({ request: requestOf({ customer: { handle: "a@b.c", email: "a@b.c" } }) })
    ]) {
      assert.strictEqual(words.customer("a@b.c"), "a@b.c")
      for (const other of ["cust-0001", "b@b.c", saved, ""]) assert.strictEqual(words.customer(other), "<redacted>")
    }
  })

  it("that the provider chose is kept, if it can be one", () =>
    table(
      ({ customer }) => customer,
      [
        ...["cust-0001", "customer-006", "1001"].map((text) => [text, text] as const),
        ...[saved, token, apiKey, cardNumber, "winner@example.com", "a b", ""].map((text) => [text, undefined] as const)
      ]
    ))

  it("that the provider chose repeats nothing of the request", () => {
    assert.strictEqual(wordsOf().customer("winifred-1"), "winifred-1")
    assert.isUndefined(wordsOf({ request }).customer("winifred-1"))
  })
})

describe("A currency", () => {
  it("is three capital letters, and anything else is another one", () =>
    table(
      ({ currency }) => currency,
      [["DKK", "DKK"], ...["dkk", "", "winner@example.com", cardNumber].map((text) => [text, "<redacted>"] as const)]
    ))
})

describe("The id of a transaction", () => {
  it("is kept in its documented form, and is else known by its fingerprint: the same in every answer", () => {
    const uuid = "dafba201-6614-418f-969f-a5697383e47c"
    table(
      ({ id }) => id,
      ["dafba2016614418f969fa5697383e47c", uuid, ""].map((text) => [text, text])
    )
    const odd = [saved, token, "winner@example.com", "+45 12 34 56 78", "Winifred", cardNumber, "t-1", "t-2"]
    const ids = odd.map((text) => {
      const [first, ...others] = all.map(({ id }) => id(text))
      assert.match(first ?? "", /^id-[0-9a-f]{16}$/)
      for (const other of others) assert.strictEqual(other, first)
      return first
    })
    assert.strictEqual(new Set(ids).size, odd.length)
  })
})

describe("The id of an exchange", () => {
  it("is kept, if it was made at random", () =>
    table(
      ({ requestId }) => requestId,
      [
        ...["f1988fc2374b4a26a51ebd876b478428", "f1988fc2-374b-4a26-a51e-bd876b478428", "Root=1-6".padEnd(20, "a")].map(
          (text) => [text, /=/.test(text) ? undefined : text] as const
        ),
        ...[saved, token, apiKey, "winner@example.com", "4512345678", cardNumber, longNumber].map(
          (text) => [text, undefined] as const
        ),
        ...[`req-${cardNumber}`, "DK12345678", "Winifred", "some_request_id"].map((text) => [text, undefined] as const)
      ]
    ))

  it("repeats nothing of the request", () => {
    const id = "7f3a-Balcony7-000000"
    assert.strictEqual(wordsOf({ request: requestOf() }).requestId(id), id)
    assert.isUndefined(wordsOf({ request }).requestId(id))
  })

  it("is in hex, where it is not known what it may repeat", () => {
    const encoded = Buffer.from("Strandvejen 12, 3. tv.").toString("base64").replaceAll("=", "")
    assert.strictEqual(wordsOf({ request: requestOf() }).requestId(encoded), encoded)
    assert.isUndefined(wordsOf().requestId(encoded))
  })
})

describe("What a failure is called", () => {
  it("is a name of the system or of a class, and no number of anybody", () =>
    table(
      ({ failure }) => failure,
      [
        ...["ECONNREFUSED", "UND_ERR_SOCKET", "TypeError", "ERR_SSL_TLSV13_ALERT"].map((text) => [text, text] as const),
        ...["", "DK12345678", "connection refused", saved].map((text) => [text, undefined] as const)
      ]
    ))

  it("repeats nothing of the request", () => {
    assert.strictEqual(wordsOf().failure("WINIFRED"), "WINIFRED")
    assert.isUndefined(wordsOf({ request }).failure("WINIFRED"))
  })
})

describe("A sentence", () => {
  it("is not kept by default, and never where only the handle is known", () => {
    for (const words of [wordsOf(), wordsOf({ request }), wordsOf({}, true), wordsOf({ customer: "c-1" }, true)]) {
      assert.isUndefined(words.text("Do not honour"))
    }
  })

  it("is kept on demand, without what it repeats", () => {
    const { text } = wordsOf({ request }, true)
    assert.strictEqual(text("Do not honour"), "Do not honour")
    assert.strictEqual(text("Æblegrød 🥧 på Strøget"), "Æblegrød 🥧 på Strøget")
    assert.strictEqual(text(`no ${saved} for ${apiKey}.`), "no <redacted> for <redacted>.")
    assert.strictEqual(text(`Basic ${Buffer.from(`${apiKey}:`).toString("base64")}`), "Basic <redacted>")
  })

  it("loses what would be cut in two by the limit", () => {
    const { text } = wordsOf({ request }, true)
    const filler = "no ".repeat(83)
    for (const more of ["", "n", "no", "no n", "no no"]) {
      const kept = text(`${filler}${more} ${saved} ${customer.phone}`) ?? ""
      assert.isAtMost(kept.length, textMax)
      assert.notMatch(kept, /ca_|fcfa|45|12/)
    }
    assert.isUndefined(text("no ".repeat(1366)))
  })

  it("comes on one line, without anything that moves a terminal's cursor, and well-formed (107, 108)", () => {
    const { text } = wordsOf({ request }, true)
    assert.strictEqual(text("a\r\nERROR b"), "a ERROR b")
    assert.strictEqual(text("a\u2028b\u2029c\u0085d\u0000e\u001b[2Jf\u007fg"), "a b c d e [2Jf g")
    assert.strictEqual(text("a\ud800b\udfffc"), "a b c")
    assert.strictEqual(text(`${"x".repeat(textMax - 2)}🥧!`), `${"x".repeat(textMax - 2)}…`)
  })

  it("never holds a secret, a line break or more than 255 characters, whatever it is", () => {
    const { text } = wordsOf({ request }, true)
    const noise = fc.string({ unit: "binary", maxLength: 300 })
    fc.assert(
      fc.property(fc.array(fc.oneof(noise, fc.constantFrom(apiKey, saved, "\n", "<", "priv_"))), (parts) => {
        const kept = text(parts.join("")) ?? ""
        assert.isAtMost(kept.length, textMax)
        assert.notInclude(kept, apiKey)
        assert.notInclude(kept, saved)
        assert.notMatch(kept, /[\p{Cc}\p{Cs}\u2028\u2029]/u)
      })
    )
  })

  it("of a request to a card token is without the token", () => {
    const toToken = requestOf({ destination: Redacted.make(token), customer: "c-1" })
    assert.strictEqual(wordsOf({ request: toToken }, true).text(`of ${token}!`), "of <redacted>!")
  })
})

describe("What is looked through", () => {
  it("has the names of a customer's metadata among what it may not repeat", () => {
    const metadata = { "anders.andersen@example.com": true }
    const words = wordsOf({ request: requestOf({ customer: { generateHandle: true, metadata } }) }, true)
    assert.strictEqual(
      words.text("unknown metadata key anders.andersen@example.com"),
      "unknown metadata key <redacted>"
    )
  })

  it("is so much of one answer, and no more", () => {
    const words = wordsOf({ request }, true)
    const texts = Array.from({ length: 20 }, (_, index) => words.text(`${index} ${"…a".repeat(2_000)}`))
    assert.deepStrictEqual(
      texts.map((text) => text !== undefined),
      texts.map((_, index) => index < 4)
    )
  })
})
