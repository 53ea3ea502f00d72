/**
 * The workflow itself: what its executions are known by, and what is stored of their beginning and of their end.
 */
import * as Workflow from "@effect/workflow/Workflow"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Outcome } from "../domain/Outcome.js"
import { PayoutError } from "../domain/PayoutError.js"
import { destinationOf, PayoutRequest } from "../domain/PayoutRequest.js"
import * as stored from "./stored.js"

export const notDurable = "a saved payment method, and an existing customer by its handle, if any"

/** A request that may be stored. */
export const DurableRequest = PayoutRequest.pipe(
  Schema.filter(({ customer, destination }) => destination._tag === "SavedMethod" && typeof customer !== "object", {
    message: () => `A durable payout goes to ${notDurable}`
  })
)

/**
 * How an execution goes on after another one has ended. `Retry`: it may send again. `Assess`: it only looks up.
 */
export const Reopening = Schema.Struct({
  /** The payout's first execution. */
  of: Schema.String,
  /** 1 for the execution after the first one. */
  ordinal: Schema.Number,
  mode: Schema.Literal("Retry", "Assess"),
  /** The most that can have moved by the end before, in minor units, for lists: absent if that cannot be read. */
  most: Schema.optional(Schema.Number)
})

/** @internal */
export interface Reopening extends Schema.Schema.Type<typeof Reopening> {}

/** What an execution begins with. */
export const Submission = Schema.Struct({ request: DurableRequest, reopening: Schema.optional(Reopening) })

/** @internal */
export interface Submission extends Schema.Schema.Type<typeof Submission> {}

/** A changed key would make every unfinished payout another execution: a test holds it. */
export const idempotencyKey = (request: PayoutRequest): string =>
  JSON.stringify([
    request.handle,
    destinationOf(request),
    request.amount,
    request.currency,
    request.customer,
    request.text,
    request.textOnStatement,
    request.acquirerReference
  ])

const Payload = Schema.Struct({
  version: Schema.optional(Schema.Unknown),
  request: Schema.optional(Schema.Unknown),
  reopening: Schema.optional(Schema.Unknown)
})

/** @internal */
export interface Payload extends Schema.Schema.Type<typeof Payload> {}

export const payloadOf = (submission: Submission): Payload => ({
  version: stored.version,
  ...Schema.encodeSync(Submission)(submission)
})

export const submissionOf = (payload: Payload): stored.Stored<Submission> => stored.read(Submission, payload)

/**
 * The engine refuses a payload or an end that its schema refuses, and begins again for ever. These schemas refuse
 * nothing, and `stored` reads what they let through.
 */
export const workflow = Workflow.make({
  name: "BillwerkPayout",
  payload: Payload,
  success: stored.of(Outcome),
  error: stored.of(PayoutError),
  idempotencyKey: (payload) => {
    const { reopening } = payload
    if (Schema.is(Reopening)(reopening)) return `${reopening.of}/${reopening.ordinal}`
    const submission = submissionOf(payload)
    return submission._tag === "Readable" ? idempotencyKey(submission.value.request) : JSON.stringify(payload)
  }
}).annotate(Workflow.CaptureDefects, false)

/** The id of an execution, which needs no request if it is not the first one. */
export const idOf = (first: string, ordinal: number): Effect.Effect<string> =>
  ordinal === 0
    ? Effect.succeed(first)
    : workflow.executionId({ reopening: { of: first, ordinal, mode: "Assess" } satisfies Reopening })
