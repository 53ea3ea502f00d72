/** Values of the domain, as its types allow them, and as JSON can carry them: no amount is NaN or infinite. */
import { Arbitrary, DateTime, Duration, Either, FastCheck as fc, Redacted, Schema } from "effect"
import {
  Attempt,
  type BatchStore,
  Exposure,
  Handle,
  Money,
  Outcome,
  type Payout,
  PayoutError,
  PayoutRequest,
  Reconciliation
} from "effect-billwerk-payouts"

export const texts = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.string16bits())
export const numbers = fc.oneof(
  fc.nat(100_000),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true })
)

const longestNanos = 24n * 24n * 3_600_000_000_000n
export const durations = fc.oneof(
  fc.nat(2_000_000_000).map((millis) => Duration.millis(millis)),
  fc.bigInt({ min: 0n, max: longestNanos }).map((nanos) => Duration.nanos(nanos))
)
export const dates = fc.oneof(
  fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2035, 0) }).map((millis) => DateTime.unsafeMake(millis)),
  Arbitrary.make(Schema.DateTimeUtc)
)

export const handles = fc.stringMatching(/^[A-Za-z0-9_.@-]{1,255}$/).filter(Schema.is(Handle.Handle))
export const amounts = Arbitrary.make(Money.Amount)
export const currencies = Arbitrary.make(Money.Currency)

export const recorded: fc.Arbitrary<Attempt.Recorded> = fc.record(
  {
    state: texts,
    transactions: numbers,
    processingErrors: numbers,
    errorState: texts,
    earlier: numbers,
    paid: numbers,
    open: numbers
  },
  { requiredKeys: ["state", "transactions", "processingErrors"] }
)

export const attempts: fc.Arbitrary<Attempt.Attempt> = fc.record(
  {
    ordinal: numbers,
    kind: Arbitrary.make(Attempt.Kind),
    started: dates,
    took: durations,
    sent: Arbitrary.make(Attempt.Sent),
    status: numbers,
    code: numbers,
    requestId: texts,
    outcome: texts,
    bearing: Arbitrary.make(Attempt.Bearing),
    recorded,
    decision: Arbitrary.make(Attempt.Decision),
    why: texts,
    delay: durations
  },
  { requiredKeys: ["ordinal", "kind", "started", "took", "sent", "outcome", "bearing", "decision", "why"] }
)

export const exposures: fc.Arbitrary<Exposure.Exposure> = fc.record({ min: numbers, max: numbers })

export const transactions: fc.Arbitrary<Payout.Transaction> = fc.record(
  {
    id: texts,
    state: texts,
    amount: numbers,
    created: dates,
    errorState: texts,
    error: texts,
    acquirerCode: texts,
    acquirerMessage: texts,
    cardType: texts,
    provider: texts
  },
  { requiredKeys: ["id", "state", "amount"] }
)

export const payouts: fc.Arbitrary<Payout.Payout> = fc.record(
  {
    handle: texts,
    state: texts,
    amount: numbers,
    currency: texts,
    customer: texts,
    created: dates,
    paid: dates,
    failed: dates,
    transactions: fc.array(transactions, { maxLength: 3 })
  },
  { requiredKeys: ["handle", "state", "amount", "transactions"] }
)

export const transactionsOnRecord: fc.Arbitrary<Exposure.Transaction> = fc.record(
  {
    id: texts,
    created: numbers,
    amount: numbers,
    state: texts,
    errorState: texts,
    method: texts,
    doing: fc.record({ create: texts, request: texts })
  },
  { requiredKeys: ["id", "amount", "state"] }
)

export const creates: fc.Arbitrary<Exposure.Create> = fc.record(
  {
    id: texts,
    count: numbers,
    clock: texts,
    from: numbers,
    to: numbers,
    amount: numbers,
    request: texts,
    method: texts,
    before: fc.array(texts, { maxLength: 2 }),
    guess: fc.boolean(),
    claim: fc.record({ said: fc.constantFrom("Paid" as const, "Processing" as const, "Exists" as const), at: numbers })
  },
  { requiredKeys: ["id", "count", "clock", "to", "amount", "before", "guess"] }
)

export const moments = fc.record({ clock: texts, at: numbers })

export const records: fc.Arbitrary<Exposure.Record> = fc.record({
  state: texts,
  amount: numbers,
  transactions: numbers,
  read: moments
})

export const evidences: fc.Arbitrary<Exposure.Evidence> = fc.record(
  {
    handle: texts,
    creates: fc.array(creates, { maxLength: 2 }),
    transactions: fc.array(transactionsOnRecord, { maxLength: 2 }),
    record: records,
    read: moments,
    clocks: fc.dictionary(texts, fc.record({ min: numbers, max: numbers }), { maxKeys: 2, noNullPrototype: true })
  },
  { requiredKeys: ["handle", "creates", "transactions", "clocks"] }
)

const evidence = {
  evidence: evidences,
  handle: handles,
  amount: amounts,
  currency: currencies,
  attempts: fc.array(attempts, { maxLength: 3 }),
  certainty: Arbitrary.make(Exposure.Certainty),
  exposure: exposures
}
const evidenceKeys = ["evidence", "handle", "amount", "currency", "attempts", "certainty", "exposure"] as const

export const paid: fc.Arbitrary<Outcome.Paid> = fc
  .record({ ...evidence, payout: payouts })
  .map((fields) => Outcome.Paid.make(fields))
export const waited: fc.Arbitrary<Outcome.Waited> = fc.record(
  { lookups: fc.nat(), shownAt: dates },
  { requiredKeys: ["lookups"] }
)
export const processing: fc.Arbitrary<Outcome.Processing> = fc
  .record({ ...evidence, payout: payouts, waited }, { requiredKeys: [...evidenceKeys, "payout"] })
  .map((fields) => Outcome.Processing.make(fields))

const answer = { status: numbers, requestId: texts }
const refusal = { ...answer, code: numbers, error: texts, detail: texts, transactionError: texts }
const declined = fc.record(
  { ...evidence, requestId: texts, payout: payouts },
  { requiredKeys: [...evidenceKeys, "payout"] }
)
const refused = fc.record({ ...evidence, ...refusal }, { requiredKeys: [...evidenceKeys, "status"] })

export const errors = {
  InvalidRequest: fc
    .record({ handle: texts, field: texts, reason: texts }, { requiredKeys: ["field", "reason"] })
    .map((fields) => new PayoutError.InvalidRequest(fields)),
  CommunicationError: fc
    .record(
      {
        ...evidence,
        ...answer,
        reason: Arbitrary.make(PayoutError.CommunicationError.fields.reason),
        systemCode: texts
      },
      { requiredKeys: [...evidenceKeys, "reason"] }
    )
    .map((fields) => new PayoutError.CommunicationError(fields)),
  ServerError: refused.map((fields) => new PayoutError.ServerError(fields)),
  UnexpectedResponse: fc
    .record({ ...evidence, ...answer, why: texts }, { requiredKeys: [...evidenceKeys, "why"] })
    .map((fields) => new PayoutError.UnexpectedResponse(fields)),
  PaymentMethodNotFound: refused.map((fields) => new PayoutError.PaymentMethodNotFound(fields)),
  PaymentMethodNotAllowed: refused.map((fields) => new PayoutError.PaymentMethodNotAllowed(fields)),
  CustomerMismatch: refused.map((fields) => new PayoutError.CustomerMismatch(fields)),
  RequestRejected: refused.map((fields) => new PayoutError.RequestRejected(fields)),
  RateLimited: fc
    .record({ ...evidence, ...refusal, retryAfter: durations }, { requiredKeys: [...evidenceKeys, "status"] })
    .map((fields) => new PayoutError.RateLimited(fields)),
  HardDeclined: declined.map((fields) => new PayoutError.HardDeclined(fields)),
  SoftDeclined: declined.map((fields) => new PayoutError.SoftDeclined(fields)),
  ProcessingError: declined.map((fields) => new PayoutError.ProcessingError(fields)),
  HandleConflict: fc
    .record(
      {
        ...evidence,
        other: fc.record({ certainty: Arbitrary.make(Exposure.Certainty), exposure: exposures }),
        with: Arbitrary.make(PayoutError.HandleConflict.fields.with),
        differs: fc.array(texts, { maxLength: 3 }),
        requestId: texts
      },
      { requiredKeys: [...evidenceKeys, "other", "with", "differs"] }
    )
    .map((fields) => new PayoutError.HandleConflict(fields)),
  PayoutNotFound: fc
    .record({ handle: handles, attempts: fc.array(attempts, { maxLength: 3 }) })
    .map((fields) => new PayoutError.PayoutNotFound(fields)),
  LookupFailed: fc
    .record(
      {
        handle: handles,
        attempts: fc.array(attempts, { maxLength: 3 }),
        ...answer,
        category: Arbitrary.make(PayoutError.LookupFailed.fields.category),
        code: numbers,
        why: texts
      },
      { requiredKeys: ["handle", "attempts", "category", "why"] }
    )
    .map((fields) => new PayoutError.LookupFailed(fields))
}

// --- requests ---

const lines = fc.oneof(fc.stringMatching(/^[ -~æøåÆØÅ]{1,40}$/), fc.stringMatching(/^[🥧ßé]{1,9}$/u))
const ascii = fc.stringMatching(/^[ -~]{1,128}$/)
const metadata = fc.dictionary(
  fc.oneof(lines, fc.constantFrom("constructor", "toString", "1", "then")).filter((name) => name !== "__proto__"),
  fc.oneof(lines, fc.constant(""), numbers, fc.boolean()),
  { maxKeys: 5 }
)
const details = {
  email: lines,
  firstName: lines,
  lastName: lines,
  address: lines,
  address2: lines,
  city: lines,
  postalCode: lines,
  country: fc.stringMatching(/^[A-Z]{2}$/),
  phone: lines,
  company: lines,
  vat: lines,
  language: lines,
  debtorId: fc.maxSafeInteger(),
  metadata,
  test: fc.boolean()
}

export const newCustomers = fc.oneof(
  fc.record({ handle: handles, ...details }, { requiredKeys: ["handle"] }),
  fc.record({ generateHandle: fc.constant(true as const), ...details }, { requiredKeys: ["generateHandle"] })
)
export const customers = fc.oneof(handles, newCustomers)

const optional = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })
const common = {
  handle: handles,
  amount: amounts,
  currency: currencies,
  text: optional(lines),
  textOnStatement: optional(ascii),
  acquirerReference: optional(ascii)
}

export const savedReferences = fc.stringMatching(/^[!-~]{1,255}$/).filter((text) => !text.startsWith("ct_"))
export const tokens = fc.stringMatching(/^ct_[A-Za-z0-9+/=._~-]{16,64}$/)

export const requests = fc
  .record({ ...common, destination: savedReferences, customer: optional(customers) })
  .map((input) => Either.getOrThrow(PayoutRequest.make(input)))

export const tokenRequests = fc
  .record({ ...common, destination: tokens, customer: customers })
  .map(({ destination, ...input }) => ({
    token: destination,
    request: Either.getOrThrow(PayoutRequest.make({ ...input, destination: Redacted.make(destination) }))
  }))

// --- lists, batches and books ----------------------------------------------------------------------------------------

export const listFailed = fc
  .record(
    {
      attempts: fc.array(attempts, { maxLength: 3 }),
      category: Arbitrary.make(PayoutError.LookupFailed.fields.category),
      code: numbers,
      status: numbers,
      requestId: texts,
      why: texts,
      listed: numbers
    },
    { requiredKeys: ["attempts", "category", "why", "listed"] }
  )
  .map((one) => new PayoutError.ListFailed(one))

export const recordedRows: fc.Arbitrary<BatchStore.Recorded> = fc.record(
  {
    outcome: texts,
    certainty: Arbitrary.make(Exposure.Certainty),
    exposure: exposures,
    transaction: texts,
    status: numbers,
    code: numbers
  },
  { requiredKeys: ["outcome", "certainty", "exposure"] }
)

export const begun: fc.Arbitrary<BatchStore.Begun> = fc.record({
  _tag: fc.constant("Begun" as const),
  handle: texts,
  request: texts,
  evidence: evidences
})

export const ended: fc.Arbitrary<BatchStore.Ended> = fc.record(
  { _tag: fc.constant("Ended" as const), handle: texts, request: texts, result: recordedRows, evidence: evidences },
  { requiredKeys: ["_tag", "handle", "request", "result"] }
)

export const expectations: fc.Arbitrary<Reconciliation.Expectation> = fc.record(
  {
    handle: handles,
    amount: amounts,
    currency: currencies,
    standing: Arbitrary.make(Reconciliation.Standing),
    customer: texts,
    evidence: evidences
  },
  { requiredKeys: ["handle", "amount", "currency", "standing"] }
)

const about = { handle: texts, currency: texts, exposure: exposures }
const here = { ...about, booked: numbers, standing: Arbitrary.make(Reconciliation.Standing) }
const shown = fc.record({ state: texts, amount: numbers, currency: texts }, { requiredKeys: ["state", "amount"] })
const unasked = Arbitrary.make(Reconciliation.Unasked)
const tag = <Tag extends string>(tag: Tag) => ({ _tag: fc.constant(tag) })

export const matched: fc.Arbitrary<typeof Reconciliation.Matched.Type> = fc.record({
  ...tag("Matched"),
  ...here,
  shown
})

export const notPaid: fc.Arbitrary<typeof Reconciliation.NotPaid.Type> = fc.record(
  { ...tag("NotPaid"), ...here, shown },
  { requiredKeys: ["_tag", "handle", "currency", "exposure", "booked", "standing"] }
)

const fields = fc.subarray<"amount" | "currency" | "customer" | "state">(["amount", "currency", "customer", "state"])

export const differences = {
  Differs: fc.record({ ...tag("Differs"), ...here, shown, in: fields }),
  MissingThere: fc.record({ ...tag("MissingThere"), ...here }),
  UnknownHere: fc.record({ ...tag("UnknownHere"), ...about, shown }),
  InDoubt: fc.record(
    { ...tag("InDoubt"), ...here, shown, unasked },
    { requiredKeys: ["_tag", "handle", "currency", "exposure", "booked", "standing"] }
  ),
  FinalSince: fc.record(
    { ...tag("FinalSince"), ...here, shown, now: fc.constantFrom("Paid" as const, "NotMoved" as const) },
    { requiredKeys: ["_tag", "handle", "currency", "exposure", "booked", "standing", "now"] }
  ),
  Processing: fc.record({ ...tag("Processing"), ...here, shown }),
  Duplicate: fc.record({ ...tag("Duplicate"), ...here, arguments: fc.constantFrom("Same" as const, "Other" as const) }),
  NotAsked: fc.record({ ...tag("NotAsked"), ...here, unasked })
}
