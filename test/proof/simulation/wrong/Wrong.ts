/**
 * How a client is made wrong in one thing: this library, with one of its parts exchanged. Whatever else it does is right,
 * so what the simulation finds is that one thing's doing.
 */
import { HttpClient } from "@effect/platform"
import { Effect, Scope } from "effect"
import {
  type Attempt,
  BillwerkClient,
  type BillwerkConfig,
  type Exposure,
  type Payout,
  PayoutRequest,
  type Reply,
  type RetryPolicy
} from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { type Client, type Said, service, type Subject } from "../Client.js"

/** A client with a mistake in it. */
export interface WrongClient extends Subject {
  /** What is wrong with it, in a sentence. */
  readonly wrong: string
  /** Where it is met: the habit, the line of code or the reading of a page that it stands for. */
  readonly wild: string
  /** The invariants that it breaks; the first thing that the simulation finds must be one of them. */
  readonly breaks: ReadonlyArray<string>
}

type Exchanges = BillwerkClient.BillwerkClient["Type"]

/** The parts of the library that can be exchanged, from the wire to the caller. */
interface Parts {
  readonly http?: (http: HttpClient.HttpClient) => HttpClient.HttpClient
  readonly options?: Partial<BillwerkConfig.Options>
  readonly exchanges?: (exchanges: Exchanges) => Exchanges
  readonly policy?: (policy: RetryPolicy.RetryPolicy) => RetryPolicy.RetryPolicy
  /** What it stores before each create; without it, it stores nothing. */
  readonly stores?: (evidence: Exposure.Evidence) => Exposure.Evidence
  /** `fresh` is a service that remembers nothing. */
  readonly calls?: (client: Client, fresh: Effect.Effect<Client>) => Client
}

const same = <A>(value: A): A => value

/** The library, but for some of its parts. */
export const libraryWith =
  ({ calls = same, exchanges = same, http = same, options = {}, policy = same, stores }: Parts): Subject["make"] =>
  (network, rules, given) =>
    Effect.gen(function* () {
      const billwerk = yield* BillwerkClient.make({ requestLimits: "None", apiKey: Sandbox.apiKey, ...options }).pipe(
        Effect.provideService(HttpClient.HttpClient, http(network)),
        Effect.orDie
      )
      const store = stores && given && ((evidence: Exposure.Evidence) => given.beforeCreate(stores(evidence)))
      const made = service(exchanges(billwerk), policy(rules), store)
      // It is thrown away without a word: nobody closes its scope.
      const fresh = Effect.flatMap(Scope.make(), (scope) => Scope.extend(made, scope))
      return calls(yield* made, fresh)
    })

/** What an answer is the answer to. */
export interface Question {
  readonly kind: Attempt.Kind
  readonly request: PayoutRequest.PayoutRequest
}

/** Takes the provider's answers for something else than they are. */
export const reading = (
  read: (reply: Reply.Response, question: Question) => Reply.Reply
): Required<Parts>["exchanges"] => {
  const taken = (question: Question) => (reply: Reply.Reply) =>
    reply._tag === "Response" ? read(reply, question) : reply
  return (exchanges) => ({
    ...exchanges,
    create: (request) => Effect.map(exchanges.create(request), taken({ kind: "Create", request })),
    lookup: (handle, about) =>
      PayoutRequest.isPayoutRequest(about)
        ? Effect.map(exchanges.lookup(handle, about), taken({ kind: "Lookup", request: about }))
        : exchanges.lookup(handle, about)
  })
}

/** Takes the payouts that the provider shows for something else than they are. */
export const readingPayouts = (
  read: (payout: Payout.Payout, request: PayoutRequest.PayoutRequest) => Payout.Payout
): Required<Parts>["exchanges"] =>
  reading((reply, { request }) =>
    reply.body._tag === "PayoutBody"
      ? { ...reply, body: { ...reply.body, payout: read(reply.body.payout, request) } }
      : reply
  )

/** Takes one reason of a failure for another. */
export const readingReason = (read: (errorState: string) => string): Required<Parts>["exchanges"] =>
  readingPayouts((payout) => ({
    ...payout,
    transactions: payout.transactions.map((one) =>
      one.errorState === undefined ? one : { ...one, errorState: read(one.errorState) }
    )
  }))

type Run = ReturnType<Client["create"]>

/** Makes each call in another way. */
export const calling =
  (call: (run: Run) => Run) =>
  (client: Client): Client => ({
    ...client,
    create: (request, options) => call(client.create(request, options)),
    recover: (request, options) => call(client.recover(request, options))
  })

/** Makes each call with a client that is chosen for it. */
export const choosing = (client: Client, choose: (handle: string, call: (client: Client) => Run) => Run): Client => ({
  ...client,
  create: (request, options) => choose(request.handle, (chosen) => chosen.create(request, options)),
  recover: (request, options) => choose(request.handle, (chosen) => chosen.recover(request, options))
})

/** Makes something else of the evidence: another exposure, and the certainty that goes with it. */
export const concluding = (conclude: (said: Evident) => Exposure.Exposure): ((client: Client) => Client) => {
  // Both hold all that they say in fields of their own, so they stay what they are and only say something else.
  const concluded = <A extends Said>(said: A): A => {
    if (said._tag === "InvalidRequest") return said
    const exposure = conclude(said)
    return Object.assign(said, { exposure, certainty: certaintyOf(exposure) })
  }
  return calling((run) => Effect.mapBoth(run, { onSuccess: concluded, onFailure: concluded }))
}

const certaintyOf = ({ max, min }: Exposure.Exposure): Exposure.Certainty =>
  min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved"

/** What was said on the grounds of some evidence. */
export type Evident = Exclude<Said, { readonly _tag: "InvalidRequest" }>

export const isFailure = ({ _tag }: Evident): boolean => _tag !== "Paid" && _tag !== "Processing"

/** No money has moved, and none can have. */
export const nothing: Exposure.Exposure = { min: 0, max: 0 }
