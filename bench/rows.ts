/** The rows, in the order in which they are printed. The peers are not compiled: they are where their packages are. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Row {
  readonly id: string
  readonly name: string
  readonly file: string
  readonly ours: boolean
  /** Whether there is a server behind it that things can go wrong with. */
  readonly socket: boolean
}

// This file is dist/bench/rows.js when it runs.
const peerFile = (id: string) => fileURLToPath(new URL(`../../bench/clients/${id}.mjs`, import.meta.url))
const ourFile = (id: string) => fileURLToPath(new URL(`./clients/${id}.js`, import.meta.url))

const peer = (id: string, name: string): Row => {
  return { id, name, file: peerFile(id), ours: false, socket: true }
}
const our = (id: string, name: string, more: Partial<Row> = {}): Row => {
  return { id, name, file: ourFile(id), ours: true, socket: true, ...more }
}

/** Every ratio is to this row, in the same round. */
export const referenceId = "undici"

const all: ReadonlyArray<Row> = [
  peer("raw-socket", "raw socket"),
  peer(referenceId, "raw undici"),
  peer("undici-zod", "undici + zod"),
  peer("fetch-zod-p-retry", "fetch + zod + p-retry"),
  peer("effect-fetch", "Effect, fetch"),
  peer("axios", "axios + axios-retry"),
  peer("got", "got"),
  peer("stripe-node", "stripe-node"),
  our("ours-fetch", "ours, fetch"),
  our("ours-node-http", "ours, node:http"),
  our("ours-undici", "ours, undici"),
  our("ours-lean", "ours, lean"),
  our("ours-in-memory", "ours, in memory", { socket: false })
]

export interface Choice {
  /** Ids; raw undici is measured in any case. All rows if empty. */
  readonly only: ReadonlyArray<string>
  /** Another checkout, in which `npm run bench` was run: its rows are measured beside those of this one. */
  readonly beside: string | undefined
}

export const choose = ({ beside, only }: Choice): ReadonlyArray<Row> => {
  const chosen = all.filter(({ id }) => only.length === 0 || id === referenceId || only.includes(id))
  if (beside === undefined) return chosen
  return chosen.flatMap((row) => {
    if (!row.ours) return [row]
    const file = join(beside, "dist/bench/clients", `${row.id}.js`)
    return [{ ...row, id: `${row.id}-beside`, name: `${row.name} (beside)`, file }, row]
  })
}
