import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer, ManagedRuntime, Redacted, Schema } from "effect"
import {
  BillwerkClient,
  Exposure,
  type Outcome,
  PayoutError,
  PayoutRequest,
  Payouts,
  RetryPolicy
} from "effect-billwerk-payouts"

interface Env {
  readonly BILLWERK_API_KEY: string
  readonly PAYOUTS: {
    readonly getByName: (name: string) => { readonly fetch: (request: Request) => Promise<Response> }
  }
}

interface Storage {
  readonly get: (key: string) => Promise<unknown>
  readonly put: (key: string, value: unknown) => Promise<void>
}

/** What is stored of a handle: all that this account knows of its payout. */
const keep = (storage: Storage, evidence: Exposure.Evidence) =>
  Effect.flatMap(Schema.encode(Exposure.Evidence)(evidence), (row) =>
    Effect.promise(() => storage.put(evidence.handle, row))
  )

/** The certainty for all requests of the handle. The `certainty` of a conflict is about the new arguments alone. */
const ofHandle = (end: Outcome.Outcome | Exclude<PayoutError.PayoutError, PayoutError.InvalidRequest>) =>
  end._tag === "HandleConflict" && (end.certainty === "NotMoved" || end.other.certainty === "Moved")
    ? end.other.certainty
    : end.certainty

const pay = (storage: Storage, body: string) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const request = yield* Schema.decode(Schema.parseJson(PayoutRequest.FromInput))(body)
    const row = yield* Effect.promise(() => storage.get(request.handle))
    const call =
      row === undefined
        ? payouts.create(request)
        : Effect.flatMap(Schema.decodeUnknown(Exposure.Evidence)(row), (evidence) =>
            payouts.recover(request, { evidence, outstandingCreates: 0 })
          )
    const end = yield* Effect.merge(call)
    if (end._tag === "ParseError" || end._tag === "InvalidRequest") return yield* end
    yield* keep(storage, end.evidence)
    const status = end._tag === "Paid" ? 200 : end._tag === "Processing" ? 202 : PayoutError.httpStatus(end)
    return Response.json({ handle: end.handle, state: end._tag, certainty: ofHandle(end) }, { status })
  }).pipe(
    Effect.catchTags({
      ParseError: () => Effect.succeed(Response.json({ reason: "InvalidRequest" }, { status: 400 })),
      InvalidRequest: ({ _tag }) => Effect.succeed(Response.json({ reason: _tag }, { status: 400 }))
    })
  )

/** One object for the account, and one layer for the object: it joins calls for a handle and keeps the request limits. */
export class PayoutsObject {
  private readonly storage: Storage
  private readonly runtime: ManagedRuntime.ManagedRuntime<Payouts.Payouts, unknown>

  constructor(state: { readonly storage: Storage }, env: Env) {
    this.storage = state.storage
    this.runtime = ManagedRuntime.make(
      Payouts.layerWith({
        policy: RetryPolicy.interactive,
        beforeCreate: (evidence) => keep(state.storage, evidence)
      }).pipe(
        Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make(env.BILLWERK_API_KEY) })),
        Layer.provide(FetchHttpClient.layer)
      )
    )
  }

  async fetch(request: Request): Promise<Response> {
    return this.runtime.runPromise(pay(this.storage, await request.text()))
  }
}

export default {
  fetch: (request: Request, env: Env): Promise<Response> => env.PAYOUTS.getByName("account").fetch(request)
}
