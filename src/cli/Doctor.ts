/**
 * Asks the account what decides beforehand whether a payout can succeed, and says what is right, what is not, and what to
 * do. It only reads.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Reply from "../domain/Reply.js"
import * as Process from "../execution/Process.js"
import { type Asking, read, type Unanswered } from "../execution/read.js"
import * as RetryPolicy from "../policy/RetryPolicy.js"
import { AccountReads } from "../provider/AccountReads.js"
import { BillwerkClient } from "../provider/BillwerkClient.js"

/** What one question showed. `Wrong` stops payouts; a `Note` does not; `NotAsked` says nothing either way. */
export interface Finding {
  readonly about: "account" | "time zone" | "agreements" | "payment method" | "webhooks"
  readonly is: "Right" | "Note" | "Wrong" | "NotAsked"
  readonly says: string
  readonly todo?: string
}

/** What the caller means to pay. */
export interface Given {
  readonly currency: Option.Option<string>
  readonly paymentMethod: Option.Option<Redacted.Redacted<string>>
}

/** Asks all questions. If the key is refused, the first one answers them all. */
export const examine = Effect.fnUntraced(function* ({ currency, paymentMethod }: Given) {
  const client = yield* BillwerkClient
  const reads = yield* AccountReads
  const asking: Asking = { client, process: yield* Process.make(Duration.hours(1)), policy: RetryPolicy.interactive }
  const ask = <Of extends Reply.Content>(exchange: Effect.Effect<Reply.Reply<Of>>) =>
    Effect.either(read(asking, { kind: "Account", about: "The account", exchange }))

  const account = yield* ask(client.lookUpAccount)
  if (Either.isLeft(account) && account.left.status === 401) return [keyRefused]
  const wanted = Option.getOrUndefined(currency) ?? currencyOf(account)
  const agreements = yield* ask(reads.agreements)
  const method = Option.isNone(paymentMethod) ? undefined : yield* ask(reads.paymentMethod(paymentMethod.value))
  const webhooks = yield* ask(reads.webhookSettings)
  return [
    ...answered(account, "account", ofAccount),
    ...answered(agreements, "agreements", (body) => ofAgreements(body, wanted, account)),
    ...(method === undefined ? [] : answered(method, "payment method", ofMethod, ofUnansweredMethod)),
    ...answered(webhooks, "webhooks", ofWebhooks)
  ]
})

type Answer<Of> = Either.Either<Of, Unanswered>
type About = Finding["about"]

const answered = <Of>(
  answer: Answer<Of>,
  about: About,
  judge: (body: Of) => ReadonlyArray<Finding>,
  judgeFailure: (unanswered: Unanswered) => Finding | undefined = () => undefined
): ReadonlyArray<Finding> =>
  Either.match(answer, {
    onLeft: (unanswered) => [judgeFailure(unanswered) ?? notAsked(about, unanswered)],
    onRight: judge
  })

const notAsked = (about: About, { category, status, why }: Unanswered): Finding =>
  status === 403
    ? { about, is: "NotAsked", says: "the key may not read this (HTTP 403)", todo: "use a key of a group that may" }
    : { about, is: "NotAsked", says: `${category}: ${why}`, todo: "ask again later" }

const keyRefused: Finding = {
  about: "account",
  is: "Wrong",
  says: "the provider refuses the key (HTTP 401)",
  todo: "take a private key (priv_...) of this account, and the base URL that belongs to it"
}

const currencyOf = (account: Answer<Reply.AccountBody>): string | undefined =>
  Either.isRight(account) ? account.right.currency : undefined

const ofAccount = ({ currency, state, timeZone }: Reply.AccountBody): ReadonlyArray<Finding> => [
  state === "closed"
    ? { about: "account", is: "Wrong", says: "the account is closed", todo: "use the key of another account" }
    : state === undefined
      ? { about: "account", is: "Note", says: "the account does not say whether it is a test account" }
      : { about: "account", is: "Right", says: `a ${state} account, in ${currency ?? "no currency of its own"}` },
  Option.isSome(DateTime.zoneMakeNamed(timeZone))
    ? { about: "time zone", is: "Right", says: timeZone }
    : {
        about: "time zone",
        is: "Wrong",
        says: `this machine does not know ${timeZone}`,
        todo: "give lists a timeZone of your own"
      }
]

const ofAgreements = (
  { agreements }: Reply.AgreementsBody,
  currency: string | undefined,
  account: Answer<Reply.AccountBody>
): ReadonlyArray<Finding> => {
  const about = "agreements"
  const accountState = Either.isRight(account) ? account.right.state : undefined
  const names = (some: ReadonlyArray<Reply.Agreement>) => some.map(({ provider }) => provider ?? "unnamed").join(", ")
  const paying = agreements.filter(({ payout, state }) => payout === true && (state ?? "active") === "active")
  if (paying.length === 0) {
    const inactive = agreements.filter(({ payout }) => payout === true)
    return [
      inactive.length > 0
        ? { about, is: "Wrong", says: `not active: ${names(inactive)}`, todo: "activate the agreement that pays out" }
        : {
            about,
            is: "Wrong",
            says: `none of ${agreements.length} card agreements is for payouts, so creates end with code 135`,
            todo: "have the provider enable payouts on an agreement whose acquirer supports them"
          }
    ]
  }
  const mismatched = paying.filter(
    ({ test }) => test !== undefined && accountState !== undefined && test !== (accountState === "test")
  )
  const fitting = paying.filter((one) => !mismatched.includes(one))
  const paysIn = fitting.filter(({ currencies }) => currency === undefined || currencies.includes(currency))
  return [
    ...(mismatched.length === 0
      ? []
      : [
          {
            about,
            is: fitting.length === 0 ? "Wrong" : "Note",
            says: `not of the account's kind (test or live): ${names(mismatched)}`,
            todo: "use test gateways on a test account only, and live ones on a live account"
          } as const
        ]),
    ...(fitting.length > 0 && paysIn.length === 0
      ? [
          {
            about,
            is: "Wrong",
            says: `no agreement that pays out has ${currency}, so creates end with code 139: ${names(fitting)}`,
            todo: "have the currency added, or pay in one that they have"
          } as const
        ]
      : []),
    ...paysIn.map((one): Finding => ({
      about,
      is: "Right",
      says: `${names([one])} pays out in ${one.currencies.join(", ")}`
    }))
  ]
}

const ofMethod = ({ paymentType, state }: Reply.PaymentMethodBody): ReadonlyArray<Finding> => [
  state === "active"
    ? { about: "payment method", is: "Right", says: `active${paymentType === undefined ? "" : `, a ${paymentType}`}` }
    : {
        about: "payment method",
        is: "Wrong",
        says: `its state is ${state}, so a payout to it is refused`,
        todo: "ask the customer for another payment method"
      }
]

const ofUnansweredMethod = ({ status }: Unanswered): Finding | undefined =>
  status === 404
    ? {
        about: "payment method",
        is: "Wrong",
        says: "the account has no such payment method (HTTP 404)",
        todo: "take a saved payment method (ca_...) of a customer of this account"
      }
    : undefined

const ofWebhooks = ({ disabled, insecure, urls }: Reply.WebhookSettingsBody): ReadonlyArray<Finding> => {
  const about = "webhooks"
  if (urls === 0 || disabled === true) {
    const says = disabled === true ? "webhooks are switched off" : "no URL is set"
    return [{ about, is: "Note", says: `${says}: awaitFinal polls, and no webhook for payouts is documented` }]
  }
  return insecure > 0
    ? [
        {
          about,
          is: "Wrong",
          says: `${insecure} of ${urls} URLs are not https`,
          todo: "have webhooks sent to https only"
        }
      ]
    : [{ about, is: "Right", says: urls === 1 ? "one URL, with https" : `${urls} URLs, all with https` }]
}
