/** What the program on a runtime and the test that starts it agree on. */

/** How an answer is lost, each time on a connection that a payout before it may have left behind. */
export const faults = ["closed", "reset", "cut-off", "unanswered"] as const

export type Fault = (typeof faults)[number]

export type LayerName = "fetch" | "fetch, unpooled" | "node:http" | "node:http, kept" | "undici" | "UndiciTransport"

/** How many creates the evidence of each payout has, by handle; or why there is none. */
export type Printed =
  | { readonly _tag: "Paid"; readonly creates: Readonly<Record<string, number>> }
  | { readonly _tag: "Refused" | "Died"; readonly message: string }
