import { assert, describe, it } from "@effect/vitest"
import { Cause, DateTime, Duration, Effect, Either, Exit, Match, Schema } from "effect"
import { Attempt, Exposure, Handle, Money, Outcome, PayoutError } from "effect-billwerk-payouts"
import type { Payout } from "effect-billwerk-payouts"
import { inspect } from "node:util"

const lost: Attempt.Attempt = {
  ordinal: 1,
  kind: "Create",
  started: DateTime.unsafeMake("2026-01-02T03:04:05.678Z"),
  took: Duration.nanos(60_000_000_001n),
  sent: "Unknown",
  outcome: "CommunicationError",
  bearing: "Unclear",
  decision: "SendAgain",
  why: "no answer before the deadline",
  delay: Duration.seconds(1)
}

const refused: Attempt.Attempt = {
  ordinal: 2,
  kind: "Create",
  started: DateTime.unsafeMake("2026-01-02T03:05:06Z"),
  took: Duration.millis(120),
  sent: "Sent",
  status: 401,
  code: 6,
  requestId: "r-2",
  outcome: "RequestRejected",
  bearing: "None",
  recorded: { state: "failed", transactions: 1, processingErrors: 1 },
  decision: "Fail",
  why: "refused, and would be again"
}

const common = {
  handle: Handle.Handle.make("prize-2026-0042"),
  amount: Money.Amount.make(12_500),
  currency: Money.Currency.make("DKK"),
  evidence: Exposure.withCreate(Exposure.empty("prize-2026-0042"), {
    id: "p/1",
    count: 1,
    clock: "p",
    from: 1,
    to: 2,
    amount: 12_500,
    before: [],
    guess: false
  })
}
const notMoved = { ...common, attempts: [refused], certainty: "NotMoved", exposure: { min: 0, max: 0 } } as const
const mayHave = {
  ...common,
  attempts: [lost, refused],
  certainty: "MayHaveMoved",
  exposure: { min: 0, max: 25_000 }
} as const
const moved = { ...common, attempts: [lost], certainty: "Moved", exposure: { min: 12_500, max: 25_000 } } as const

const payout = (errorState: string, error: string): Payout.Payout => ({
  handle: common.handle,
  state: "failed",
  amount: 12_500,
  currency: "DKK",
  customer: "c-1",
  created: DateTime.unsafeMake("2026-01-02T03:04:05Z"),
  failed: DateTime.unsafeMake("2026-01-02T03:04:06Z"),
  transactions: [
    {
      id: "t-1",
      state: "failed",
      amount: 12_500,
      created: DateTime.unsafeMake("2026-01-02T03:04:05Z"),
      errorState,
      error,
      acquirerCode: "51",
      acquirerMessage: "Ask the issuer"
    }
  ]
})
const declined = payout("hard_declined", "credit_card_expired")
const soft = payout("soft_declined", "insufficient_funds")
const broken = payout("processing_error", "acquirer_error")

/** Each class made from evidence, so that it can be had with each certainty. */
const make = {
  CommunicationError: (evidence: Evidence) =>
    new PayoutError.CommunicationError({ ...evidence, reason: "Transport", systemCode: "ECONNRESET" }),
  ServerError: (evidence: Evidence) =>
    new PayoutError.ServerError({ ...evidence, status: 503, code: 2, error: "Unavailable", requestId: "r-1" }),
  UnexpectedResponse: (evidence: Evidence) =>
    new PayoutError.UnexpectedResponse({ ...evidence, status: 200, requestId: "r-1", why: "a body that is not JSON" }),
  PaymentMethodNotFound: (evidence: Evidence) =>
    new PayoutError.PaymentMethodNotFound({ ...evidence, status: 404, code: 40, error: "Payment method not found" }),
  PaymentMethodNotAllowed: (evidence: Evidence) =>
    new PayoutError.PaymentMethodNotAllowed({ ...evidence, status: 400, code: 135 }),
  CustomerMismatch: (evidence: Evidence) => new PayoutError.CustomerMismatch({ ...evidence, status: 400, code: 136 }),
  RequestRejected: (evidence: Evidence) =>
    new PayoutError.RequestRejected({
      ...evidence,
      status: 400,
      code: 77,
      error: "Transaction declined",
      detail: "see .well-known",
      transactionError: "acquirer_rejected_error"
    }),
  RateLimited: (evidence: Evidence) =>
    new PayoutError.RateLimited({ ...evidence, status: 429, code: 122, retryAfter: Duration.seconds(7) }),
  HardDeclined: (evidence: Evidence) => new PayoutError.HardDeclined({ ...evidence, payout: declined }),
  SoftDeclined: (evidence: Evidence) => new PayoutError.SoftDeclined({ ...evidence, payout: soft }),
  ProcessingError: (evidence: Evidence) =>
    new PayoutError.ProcessingError({ ...evidence, requestId: "r-1", payout: broken }),
  HandleConflict: (evidence: Evidence) =>
    new PayoutError.HandleConflict({
      ...evidence,
      other: { certainty: "Moved", exposure: { min: 100, max: 100 } },
      with: "Provider",
      differs: ["amount", "currency"]
    })
} satisfies {
  [Tag in Exclude<PayoutError.PayoutError["_tag"], "InvalidRequest">]: (
    evidence: Evidence
  ) => Extract<PayoutError.PayoutError, { readonly _tag: Tag }>
}
type Evidence = typeof notMoved | typeof mayHave | typeof moved

const invalid = new PayoutError.InvalidRequest({ field: "amount", reason: "must be an integer", handle: "p-1" })
const every: ReadonlyArray<PayoutError.PayoutError> = [
  invalid,
  new PayoutError.InvalidRequest({ field: "handle", reason: "must be short" }),
  ...Object.values(make).flatMap((error) => [error(notMoved), error(mayHave), error(moved)])
]
const lookupErrors: ReadonlyArray<PayoutError.LookupError> = [
  new PayoutError.PayoutNotFound({ handle: common.handle, attempts: [refused] }),
  new PayoutError.LookupFailed({
    handle: common.handle,
    attempts: [lost],
    category: "ServerError",
    status: 503,
    code: 2,
    requestId: "r-1",
    why: "HTTP 503"
  }),
  new PayoutError.LookupFailed({
    handle: common.handle,
    attempts: [],
    category: "CommunicationError",
    why: "no answer"
  })
]

const unclear =
  "Money may have moved: 0 to 25000 minor units of DKK. Do not treat it as failed, and never pay again under another " +
  "handle: recover it, with the evidence of this error."

describe("An error's message", () => {
  const texts: ReadonlyArray<readonly [error: PayoutError.PayoutError | PayoutError.LookupError, text: string]> = [
    [
      make.CommunicationError(notMoved),
      "Payout prize-2026-0042: no clear answer from the provider (Transport ECONNRESET). No money has moved. No request was carried out: try again when the connection is back."
    ],
    [
      make.CommunicationError(mayHave),
      "Payout prize-2026-0042: no clear answer from the provider (Transport ECONNRESET). The last of 2 exchanges, a create, was " +
        `answered with HTTP 401 code 6. ${unclear}`
    ],
    [
      new PayoutError.CommunicationError({ ...notMoved, reason: "Certificate" }),
      "Payout prize-2026-0042: no clear answer from the provider (Certificate). No money has moved. The server's " +
        "certificate was not accepted: correct baseUrl or the trust store, and never switch verification off."
    ],
    [
      make.ServerError(mayHave),
      'Payout prize-2026-0042: the provider failed with HTTP 503 ("Unavailable") and did not recover in time. The last ' +
        `of 2 exchanges, a create, was answered with HTTP 401 code 6. ${unclear} Quote request r-1 to Billwerk if it persists.`
    ],
    [
      make.UnexpectedResponse(mayHave),
      "Payout prize-2026-0042: the provider's answer cannot be relied on (a body that is not JSON). The last of 2 " +
        `exchanges, a create, was answered with HTTP 401 code 6. ${unclear} Contact Billwerk if it persists and quote request r-1.`
    ],
    [
      make.RequestRejected(notMoved),
      'Payout prize-2026-0042: the provider refused the request with HTTP 400 and code 77 ("Transaction declined") ' +
        '("see .well-known"). No money has moved. Correct the request or the account\'s configuration; repeating the ' +
        "same request cannot help."
    ],
    [
      new PayoutError.RequestRejected({ ...notMoved, status: 403 }),
      "Payout prize-2026-0042: the provider refused the request with HTTP 403. No money has moved. Correct the key " +
        "or what it may do, and then send the same request again, under the same handle."
    ],
    [
      make.HardDeclined(notMoved),
      'Payout prize-2026-0042: declined for good (credit_card_expired acquirer code 51 ("Ask the issuer")). No money has ' +
        "moved. Ask the customer for another payment method. Never send it again with the same arguments."
    ],
    [
      make.HandleConflict(notMoved),
      "Payout prize-2026-0042: the handle is taken by a payout with another amount, currency at the provider. This " +
        "request has moved no money. Of the other payout: 100 minor units of another currency have left the account. " +
        "Find out which of your payouts took the handle, and derive handles from what makes a payout unique. Never invent another handle for a payout that may have been made."
    ],
    [
      invalid,
      "The payout request was refused before anything was sent: amount must be an integer. No money has moved. Correct " +
        "the request and make it again."
    ]
  ]
  for (const [error, text] of texts) {
    it(`of ${error._tag} says: ${text.slice(0, 90)}...`, () => assert.strictEqual(error.message, text))
  }

  it("says which payout, what is known about the money, what to do next, and what never to do while it is unclear", () => {
    for (const create of Object.values(make)) {
      for (const evidence of [notMoved, mayHave, moved]) {
        const { _tag, message } = create(evidence)
        assert.isTrue(message.startsWith("Payout prize-2026-0042: "), _tag)
        const money = {
          NotMoved: _tag === "HandleConflict" ? "This request has moved no money." : "No money has moved.",
          MayHaveMoved: "Money may have moved: 0 to 25000 minor units of DKK.",
          Moved: "12500 to 25000 minor units of DKK have left the account."
        }[evidence.certainty]
        assert.include(message, money, _tag)
        const advice = message.slice(message.indexOf(money) + money.length)
        assert.match(advice, /\b(ask|try|correct|find out|recover|look it up|a later attempt)\b/i, _tag)
        if (evidence.certainty !== "NotMoved") assert.match(advice, /[Nn]ever /, _tag)
      }
    }
  })

  it("is whole sentences, without anything that was forgotten in them", () => {
    for (const { message } of [...every, ...lookupErrors]) {
      assert.match(message, /^[A-Z][^]*\.$/)
      assert.notMatch(message, /undefined|null|NaN|\[object| {2}| \.(?!well)|\(\)|""|\.\.(?!\.)/)
    }
  })

  it("of a lookup says that it says nothing about the money", () => {
    assert.deepStrictEqual(
      lookupErrors.map(({ message }) => message),
      [
        "Payout prize-2026-0042: the provider has no payout under this handle. If a create was sent, this does not prove " +
          "that it did nothing: recover it instead of giving up.",
        "Payout prize-2026-0042: the provider could not be asked (ServerError: HTTP 503). This says nothing about the " +
          "money: ask again later.",
        "Payout prize-2026-0042: the provider could not be asked (CommunicationError: no answer). This says nothing " +
          "about the money: ask again later."
      ]
    )
  })

  it("is what a person sees who logs the error", () => {
    for (const error of [...every, ...lookupErrors]) {
      assert.include(String(error), error.message)
      assert.include(inspect(error), error.message)
      assert.include(Cause.pretty(Cause.fail(error)), error.message)
    }
  })
})

describe("InvalidRequest", () => {
  it("carries what every error carries: no attempt, no money, no exposure", () => {
    assert.deepStrictEqual(
      [invalid.attempts, invalid.certainty, invalid.exposure],
      [[], "NotMoved", { min: 0, max: 0 }]
    )
  })
})

describe("The error of the last transaction", () => {
  it("is at hand on each decline", () => {
    assert.deepStrictEqual(
      [make.HardDeclined, make.SoftDeclined, make.ProcessingError].map((error) => error(notMoved).error),
      ["credit_card_expired", "insufficient_funds", "acquirer_error"]
    )
    const unexplained = new PayoutError.HardDeclined({ ...notMoved, payout: { ...declined, transactions: [] } })
    assert.strictEqual(unexplained.error, undefined)
    assert.include(unexplained.message, "(no reason given)")
  })
})

/** By the fields: assertions compare only the names and messages of errors. */
const assertSame = (back: PayoutError.PayoutError | PayoutError.LookupError, error: typeof back) => {
  assert.strictEqual(back.constructor, error.constructor)
  assert.deepStrictEqual({ ...back }, { ...error })
  assert.strictEqual(back.message, error.message)
}

describe("An error in a queue or a workflow", () => {
  const Json = Schema.parseJson(PayoutError.PayoutError)
  const LookupJson = Schema.parseJson(PayoutError.LookupError)

  it("comes back as itself, with its attempts, by the schema of all", () => {
    for (const error of every) assertSame(Schema.decodeSync(Json)(Schema.encodeSync(Json)(error)), error)
    for (const error of lookupErrors) {
      assertSame(Schema.decodeSync(LookupJson)(Schema.encodeSync(LookupJson)(error)), error)
    }
  })

  it("comes back as itself by the schema of its own class", () => {
    const classes: ReadonlyArray<readonly [Schema.Schema.AnyNoContext, PayoutError.PayoutError]> = [
      [PayoutError.InvalidRequest, invalid],
      [PayoutError.CommunicationError, make.CommunicationError(mayHave)],
      [PayoutError.ServerError, make.ServerError(mayHave)],
      [PayoutError.UnexpectedResponse, make.UnexpectedResponse(mayHave)],
      [PayoutError.PaymentMethodNotFound, make.PaymentMethodNotFound(notMoved)],
      [PayoutError.PaymentMethodNotAllowed, make.PaymentMethodNotAllowed(notMoved)],
      [PayoutError.CustomerMismatch, make.CustomerMismatch(notMoved)],
      [PayoutError.RequestRejected, make.RequestRejected(notMoved)],
      [PayoutError.RateLimited, make.RateLimited(notMoved)],
      [PayoutError.HardDeclined, make.HardDeclined(notMoved)],
      [PayoutError.SoftDeclined, make.SoftDeclined(notMoved)],
      [PayoutError.ProcessingError, make.ProcessingError(mayHave)],
      [PayoutError.HandleConflict, make.HandleConflict(moved)]
    ]
    assert.strictEqual(classes.length, PayoutError.PayoutError.members.length)
    for (const [schema, error] of classes) {
      const text = JSON.stringify(Schema.encodeSync(schema)(error))
      assertSame(Schema.decodeUnknownSync(schema)(JSON.parse(text)), error)
      for (const [other] of classes) {
        if (other !== schema) assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(other)(JSON.parse(text))))
      }
    }
  })

  it("keeps dates and durations of its attempts, to the nanosecond", () => {
    const back = Schema.decodeSync(Json)(Schema.encodeSync(Json)(make.RateLimited(mayHave)))
    assert(back._tag === "RateLimited")
    const [first] = back.attempts
    assert(first !== undefined)
    assert.isTrue(DateTime.Equivalence(first.started, lost.started))
    assert.deepStrictEqual(Duration.toNanos(first.took), Duration.toNanos(lost.took))
    assert.deepStrictEqual(first.delay, Duration.seconds(1))
    assert.deepStrictEqual(back.retryAfter, Duration.seconds(7))
  })

  it("survives inside a Cause and an Exit, as a workflow stores it", () => {
    const Stored = Schema.parseJson(
      Schema.Exit({ success: Outcome.Outcome, failure: PayoutError.PayoutError, defect: Schema.Defect })
    )
    for (const error of every) {
      const back = Schema.decodeSync(Stored)(Schema.encodeSync(Stored)(Exit.fail(error)))
      assert(Exit.isFailure(back) && back.cause._tag === "Fail")
      assertSame(back.cause.error, error)
    }
  })

  it("is refused, if its certainty or its tag is none of ours", () => {
    const encoded = { ...JSON.parse(Schema.encodeSync(Json)(make.ServerError(mayHave))) }
    assert.isTrue(Either.isRight(Schema.decodeUnknownEither(PayoutError.PayoutError)(encoded)))
    for (const wrong of [
      { certainty: "Maybe" },
      { _tag: "Nope" },
      { amount: 0 },
      { handle: ".." },
      { attempts: [{}] }
    ]) {
      assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(PayoutError.PayoutError)({ ...encoded, ...wrong })))
    }
  })
})

describe("A success in a queue or a workflow", () => {
  const Json = Schema.parseJson(Outcome.Outcome)

  it("comes back as it was", () => {
    const outcomes: ReadonlyArray<Outcome.Outcome> = [
      { _tag: "Paid", payout: { ...declined, state: "paid" }, ...moved },
      { _tag: "Processing", payout: { ...declined, state: "processing" }, ...mayHave }
    ]
    for (const outcome of outcomes) {
      assert.deepStrictEqual(Schema.decodeSync(Json)(Schema.encodeSync(Json)(outcome)), outcome)
    }
  })
})

describe("A caller", () => {
  const pay = (error: PayoutError.PayoutError): Effect.Effect<"Paid", PayoutError.PayoutError> => Effect.fail(error)

  it.effect("catches one category by its name", () =>
    Effect.gen(function* () {
      const caught = (effect: ReturnType<typeof pay>) =>
        Effect.catchTag(effect, "HardDeclined", ({ error }) => Effect.succeed(`another card, because ${error}`))
      assert.strictEqual(yield* caught(pay(make.HardDeclined(notMoved))), "another card, because credit_card_expired")
      const rest = yield* Effect.flip(caught(pay(make.RateLimited(notMoved))))
      // What was caught is gone from the type, too.
      assert.strictEqual(rest._tag satisfies Exclude<PayoutError.PayoutError["_tag"], "HardDeclined">, "RateLimited")
    })
  )

  it.effect("catches some categories by their names, and the rest stays typed", () =>
    Effect.gen(function* () {
      const handled = (error: PayoutError.PayoutError) =>
        pay(error).pipe(
          Effect.catchTags({
            InvalidRequest: ({ field }) => Effect.succeed(`correct ${field}`),
            HardDeclined: () => Effect.succeed("another card"),
            PaymentMethodNotFound: () => Effect.succeed("another card"),
            RateLimited: ({ retryAfter }) => Effect.succeed(`wait ${retryAfter && Duration.format(retryAfter)}`)
          }),
          Effect.catchAll(({ _tag, certainty }) => Effect.succeed(`${_tag}: ${certainty}`))
        )
      assert.deepStrictEqual(yield* Effect.forEach(every, handled), [
        "correct amount",
        "correct handle",
        ...["CommunicationError", "ServerError", "UnexpectedResponse"].flatMap(inEachCertainty),
        ...Array.from({ length: 3 }, () => "another card"),
        ...["PaymentMethodNotAllowed", "CustomerMismatch", "RequestRejected"].flatMap(inEachCertainty),
        ...Array.from({ length: 3 }, () => "wait 7s"),
        ...Array.from({ length: 3 }, () => "another card"),
        ...["SoftDeclined", "ProcessingError", "HandleConflict"].flatMap(inEachCertainty)
      ])
    })
  )

  const inEachCertainty = (tag: string) => [`${tag}: NotMoved`, `${tag}: MayHaveMoved`, `${tag}: Moved`]

  it("decides by what is known about the money, whatever the category", () => {
    const what = Match.type<PayoutError.PayoutError>().pipe(
      Match.when({ certainty: "MayHaveMoved" }, ({ exposure }) => `ask about ${exposure.max}`),
      Match.when({ certainty: "Moved" }, ({ exposure }) => `book ${exposure.min}`),
      Match.orElse(() => "try another way")
    )
    for (const create of Object.values(make)) {
      assert.deepStrictEqual(
        [notMoved, mayHave, moved].map((evidence) => what(create(evidence))),
        ["try another way", "ask about 25000", "book 12500"]
      )
    }
  })

  it("is told by the compiler when a category is forgotten", () => {
    const who = Match.type<PayoutError.PayoutError>().pipe(
      Match.tag("InvalidRequest", "RequestRejected", "HandleConflict", () => "the developer"),
      Match.tag("PaymentMethodNotFound", "PaymentMethodNotAllowed", "CustomerMismatch", () => "the customer"),
      Match.tag("HardDeclined", "SoftDeclined", () => "the customer"),
      Match.tag("ProcessingError", () => "the acquirer"),
      Match.tag("CommunicationError", "ServerError", "UnexpectedResponse", "RateLimited", () => "nobody yet"),
      Match.exhaustive
    )
    assert.deepStrictEqual([...new Set(every.map(who))].sort(), [
      "nobody yet",
      "the acquirer",
      "the customer",
      "the developer"
    ])

    const forgetful = Match.type<PayoutError.PayoutError>().pipe(
      Match.tag("InvalidRequest", () => "the developer"),
      // @ts-expect-error twelve categories are forgotten
      Match.exhaustive
    )
    assert.isFunction(forgetful)
  })

  it("can match every category to a function of its own", () => {
    const tag = Match.type<PayoutError.PayoutError>().pipe(
      Match.tagsExhaustive({
        InvalidRequest: ({ field }) => field,
        CommunicationError: ({ reason }) => reason,
        ServerError: ({ status }) => status,
        UnexpectedResponse: ({ why }) => why,
        PaymentMethodNotFound: ({ code }) => code,
        PaymentMethodNotAllowed: ({ code }) => code,
        CustomerMismatch: ({ code }) => code,
        RequestRejected: ({ code }) => code,
        RateLimited: ({ retryAfter }) => retryAfter && Duration.toSeconds(retryAfter),
        HardDeclined: ({ error }) => error,
        SoftDeclined: ({ error }) => error,
        ProcessingError: ({ payout: { state } }) => state,
        HandleConflict: ({ differs }) => differs.length
      })
    )
    assert.deepStrictEqual(
      Object.values(make).map((error) => tag(error(mayHave))),
      [
        "Transport",
        503,
        "a body that is not JSON",
        40,
        135,
        136,
        77,
        7,
        "credit_card_expired",
        "insufficient_funds",
        "failed",
        2
      ]
    )
  })
})

describe("The HTTP status of an error", () => {
  it("is 202 for all that may have moved money, and never one that asks for another payment", () => {
    for (const error of every) {
      assert.strictEqual(PayoutError.httpStatus(error) === 202, error.certainty !== "NotMoved", error.message)
    }
  })

  it("says of what moved nothing who has to do something", () => {
    const statuses = [invalid, ...Object.values(make).map((error) => error(notMoved))].map(
      (error) => [error._tag, PayoutError.httpStatus(error)] as const
    )
    assert.deepStrictEqual(statuses, [
      ["InvalidRequest", 400],
      ["CommunicationError", 503],
      ["ServerError", 502],
      ["UnexpectedResponse", 502],
      ["PaymentMethodNotFound", 422],
      ["PaymentMethodNotAllowed", 422],
      ["CustomerMismatch", 409],
      ["RequestRejected", 502],
      ["RateLimited", 503],
      ["HardDeclined", 422],
      ["SoftDeclined", 422],
      ["ProcessingError", 502],
      ["HandleConflict", 409]
    ])
  })
})
