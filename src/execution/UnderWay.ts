/**
 * An exchange between its beginning and its end: when it began, and the create that the evidence has for it.
 */
import type * as Duration from "effect/Duration"
import type * as Attempt from "../domain/Attempt.js"
import type * as Exposure from "../domain/Exposure.js"
import type { Intent } from "./Process.js"

export interface UnderWay {
  readonly kind: Attempt.Kind
  readonly begun: number
  readonly queued: Duration.Duration
  readonly create: Exposure.Create | undefined
  readonly intent: Intent | undefined
  /** The latest time for the create by what was stored of it, by this process's clock. */
  readonly sentBy: number
}

/** How an exchange begins: how long it waited for its turn, and by when it must be sent. */
export interface Beginning {
  readonly queued?: Duration.Duration
  readonly sentBy?: number
}

/** The same, when it is sent. None if that is too late for what was stored of it. */
export const sending = (underWay: UnderWay, { at }: Exposure.Moment): UnderWay | undefined => {
  const { create, intent, sentBy } = underWay
  if (at > sentBy || at > (intent?.until ?? Infinity)) return undefined
  const times = { from: Math.floor(at), to: Math.ceil(at) }
  return { ...underWay, begun: at, create: create === undefined ? undefined : { ...create, ...times } }
}
