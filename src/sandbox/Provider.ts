/**
 * The provider's rules: who may send requests, what a valid request is, one success per handle, and the result of an
 * attempt. Every check is a value (the refusal, or nothing), and only `attempt` changes anything.
 */
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { CreateBody } from "./wire.js"
import type { Agenda } from "./Agenda.js"
import type { Changes } from "./Changes.js"
import type * as ErrorCode from "./ErrorCode.js"
import { fingerprint } from "./fingerprint.js"
import { type Dated, dated } from "./History.js"
import { writeAgreement, writePaymentMethod, writeWebhookSettings } from "./accountWire.js"
import type { About, Asked, Incoming } from "./Incoming.js"
import * as Ledger from "./Ledger.js"
import * as Listing from "./Listing.js"
import * as Acquirer from "./Acquirer.js"
import type { Attempted, PaymentMethod, Rules } from "./Rules.js"
import type { ProviderState, Settlement } from "./SandboxState.js"
import { testAmounts } from "./TestAmounts.js"
import { generates, isToken, savedPrefix, validate } from "./Validation.js"

/** The provider's reply: what was asked for, or a refusal. */
export type Reply =
  | { readonly _tag: "Shown"; readonly payout: Ledger.Recorded }
  | { readonly _tag: "Listed"; readonly page: Listing.Page }
  | { readonly _tag: "Detailed"; readonly payout: Ledger.Recorded; readonly transaction: Ledger.Transaction }
  | { readonly _tag: "Account" }
  | { readonly _tag: "Document"; readonly json: unknown }
  | { readonly _tag: "Refused"; readonly name: ErrorCode.Name; readonly message: string | undefined }

export const shown = (payout: Ledger.Recorded): Reply => ({ _tag: "Shown", payout })

export const refused = (name: ErrorCode.Name, message?: string): Reply => ({ _tag: "Refused", name, message })

export class Provider {
  ledger: Ledger.Ledger = Ledger.empty
  readonly methods: Map<string, PaymentMethod>
  readonly customers: Map<string, "NotFound" | "Deleted">
  private readonly authorization: string
  /** By the references of their cards, which do not reveal them. */
  private readonly tokensUsed = new Set<string>()
  /** When and how processing payouts settle by themselves, by their handles. */
  private readonly settlements = new Map<string, Settlement>()
  private transactions = 0
  private customersMade = 0

  constructor(
    private readonly rules: Rules,
    private readonly agenda: Agenda,
    private readonly changes: Changes,
    now: number
  ) {
    this.authorization = `Basic ${Encoding.encodeBase64(`${Redacted.value(rules.apiKey)}:`)}`
    this.methods = new Map(Object.entries(rules.methods))
    this.customers = new Map(Object.entries(rules.customers))
    for (const past of dated(rules.history, now)) this.remember(past)
  }

  /** Answers a request at `now` (epoch milliseconds). `given` is the acquirer's answer, if a script sets it. */
  receive(incoming: Incoming, asked: Asked, given: Acquirer.Outcome | undefined, now: number): Reply {
    if (incoming.headers["authorization"] !== this.authorization) return refused("notAuthenticated")
    switch (asked.kind) {
      case "Create":
        return this.create(incoming, asked.json, given, now)
      case "Lookup":
        return Option.match(Ledger.payout(this.ledger, asked.handle ?? ""), {
          onNone: () => refused("payoutNotFound"),
          onSome: shown
        })
      case "List":
        return Either.match(Listing.list(this.ledger, this.rules, incoming.query ?? "", now), {
          onLeft: ({ message, name }) => refused(name, message),
          onRight: (page): Reply => ({ _tag: "Listed", page })
        })
      case "Details":
        return this.details(asked)
      case "Account":
        return asked.about === undefined ? { _tag: "Account" } : this.about(asked.about)
      case "Other":
        return refused("notFound")
    }
  }

  private about(about: About): Reply {
    const { agreements, webhookSettings } = this.rules
    switch (about._tag) {
      case "Agreements":
        return { _tag: "Document", json: agreements.map(writeAgreement) }
      case "WebhookSettings":
        return { _tag: "Document", json: writeWebhookSettings(webhookSettings) }
      case "PaymentMethod": {
        const { reference } = about
        const method = this.methods.get(reference)
        if (method === "NotFound" || !reference.startsWith(savedPrefix)) return refused("paymentMethodNotFound")
        const state = typeof method === "string" ? (methodStates.get(method) ?? "active") : "active"
        return {
          _tag: "Document",
          json: writePaymentMethod({ id: reference, state, customer: this.ownerOf(reference) })
        }
      }
    }
  }

  private details({ handle = "", transaction: id }: Asked): Reply {
    const payout = Option.getOrUndefined(Ledger.payout(this.ledger, handle))
    if (payout === undefined) return refused("payoutNotFound")
    const transaction = payout.transactions.find((one) => one.id === id)
    return transaction === undefined ? refused("transactionNotFound") : { _tag: "Detailed", payout, transaction }
  }

  /** The ledger, and all that decides what comes next. */
  get state(): ProviderState {
    return {
      payouts: Ledger.payouts(this.ledger),
      movements: Array.from(this.ledger.movements).flatMap(([, movements]) => movements),
      settlements: [...this.settlements.values()],
      tokensUsed: [...this.tokensUsed],
      transactions: this.transactions,
      customersMade: this.customersMade
    }
  }

  restore(state: ProviderState): void {
    this.ledger = Ledger.fromBooks(state.payouts, state.movements)
    for (const card of state.tokensUsed) this.tokensUsed.add(card)
    for (const settlement of state.settlements) this.planSettlement(settlement)
    this.transactions = state.transactions
    this.customersMade = state.customersMade
  }

  /** Settles a processing payout, and returns whether there was one. */
  settle(handle: string, outcome: Acquirer.Settled, now: number): boolean {
    const before = this.ledger
    this.ledger = Ledger.settle(before, handle, outcome, DateTime.unsafeMake(now))
    const payout = Option.getOrUndefined(Ledger.payout(this.ledger, handle))
    if (this.ledger === before || payout === undefined) return false
    this.settlements.delete(handle)
    this.changes.happened({ _tag: "Ended", payout })
    return true
  }

  private create(incoming: Incoming, json: unknown, given: Acquirer.Outcome | undefined, now: number): Reply {
    const valid = validate(incoming, json)
    if (Either.isLeft(valid)) return refused(valid.left.name, valid.left.message)
    const request = valid.right
    const existing = Option.getOrUndefined(Ledger.payout(this.ledger, request.handle))
    return (
      (this.rules.repeatWithToken === "Token" ? this.usedToken(request) : undefined) ??
      (existing === undefined ? undefined : this.repeat(existing, request)) ??
      this.unusable(request, existing) ??
      this.attempt(request, existing, given, now)
    )
  }

  // One success per handle. A failed payout may be attempted again, for the same customer.
  private repeat(existing: Ledger.Recorded, request: CreateBody): Reply | undefined {
    const { changedAmount, repeatOfPaid, repeatOfProcessing } = this.rules
    if (existing.state === "paid") return repeatOfPaid === "Replay" ? shown(existing) : refused("payoutPaid")
    if (existing.state === "processing") {
      return repeatOfProcessing === "Replay" ? shown(existing) : refused("payoutProcessing")
    }
    const customer = this.customerOf(request)
    if (customer !== undefined && customer !== existing.customer) return refused("customerChanged")
    if (changedAmount === "Accept") return undefined
    if (request.amount !== existing.amount) return refused("amountChangeNotAllowed")
    return this.currencyOf(request) === existing.currency ? undefined : refused("currencyChangeNotAllowed")
  }

  private unusable(request: CreateBody, existing: Ledger.Recorded | undefined): Reply | undefined {
    const named = this.customers.get(request.customerHandle ?? "")
    if (named !== undefined) return refused(named === "NotFound" ? "customerNotFound" : "customerDeleted")
    const method = this.methods.get(request.destination)
    if (typeof method === "string") return refused(methodRefusals[method])
    if (isToken(request.destination)) {
      const nobody = existing === undefined && this.customerOf(request) === undefined && !generates(request)
      return nobody ? refused("missingCustomer") : this.usedToken(request)
    }
    if (method === undefined) {
      return request.destination.startsWith(savedPrefix) ? undefined : refused("paymentMethodNotFound")
    }
    const customer = existing?.customer ?? this.customerOf(request)
    return customer === method.customer && !generates(request) ? undefined : refused("paymentMethodNotFound")
  }

  private usedToken(request: CreateBody): Reply | undefined {
    return this.tokensUsed.has(referenceOf(request.destination)) ? refused("cardTokenUsed") : undefined
  }

  private attempt(
    request: CreateBody,
    existing: Ledger.Recorded | undefined,
    given: Acquirer.Outcome | undefined,
    now: number
  ): Reply {
    const intent: Attempted = {
      handle: request.handle,
      amount: request.amount,
      currency: this.currencyOf(request),
      customer: existing?.customer ?? this.customerOf(request) ?? this.newCustomer(request),
      card: cardOf(request.destination),
      text: request.text,
      ordinal: (existing?.transactions.length ?? 0) + 1
    }
    const outcome = given ?? this.outcomeOf(intent)
    this.carryOut(intent, request.destination, outcome, DateTime.unsafeMake(now))
    const payout = Option.getOrUndefined(Ledger.payout(this.ledger, request.handle))
    if (payout === undefined) return refused("internalError")
    if (outcome._tag !== "Processing") this.changes.happened({ _tag: "Ended", payout })
    return shown(payout)
  }

  private carryOut(intent: Ledger.Intent, destination: string, outcome: Acquirer.Outcome, when: DateTime.Utc): void {
    if (isToken(destination) && (outcome._tag !== "Failed" || this.rules.failureUsesToken)) {
      this.tokensUsed.add(referenceOf(destination))
    }
    this.transactions += 1
    this.ledger = Ledger.attempt(this.ledger, intent, identifier("a", this.transactions), outcome, when)
    if (outcome._tag === "Processing" && outcome.settlement !== undefined) {
      const { after, as } = outcome.settlement
      this.planSettlement({ handle: intent.handle, due: DateTime.addDuration(when, after), as })
    }
  }

  private planSettlement(settlement: Settlement): void {
    this.settlements.set(settlement.handle, settlement)
    this.agenda.plan(settlement.due.epochMillis, (due) => this.settle(settlement.handle, settlement.as, due))
  }

  private remember({ attempts, created, payout }: Dated): void {
    const { amount, handle, text } = payout
    const currency = payout.currency ?? this.rules.currency
    const customer = payout.customer ?? this.ownerOf(payout.transactions[0]?.destination ?? handle)
    const opened = { handle, state: "created", amount, currency, customer, text, created, transactions: [] }
    this.ledger = Ledger.record(this.ledger, opened)
    for (const { made, transaction } of attempts) {
      const { destination, outcome } = transaction
      const attempted = { handle, amount: transaction.amount ?? amount, currency, customer, text }
      this.carryOut({ ...attempted, card: cardOf(destination) }, destination, outcome, made)
    }
    const last = Option.getOrElse(Ledger.payout(this.ledger, handle), () => opened)
    this.ledger = Ledger.record(this.ledger, { ...last, amount })
  }

  // A saved method always has the same customer, and the customer does not reveal the method.
  private ownerOf(destination: string): string {
    const method = this.methods.get(destination)
    return typeof method === "object" ? method.customer : `customer-${digest(destination)}`
  }

  private outcomeOf(attempt: Attempted): Acquirer.Outcome {
    const { hiddenSuccess, outcome } = this.rules
    const triggered = this.rules.testAmounts ? testAmounts.get(attempt.amount) : undefined
    if (triggered === undefined) return typeof outcome === "function" ? outcome(attempt) : outcome
    if (triggered.errorState !== "processing_error") return triggered
    const moved = typeof hiddenSuccess === "function" ? hiddenSuccess(attempt) : hiddenSuccess
    return Acquirer.processingError({ error: triggered.error, moved })
  }

  private currencyOf(request: CreateBody): string {
    return request.currency ?? this.rules.currency
  }

  /** The customer that a request names, or that its payment method implies. */
  private customerOf(request: CreateBody): string | undefined {
    const method = this.methods.get(request.destination)
    return (
      request.customerHandle ??
      request.customer?.handle ??
      (typeof method === "object" && request.customer === undefined ? method.customer : undefined)
    )
  }

  private newCustomer(request: CreateBody): string {
    if (!generates(request)) return this.ownerOf(request.destination)
    this.customersMade += 1
    return `cust-${this.customersMade}`
  }
}

/** The reference of the card. A card token gets the reference of its saved card, which does not reveal the token. */
const referenceOf = (destination: string): string =>
  isToken(destination) ? `${savedPrefix}${digest(destination)}${digest(`${destination}.`)}` : destination

const cardOf = (destination: string): Redacted.Redacted<string> => Redacted.make(referenceOf(destination))

const digest = (text: string): string => fingerprint(encoder.encode(text))

/** 32 characters, as in the provider's samples, in ascending order. */
export const identifier = (prefix: string, ordinal: number): string => prefix + ordinal.toString(16).padStart(31, "0")

const methodStates: ReadonlyMap<string, string> = new Map([
  ["NotActive", "inactivated"],
  ["Pending", "pending"],
  ["Failed", "failed"]
])

const encoder = new TextEncoder()
const methodRefusals = {
  NotFound: "paymentMethodNotFound",
  NotAllowed: "paymentMethodNotAllowed",
  NotActive: "paymentMethodNotActive",
  Pending: "paymentMethodPending",
  Failed: "paymentMethodFailed",
  Invalid: "invalidCardToken",
  Expired: "cardTokenExpired",
  Used: "cardTokenUsed"
} as const satisfies Record<Extract<PaymentMethod, string>, ErrorCode.Name>
