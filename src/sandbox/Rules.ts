/**
 * How the simulated provider behaves. Documented behaviour is fixed. What the documentation leaves open is a switch,
 * with the most plausible behaviour as its default.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import type { PastPayout } from "./History.js"
import type * as Ledger from "./Ledger.js"
import type { Limits } from "../provider/RequestLimits.js"
import * as Acquirer from "./Acquirer.js"

/**
 * The key that the sandbox accepts by default. It opens nothing else.
 *
 * @category constants
 * @since 0.1.0
 */
export const apiKey: Redacted.Redacted<string> = Redacted.make("priv_sandbox_0123456789abcdef0123456789abcdef")

/**
 * The condition of a payment method. Any `ca_...` exists and any `ct_...` is valid, unless it is registered with one of
 * these. `{ customer }` names the owner of a saved method. An unregistered method belongs to each customer that it is
 * used for.
 *
 * `NotFound` 404/40, `NotAllowed` 400/135 (documented for payouts); `NotActive` 42, `Pending` 128, `Failed` 147,
 * `Invalid` 34, `Expired` 104, `Used` 103 (documented in general; for payouts inferred).
 *
 * @category models
 * @since 0.1.0
 */
export type PaymentMethod =
  | "NotFound"
  | "NotAllowed"
  | "NotActive"
  | "Pending"
  | "Failed"
  | "Invalid"
  | "Expired"
  | "Used"
  | { readonly customer: string }

/**
 * What is wrong with a customer: `NotFound` 404/9, `Deleted` 404/71 (documented in general; for payouts inferred).
 *
 * @category models
 * @since 0.1.0
 */
export type Customer = "NotFound" | "Deleted"

/**
 * An attempt that the provider gives to the acquirer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempted extends Ledger.Intent {
  /** 1 for the first attempt on this handle. */
  readonly ordinal: number
}

/**
 * An agreement with a card acquirer. Payouts are `payout`, if its provider supports them (documented).
 *
 * @category models
 * @since 0.1.0
 */
export interface Agreement {
  /** The acquirer's gateway, such as `clearhaus`. */
  readonly provider: string
  /** `active`, or another state. */
  readonly state: string
  readonly payout: boolean
  /** Whether it is of a test gateway. */
  readonly test: boolean
  /** ISO 4217. */
  readonly currencies: ReadonlyArray<string>
}

/**
 * Where the account's webhooks go. The Sandbox sends its own by `SandboxWebhooks`, whatever is said here.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebhookSettings {
  /** The URLs, as the settings show them. */
  readonly urls: ReadonlyArray<string>
  /** Whether the account sends none. */
  readonly disabled: boolean
}

/**
 * The switches of a sandbox, and what it has on record at the beginning.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rules {
  /** The accepted private key. Default: `Sandbox.apiKey`. */
  readonly apiKey: Redacted.Redacted<string>
  /** The account's currency, for a request without one (documented). Default: `DKK`. */
  readonly currency: string
  /** What the account says of itself: `test`, `live` or `closed` (documented). It changes nothing else. Default: `test`. */
  readonly accountState: "test" | "live" | "closed"
  /** What the account says of its agreements. It changes nothing else. Default: a test gateway that pays out. */
  readonly agreements: ReadonlyArray<Agreement>
  /** What the account says of its webhook settings. Default: one https URL. */
  readonly webhookSettings: WebhookSettings
  /** How long each answer takes. Default: no time. */
  readonly latency: Duration.DurationInput
  /**
   * How far the provider's own clock is ahead of Effect's, in every date that the provider writes: `created`, `paid`,
   * `failed`, `timestamp` and the `Date` header. The ledger's dates are by Effect's clock. Default: not at all.
   */
  readonly clockAhead: Duration.DurationInput
  /** How far the provider's clock is behind; the opposite of `clockAhead`. Default: not at all. */
  readonly clockBehind: Duration.DurationInput
  /** The id of the account's time zone, in whose local times lists count (documented). Default: `Europe/Copenhagen`. */
  readonly timezone: string
  /**
   * How long a new payout is missing in lists. A lookup shows it at once. Inferred: it is not documented that lists do
   * not lag. Default: not at all.
   */
  readonly listLag: Duration.DurationInput
  /**
   * What the token of a list's next page is: where the page ended (`Position`), or how many payouts came before
   * (`Offset`), so that a payout which is created meanwhile moves others to the next page once more. Inferred: tokens are
   * documented as opaque. Default: `Position`.
   */
  readonly pageTokens: "Position" | "Offset"
  /** How many of the latest exchanges `exchanges` remembers. Default: 100,000. */
  readonly exchangesMax: number

  /**
   * Request limits, for example `RequestLimits.documented`. With limits, the client of `Sandbox.layer` keeps the
   * standard ones, as it does in production. Default: none.
   */
  readonly limits: Limits | undefined
  /** The raw `Retry-After` header of a 429. Default: none, because none is documented. */
  readonly retryAfter: string | undefined

  /**
   * Whether certain amounts decide the outcome: 1001-1006 a processing error, 2001-2002 a soft decline, 3001-3007 and
   * 1337 a hard decline. Source: documented for charges to certain test cards; for payouts inferred. Default: no, or else a
   * test that pays 1001 would wait six minutes for two retries.
   */
  readonly testAmounts: boolean
  /**
   * Whether the processing error of a test amount hides a success: always, never, or by a function of the attempt. That
   * a processing error may do so is documented. Default: never.
   */
  readonly hiddenSuccess: boolean | ((attempt: Attempted) => boolean)
  /**
   * The outcome of an attempt that neither a script nor a test amount decides. For example, `Acquirer.processing({
   * after: "1 hour" })` is for payouts that settle later. Default: paid.
   */
  readonly outcome: Acquirer.Outcome | ((attempt: Attempted) => Acquirer.Outcome)

  /** The answer to a create on a paid handle: 400/134, or 200 with the payout. Inferred. Default: `Error`. */
  readonly repeatOfPaid: "Error" | "Replay"
  /** The answer to a create on a processing handle: 400/133, or 200 with the payout. Inferred. Default: `Error`. */
  readonly repeatOfProcessing: "Error" | "Replay"
  /** A new attempt with another amount or currency: accepted, or 400/100 and 400/72. Inferred. Default: `Accept`. */
  readonly changedAmount: "Accept" | "Refuse"
  /** Whether a failed attempt uses up a card token, so that the next one gets 400/103. Inferred. Default: yes. */
  readonly failureUsesToken: boolean
  /** What a repeat with a used card token gets first: the payout's state, or 400/103. Inferred. Default: `Payout`. */
  readonly repeatWithToken: "Payout" | "Token"

  /** The order of `transactions`. Not documented. Default: `OldestFirst`. */
  readonly transactionsOrder: "OldestFirst" | "NewestFirst"
  /**
   * The `created` dates of transactions: each its own (one millisecond apart if the clock stands still), all equal to
   * the payout's, or missing. Not documented. Default: `Distinct`.
   */
  readonly transactionDates: "Distinct" | "Equal" | "Missing"
  /**
   * Whether a transaction shows its card: `id` (`ca_...`), `state`, `customer`, and what is printed on it. For a card
   * token, `id` is the reference of the saved card. The field is documented as optional. When it is left out is
   * inferred, and so is that a token's card is saved. Default: `Shown`.
   */
  readonly card: "Shown" | "Hidden"
  /**
   * Whether answers have a `Date` header: when the provider made them, truncated to whole seconds (RFC 9110). Every
   * answer has one, also a proxy's answer by `Script.reply`. Inferred: HTTP asks for it, the provider does not document
   * it. Default: `Sent`.
   */
  readonly date: "Sent" | "Absent"
  /** How an error's body spells the request's id; both spellings are documented. Default: `Underscored`. */
  readonly requestIdField: "Underscored" | "Hyphenated"

  /** Payouts that exist before the sandbox receives anything. Default: none. */
  readonly history: ReadonlyArray<PastPayout>
  /** Payment methods with a special condition or owner. */
  readonly methods: Readonly<Record<string, PaymentMethod>>
  /** Customers with a special condition. */
  readonly customers: Readonly<Record<string, Customer>>
}

/**
 * @category constants
 * @since 0.1.0
 */
export const defaults: Rules = {
  apiKey,
  currency: "DKK",
  accountState: "test",
  agreements: [
    { provider: "test", state: "active", payout: true, test: true, currencies: ["DKK", "EUR", "NOK", "SEK", "USD"] }
  ],
  webhookSettings: { urls: ["https://example.com/webhooks/billwerk"], disabled: false },
  latency: Duration.zero,
  clockAhead: Duration.zero,
  clockBehind: Duration.zero,
  timezone: "Europe/Copenhagen",
  listLag: Duration.zero,
  pageTokens: "Position",
  exchangesMax: 100_000,
  limits: undefined,
  retryAfter: undefined,
  testAmounts: false,
  hiddenSuccess: false,
  outcome: Acquirer.paid,
  repeatOfPaid: "Error",
  repeatOfProcessing: "Error",
  changedAmount: "Accept",
  failureUsesToken: true,
  repeatWithToken: "Payout",
  transactionsOrder: "OldestFirst",
  transactionDates: "Distinct",
  card: "Shown",
  date: "Sent",
  requestIdField: "Underscored",
  history: [],
  methods: {},
  customers: {}
}
