/** What a provider can do to one exchange, by name, so that a failure can be read; and whole scripts of it. */
import { FastCheck as fc, Schedule } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"
import { Sandbox, Script } from "effect-billwerk-payouts/testing"

/** After which the money may have moved, whatever it did, and nothing was said about the payout. */
const unclear: Readonly<Record<string, Script.Step>> = {
  dropBeforeCommit: Script.dropBeforeCommit,
  dropAfterCommit: Script.dropAfterCommit,
  resetAfterCommit: Script.resetAfterCommit,
  declinedAndLost: Script.hardDeclined().pipe(Script.and(Script.dropAfterCommit)),
  softDeclinedAndLost: Script.softDeclined().pipe(Script.and(Script.dropAfterCommit)),
  hiddenAndLost: Script.processingError({ moved: true }).pipe(Script.and(Script.dropAfterCommit)),
  processingAndLost: Script.processing({ after: "5 minutes" }).pipe(Script.and(Script.dropAfterCommit)),
  soon: Script.executeLater("1 minute"),
  later: Script.executeLater("1 hour"),
  hiddenAndLater: Script.processingError({ moved: true }).pipe(Script.and(Script.executeLater("2 minutes"))),
  hangBeforeCommit: Script.hangBeforeCommit,
  hangAfterCommit: Script.hangAfterCommit,
  truncated: Script.truncated,
  truncatedChunked: Script.truncatedChunked,
  stalled: Script.stalled,
  500: Script.status(500),
  503: Script.apiErrorAfterCommit({ status: 503, code: 2 }),
  408: Script.apiErrorAfterCommit({ status: 408, code: 1 }),
  302: Script.redirect(302, "https://example.com/"),
  204: Script.status(204),
  page: Script.htmlPage,
  halfJson: Script.halfJson,
  emptyBody: Script.emptyBody,
  wrongHandle: Script.wrongHandle,
  crossed: Script.crossed("somebody-else")
}

/** Nothing was done, and the answer says so; for a request that came before it, it says nothing. */
const refused: Readonly<Record<string, Script.Step>> = {
  400: Script.apiError({ status: 400, code: 1 }),
  77: Script.apiError({ status: 400, code: 77 }),
  103: Script.apiError({ status: 400, code: 103 }),
  135: Script.apiError({ status: 400, code: 135 }),
  136: Script.apiError({ status: 400, code: 136 }),
  401: Script.apiError({ status: 401, code: 6 }),
  403: Script.reply({ status: 403, body: "<html>" }),
  404: Script.apiError({ status: 404, code: 40 }),
  137: Script.apiError({ status: 404, code: 137 }),
  409: Script.apiError({ status: 409, code: 1 }),
  74: Script.apiError({ status: 400, code: 74 }),
  422: Script.apiError({ status: 422, code: 1 }),
  425: Script.reply({ status: 425 }),
  429: Script.apiError({ status: 429, code: 122, retryAfter: "2" }),
  connectionRefused: Script.connectionRefused
}

/** Nothing was done, and the answer speaks of a payout without showing it. */
const claimed: Readonly<Record<string, Script.Step>> = {
  11: Script.apiError({ status: 400, code: 11 }),
  133: Script.apiError({ status: 400, code: 133 }),
  134: Script.apiError({ status: 400, code: 134 }),
  unreadable400: Script.reply({ status: 400, body: "" })
}

const shown: Readonly<Record<string, Script.Step>> = {
  normal: Script.normal,
  paid: Script.paid,
  processing: Script.processing({ after: "5 minutes" }),
  hardDeclined: Script.hardDeclined(),
  softDeclined: Script.softDeclined(),
  processingError: Script.processingError(),
  hiddenSuccess: Script.processingError({ moved: true }),
  unknownErrorState: Script.unknownErrorState(),
  unknownState: Script.unknownState(),
  wrongAmount: Script.wrongAmount(3),
  laggingRead: Script.laggingRead
}

const all = { ...unclear, ...refused, ...claimed, ...shown }

export interface Behaviour {
  readonly name: string
  /** Milliseconds. */
  readonly requestDelay: number
  readonly answerDelay: number
}

const delays = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constantFrom(1, 1_000, 30_000, 60_000, 89_999, 90_000) },
  { weight: 1, arbitrary: fc.nat(100_000) }
)

const behavioursOf = (steps: object): fc.Arbitrary<Behaviour> =>
  fc.record({ name: fc.constantFrom(...Object.keys(steps)), requestDelay: delays, answerDelay: delays })

export const behaviours = behavioursOf(all)
export const unclearOnes = behavioursOf(unclear)
/** Whatever does not show the payout. */
export const silentOnes = behavioursOf({ ...refused, ...claimed, dropBeforeCommit: 0, hangBeforeCommit: 0, 302: 0 })

export const stepOf = ({ answerDelay, name, requestDelay }: Behaviour): Script.Step => {
  const step = all[name] ?? Script.normal
  const later = requestDelay === 0 ? step : Script.delayRequest(requestDelay)(step)
  return answerDelay === 0 ? later : Script.delayAnswer(answerDelay)(later)
}

/** Policies by name. */
export const policies: Readonly<Record<string, RetryPolicy.RetryPolicy>> = {
  standard: RetryPolicy.standard,
  none: RetryPolicy.none,
  quick: RetryPolicy.make({
    communication: Schedule.recurs(1).pipe(Schedule.andThen(Schedule.fromDelays("3 seconds", "3 seconds"))),
    softDeclined: Schedule.recurs(1)
  }),
  patient: RetryPolicy.make({
    communication: Schedule.spaced("5 minutes").pipe(Schedule.intersect(Schedule.recurs(4))),
    processingError: Schedule.fromDelays("10 minutes"),
    softDeclined: Schedule.fromDelays("7 minutes"),
    elapsedMax: "2 hours"
  })
}

export const policyNames = fc.constantFrom(...Object.keys(policies))

/** What the provider's documentation leaves open. */
export const rules: fc.Arbitrary<Sandbox.Options> = fc.record({
  repeatOfPaid: fc.constantFrom("Error" as const, "Replay" as const),
  repeatOfProcessing: fc.constantFrom("Error" as const, "Replay" as const),
  transactionsOrder: fc.constantFrom("OldestFirst" as const, "NewestFirst" as const),
  latency: fc.constantFrom(0, 1, 20, 1_000)
})
