/**
 * Durable payouts in a SQLite file, for the commands about them. Loaded only for these.
 */
import * as Layer from "effect/Layer"
import * as SqliteConnections from "../durable/SqliteConnections.js"
import * as SqliteEngine from "../durable/SqliteEngine.js"
import * as tables from "../durable/tables.js"
import * as Unfinished from "../durable/Unfinished.js"

export const open = (filename: string, prefix: string | undefined) => ({
  unfinished: Unfinished,
  checkPrefix: tables.checkPrefix,
  reading: SqliteConnections.layer(filename),
  // It takes no lock, so no other process can own the file.
  waking: Layer.catchAll(SqliteEngine.layer({ filename, prefix, submitOnly: true }), (error) =>
    error._tag === "FileOwned" ? Layer.die(error) : Layer.fail(error)
  )
})
