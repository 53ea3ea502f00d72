import { assert, describe, it, vi } from "@effect/vitest"
import { Cause, DateTime, Duration, Effect, Either, Exit, Option, Redacted, Schema, TestClock } from "effect"
import { createHmac } from "node:crypto"
import { inspect } from "node:util"
import * as Hint from "../../src/domain/Hint.js"
import * as Webhook from "../../src/webhook/Webhook.js"
import { everything } from "../everything.js"

const secret = Redacted.make("webhook-secret")
const other = Redacted.make("another-secret")
const id = "8ab4b56439944e62ababca7954355578"
const timestamp = "2025-10-01T09:30:00.000Z"
const now = DateTime.unsafeMake(timestamp)
const signature = "211669427febdd58a9a5e4b721b76729f0002b8f1e6169c5399aefecbccd960c"

/** By node:crypto, so that what signs and what verifies cannot be wrong together. */
const hmac = (text: string, key = "webhook-secret") => createHmac("sha256", key).update(text).digest("hex")

const signed = { id, timestamp, signature }
const text = (changes: object = {}) => JSON.stringify({ ...signed, ...changes })

const atThatTime = TestClock.setTime(now.epochMillis)

const verify = (body: string | Uint8Array, options: Partial<Webhook.Options> = {}) =>
  Effect.either(Webhook.verify(body, { secrets: [secret], ...options }))

const reasonOf = (body: string | Uint8Array, options?: Partial<Webhook.Options>) =>
  Effect.map(verify(body, options), Either.match({ onLeft: ({ reason }): string => reason, onRight: () => "Verified" }))

/** That each of these bodies comes to that end. */
const allAre = (reason: string, bodies: ReadonlyArray<string | Uint8Array>, options?: Partial<Webhook.Options>) =>
  Effect.forEach(bodies, (body) =>
    Effect.map(reasonOf(body, options), (found) => assert.strictEqual(found, reason, inspect(body).slice(0, 200)))
  )

describe("sign", () => {
  it.effect("makes the signature that is known", () =>
    Effect.map(Webhook.sign({ id, timestamp, secret }), (made) => assert.strictEqual(made, signature))
  )

  it.effect("makes what node:crypto makes, whatever is signed and with whatever", () =>
    Effect.forEach(["a", "Ω≈ç√", "x".repeat(500), "\u0000\n"], (odd) =>
      Effect.gen(function* () {
        assert.strictEqual(
          yield* Webhook.sign({ id: odd, timestamp: "t", secret: Redacted.make(odd) }),
          hmac(`t${odd}`, odd)
        )
      })
    )
  )
})

describe("body", () => {
  it.effect("is the provider's JSON, signed, and of now", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const body = yield* Webhook.body(
        {
          id,
          eventId: "e-1",
          eventType: "invoice_settled",
          customer: "c-1",
          payout: "p-1",
          paymentMethod: "ca_1",
          paymentMethodReference: "r-1",
          subscription: "s-1",
          invoice: "i-1",
          transaction: "t-1",
          creditNote: "n-1",
          credit: "k-1"
        },
        secret
      )
      assert.deepStrictEqual(JSON.parse(body), {
        id,
        timestamp,
        signature,
        event_id: "e-1",
        event_type: "invoice_settled",
        customer: "c-1",
        payout: "p-1",
        payment_method: "ca_1",
        payment_method_reference: "r-1",
        subscription: "s-1",
        invoice: "i-1",
        transaction: "t-1",
        credit_note: "n-1",
        credit: "k-1"
      })
      assert.strictEqual(yield* reasonOf(body), "Verified")
    })
  )
})

describe("verify", () => {
  it.effect("makes a hint of the documented body", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(DateTime.unsafeMake("2015-06-25T12:10:00.640Z").epochMillis)
      const timestamp = "2015-06-25T12:10:00.64Z"
      const body = {
        id,
        event_id: "680bd8055b5c444bb467dcb731c65bf9",
        event_type: "invoice_settled",
        timestamp,
        signature: hmac(timestamp + id),
        customer: "OVAFIJ",
        subscription: "sub001",
        invoice: "23688c2c758040f9bc6cdee0fad6cc77",
        transaction: "28b1af53d7ecd1c487292402a908e2b3",
        credit_note: "a26c1bf5f656f489f295d0c4748dd003",
        credit: "inv-12-credit-3241"
      }
      const hint = new Hint.Hint({
        id,
        timestamp: DateTime.unsafeMake("2015-06-25T12:10:00.640Z"),
        eventId: body.event_id,
        eventType: "invoice_settled",
        references: [body.customer, body.subscription, body.invoice, body.transaction, body.credit_note, body.credit]
      })
      for (const raw of [JSON.stringify(body), JSON.stringify(body, null, 2), `\n${JSON.stringify(body)} `]) {
        assert.deepStrictEqual(yield* verify(raw), Either.right(hint))
        assert.deepStrictEqual(yield* verify(new TextEncoder().encode(raw)), Either.right(hint))
      }
    })
  )

  it.effect("rejects what another secret signed, or nobody (94)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      yield* allAre("WrongSignature", [
        text({ signature: hmac(timestamp + id, "another-secret") }),
        text({ signature: hmac(id + timestamp) }),
        text({ signature: hmac(text()) }),
        text({ signature: "0".repeat(64) })
      ])
      assert.strictEqual(yield* reasonOf(text(), { secrets: [other] }), "WrongSignature")
    })
  )

  it.effect("takes a signature only as it is documented: whole, in hex, in lower case (94)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      yield* allAre(
        "WrongSignature",
        [
          signature.toUpperCase(),
          signature.replace("f", "F"),
          signature.slice(0, 63),
          signature.slice(0, 62),
          signature.slice(0, 8),
          `${signature}0`,
          signature + signature,
          ` ${signature}`,
          `${signature}\n`,
          `0x${signature.slice(2)}`,
          `sha256=${signature}`,
          Buffer.from(signature, "hex").toString("base64"),
          "not hex",
          ""
        ].map((signature) => text({ signature }))
      )
    })
  )

  it.effect("rejects one without a signature, or with something else instead", () =>
    Effect.gen(function* () {
      yield* atThatTime
      yield* allAre("Unsigned", [
        JSON.stringify({ id, timestamp }),
        ...[null, 1, true, [signature], { signature }].map((signature) => text({ signature }))
      ])
    })
  )

  it.effect("rejects one whose id or timestamp was altered (95)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      yield* allAre("WrongSignature", [
        text({ id: id.replace("8", "9") }),
        text({ id: id.slice(1) }),
        text({ id: `${id}0` }),
        text({ timestamp: "2025-10-01T09:30:00.001Z" }),
        // The same moment in other words: what is signed is the text.
        text({ timestamp: "2025-10-01T09:30:00Z" }),
        text({ timestamp: "2025-10-01T09:30:00.000+00:00" })
      ])
    })
  )

  it.effect("takes one whose other fields were altered, because they are not signed: it is only a hint (95)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const hint = yield* Webhook.verify(text({ customer: "c-2", event_type: "x", state: "paid" }), {
        secrets: [secret]
      })
      assert.deepStrictEqual(hint.references, ["c-2", "paid"])
      assert.deepStrictEqual(Object.keys(hint).sort(), ["eventType", "id", "references", "timestamp"])
    })
  )

  it.effect("takes no other division of what was signed, which would be a new id under an old signature (92)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      for (const timestamp of [
        "2025-10-01T09:30:00.000Z",
        "2025-10-01T09:30:00.000+00:00",
        "2025-10-01T09:30:00+0000"
      ]) {
        for (const id of ["8ab4b564", "00000000", "0Z", ":00Z", "+00:00"]) {
          const whole = timestamp + id
          const taken = []
          for (let at = 0; at <= whole.length; at++) {
            const [left, right] = [whole.slice(0, at), whole.slice(at)]
            const body = JSON.stringify({ id: right, timestamp: left, signature: hmac(whole) })
            if ((yield* reasonOf(body)) !== "Malformed") taken.push(left)
          }
          assert.deepStrictEqual(taken, [timestamp])
        }
      }
    })
  )

  it.effect("rejects what is no webhook", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const { id: _, ...withoutId } = signed
      const { timestamp: __, ...withoutTimestamp } = signed
      yield* allAre("Malformed", [
        "",
        " ",
        "{",
        text().slice(0, -1),
        `${text()}${text()}`,
        text().replaceAll('"', "'"),
        "null",
        "1",
        '"text"',
        "[]",
        "{}",
        `[${text()}]`,
        JSON.stringify(text()),
        JSON.stringify({ webhook: signed }),
        JSON.stringify(withoutId),
        JSON.stringify(withoutTimestamp),
        `id=${id}&timestamp=${timestamp}&signature=${signature}`,
        new Uint8Array(0),
        new Uint8Array([0xff, 0xfe, 0x00]),
        // A byte that is no UTF-8, which a lenient decoder would make a replacement character of.
        Buffer.concat([Buffer.from(text().slice(0, -2)), Buffer.from([0xc3]), Buffer.from('"}')]),
        Buffer.from(text(), "utf16le"),
        ...[null, 1, true, [id], { id }, "", "a\nb", "a\u0000", "\ud800", "x".repeat(256)].map((id) => text({ id })),
        ...[null, 1, now.epochMillis, [timestamp], ""].map((timestamp) => text({ timestamp }))
      ])
    })
  )

  it.effect("rejects a timestamp that is none, although it is rightly signed", () =>
    Effect.gen(function* () {
      yield* atThatTime
      yield* allAre(
        "Malformed",
        [
          "yesterday",
          "2025",
          "2025-10-01",
          "2025-10-01T09:30:00.000",
          "2025-10-01 09:30:00Z",
          "2025-10-01T09:30Z",
          "2025-13-01T09:30:00Z",
          "2025-10-01T25:30:00Z",
          "2025-10-01T09:30:00.0000000000Z",
          " 2025-10-01T09:30:00Z",
          "2025-10-01T09:30:00Z\n",
          "2025-10-01T09:30:00Z (8ab4)",
          "+002025-10-01T09:30:00Z",
          String(now.epochMillis),
          "Wed, 01 Oct 2025 09:30:00 GMT"
        ].map((timestamp) => JSON.stringify({ id, timestamp, signature: hmac(timestamp + id) }))
      )
    })
  )

  it.effect("reads every shape of date that the provider writes", () =>
    Effect.gen(function* () {
      yield* atThatTime
      for (const timestamp of [
        "2025-10-01T09:30:00Z",
        "2025-10-01T09:30:00.0Z",
        "2025-10-01T09:30:00.000000Z",
        "2025-10-01T09:30:00.000+00:00",
        "2025-10-01T09:30:00.000+0000",
        "2025-10-01T11:30:00+02:00"
      ]) {
        const hint = yield* verify(JSON.stringify({ id, timestamp, signature: hmac(timestamp + id) }))
        assert.deepStrictEqual(
          Either.map(hint, ({ timestamp }) => timestamp.epochMillis),
          Either.right(now.epochMillis)
        )
      }
    })
  )

  it.effect("tolerates five minutes before and after, and not a millisecond more (96)", () =>
    Effect.gen(function* () {
      const at = (millis: number) => Effect.zipRight(TestClock.setTime(now.epochMillis + millis), reasonOf(text()))
      assert.strictEqual(yield* at(300_000), "Verified")
      assert.strictEqual(yield* at(300_001), "Stale")
      assert.strictEqual(yield* at(3 * 24 * 3_600_000), "Stale")
      assert.strictEqual(yield* at(-300_000), "Verified")
      assert.strictEqual(yield* at(-300_001), "TooEarly")
    })
  )

  it.effect("tolerates as much as it is told (96)", () =>
    Effect.gen(function* () {
      const at = (millis: number, tolerance: Duration.DurationInput) =>
        Effect.zipRight(TestClock.setTime(now.epochMillis + millis), reasonOf(text(), { tolerance }))
      assert.strictEqual(yield* at(0, 0), "Verified")
      assert.strictEqual(yield* at(1, 0), "Stale")
      assert.strictEqual(yield* at(-1, 0), "TooEarly")
      assert.strictEqual(yield* at(3 * 24 * 3_600_000, "3 days"), "Verified")
      assert.strictEqual(yield* at(1e13, Duration.infinity), "Verified")
    })
  )

  it.effect("says that one is stale only if it is rightly signed (94, 96)", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now.epochMillis + 1e9)
      assert.strictEqual(yield* reasonOf(text({ signature: "0".repeat(64) })), "WrongSignature")
      assert.strictEqual(yield* reasonOf(JSON.stringify({ id, timestamp })), "Unsigned")
    })
  )

  it.effect("takes any of several secrets, while they are being changed (100)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const third = Redacted.make("third")
      assert.strictEqual(yield* reasonOf(text(), { secrets: [secret, other] }), "Verified")
      assert.strictEqual(yield* reasonOf(text(), { secrets: [other, secret] }), "Verified")
      assert.strictEqual(yield* reasonOf(text(), { secrets: [other, third, secret] }), "Verified")
      assert.strictEqual(yield* reasonOf(text(), { secrets: [other, third] }), "WrongSignature")
    })
  )

  it.effect("tries every secret, whichever fits, by a comparison in constant time (94)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const compare = vi.spyOn(globalThis.crypto.subtle, "verify")
      for (const secrets of [
        [secret, other, other],
        [other, secret, other],
        [other, other, other]
      ] as const) {
        compare.mockClear()
        yield* reasonOf(text(), { secrets })
        assert.strictEqual(compare.mock.calls.length, 3)
      }
      compare.mockRestore()
    })
  )

  it.effect("takes nothing for an empty secret, though anybody can sign with one (94)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const empty = Redacted.make("")
      const forged = text({ signature: hmac(timestamp + id, "") })
      assert.strictEqual(yield* reasonOf(forged, { secrets: [empty] }), "WrongSignature")
      assert.strictEqual(yield* reasonOf(forged, { secrets: [empty, secret] }), "WrongSignature")
      assert.strictEqual(yield* reasonOf(text(), { secrets: [empty, secret] }), "Verified")
    })
  )

  it.effect("does not read what is too large (99)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const padded = (bytes: number) => text({ pad: "x".repeat(bytes - text({ pad: "" }).length) })
      assert.strictEqual(Buffer.byteLength(padded(65_536)), 65_536)
      assert.strictEqual(yield* reasonOf(padded(65_536)), "Verified")
      yield* allAre("TooLarge", [
        padded(65_537),
        Buffer.from(padded(65_537)),
        // Fewer characters than that, and more bytes.
        text({ pad: "€".repeat(30_000) }),
        "[".repeat(1_000_000),
        new Uint8Array(1_000_000)
      ])
    })
  )

  it.effect("verifies the very values that it gives, however often or oddly they are spelt (94)", () =>
    Effect.gen(function* () {
      yield* atThatTime
      const body = text().slice(1)
      // The last one counts, for both.
      assert.strictEqual(yield* reasonOf(`{"id":"forged",${body}`), "Verified")
      assert.strictEqual(yield* reasonOf(`${text().slice(0, -1)},"id":"forged"}`), "WrongSignature")
      assert.strictEqual(yield* reasonOf(`${text().slice(0, -1)},"\\u0069d":"forged"}`), "WrongSignature")
      assert.strictEqual(yield* reasonOf(`${text().slice(0, -1)},"ID":"other","Signature":"no"}`), "Verified")
      // What is inherited is not there.
      yield* allAre("Malformed", [`{"__proto__":${text()}}`, `{"constructor":{"prototype":${text()}}}`])
      const hint = yield* Webhook.verify(`{"__proto__":"x","toString":"y",${body}`, { secrets: [secret] })
      assert.deepStrictEqual([hint.id, hint.references], [id, ["x", "y"]])
      assert.isUndefined(Object.getOwnPropertyDescriptor(Object.prototype, "id"))
    })
  )
})

describe("The references of a hint", () => {
  const referencesOf = (changes: object) =>
    Effect.gen(function* () {
      yield* atThatTime
      return (yield* Webhook.verify(text(changes), { secrets: [secret] })).references
    })

  it.effect("are of every field that may name something, known or not (98)", () =>
    Effect.gen(function* () {
      const documented = {
        customer: "c-1",
        payment_method: "ca_1",
        payment_method_reference: "r-1",
        subscription: "s-1",
        invoice: "i-1",
        transaction: "t-1",
        credit_note: "n-1",
        credit: "k-1"
      }
      const others = { payout: "p-1", unheard_of: "u-1" }
      assert.deepStrictEqual(
        yield* referencesOf({ event_id: "e-1", event_type: "unheard_of", ...documented, ...others }),
        [...Object.values(documented), "p-1", "u-1"]
      )
    })
  )

  it.effect("are none, if it names nothing", () =>
    Effect.map(referencesOf({ event_id: "e-1", event_type: "x" }), (found) => assert.deepStrictEqual(found, []))
  )

  it.effect("are texts on one line, of bounded length, each once", () =>
    Effect.gen(function* () {
      const longest = "x".repeat(255)
      assert.deepStrictEqual(
        yield* referencesOf({
          a: 1,
          b: null,
          c: ["c"],
          d: { d: "d" },
          e: "",
          f: "x".repeat(256),
          g: "a\nb",
          h: "a\u2028b",
          i: "\ud800",
          j: longest,
          k: "p-1",
          l: "p-1"
        }),
        [longest, "p-1"]
      )
    })
  )

  it.effect("are bounded in number", () =>
    Effect.gen(function* () {
      const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`f${index}`, `r-${index}`]))
      const found = yield* referencesOf(many)
      assert.deepStrictEqual(found, Object.values(many).slice(0, Hint.limits.references))
    })
  )

  it.effect("come with an event that is short and on one line, or with none", () =>
    Effect.gen(function* () {
      yield* atThatTime
      for (const odd of [1, null, "", "x".repeat(256), "a\nb"]) {
        const hint = yield* Webhook.verify(text({ event_id: odd, event_type: odd }), { secrets: [secret] })
        assert.isFalse("eventId" in hint || "eventType" in hint)
      }
    })
  )
})

describe("A rejection", () => {
  const canaries = ["webhook-secret", "another-secret", "C4n4ry", signature.slice(0, 16), id, "2025-10-01"]

  const shown = (value: unknown): ReadonlyArray<string> => [
    String(value),
    JSON.stringify(value),
    inspect(value, everything),
    value instanceof Error ? `${value.name} ${value.message} ${value.stack}` : "",
    Cause.pretty(Cause.sequential(Cause.fail(value), Cause.die(value)), { renderErrorCause: true }),
    JSON.stringify(Cause.fail(value)),
    inspect(Exit.fail(value), everything)
  ]

  const rejections: ReadonlyArray<readonly [Webhook.Reason, string]> = [
    ["TooLarge", `C4n4ry${"x".repeat(100_000)}`],
    ["Malformed", `C4n4ry ${text()}`],
    ["Malformed", text({ timestamp: "C4n4ry" })],
    ["Malformed", text({ id: ["C4n4ry"], customer: "C4n4ry" })],
    ["Unsigned", text({ signature: null, customer: "C4n4ry" })],
    ["WrongSignature", text({ signature: "C4n4ry", customer: "C4n4ry" })],
    ["WrongSignature", text({ id: "C4n4ry", C4n4ry: "C4n4ry" })],
    ["Stale", text({ customer: "C4n4ry" })],
    ["TooEarly", text({ customer: "C4n4ry" })]
  ]

  for (const [index, [reason, body]] of rejections.entries()) {
    it.effect(`says that it is ${reason}, and nothing of the webhook or a secret (94, 110) #${index + 1}`, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(now.epochMillis + (reason === "Stale" ? 1e9 : reason === "TooEarly" ? -1e9 : 0))
        const exit = yield* Effect.exit(Webhook.verify(body, { secrets: [secret, other] }))
        const failure = Exit.match(exit, { onFailure: Cause.failureOption, onSuccess: () => Option.none() })
        assert(Option.isSome(failure))
        const error = failure.value
        assert.strictEqual(error.reason, reason)
        assert.deepStrictEqual({ ...error }, { _tag: "WebhookRejected", reason })
        assert.deepStrictEqual(yield* Schema.encode(Webhook.WebhookRejected)(error), {
          _tag: "WebhookRejected",
          reason
        })
        const rendered = [...shown(error), ...shown(exit)]
        for (const canary of canaries) {
          for (const one of rendered) assert.notInclude(one, canary)
        }
        assert.isTrue(rendered.some((one) => one.includes("The webhook was rejected: ")))
      })
    )
  }

  it.effect("does not show a secret in what is still to be run, or a defect of what signs", () =>
    Effect.gen(function* () {
      const options: Webhook.Options = { secrets: [secret, other] }
      const defect = yield* Effect.exit(Webhook.sign({ id: "C4n4ry", timestamp: "C4n4ry", secret: Redacted.make("") }))
      assert.isTrue(Exit.isFailure(defect))
      for (const one of [
        options,
        Webhook.verify("C4n4ry", options),
        Webhook.sign({ id: "i", timestamp: "t", secret }),
        defect
      ]) {
        for (const text of shown(one)) {
          for (const canary of ["webhook-secret", "another-secret"]) assert.notInclude(text, canary)
        }
      }
    })
  )
})
