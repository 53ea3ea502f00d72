import * as Activity from "@effect/workflow/Activity"
import * as Workflow from "@effect/workflow/Workflow"
import { Context, Effect } from "effect"
import { Outcome, PayoutError } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import { ledgerStep, LedgerStep } from "./ledgerStep.js"

/** The caller's own books. Each step may be run again after a crash, so each has to be safe to repeat for a handle. */
export class Books extends Context.Tag("Books")<
  Books,
  {
    readonly reserve: (handle: string, amount: number) => Effect.Effect<void>
    readonly book: (handle: string, amount: number) => Effect.Effect<void>
    readonly release: (handle: string) => Effect.Effect<void>
    /** Opens a case, and keeps `atMost` reserved until it is closed. */
    readonly askAPerson: (handle: string, atMost: number) => Effect.Effect<void>
  }
>() {}

export const PrizePayment = Workflow.make({
  name: "PrizePayment",
  payload: { request: PayoutWorkflow.DurableRequest },
  success: Outcome.Outcome,
  error: PayoutError.PayoutError,
  idempotencyKey: PayoutWorkflow.idempotencyKey
}).annotate(Workflow.CaptureDefects, false)

const step = <R>(name: string, execute: Effect.Effect<void, never, R>) => Activity.make({ name, execute })

/** Reserves the funds, pays out, and books them; or gives them back, but only if that is certain and final. */
export const PrizePaymentLive = PrizePayment.toLayer(
  Effect.fn(function* ({ request }) {
    const books = yield* Books
    const { amount, handle } = request
    yield* step("reserve", books.reserve(handle, amount))
    const ask = (atMost: number) => step("ask", books.askAPerson(handle, atMost))
    const account = (end: Outcome.Outcome | PayoutError.PayoutError) =>
      LedgerStep.$match(ledgerStep(end), {
        Book: ({ amount, inDoubt }) =>
          Effect.zipRight(step("book", books.book(handle, amount)), inDoubt > 0 ? ask(inDoubt) : Effect.void),
        Release: () => step("release", books.release(handle)),
        TryLater: () => ask(end.exposure.max), // not final within a week, or no way to the provider for a month: `retry` it
        AskAPerson: ({ atMost }) => ask(atMost)
      })
    return yield* PayoutWorkflow.execute(request).pipe(Effect.tap(account), Effect.tapError(account))
  })
)
