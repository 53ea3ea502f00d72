import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiError from "@effect/platform/HttpApiError"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import { Context, Effect, Layer, Option, Queue, Schedule, Schema, Stream } from "effect"
import { type Exposure, type Outcome, type PayoutError, PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { ledgerStep, LedgerStep } from "./ledgerStep.js"

/**
 * What the endpoint says of a payout. `InDoubt` is no failure: the money may have moved, and it must not be paid in another
 * way. `Accepted` with a reason: nothing has moved, and the hourly pass tries again. `NotPaid` is final.
 */
export const State = Schema.Struct({
  handle: Schema.String,
  state: Schema.Literal("Accepted", "Paid", "Processing", "InDoubt", "NotPaid"),
  reason: Schema.optional(Schema.String)
})

export interface Order {
  readonly request: PayoutRequest.PayoutRequest
  readonly state: typeof State.Type
  readonly evidence: Option.Option<Exposure.Evidence>
}

/** Your own table, by handle. What it stores must be on the disk when the effect ends. */
export class Orders extends Context.Tag("Orders")<
  Orders,
  {
    /** Adds an order, unless the handle has one. Returns the one that it has. */
    readonly add: (order: Order) => Effect.Effect<Order>
    readonly find: (handle: string) => Effect.Effect<Option.Option<Order>>
    readonly keep: (evidence: Exposure.Evidence, state?: typeof State.Type) => Effect.Effect<void>
    /** All that are neither `Paid` nor `NotPaid`. */
    readonly open: Effect.Effect<ReadonlyArray<Order>>
  }
>() {}

// The order is stored before it is paid, and a card token must not be stored.
const Payload = PayoutRequest.FromInput.pipe(
  Schema.filter(({ destination }) => destination._tag === "SavedMethod" || "give a saved payment method (ca_...)")
)

export const Api = HttpApi.make("Api").add(
  HttpApiGroup.make("payouts")
    .add(
      HttpApiEndpoint.post("pay", "/payouts")
        .setPayload(Payload)
        .addSuccess(State, { status: 202 })
        .addError(HttpApiError.Conflict)
    )
    .add(
      HttpApiEndpoint.get("state", "/payouts/:handle")
        .setPath(Schema.Struct({ handle: Schema.String }))
        .addSuccess(State)
        .addError(HttpApiError.NotFound)
    )
)

/** Pays orders behind the endpoint: the new ones, and the open ones at the start and every hour. */
class Cashier extends Context.Tag("Cashier")<Cashier, { readonly pay: (handle: string) => Effect.Effect<unknown> }>() {}

const isOpen = ({ state: { state } }: Order) => state !== "Paid" && state !== "NotPaid"

const CashierLive = Layer.scoped(
  Cashier,
  Effect.gen(function* () {
    const orders = yield* Orders
    const payouts = yield* Payouts.Payouts
    const scope = yield* Effect.scope
    const queue = yield* Queue.bounded<string>(1000)
    /** The handles that are in the queue or being paid: none is there twice. */
    const busy = new Set<string>()

    const book = Effect.fn(function* (end: Outcome.Outcome | PayoutError.PayoutError) {
      if (end._tag === "InvalidRequest") return yield* Effect.logError(end.message)
      const { evidence, handle } = end
      const reason = end._tag
      const state = LedgerStep.$match(ledgerStep(end), {
        Book: () => ({ handle, state: "Paid" as const }),
        Release: () => ({ handle, state: "NotPaid" as const, reason }),
        TryLater: () =>
          reason === "Processing" ? { handle, state: reason } : { handle, state: "Accepted" as const, reason },
        AskAPerson: () => ({ handle, state: "InDoubt" as const, reason })
      })
      yield* orders.keep(evidence, state)
    })

    const leave = (handle: string) => Effect.sync(() => busy.delete(handle))

    const offer = (handle: string) =>
      Effect.suspend(() => {
        if (busy.has(handle)) return Effect.void
        busy.add(handle)
        return Effect.onInterrupt(queue.offer(handle), () => leave(handle))
      })

    const pay = Effect.fn(
      function* (handle: string) {
        // As it is now: it may have come to its end since it was read for the queue.
        const order = Option.filter(yield* orders.find(handle), isOpen)
        if (Option.isNone(order)) return
        const { evidence, request } = order.value
        const call = Option.match(evidence, {
          onNone: () => payouts.create(request), // nothing was sent: its evidence would be stored
          onSome: (evidence) => payouts.recover(request, { evidence, outstandingCreates: 0 })
        })
        const end = yield* Effect.merge(call)
        yield* book(end)
        if (end._tag !== "Processing") return
        yield* Effect.merge(payouts.awaitFinal(end)).pipe(Effect.flatMap(book), Effect.forkIn(scope))
      },
      (paying, handle) => Effect.ensuring(paying, leave(handle))
    )

    yield* Stream.fromQueue(queue).pipe(
      Stream.mapEffect(pay, { concurrency: 64, unordered: true }),
      Stream.runDrain,
      Effect.forkScoped
    )
    yield* Effect.flatMap(orders.open, (open) =>
      Effect.forEach(open, ({ request }) => offer(request.handle), { discard: true })
    ).pipe(Effect.repeat(Schedule.spaced("1 hour")), Effect.forkScoped)
    return { pay: offer }
  })
)

const PayoutsGroup = HttpApiBuilder.group(Api, "payouts", (handlers) =>
  Effect.gen(function* () {
    const orders = yield* Orders
    const cashier = yield* Cashier
    return handlers
      .handle("pay", ({ payload: request }) =>
        Effect.gen(function* () {
          const state = { handle: request.handle, state: "Accepted" } as const
          const order: Order = { request, state, evidence: Option.none() }
          const known = yield* orders.add(order)
          if (PayoutRequest.differences(known.request, request).length > 0) return yield* new HttpApiError.Conflict()
          if (known === order) yield* cashier.pay(request.handle)
          return known.state
        })
      )
      .handle("state", ({ path }) =>
        Effect.flatMap(
          orders.find(path.handle),
          Option.match({
            onNone: () => new HttpApiError.NotFound(),
            onSome: ({ state }) => Effect.succeed(state)
          })
        )
      )
  })
)

const PayoutsLive = Layer.unwrapEffect(
  Effect.map(Orders, (orders) => Payouts.layerWith({ beforeCreate: (evidence) => orders.keep(evidence) }))
)

/** Needs `Orders`, and a `BillwerkClient` for real money or the Sandbox for tests. */
export const ApiLive = HttpApiBuilder.api(Api).pipe(
  Layer.provide(PayoutsGroup),
  Layer.provide(CashierLive),
  Layer.provide(PayoutsLive)
)
