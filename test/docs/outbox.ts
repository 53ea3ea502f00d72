import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import { Config, Effect, Layer } from "effect"
import { PayoutRequest } from "effect-billwerk-payouts"
import * as Outbox from "effect-billwerk-payouts/Outbox"
import { Several } from "./engines.js"

/** The prize and the intent to pay it are one transaction of the application's: both are written, or neither. */
export const win = Effect.fn("win")(function* (prize: number, amount: number) {
  const sql = yield* SqlClient.SqlClient
  const request = yield* PayoutRequest.make({ handle: `prize-${prize}`, destination: "ca_1", amount, currency: "DKK" })
  yield* Outbox.withTransaction(
    Effect.zipRight(
      sql`INSERT INTO prizes (handle, amount) VALUES (${request.handle}, ${amount})`,
      Outbox.add(request) // refused outside a transaction
    )
  )
})

/** Submits what was committed, for as long as the process lives. Any process that has both databases may do so. */
export const Relaying = Layer.provideMerge(Outbox.layerRelay, Outbox.layer)

/**
 * The application's own client, any of @effect/sql. It comes first, nearest to the relay: an engine has an `SqlClient` of
 * its own, which must not take its place.
 */
export const Application = Relaying.pipe(
  Layer.provideMerge(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") })),
  Layer.provide(Several)
)
