import { Context, Effect, Layer, Option } from "effect"
import { type Exposure, Handle, PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { ledgerStep, LedgerStep } from "./ledgerStep.js"

/** Your own tables. What they store is on the disk when an effect ends, and each may be done again for a handle. */
export class Tables extends Context.Tag("Tables")<
  Tables,
  {
    readonly evidenceOf: (handle: string) => Effect.Effect<Option.Option<Exposure.Evidence>>
    /** Replaces what was stored: so one process at a time owns a handle. */
    readonly keep: (evidence: Exposure.Evidence) => Effect.Effect<void>
    readonly book: (handle: string, amount: number) => Effect.Effect<void>
    readonly release: (handle: string) => Effect.Effect<void>
    readonly askAPerson: (handle: string, atMost: number) => Effect.Effect<void>
  }
>() {}

// RIGHT. Once for the whole program: the evidence is stored before each create.
export const PayoutsLive = Layer.unwrapEffect(
  Effect.map(Tables, ({ keep }) => Payouts.layerWith({ beforeCreate: keep }))
)

/**
 * Safe to call again for the same prize: after an error, a crash, or a message that comes twice. Not safe in two
 * processes at once: take a lock of the prize first, or a queue with one consumer for each handle.
 */
export const pay = Effect.fn("pay")(function* (prize: {
  readonly id: number
  readonly card: string
  readonly amount: number
}) {
  const tables = yield* Tables
  const payouts = yield* Payouts.Payouts
  const handle = yield* Handle.derive("prize", prize.id) // the same prize, the same handle, for ever
  const request = yield* PayoutRequest.make({
    handle,
    destination: prize.card,
    amount: prize.amount,
    currency: "DKK"
  })
  const call = Option.match(yield* tables.evidenceOf(handle), {
    onNone: () => payouts.create(request), // nothing was sent: its evidence would be stored
    onSome: (evidence) => payouts.recover(request, { evidence, outstandingCreates: 0 })
  })
  const end = yield* Effect.merge(call)
  if (end._tag === "InvalidRequest") return yield* end
  yield* tables.keep(end.evidence)
  yield* LedgerStep.$match(ledgerStep(end), {
    Book: ({ amount, inDoubt }) =>
      Effect.zipRight(
        tables.book(handle, amount),
        inDoubt > 0 ? tables.askAPerson(handle, inDoubt) : Effect.void // it may have paid once more
      ),
    Release: () => tables.release(handle),
    TryLater: () => Effect.void, // call this again later: the funds stay reserved
    AskAPerson: ({ atMost }) => tables.askAPerson(handle, atMost)
  })
})
