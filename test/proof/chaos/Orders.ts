/** What the harness and the machines that it kills say to each other, over Node's channel between parent and child. */

/** What is ordered: so much to a card, under a handle. The same handle with another card is another payout of the order. */
export interface Request {
  readonly handle: string
  readonly destination: string
  /** Minor units. */
  readonly amount: number
  readonly currency: string
}

/** What the payout of a handle to a card is known by. */
export const keyOf = ({ destination, handle }: Pick<Request, "destination" | "handle">): string =>
  `${handle} to ${destination}`

/** Where a machine keeps what has to outlive it. `submitOnly`: it runs nothing. `lease`: how long a shard is its own without a sign of life, in milliseconds. */
export type Store =
  | { readonly _tag: "Sqlite"; readonly filename: string; readonly submitOnly?: boolean }
  | { readonly _tag: "Postgres"; readonly url: string; readonly lease: number }

/** Who pays out: this library, or one of the deliberately wrong clients. */
export type Client = "library" | "forgets" | "new handle" | "assumes failure"

export interface Setup {
  readonly store: Store
  /** The provider's address. */
  readonly provider: string
  readonly client: Client
  /** Whether the store was put back to an earlier state. */
  readonly isRestored: boolean
  /** Whether it is the first one since, which finds out anew how the payouts ended that the copy has as ended. */
  readonly mustAssess: boolean
}

/** The moments at which a machine can be told to die. */
export const steps = [
  "before the intent",
  "before the send",
  "in flight",
  "after the answer",
  "before the outcome is saved",
  "after"
] as const

export type Step = (typeof steps)[number]

export type Order =
  /** Submit these and say when they are stored; then watch them. */
  | { readonly _tag: "Pay"; readonly requests: ReadonlyArray<Request> }
  /** Tell how these end, without submitting them. */
  | { readonly _tag: "Watch"; readonly requests: ReadonlyArray<Request> }
  /** Submit them once more, and wake them, as the user's sweeper does. */
  | { readonly _tag: "Sweep"; readonly requests: ReadonlyArray<Request> }
  /** Wake them, and no more: what is not stored any more is lost. */
  | { readonly _tag: "Wake"; readonly requests: ReadonlyArray<Request> }
  /** Take them up again, now that they have ended, and watch them anew. */
  | { readonly _tag: "Retry" | "Assess"; readonly requests: ReadonlyArray<Request> }
  /** As a webhook would: something may have happened to them. */
  | { readonly _tag: "Hint"; readonly requests: ReadonlyArray<Request> }
  /** Die of SIGKILL when this step is reached for the nth time. */
  | { readonly _tag: "Die"; readonly step: Step; readonly nth: number; readonly after: number }

/** How a payout ended, as its caller is told. */
export interface End {
  readonly tag: string
  readonly certainty: string
  /** Minor units. */
  readonly min: number
  readonly max: number
}

export type Report =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Stored"; readonly key: string }
  | { readonly _tag: "Ended"; readonly key: string; readonly end: End }
