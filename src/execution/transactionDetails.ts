/**
 * The provider's details of one transaction, for support and acquirer. They may hold anything, so they stay redacted.
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Handle } from "../domain/Handle.js"
import { type LookupError, LookupFailed, PayoutNotFound } from "../domain/PayoutError.js"
import { type Asking, read } from "./read.js"

/** What the provider knows of a transaction. */
export type Details = Redacted.Redacted<Readonly<Record<string, unknown>>>

export const transactionDetails = (
  asking: Asking,
  handle: Handle,
  transactionId: string
): Effect.Effect<Details, LookupError> =>
  Effect.suspend(() => {
    if (!idForm.test(transactionId)) return notAnId(handle)
    const exchange = asking.client.transactionDetails(handle, transactionId)
    return read(asking, { kind: "Details", about: `Payout ${handle}, a transaction's details`, exchange }).pipe(
      Effect.map(({ details }) => details),
      Effect.mapError((unanswered) =>
        unanswered.status === 404 && unanswered.code === payoutNotFound
          ? new PayoutNotFound({ handle, attempts: unanswered.attempts })
          : new LookupFailed({ handle, ...unanswered })
      )
    )
  })

// An id in another form is shown as its fingerprint, which the provider does not know. Dots would change the URL.
const idForm = /^(?!id-)(?=.*[A-Za-z0-9])[A-Za-z0-9_.:-]{1,128}$/

const notAnId = (handle: Handle) =>
  new LookupFailed({
    handle,
    attempts: [],
    category: "RequestRejected",
    why: "the transaction's id is not one of the provider, so nothing was sent"
  })

const payoutNotFound = 137
