/**
 * The words for exchanges and transactions.
 */
import type { Deed, Exchange } from "../Exchange.js"

/** A handle for the eye. A caller's mistake may have put a card or a key there. */
export const shown = (handle: string): string => {
  if (/^(ca|ct|priv)_/.test(handle)) return "<redacted>"
  return handle.length > handleLengthMax ? `${handle.slice(0, handleLengthMax)}...` : handle
}

const handleLengthMax = 255

export const requestOf = ({ kind }: Exchange): string => requests[kind]

const requests = {
  Create: "Create",
  Lookup: "Lookup",
  List: "List",
  Details: "Details of a transaction",
  Account: "Account",
  Other: "Unknown request"
} as const satisfies Record<Exchange["kind"], string>

/** What the provider did with a request. */
export const didOf = (deed: Deed): string => {
  switch (deed._tag) {
    case "UnderWay":
      return "The request has not arrived yet."
    case "Nothing":
      return "Nothing was done."
    case "Refused":
      return `Refused by the rules: ${deed.text} (code ${deed.code}). Nothing was done.`
    case "Showed":
      return deed.state === undefined ? "Looked up. Nothing changed." : `Looked up: ${deed.state}. Nothing changed.`
    case "Attempted":
      return attemptOf(deed)
  }
}

const attemptOf = ({ error, errorState, moved, state }: Extract<Deed, { readonly _tag: "Attempted" }>): string => {
  if (state === "paid") return "Carried out: paid."
  if (state === "processing") return "Accepted: processing. No money has moved yet."
  const why = errorState === error ? errorState : `${errorState}, ${error}`
  return moved
    ? `Attempted: failed (${why}). The money moved all the same.`
    : `Attempted: failed (${why}). No money moved.`
}

/** What reached the client. */
export const answerOf = ({ altered, ending, status }: Exchange): string => {
  switch (ending) {
    case "Pending":
      return "Not yet."
    case "Answered":
      return altered ? `HTTP ${status}, changed by the script.` : `HTTP ${status}.`
    case "Dripping":
      return `HTTP ${status}, one byte at a time.`
    case "Truncated":
      return `HTTP ${status}, cut off in the middle of the body.`
    case "Stalled":
      return `HTTP ${status}, half of the body, then nothing.`
    case "Dropped":
      return "None: the connection was closed."
    case "Refused":
      return "None: the connection was refused."
    case "Hanging":
      return "None: nothing ever comes."
    case "Abandoned":
      return "None: the client left first."
  }
}
