/** Rows of CSV and NDJSON, with the lines in which they begin. */
import { assert, describe, it } from "@effect/vitest"
import { Either, Redacted } from "effect"
import { Batch } from "effect-billwerk-payouts"

const token = "ct_C4n4ry70ken0123456789abcdef"

/** Each row as `line: handle amount currency`, or `line! reason`. */
const read = (text: string) =>
  Batch.rows(text).map(({ line, request }) =>
    Either.match(request, {
      onLeft: (reason) => `${line}! ${reason}`,
      onRight: ({ amount, currency, handle, text }) =>
        [`${line}:`, handle, amount, currency, ...(text === undefined ? [] : [JSON.stringify(text)])].join(" ")
    })
  )

const head = "handle,destination,amount,currency"

describe("rows of CSV", () => {
  it("have the line in which they begin, also after quoted line breaks and empty lines", () => {
    const text = `${head},text\r\np-1,ca_1,1,DKK,"two\r\nlines"\r\n\r\np-2,ca_1,2,DKK,plain\r\n"p-3",ca_1,3,DKK,"say ""hi"", twice"`
    assert.deepStrictEqual(read(text), [
      "2! text must be 1 to 1024 characters without control characters or lone surrogates",
      '5: p-2 2 DKK "plain"',
      '6: p-3 3 DKK "say \\"hi\\", twice"'
    ])
  })

  for (const [what, end] of [
    ["LF", "\n"],
    ["CRLF", "\r\n"],
    ["CR", "\r"]
  ] as const) {
    it(`end with ${what}, with or without one at the end of the file`, () => {
      const lines = [head, "p-1,ca_1,1,DKK", "p-2,ca_1,2,EUR"].join(end)
      for (const text of [lines, lines + end, `\ufeff${lines}`]) {
        assert.deepStrictEqual(read(text), ["2: p-1 1 DKK", "3: p-2 2 EUR"])
      }
    })
  }

  it("are separated by semicolons or tabs as well", () => {
    for (const delimiter of [";", "\t"]) {
      const text = `${head}\np-1,ca_1,1,DKK\n`.replaceAll(",", delimiter)
      assert.deepStrictEqual(read(text), ["2: p-1 1 DKK"])
    }
  })

  it("have the names of `PayoutRequest.make` or the provider's", () => {
    const request = (names: string) =>
      Batch.rows(`${names}\np-1,ca_1,1,DKK,anna,for you,FOR YOU,REF\n`).map(({ request }) =>
        Either.match(request, {
          onLeft: (reason) => reason,
          onRight: ({ acquirerReference, customer, text, textOnStatement }) => [
            customer,
            text,
            textOnStatement,
            acquirerReference
          ]
        })
      )
    const expected = [["anna", "for you", "FOR YOU", "REF"]]
    for (const names of [
      "handle,destination,amount,currency,customer,text,textOnStatement,acquirerReference",
      "handle,destination,amount,currency,customer_handle,text,text_on_statement,acquirer_reference",
      "Handle,Destination,Amount,Currency,Customer,Text,Text on statement,acquirer-reference"
    ]) {
      assert.deepStrictEqual(request(names), expected)
    }
  })

  it("are refused together if a name is unknown, doubled or missing, and the name is not repeated", () => {
    assert.deepStrictEqual(read(`${head},${token}\np-1,ca_1,1,DKK,x`), [
      "1! has an unknown name in column 5: handle, destination, amount, currency, customer, text, textOnStatement, " +
        "acquirerReference are known"
    ])
    assert.deepStrictEqual(read(`${head},AMOUNT\np-1,ca_1,1,DKK,2`), ["1! has amount twice"])
    assert.deepStrictEqual(read("handle,amount\np-1,1"), ["1! has no column destination, currency"])
    assert.deepStrictEqual(read(""), [])
  })

  it("are refused one by one, with the reason", () => {
    const lines = [
      head,
      "p-1,ca_1,12.50,DKK",
      "p-2,ca_1,1",
      'p-3,ca_1,1,"DKK"x',
      'p-4,ca_1,1,D"KK',
      "p-5,ca_1,,DKK",
      "p-6,ca_1,1,DKK",
      'p-7,ca_1,1,"DKK',
      "p-8,ca_1,1,DKK"
    ]
    const amount = "amount must be an integer from 1 to 2147483647, in the currency's smallest unit"
    assert.deepStrictEqual(read(lines.join("\n")), [
      `2! ${amount}`,
      "3! has 3 cells, and 4 are named",
      "4! has text behind a closing quote",
      "5! has a quote inside a cell without quotes",
      `6! ${amount}`,
      "7: p-6 1 DKK",
      "8! has a quote that is never closed"
    ])
  })

  it("are refused if they are not UTF-8", () => {
    const text = new TextDecoder().decode(Uint8Array.of(...Buffer.from(`${head},text\np-1,ca_1,1,DKK,s`), 0xf8))
    assert.deepStrictEqual(read(text), ["2! is not UTF-8"])
  })

  it("may have a card token, which becomes Redacted", () => {
    const [row] = Batch.rows(`${head},customer\np-1,${token},1,DKK,anna\n`)
    assert(row !== undefined && Either.isRight(row.request))
    assert.strictEqual(row.request.right.destination._tag, "CardToken")
    assert.strictEqual(Redacted.value<string>(row.request.right.destination.reference), token)
    assert.notInclude(JSON.stringify(row), token)
    assert.deepStrictEqual(read(`${head}\np-1,${token},1,DKK\n`), [
      "2! customer must be given with a card token, which identifies no customer"
    ])
  })
})

describe("rows of NDJSON", () => {
  it("have the line that they are in", () => {
    const row = { handle: "p-1", destination: "ca_1", amount: 1, currency: "DKK" }
    const text = [row, { ...row, handle: "p-2", text_on_statement: "HI" }]
      .map((one) => JSON.stringify(one))
      .join("\r\n\r\n")
    assert.deepStrictEqual(read(`\ufeff${text}\n`), ["1: p-1 1 DKK", "3: p-2 1 DKK"])
  })

  it("are refused one by one, without what they hold", () => {
    const row = { handle: "p-1", destination: "ca_1", amount: 1, currency: "DKK" }
    const text = [
      JSON.stringify({ ...row, amount: "1" }),
      `{"handle": "${token}`,
      `[${JSON.stringify(row)}]`,
      JSON.stringify({ ...row, textOnStatement: "A", text_on_statement: "B" }),
      JSON.stringify({ ...row, order: "x" }),
      JSON.stringify(row)
    ].join("\n")
    assert.deepStrictEqual(read(text), [
      "1! amount must be an integer from 1 to 2147483647, in the currency's smallest unit",
      "2! is not JSON",
      "3! request must be an object",
      "4! has textOnStatement twice",
      "5! order is not a field of a payout request",
      "6: p-1 1 DKK"
    ])
  })
})

describe("a preview", () => {
  it("has the valid rows and their sums, the invalid ones, and each row that shares a handle", () => {
    const text = [
      head,
      "p-1,ca_1,1,DKK",
      "p-2,ca_1,2,EUR",
      "p-3,ca_1,0,DKK",
      "p-4,ca_1,4,DKK",
      "p-5,ca_1,5,DKK",
      "p-4,ca_1,4,DKK",
      "p-5,ca_2,6,DKK",
      "p-6,ca_1,100,DKK"
    ].join("\n")
    const { valid, ...preview } = Batch.preview(Batch.rows(text))
    assert.deepStrictEqual(
      valid.map(({ line }) => line),
      [2, 3, 9]
    )
    assert.deepStrictEqual(preview, {
      rows: 8,
      invalid: [{ line: 4, reason: "amount must be an integer from 1 to 2147483647, in the currency's smallest unit" }],
      duplicates: [
        { line: 5, reason: "handle p-4 is also in line 7, with the same arguments" },
        { line: 6, reason: "handle p-5 is also in line 8, with another destination and amount" },
        { line: 7, reason: "handle p-4 is also in line 5, with the same arguments" },
        { line: 8, reason: "handle p-5 is also in line 6, with another destination and amount" }
      ],
      sums: { DKK: { rows: 2, amount: 101 }, EUR: { rows: 1, amount: 2 } }
    })
  })
})
