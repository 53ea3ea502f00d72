/** What the harness and its machines say to each other, over Node's channel between parent and child. */
import type { End, Request, Store } from "../chaos/Orders.js"

export interface Setup {
  readonly store: Store
  /** The provider's address. */
  readonly provider: string
}

export type Order =
  /** Submit these, say when they are stored, and tell how they end. */
  | { readonly _tag: "Pay"; readonly requests: ReadonlyArray<Request> }
  /** Tell how these end, which are stored already. */
  | { readonly _tag: "Watch"; readonly requests: ReadonlyArray<Request> }
  /** The clock of the machine is this many milliseconds off from now on. */
  | { readonly _tag: "Clock"; readonly offset: number }

export type Report =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Stored"; readonly key: string }
  | { readonly _tag: "Ended"; readonly key: string; readonly end: End }
