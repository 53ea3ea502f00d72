/**
 * The client under test, as the model needs it: one process, two calls, and what they said of the money. This file alone
 * knows the library's API.
 */
import { HttpClient } from "@effect/platform"
import { Effect, Either, Redacted, Schedule, Schema, type Scope } from "effect"
import {
  BillwerkClient,
  Exposure,
  type Outcome,
  type PayoutError,
  PayoutRequest,
  Payouts,
  RetryPolicy
} from "effect-billwerk-payouts"
import { amount, currency, handle } from "./Provider.js"

/** What a call ended with. */
export interface Statement {
  /** `Paid`, `Processing`, or the tag of the error. */
  readonly tag: string
  readonly certainty: string
  readonly min: number
  readonly max: number
  /** What can be handed to another process. */
  readonly evidence: unknown
  /** In which fields a handle conflict says that the payout differs. */
  readonly differs: ReadonlyArray<string>
}

/** What the caller tells of creates that this process did not send. */
export interface Hearsay {
  readonly evidence?: unknown
  readonly outstandingCreates?: number
}

/** One process. */
export interface Client {
  readonly create: (card: string) => Effect.Effect<Statement>
  readonly recover: (card: string, hearsay: Hearsay) => Effect.Effect<Statement>
  /** Waits for the end of the bare handle. Nothing, where all that can be said is that it could not be asked about. */
  readonly awaitFinal: Effect.Effect<Statement | undefined>
}

/** `once` sends one create a call; `patient` sends again after an unclear answer, and once after a processing error. */
export type Patience = "once" | "patient"

export interface Subject {
  readonly name: string
  /** Whether it takes evidence; or else it is told how many creates are outstanding. */
  readonly takesEvidence: boolean
  readonly open: (http: HttpClient.HttpClient, patience: Patience) => Effect.Effect<Client, never, Scope.Scope>
}

// Without jitter, so that a world is the same each time.
const policies: { readonly [patience in Patience]: RetryPolicy.RetryPolicy } = {
  once: RetryPolicy.none,
  patient: RetryPolicy.make({
    communication: Schedule.spaced("1 second").pipe(Schedule.intersect(Schedule.recurs(2))),
    rateLimited: Schedule.stop,
    concurrentUpdate: Schedule.stop,
    processingError: Schedule.fromDelays("1 minute"),
    softDeclined: Schedule.stop
  })
}

/** The library. Evidence is handed over as the JSON that a user would store. */
export const library: Subject = {
  name: "library",
  takesEvidence: true,
  open: (http, patience) =>
    Effect.gen(function* () {
      const billwerk = yield* BillwerkClient.make({ requestLimits: "None", apiKey: Redacted.make("priv_model") }).pipe(
        Effect.provideService(HttpClient.HttpClient, http),
        Effect.orDie
      )
      const payouts = yield* Payouts.make({ policy: policies[patience] }).pipe(
        Effect.provideService(BillwerkClient.BillwerkClient, billwerk)
      )
      const client: Client = {
        create: (card) => said(payouts.create(requestTo(card))),
        recover: (card, { evidence, outstandingCreates }) =>
          said(
            payouts.recover(requestTo(card), {
              evidence: evidence === undefined ? undefined : decode(evidence),
              outstandingCreates
            })
          ),
        awaitFinal: asked(payouts.awaitFinal(requestTo("ca_none").handle))
      }
      return client
    })
}

const encode = Schema.encodeSync(Schema.parseJson(Exposure.Evidence))
const decode = Schema.decodeUnknownSync(Schema.parseJson(Exposure.Evidence))

const requestTo = (card: string): PayoutRequest.PayoutRequest =>
  Either.getOrThrow(PayoutRequest.make({ handle, destination: card, amount, currency }))

const said = (call: Effect.Effect<Outcome.Outcome, PayoutError.PayoutError>): Effect.Effect<Statement> =>
  Effect.match(call, { onFailure: statementOf, onSuccess: statementOf })

const asked = (
  call: Effect.Effect<Outcome.Outcome, PayoutError.PayoutError | PayoutError.LookupError>
): Effect.Effect<Statement | undefined> =>
  Effect.match(call, {
    onFailure: (error) =>
      error._tag === "LookupFailed" || error._tag === "PayoutNotFound" ? undefined : statementOf(error),
    onSuccess: statementOf
  })

const statementOf = (end: Outcome.Outcome | PayoutError.PayoutError): Statement => {
  if (end._tag === "InvalidRequest") {
    return { tag: end._tag, certainty: "NotMoved", min: 0, max: 0, evidence: undefined, differs: [] }
  }
  const evidence = encode(end.evidence)
  if (end._tag !== "HandleConflict") {
    return { tag: end._tag, certainty: end.certainty, ...end.exposure, evidence, differs: [] }
  }
  // It speaks of its own money and of the other's apart; the judge, of the handle's.
  const min = end.exposure.min + end.other.exposure.min
  const max = end.exposure.max + end.other.exposure.max
  const certainty = Exposure.certainty({ min, max })
  return { tag: end._tag, certainty, min, max, evidence, differs: end.differs }
}
