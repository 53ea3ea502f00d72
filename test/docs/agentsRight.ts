import { Context, Effect, Layer, Option } from "effect"
import { type Exposure, Handle, PayoutRequest, Payouts } from "effect-billwerk-payouts"

/** Your own tables. What they store is on the disk when an effect ends. */
export class Tables extends Context.Tag("Tables")<
  Tables,
  {
    readonly evidenceOf: (handle: string) => Effect.Effect<Option.Option<Exposure.Evidence>>
    readonly keep: (evidence: Exposure.Evidence) => Effect.Effect<void>
    readonly book: (handle: string) => Effect.Effect<void>
    readonly release: (handle: string) => Effect.Effect<void>
    readonly askAPerson: (handle: string, atMost: number) => Effect.Effect<void>
  }
>() {}

// RIGHT. Once for the whole program: the evidence is stored before each create.
export const PayoutsLive = Layer.unwrapEffect(
  Effect.map(Tables, ({ keep }) => Payouts.layerWith({ beforeCreate: keep }))
)

/** Safe to call again for the same prize: after an error, a crash, or a message that comes twice. */
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
  if (end._tag === "Processing") return // not paid yet: `awaitFinal`, or call this again later
  if (end._tag === "Paid") return yield* tables.book(handle)
  if (end.certainty === "NotMoved") return yield* tables.release(handle)
  yield* tables.askAPerson(handle, end.exposure.max)
})
