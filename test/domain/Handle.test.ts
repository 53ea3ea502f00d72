import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck as fc, Schema } from "effect"
import { Handle } from "effect-billwerk-payouts"
import { inspect } from "node:util"

type Parts = Parameters<typeof Handle.derive>

const derived = (...parts: Parts) =>
  Either.match(Handle.derive(...parts), { onLeft: ({ field, reason }) => `${field} ${reason}`, onRight: String })

const refusal = `handle must be 1 to 255 letters, digits or _ . @ -, neither "." nor "..", and no card token or key`

const made = (text: string) =>
  Either.match(Handle.make(text), { onLeft: ({ field, reason }) => `${field} ${reason}`, onRight: String })

describe("Handle.make", () => {
  it("takes what the provider takes, as it is", () => {
    for (const text of ["a", "A-z_0.9@x", "...", "-", "_", "@", "x".repeat(255)]) {
      assert.deepStrictEqual(Either.getOrThrow(Handle.make(text)), text)
    }
  })

  it("refuses the rest, and does not say what it was (106, 107, 108)", () => {
    for (const text of ["", ".", "..", "x".repeat(256), "a/b", "a%b", "å", "a\n", "\u0000", "\ud800", "prize 1"]) {
      const error = Either.getOrThrow(Either.flip(Handle.make(text)))
      assert.strictEqual(`${error.field} ${error.reason}`, refusal)
      assert.strictEqual(error.handle, undefined)
    }
  })

  it("agrees with its own description, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.stringMatching(/^[\w.@-]{0,300}$/)),
        (text) => {
          const allowed = [...text].every((char) => /[A-Za-z0-9_.@-]/.test(char))
          const expected = allowed && text.length >= 1 && text.length <= 255 && text !== "." && text !== ".."
          assert.strictEqual(Either.isRight(Handle.make(text)), expected)
        }
      )
    )
  })
})

describe("Handle.derive", () => {
  // A caller's payouts are on record under these. If one of them changes, a payout is made a second time.
  const forever: ReadonlyArray<readonly [handle: string, parts: Parts]> = [
    ["prize.2026.0042", ["prize", "2026", "0042"]],
    ["prize.2026.42", ["prize", 2026, 42]],
    ["a", ["a"]],
    ["_", [""]],
    ["_._", ["", ""]],
    ["a._", ["a", ""]],
    ["_._.a", ["", "", "a"]],
    ["_2e_", ["."]],
    ["_2e__2e_", [".."]],
    ["a_2e_b", ["a.b"]],
    ["a_5f_b", ["a_b"]],
    ["_5f_", ["_"]],
    ["user@example_2e_com", ["user@example.com"]],
    ["a-b", ["a-b"]],
    ["_20_", [" "]],
    ["a_2f_b_25_", ["a/b%"]],
    ["_0__a_", ["\u0000\n"]],
    ["_e6_", ["æ"]],
    ["_1f967_", ["🥧"]],
    ["_d83e_", ["\ud83e"]],
    ["-1.1_2e_5.9007199254740991", [-1, 1.5, Number.MAX_SAFE_INTEGER]]
  ]
  for (const [handle, parts] of forever) {
    it(`makes ${handle} of ${JSON.stringify(parts)}, for ever`, () => assert.strictEqual(derived(...parts), handle))
  }

  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.stringMatching(/^[_.a0-]{0,4}$/),
    fc.constantFrom("", "_", ".", "_2e_", "2e", "_5f_", "a", "\ud83e", "\udd67", "🥧")
  )
  const parts = fc.tuple(part, fc.array(part, { maxLength: 4 })).map(([first, rest]) => [first, ...rest] as const)

  it("makes different handles of different ids, and the same of the same", () => {
    fc.assert(
      fc.property(parts, parts, (some, others) => {
        const isSame = JSON.stringify(some) === JSON.stringify(others)
        const handle = Handle.derive(...some)
        assert.deepStrictEqual(Handle.derive(...some), handle)
        // Those that are too long have no handle at all.
        if (Either.isLeft(handle)) return
        assert.strictEqual(derived(...others) === handle.right, isSame)
      }),
      { numRuns: 5000 }
    )
  })

  it("makes different handles of ids that are hard to tell apart", () => {
    const texts = ["", "a", "_", ".", "..", "a.", ".a", "_2e_", "2e", "_a", "a_", "_5f_", "5f", "a.b", "a_2e_b"]
    const handles = new Set<string>()
    for (const one of texts) {
      handles.add(derived(one))
      for (const two of texts) {
        handles.add(derived(one, two))
        for (const three of texts) handles.add(derived(one, two, three))
      }
    }
    assert.strictEqual(handles.size, texts.length + texts.length ** 2 + texts.length ** 3)
  })

  it("makes a handle that the provider takes, or refuses", () => {
    fc.assert(
      fc.property(parts, (list) => {
        const handle = derived(...list)
        if (handle !== refusal) assert.match(handle, /^(?!\.{1,2}$)[A-Za-z0-9_.@-]{1,255}$/)
      })
    )
  })

  it("refuses what looks like a card token or a key, which would be shown everywhere (110)", () => {
    for (const text of ["ct_0123456789abcdef", "priv_0123456789abcdef0123"]) assert.strictEqual(made(text), refusal)
    for (const text of ["ct_2026", "act_0123456789abcdef", "ca_0123456789abcdef"]) assert.strictEqual(made(text), text)
  })

  it("refuses what is no id: it would be the same for every payout, or for two (F8)", () => {
    for (const part of [NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 1187439012345678848, 1e21, undefined, null]) {
      for (const [ordinal, parts] of [
        [1, [part]],
        [2, ["prize", part]],
        [2, [1, part, NaN]]
      ] as const) {
        // @ts-expect-error: where ids come from, types end.
        const answer = Handle.derive(...parts)
        assert(Either.isLeft(answer), `${String(part)} was taken`)
        assert.strictEqual(answer.left.field, "handle")
        assert.strictEqual(
          answer.left.reason,
          `must be derived from texts and numbers up to 2^53: part ${ordinal} is neither`
        )
      }
    }
    for (const part of [
      {},
      [],
      ["a"],
      { toString: () => "a" },
      Object("a"),
      Object(1),
      true,
      1n,
      Symbol("a"),
      () => 1
    ]) {
      assert.strictEqual(derived(part), "handle must be derived from texts and numbers up to 2^53: part 1 is neither")
    }
    assert.strictEqual(derived("prize", "1187439012345678848"), "prize.1187439012345678848")
  })

  it("refuses a card number, which would be shown everywhere, and does not show it (D5)", () => {
    for (const text of ["4111111111111111", "4111-1111-1111-1111", "5019.7170.1010.3742", "378282246310005"]) {
      const error = Either.getOrThrow(Either.flip(Handle.make(text)))
      assert.deepStrictEqual(
        [error.field, error.reason],
        ["handle", "must not be a card number: a handle is shown everywhere; if it is none, put a word before it"]
      )
      const decoded = Schema.decodeEither(Handle.Handle)(text)
      assert(Either.isLeft(decoded))
      for (const shown of [inspect(error), String(decoded.left), inspect(decoded.left)]) assert.notInclude(shown, text)
    }
    assert.isTrue(Either.isLeft(Handle.derive("4111111111111111")))
  })

  it("takes ids that are digits alone: times, snowflakes, dates and numbers in a row", () => {
    for (const id of ["1764328605123", "1764328605123456", "1764328605123456789", "1187439012345678848"]) {
      assert.strictEqual(made(id), id)
    }
    for (const id of [
      "2026070100000042",
      "20260701-0001",
      "4111111111111112",
      "000000000000",
      "prize.4111111111111111"
    ]) {
      assert.strictEqual(made(id), id)
    }
  })

  it("does not show what its schema refuses (D7)", () => {
    for (const secret of ["ct_0123456789abcdef", "priv_0123456789abcdef0123", "a b secret", { a: "secret" }]) {
      const answer = Schema.decodeUnknownEither(Handle.Handle)(secret)
      assert(Either.isLeft(answer))
      assert.strictEqual(String(answer.left), "Expected a handle")
    }
  })

  it("refuses ids that are too long, rather than cutting them (106)", () => {
    assert.strictEqual(derived("x".repeat(255)), "x".repeat(255))
    assert.strictEqual(derived("x".repeat(256)), refusal)
    assert.strictEqual(derived("x".repeat(127), "x".repeat(127)).length, 255)
    assert.strictEqual(derived("x".repeat(128), "x".repeat(127)), refusal)
    assert.strictEqual(derived("_".repeat(64)), refusal)
  })
})
