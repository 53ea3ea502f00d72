/** What the programs on the runtimes and the tests that start them agree on. */

/** How an answer is lost, each time on a connection that a payout before it may have left behind. */
export const faults = ["closed", "reset", "cut-off", "unanswered"] as const

export type Fault = (typeof faults)[number]

export type LayerName = "fetch" | "fetch, unpooled" | "node:http" | "node:http, kept" | "undici" | "UndiciTransport"

/** How many creates the evidence of each payout has, by handle; or why there is none. */
export type Printed =
  | { readonly _tag: "Paid"; readonly creates: Readonly<Record<string, number>> }
  | { readonly _tag: "Refused" | "Died"; readonly message: string }

/** How the Sandbox loses the answer to a create; each is named like the step of a `Script`. */
export const lost = [
  "dropBeforeCommit",
  "dropAfterCommit",
  "resetAfterCommit",
  "truncated",
  "truncatedChunked",
  "hangAfterCommit"
] as const

/** What each runtime does besides, and the line of the table that says so. */
export const parts = {
  quickstart: "the first program of the README, in the Sandbox",
  inMemory: "lost answers, in the Sandbox",
  fetched: "lost answers, over `fetch`, from a Sandbox on a socket",
  webhook: "`Webhook.verify`",
  sqlite: "a durable payout on `SqliteEngine`",
  postgres: "a durable payout on `PostgresEngine`"
} as const

export type PartName = keyof typeof parts

export const isPart = (name: string): name is PartName => Object.hasOwn(parts, name)

/** What a part came to, as JSON. */
export type PartEnd =
  { readonly _tag: "Done"; readonly value: unknown } | { readonly _tag: "Failed"; readonly message: string }
