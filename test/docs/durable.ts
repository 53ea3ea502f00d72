import * as Activity from "@effect/workflow/Activity"
import * as Workflow from "@effect/workflow/Workflow"
import { Context, Effect } from "effect"
import { Outcome, PayoutError } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"

/** The caller's own books. Each step may be run again after a crash, so each has to be safe to repeat for a handle. */
export class Books extends Context.Tag("Books")<
  Books,
  {
    readonly reserve: (handle: string, amount: number) => Effect.Effect<void>
    readonly book: (handle: string, amount: number) => Effect.Effect<void>
    readonly release: (handle: string) => Effect.Effect<void>
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

/** Reserves the funds, pays out, and books them; or gives them back, but only if they certainly did not move. */
export const PrizePaymentLive = PrizePayment.toLayer(
  Effect.fn(function* ({ request }) {
    const books = yield* Books
    const { amount, handle } = request
    yield* step("reserve", books.reserve(handle, amount))
    return yield* PayoutWorkflow.execute(request).pipe(
      Effect.tap(
        (outcome) =>
          outcome._tag === "Paid"
            ? step("book", books.book(handle, amount))
            : step("ask", books.askAPerson(handle, outcome.exposure.max)) // not settled within a week
      ),
      Effect.tapError(({ certainty, exposure }) =>
        certainty === "NotMoved"
          ? step("release", books.release(handle))
          : step("ask", books.askAPerson(handle, exposure.max))
      )
    )
  })
)
