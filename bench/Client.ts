/** What every row of the bench looks like: it pays, and says what it believes became of the money. */

export interface Input {
  readonly handle: string
  readonly destination: string
  readonly amount: number
  readonly currency: string
}

/** `failed` says that no money moved. Whoever does not know has to say `unclear`. */
export type Answer = "paid" | "failed" | "unclear"

export interface Client {
  readonly pay: (input: Input) => Promise<Answer>
  readonly close: () => Promise<void>
}

/** A client's file exports this as `open`. */
export type Open = (baseUrl: string) => Promise<Client>
