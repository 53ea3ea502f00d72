/** How many worlds it takes until the simulation catches a client: a proof that catches nothing proves nothing. */
import type { Subject } from "../Client.js"
import type { Violation } from "../Oracle.js"
import { run } from "../World.js"
import { jumpers } from "./Concluding.js"
import { forgetters } from "./Forgetting.js"
import { misreaders } from "./Reading.js"
import { senders } from "./Sending.js"
import type { WrongClient } from "./Wrong.js"

/** Every wrong client. */
export const wrongClients: ReadonlyArray<WrongClient> = [...misreaders, ...jumpers, ...forgetters, ...senders]

/** The first thing that was found. */
export interface Catch {
  readonly seed: number
  readonly violation: Violation
}

/** Lets a client live in one world after the other until it is caught. None, if it never is. */
export const hunt = (subject: Subject, seedsMax: number, from = 1): Catch | undefined => {
  for (let seed = from; seed < from + seedsMax; seed++) {
    const violation = run(seed, subject).violations[0]
    if (violation !== undefined) return { seed, violation }
  }
  return undefined
}

/** A line of the table. */
export interface Row {
  readonly client: WrongClient
  readonly caught: Catch | undefined
}

/** The whole table, each client from seed 1. It takes some thousand worlds. */
export const rows = (seedsMax = 1_000): ReadonlyArray<Row> =>
  wrongClients.map((client) => ({ client, caught: hunt(client, seedsMax) }))

/** The rows as a table in Markdown. */
export const table = (rows: ReadonlyArray<Row>): string =>
  [
    "| client | what is wrong with it | in the wild | caught by | seeds |",
    "|---|---|---|---|---|",
    ...rows.map(({ caught, client: { name, wild, wrong } }) => {
      const found = caught === undefined ? ["not caught", ""] : [caught.violation.invariant, String(caught.seed)]
      return `| ${[name, wrong, wild, ...found].map(cell).join(" | ")} |`
    })
  ].join("\n")

const cell = (text: string): string => text.replaceAll("|", "\\|")
