/**
 * Pays test amounts on a test account, and observes what the provider does where its documentation leaves it open. It
 * asks the account first, and refuses any that does not say that it is a test account.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Handle from "../domain/Handle.js"
import type * as Payout from "../domain/Payout.js"
import * as PayoutRequest from "../domain/PayoutRequest.js"
import type * as Reply from "../domain/Reply.js"
import { BillwerkClient } from "../provider/BillwerkClient.js"
import type { Observations } from "../sandbox/Observations.js"
import * as BadInput from "./BadInput.js"

/** Where the test amounts go. */
export interface Given {
  readonly paymentMethod: Redacted.Redacted<string>
  readonly currency: Option.Option<string>
}

/** Paid by any acquirer; and a hard decline, for charges to certain test cards (documented). */
const amounts = { paid: 1000, declined: 3001, changed: 3002 }

const lookupsMax = 20
const lookupGap = Duration.millis(250)

/** Makes all observations, one exchange after the other. */
export const observe = Effect.fnUntraced(function* ({ currency, paymentMethod }: Given) {
  const client = yield* BillwerkClient
  const account = yield* client.lookUpAccount
  const body = account._tag === "Response" && account.body._tag === "AccountBody" ? account.body : undefined
  if (body?.state !== "test") return yield* notATestAccount(body?.state)
  const observed = yield* DateTime.now
  const name = `probe-${observed.epochMillis.toString(36)}`
  const replies: Array<Reply.Reply> = []
  const heard = (reply: Reply.Reply) => Effect.sync(() => void replies.push(reply))
  const create = (handle: string, amount: number) =>
    PayoutRequest.fromUnknown({
      handle,
      amount,
      destination: Redacted.value(paymentMethod),
      currency: Option.getOrElse(currency, () => body.currency)
    }).pipe(
      Effect.mapError(BadInput.fromRefusal),
      Effect.flatMap((request) => Effect.tap(client.create(request), heard))
    )

  const first = yield* create(`${name}-1`, amounts.paid)
  const readLag = yield* lagOf(client, `${name}-1`, first)
  const again = yield* create(`${name}-1`, amounts.paid)
  const declined = yield* create(`${name}-2`, amounts.declined)
  const isFailed = stateOf(declined) === "failed"
  const repeated = isFailed ? yield* create(`${name}-2`, amounts.declined) : undefined
  const changed = isFailed ? yield* create(`${name}-2`, amounts.changed) : undefined
  const long = yield* create(`${name}-_.@`.padEnd(255, "x"), amounts.paid)
  const shown = payoutOf(changed) ?? payoutOf(repeated) ?? payoutOf(declined) ?? payoutOf(first)
  const seen: Observations = {
    observed,
    repeatOfPaid: stateOf(first) === "paid" ? repeatOf(again, 134) : undefined,
    repeatOfProcessing: stateOf(first) === "processing" ? repeatOf(again, 133) : undefined,
    repeatOfFailed: acceptance(repeated),
    changedAmount: acceptance(changed),
    testAmounts: payoutOf(declined) === undefined ? undefined : isDeclined(payoutOf(declined)),
    ...ofTransactions(shown),
    card: cardOf(shown),
    date: dateOf(replies),
    cached: replies.some((reply) => reply._tag === "Response" && reply.isCached === true),
    retryAfter: retryAfterOf(replies),
    longHandle: acceptance(long),
    readLag
  }
  return seen
})

const notATestAccount = (state: string | undefined) =>
  BadInput.make(
    `probe pays on test accounts only, and ${
      state === undefined ? "this account does not say that it is one" : `this is a ${state} account`
    }; nothing was sent`
  )

/** How long after its create a payout is first shown. */
const lagOf = Effect.fnUntraced(function* (client: BillwerkClient["Type"], text: string, created: Reply.Reply) {
  const handle = yield* Effect.mapError(Handle.make(text), BadInput.fromRefusal)
  if (payoutOf(created) === undefined) return undefined
  for (let lookups = 0; lookups < lookupsMax; lookups++) {
    const reply = yield* client.lookup(handle)
    if (payoutOf(reply) !== undefined) return lookups * Duration.toMillis(lookupGap)
    yield* Effect.sleep(lookupGap)
  }
  return undefined
})

const payoutOf = (reply: Reply.Reply | undefined): Payout.Payout | undefined =>
  reply?._tag === "Response" && reply.body._tag === "PayoutBody" ? reply.body.payout : undefined

const stateOf = (reply: Reply.Reply): string | undefined => payoutOf(reply)?.state

const codeOf = (reply: Reply.Reply): number | undefined =>
  reply._tag === "Response" && reply.body._tag === "ApiError" ? reply.body.code : undefined

const repeatOf = (reply: Reply.Reply, code: number): "Error" | "Replay" | undefined =>
  payoutOf(reply) !== undefined ? "Replay" : codeOf(reply) === code ? "Error" : undefined

// A limit says nothing about the request that it refuses.
const acceptance = (reply: Reply.Reply | undefined): "Accept" | "Refuse" | undefined => {
  if (reply?._tag !== "Response") return undefined
  if (payoutOf(reply) !== undefined) return "Accept"
  return reply.status >= 400 && reply.status < 500 && reply.status !== 429 ? "Refuse" : undefined
}

const isDeclined = (payout: Payout.Payout | undefined): boolean =>
  payout?.state === "failed" && payout.transactions.some(({ errorState }) => errorState === "hard_declined")

const cardOf = (payout: Payout.Payout | undefined): "Shown" | "Hidden" | undefined => {
  if (payout === undefined || payout.transactions.length === 0) return undefined
  return payout.transactions.some(({ method }) => method !== undefined) ? "Shown" : "Hidden"
}

/** What two transactions of one payout show of their order and dates. */
const ofTransactions = (
  payout: Payout.Payout | undefined
): Pick<Partial<Observations>, "transactionsOrder" | "transactionDates"> => {
  const dates = payout?.transactions.map(({ created }) => created?.epochMillis) ?? []
  const [one, two] = dates
  if (dates.length > 0 && dates.every((date) => date === undefined)) return { transactionDates: "Missing" }
  if (one === undefined || two === undefined) return {}
  if (one === two) return { transactionDates: "Equal" }
  return { transactionDates: "Distinct", transactionsOrder: one < two ? "OldestFirst" : "NewestFirst" }
}

const dateOf = (replies: ReadonlyArray<Reply.Reply>): "Sent" | "Absent" | undefined => {
  const answered = replies.filter((reply) => reply._tag === "Response")
  if (answered.length === 0) return undefined
  return answered.every(({ date }) => date !== undefined) ? "Sent" : "Absent"
}

const retryAfterOf = (replies: ReadonlyArray<Reply.Reply>): number | undefined => {
  const waits = replies.flatMap((reply) =>
    reply._tag === "Response" && reply.retryAfter !== undefined ? [Duration.toMillis(reply.retryAfter)] : []
  )
  return waits.length === 0 ? undefined : Math.max(...waits)
}
