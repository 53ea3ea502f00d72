import { assert, describe, it } from "@effect/vitest"
import { Cause, Config, ConfigProvider, Duration, Effect, Either, Exit, Layer, Redacted } from "effect"
import { BillwerkClient, BillwerkConfig, RequestLimits } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { inspect } from "node:util"
import { answer, serve } from "../servers.js"
import { FetchHttpClient } from "@effect/platform"
import { requestOf } from "../support.js"
import { everything } from "../everything.js"

const key = "priv_12051dfac75143fc827cf63a87f46df3"
const apiKey = Redacted.make(key)

/** The name of the option that is refused, and why. */
const refusal = (options: Partial<BillwerkConfig.Options>) =>
  Either.match(BillwerkConfig.make({ apiKey, ...options }), {
    onLeft: (error) => (error._op === "InvalidData" ? [error.path, error.message] : [error._op]),
    onRight: () => "taken"
  })

describe("The client's options", () => {
  it("are, unless said, what the provider documents, with time for an answer after 60 seconds", () => {
    const config = Either.getOrThrow(BillwerkConfig.make({ apiKey }))
    assert.deepStrictEqual(
      {
        ...config,
        createDeadline: Duration.toMillis(config.createDeadline),
        lookupDeadline: Duration.toMillis(config.lookupDeadline)
      },
      {
        apiKey,
        baseUrl: "https://api.frisbii.com",
        createDeadline: 90_000,
        lookupDeadline: 30_000,
        userAgent: "effect-billwerk-payouts/0.1.0",
        keepProviderTexts: false,
        requestLimits: RequestLimits.standard
      }
    )
    assert.strictEqual(BillwerkConfig.bodyBytesMax, 1_048_576)
  })

  it("are taken as they are given", () => {
    const config = Either.getOrThrow(
      BillwerkConfig.make({
        apiKey,
        baseUrl: "https://api.reepay.com",
        createDeadline: "2 minutes",
        lookupDeadline: 500,
        userAgent: "shop/1.0",
        keepProviderTexts: true,
        requestLimits: "None"
      })
    )
    assert.deepStrictEqual(
      {
        ...config,
        createDeadline: Duration.toMillis(config.createDeadline),
        lookupDeadline: Duration.toMillis(config.lookupDeadline)
      },
      {
        apiKey,
        baseUrl: "https://api.reepay.com",
        createDeadline: 120_000,
        lookupDeadline: 500,
        userAgent: "shop/1.0",
        keepProviderTexts: true,
        requestLimits: "None"
      }
    )
  })

  for (const [title, value] of [
    ["empty", ""],
    ["with a space", "priv_1 2"],
    ["with a colon, which would end the user name", "priv_1:2"],
    ["with a line break (107)", "priv_1\r\nx-evil: 1"],
    ["with a NUL", "priv_1\0"],
    ["with a letter that is not ASCII", "priv_ø"],
    ["of 256 characters", "x".repeat(256)],
    ["with a line break at its end", "priv_1\n"]
  ] as const) {
    it(`refuse a key ${title} (10)`, () => {
      assert.deepStrictEqual(refusal({ apiKey: Redacted.make(value) }), [
        ["apiKey"],
        "must be visible ASCII without a colon"
      ])
    })
  }

  const { reads, writes } = RequestLimits.standard
  for (const [title, limits] of [
    ["without reads", { writes }],
    ["with a rate of nothing", { reads: { ...reads, rate: 0 }, writes }],
    ["with a rate without end", { reads, writes: { ...writes, rate: Infinity } }],
    ["with half a burst", { reads, writes: { ...writes, burst: 1.5 } }],
    ["with nothing at a time", { reads: { ...reads, concurrent: 0 }, writes }],
    ["by an unknown name", "Some"],
    ["that are null's", { reads: null, writes: null }]
  ] as const) {
    it(`refuse request limits ${title}`, () => {
      // @ts-expect-error most of these do not compile either
      const given: BillwerkConfig.Options = { requestLimits: limits }
      assert.strictEqual(refusal(given)[0]?.[0], "requestLimits")
    })
  }

  it("take a key of 255 visible characters", () => {
    assert.strictEqual(refusal({ apiKey: Redacted.make("~".repeat(255)) }), "taken")
  })

  const inTheClear = "must be https, or http to this machine itself: the key would travel in the clear"
  for (const [baseUrl, reason] of [
    ["", "must be a URL"],
    ["api.frisbii.com", "must be a URL"],
    ["//api.frisbii.com", "must be a URL"],
    ["https://", "must be a URL"],
    ["http://api.frisbii.com", inTheClear],
    ["http://192.168.0.1", inTheClear],
    ["http://127.0.0.1.example.com", inTheClear],
    ["http://localhost.example.com", inTheClear],
    ["http://example.com#127.0.0.1", inTheClear],
    ["http://127.0.0.1@example.com", inTheClear],
    ["http://0.0.0.0", inTheClear],
    ["http://[::2]", inTheClear],
    ["ftp://127.0.0.1", inTheClear],
    ["file:///etc/passwd", inTheClear],
    ["javascript:alert(1)", inTheClear],
    ["https://user@api.frisbii.com", "must have no user, password, query or fragment"],
    ["https://:word@api.frisbii.com", "must have no user, password, query or fragment"],
    ["https://api.frisbii.com?a=1", "must have no user, password, query or fragment"],
    ["https://api.frisbii.com#a", "must have no user, password, query or fragment"],
    // (D15)
    ["https://api.frisbii.com?", "must have no user, password, query or fragment"],
    ["https://api.frisbii.com#", "must have no user, password, query or fragment"],
    ["https://api.frisbii.com/#", "must have no user, password, query or fragment"],
    ["https://api.frisbii.com/billwerk/?#", "must have no user, password, query or fragment"],
    ["http://127.0.0.1:8080?", "must have no user, password, query or fragment"],
    [" https://api.frisbii.com", "must have no blanks or control characters"],
    ["https://api.frisbii.com ", "must have no blanks or control characters"],
    ["https://api.frisbii.com\t", "must have no blanks or control characters"],
    ["https://api.frisbii.com\n", "must have no blanks or control characters"],
    ["https://api.fris\tbii.com", "must have no blanks or control characters"],
    ["ht\ntps://api.frisbii.com", "must have no blanks or control characters"],
    ["\u0000https://api.frisbii.com", "must have no blanks or control characters"],
    ["https://api.frisbii.com/a b", "must have no blanks or control characters"],
    ["https://api.frisbii\u200b.com", "must have no blanks or control characters"],
    ["https://api.frisbii.com\u00a0/a", "must be a URL"]
  ] as const) {
    it(`refuse ${JSON.stringify(baseUrl)} as the base URL`, () => {
      assert.deepStrictEqual(refusal({ baseUrl }), [["baseUrl"], reason])
    })
  }

  for (const [given, taken] of [
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080"],
    ["http://127.1.2.3", "http://127.1.2.3"],
    ["http://localhost:80/", "http://localhost"],
    ["http://[::1]:8080", "http://[::1]:8080"],
    ["https://api.frisbii.com/", "https://api.frisbii.com"],
    ["HTTPS://API.FRISBII.COM//", "https://api.frisbii.com"],
    ["https://proxy.example.com/billwerk/", "https://proxy.example.com/billwerk"]
  ] as const) {
    it(`take ${given} as the base URL`, () => {
      assert.strictEqual(Either.getOrThrow(BillwerkConfig.make({ apiKey, baseUrl: given })).baseUrl, taken)
    })
  }

  for (const field of ["createDeadline", "lookupDeadline"] as const) {
    for (const [title, value] of [
      ["no time", 0],
      ["less than no time", -1],
      ["for ever", Infinity],
      ["for ever, as a Duration", Duration.infinity],
      ["no number", NaN]
    ] as const) {
      it(`refuse ${title} as the ${field}`, () => {
        assert.deepStrictEqual(refusal({ [field]: value }), [[field], "must be longer than nothing, and finite"])
      })
    }
  }

  for (const userAgent of ["", "a\r\nb", "ø", "x".repeat(256)]) {
    it(`refuse ${JSON.stringify(userAgent.slice(0, 8))} as the user agent (107)`, () => {
      assert.deepStrictEqual(refusal({ userAgent }), [["userAgent"], "must be 1 to 255 printable ASCII characters"])
    })
  }

  it("are refused, and not a defect, where types end (D7)", () => {
    const wiped = Redacted.make(key)
    Redacted.unsafeWipe(wiped)
    const wrong: ReadonlyArray<readonly [string, object]> = [
      ["apiKey", { apiKey: key }],
      ["apiKey", { apiKey: wiped }],
      ["keepProviderTexts", { keepProviderTexts: "false" }],
      ["apiKey", { apiKey: Redacted.make(42) }],
      ["apiKey", { apiKey: undefined }],
      ["baseUrl", { baseUrl: { toString: () => "https://api.frisbii.com" } }],
      ["createDeadline", { createDeadline: key }],
      ["lookupDeadline", { lookupDeadline: { key } }]
    ]
    for (const [name, options] of wrong) {
      const answer = BillwerkConfig.make({ apiKey, ...options })
      assert(Either.isLeft(answer) && answer.left._op === "InvalidData", name)
      assert.deepStrictEqual(answer.left.path, [name])
      assert.notInclude(inspect(answer, everything), key)
    }
  })

  it("are the options' own: a polluted prototype does not say where the key is sent (D4)", () => {
    Object.defineProperty(Object.prototype, "baseUrl", { value: "https://evil.example", configurable: true })
    try {
      assert.strictEqual(Either.getOrThrow(BillwerkConfig.make({ apiKey })).baseUrl, "https://api.frisbii.com")
    } finally {
      Reflect.deleteProperty(Object.prototype, "baseUrl")
    }
  })

  it("keep the key when the caller wipes his (F10)", () => {
    const own = Redacted.make(key)
    const config = Either.getOrThrow(BillwerkConfig.make({ apiKey: own }))
    Redacted.unsafeWipe(own)
    assert.strictEqual(Redacted.value(config.apiKey), key)
  })

  it("never show a value in a refusal: it may be the key in the wrong place (109)", () => {
    for (const options of [
      { apiKey: Redacted.make(`${key}:`) },
      { baseUrl: `https://${key}@api.frisbii.com` },
      { baseUrl: `http://api.frisbii.com/${key}` },
      { baseUrl: key },
      { userAgent: `${key}\n` }
    ]) {
      const error = Either.getOrThrow(Either.flip(BillwerkConfig.make({ apiKey, ...options })))
      const said = [String(error), JSON.stringify(error), inspect(error, everything)]
      for (const text of said) assert.notInclude(text, key)
    }
  })
})

describe("The client's layer", () => {
  const built = <E>(layer: Layer.Layer<BillwerkClient.BillwerkClient, E, never>) =>
    Effect.exit(Effect.scoped(Layer.build(layer)))

  it.effect("is not built with a key that is not one (10)", () =>
    Effect.gen(function* () {
      const layer = BillwerkClient.layer({ apiKey: Redacted.make("") }).pipe(Layer.provide(FetchHttpClient.layer))
      const exit = yield* built(layer)
      assert.isTrue(Exit.isFailure(exit) && Cause.isFailType(exit.cause))
    })
  )

  const layerConfig = BillwerkClient.layerConfig({
    apiKey: Config.redacted("BILLWERK_API_KEY"),
    baseUrl: Config.string("BILLWERK_URL").pipe(Config.withDefault("https://api.frisbii.com")),
    createDeadline: Config.duration("BILLWERK_DEADLINE").pipe(Config.withDefault(Duration.seconds(90)))
  }).pipe(Layer.provide(FetchHttpClient.layer))

  const withConfig = (config: Readonly<Record<string, string>>) =>
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(config))))

  it.effect("is not built when the key is not configured, and says which one is missing (10)", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layerConfig)))
      assert.deepStrictEqual([error._op, "path" in error && error.path], ["MissingData", ["BILLWERK_API_KEY"]])
    }).pipe(withConfig({}))
  )

  it.effect("is not built when a value is wrong, and shows none (10)", () =>
    Effect.gen(function* () {
      const exit = yield* built(layerConfig)
      assert.isTrue(Exit.isFailure(exit))
      assert.notInclude(inspect(exit, everything), key)
      assert.include(String(exit), "apiKey")
    }).pipe(withConfig({ BILLWERK_API_KEY: `${key} ` }))
  )

  it.scopedLive("takes its options from Effect's Config, and sends the key as the documentation shows it", () =>
    Effect.gen(function* () {
      const server = yield* serve((socket) => socket.write(answer(404, '{"code":137}')))
      const config = { BILLWERK_API_KEY: key, BILLWERK_URL: server.url, BILLWERK_DEADLINE: "42 seconds" }
      const deadline = yield* Effect.gen(function* () {
        const client = yield* BillwerkClient.BillwerkClient
        yield* client.lookup(requestOf().handle)
        return client.createDeadline
      }).pipe(Effect.provide(layerConfig), withConfig(config))
      assert.strictEqual(Duration.toMillis(deadline), 42_000)
      const authorization = server.received.map(({ headers }) => headers.find(([name]) => name === "authorization"))
      assert.deepStrictEqual(authorization, [
        ["authorization", "Basic cHJpdl8xMjA1MWRmYWM3NTE0M2ZjODI3Y2Y2M2E4N2Y0NmRmMzo="]
      ])
    })
  )

  it.effect("sends to the path of the base URL, whatever slashes it ends with", () =>
    Effect.gen(function* () {
      const client = yield* BillwerkClient.BillwerkClient
      yield* client.lookup(requestOf().handle)
      const sandbox = yield* Sandbox.Sandbox
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ kind, status }) => [kind, status]),
        [["Lookup", 404]]
      )
    }).pipe(
      Effect.provide(
        BillwerkClient.layer({ apiKey: Sandbox.apiKey, baseUrl: "https://api.frisbii.com///" }).pipe(
          Layer.provideMerge(Sandbox.layerHttpClient)
        )
      )
    )
  )
})
