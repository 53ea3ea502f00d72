/** What every client of this bench looks like: it pays so many at once as it likes, and says how they ended. */

export interface Setup {
  readonly client: string
  readonly baseUrl: string
  /** For the clients that are told how many payouts to have in flight. */
  readonly inFlight: number
  /** How many processes use the account. */
  readonly processes: number
  /** The port of the Redis that they share, if they share one. */
  readonly redisPort: number | undefined
}

/** How many payouts ended in which way. */
export interface Ends {
  readonly paid: number
  /** Given up, because of 429s alone. */
  readonly rateLimited: number
  readonly other: number
}

export interface Payer {
  readonly pay: (prefix: string, payouts: number) => Promise<Ends>
}

export type Open = (setup: Setup) => Promise<Payer>

export type Command = { readonly kind: "pay"; readonly prefix: string; readonly payouts: number }

export type Done = { readonly kind: "ready" } | { readonly kind: "paid"; readonly ends: Ends }

/** The handles of the foreign program begin with this. */
export const foreignPrefix = "foreign"
