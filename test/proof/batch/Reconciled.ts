/** The books of a batch against the provider's list, when all is over: what is not as the last run told it. */
import { Chunk, DateTime, Effect, Stream } from "effect"
import { BillwerkClient, Payouts, PayoutRequest, Reconciliation } from "effect-billwerk-payouts"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { HttpClient } from "@effect/platform"
import { inputsOf, type Told } from "./Told.js"

type Statement = Extract<Told, { readonly _tag: "Ended" }>

const standingOf = ({ certainty, outcome }: Statement): Reconciliation.Standing =>
  outcome === "Processing"
    ? "Processing"
    : certainty === "Moved"
      ? "Paid"
      : certainty === "NotMoved"
        ? "NotMoved"
        : "InDoubt"

/** What the reconciliation says in its own words, and the handles that are neither as told nor were told to be in doubt. */
export const reconciled = (sandbox: Sandbox.Service, rows: number, last: ReadonlyMap<string, Statement>) =>
  Effect.gen(function* () {
    const requests = yield* Effect.forEach(inputsOf(rows), PayoutRequest.make)
    const expected = requests.flatMap(({ amount, currency, handle }) => {
      const statement = last.get(handle)
      return statement === undefined ? [] : [{ handle, amount, currency, standing: standingOf(statement) }]
    })
    const { assess, list } = yield* Payouts.make()
    const now = yield* DateTime.now
    const shown = list({ from: DateTime.subtract(now, { days: 1 }), to: DateTime.add(now, { days: 1 }) })
    const found = yield* Stream.runCollect(
      Reconciliation.reconcile({ expected: Stream.fromIterable(expected), shown, assess })
    )
    // One that is paid may have been paid twice: after a processing error.
    const inDoubt = new Set([...last.values()].filter(({ max, min }) => max > min).map(({ handle }) => handle))
    const wrong = Chunk.toReadonlyArray(found).flatMap((one) =>
      one._tag === "Summary" || inDoubt.has(one.handle) ? [] : [`${one._tag} ${one.handle}`]
    )
    const lines = Chunk.toReadonlyArray(found).flatMap((one) =>
      one._tag === "Summary" ? Reconciliation.summaryLines(one) : []
    )
    return { wrong, lines, inDoubt: inDoubt.size }
  }).pipe(
    Effect.provideServiceEffect(
      BillwerkClient.BillwerkClient,
      BillwerkClient.make({ apiKey: Sandbox.apiKey, requestLimits: "None" }).pipe(
        Effect.provideService(HttpClient.HttpClient, Sandbox.httpClient(sandbox))
      )
    ),
    Effect.orDie
  )
