/**
 * What can befall an exchange: the numbered faults of the fault model that a provider, a network or a proxy can bring
 * about, each as a step of the Sandbox's script. A fault never makes the provider say what is not so in a way that no
 * client could see (a decline for a payment): nobody survives that, and it is on the page of what is not proven.
 */
import { Acquirer, Script } from "effect-billwerk-payouts/testing"
import type { Chance } from "./Chance.js"

/** What a fault may depend on. */
export interface Circumstances {
  readonly kind: "Create" | "Lookup"
  readonly handle: string
  readonly amount: number
  readonly chance: Chance
  /** Another handle of the same world. */
  readonly neighbour: string
  /** Secrets that a hostile or careless answer might repeat. */
  readonly secrets: ReadonlyArray<string>
  /** Milliseconds since the provider last acted on this handle. */
  readonly sinceCommit: number
}

export interface Fault {
  /** Its number in the fault model. */
  readonly number: number
  readonly name: string
  readonly weight?: number
  readonly step: (circumstances: Circumstances) => Script.Step | undefined
}

const create = (step: Script.Step) => (it: Circumstances) => (it.kind === "Create" ? step : undefined)
const always = (step: Script.Step) => () => step

const error = (status: number, code: number) => Script.apiError({ status, code })

/** A `Retry-After` that makes sense, or none, or one that does not. */
const retryAfter = ({ chance }: Circumstances) =>
  chance.pick(undefined, undefined, "1", "7", "120", "86400", "-1", "soon", "1e999", "Wed, 01 Jan 2025 00:00:00 GMT")

const withRetryAfter = (status: number, code: number) => (it: Circumstances) => {
  const after = retryAfter(it)
  return Script.apiError({ status, code, ...(after === undefined ? {} : { retryAfter: after }) })
}

/** A request arrives sooner than this, in milliseconds, or never: within the horizon of the library. */
export const arrivalMax = 5 * 3_600_000

const serverErrors = [500, 501, 502, 503, 504, 505, 507, 520, 524, 527, 598] as const

export const faults: ReadonlyArray<Fault> = [
  { number: 2, name: "connection refused", step: always(Script.connectionRefused) },
  { number: 11, name: "reset while writing the request", step: always(Script.dropBeforeCommit) },
  { number: 12, name: "answer lost after the commit", weight: 4, step: always(Script.dropAfterCommit) },
  { number: 13, name: "reset after the commit", step: always(Script.resetAfterCommit) },
  { number: 14, name: "half-open connection", step: always(Script.hangBeforeCommit) },
  { number: 15, name: "no headers", weight: 2, step: always(Script.hangAfterCommit) },
  { number: 16, name: "headers, then silence", step: always(Script.stalled) },
  { number: 17, name: "slow drip", weight: 0.1, step: always(Script.dripping("5 seconds")) },
  { number: 18, name: "truncated body", step: always(Script.truncated) },
  { number: 19, name: "truncated chunked body", step: always(Script.truncatedChunked) },
  { number: 20, name: "half a JSON", step: always(Script.halfJson) },
  { number: 21, name: "empty 200", step: always(Script.emptyBody) },
  { number: 24, name: "crossed answer", step: ({ neighbour }) => Script.crossed(neighbour) },
  {
    number: 26,
    name: "answer after our deadline",
    step: ({ chance }) => Script.normal.pipe(Script.delayAnswer(chance.between(60_000, 200_000)))
  },
  {
    number: 27,
    name: "executed after we gave up",
    weight: 4,
    step: ({ chance }) => Script.executeLater(chance.duration(100, arrivalMax))
  },
  { number: 28, name: "5xx before anything was done", step: ({ chance }) => error(chance.pick(...serverErrors), 2) },
  {
    number: 29,
    name: "5xx after the commit",
    weight: 2,
    step: ({ chance }) => Script.status(chance.pick(...serverErrors))
  },
  { number: 30, name: "503 with Retry-After", step: withRetryAfter(503, 2) },
  { number: 33, name: "204", step: always(Script.status(204)) },
  { number: 34, name: "other 2xx", step: ({ chance }) => Script.status(chance.pick(201, 202, 203, 206)) },
  {
    number: 36,
    name: "redirect",
    step: ({ chance }) => Script.redirect(chance.pick(301, 302, 303, 307, 308), "http://127.0.0.1:9/elsewhere")
  },
  { number: 37, name: "3xx after the commit", step: ({ chance }) => Script.status(chance.pick(300, 304, 305)) },
  { number: 38, name: "400", step: ({ chance }) => error(400, chance.pick(1, 55, 147, 999)) },
  { number: 39, name: "payment method not allowed", step: create(error(400, 135)) },
  { number: 40, name: "customer cannot change", step: create(error(400, 136)) },
  { number: 41, name: "payment method not found", step: create(error(404, 40)) },
  { number: 42, name: "404 with HTML", step: always(Script.reply({ status: 404, body: "<html>not here</html>" })) },
  { number: 43, name: "400 that cannot be read", step: create(Script.reply({ status: 400, body: "" })) },
  { number: 45, name: "concurrent update", step: create(error(400, 74)) },
  { number: 48, name: "401", step: always(error(401, 6)) },
  { number: 49, name: "403 of a firewall", step: always(Script.reply({ status: 403, body: "<html>no</html>" })) },
  {
    number: 50,
    name: "read that lags behind",
    weight: 3,
    // Right after a commit only: a provider that forgets for longer is not a provider.
    step: ({ kind, sinceCommit }) => (kind === "Lookup" && sinceCommit < 10_000 ? Script.staleRead : undefined)
  },
  { number: 51, name: "other 4xx", step: ({ chance }) => error(chance.pick(405, 406, 410, 413, 415, 422), 1) },
  { number: 52, name: "408", step: always(Script.status(408)) },
  { number: 53, name: "409", step: create(error(409, 1)) },
  { number: 54, name: "429", weight: 2, step: withRetryAfter(429, 122) },
  { number: 56, name: "HTML page", step: always(Script.htmlPage) },
  { number: 57, name: "error body under 200", step: always(Script.body('{"code":2,"error":"Internal error"}')) },
  { number: 59, name: "huge body", weight: 0.02, step: always(Script.oversized(1_100_000)) },
  { number: 60, name: "unknown state", step: always(Script.unknownState()) },
  { number: 61, name: "state created", step: always(Script.unknownState("created")) },
  { number: 62, name: "unknown error_state", step: always(Script.altered({ errorState: "unheard_of" })) },
  { number: 63, name: "no error_state", step: always(Script.altered({ errorState: null })) },
  { number: 64, name: "no transactions", step: always(Script.altered({ transactions: "None" })) },
  // Of a create only: a record that is looked up and shows another amount is another payout's, for all that a client can see.
  {
    number: 66,
    name: "other amount",
    step: ({ amount, kind }) => (kind === "Create" ? Script.wrongAmount(amount + 1) : undefined)
  },
  { number: 66, name: "other handle", step: always(Script.wrongHandle) },
  {
    number: 109,
    name: "answer that repeats secrets",
    step: ({ chance, secrets }) =>
      Script.apiErrorAfterCommit({ status: chance.pick(500, 502), code: 2, error: secrets.join(" and ") })
  }
]

/** What the acquirer makes of an attempt: what can be seen of it, and what really happened. */
export interface Fate {
  /** The fault that it stands for. */
  readonly number: number
  readonly name: string
  readonly weight: number
  readonly isDecline?: boolean
  readonly outcome: (chance: Chance) => Acquirer.Outcome
}

export const fates: ReadonlyArray<Fate> = [
  { number: 74, name: "hard decline", weight: 2, isDecline: true, outcome: () => Acquirer.hardDeclined() },
  { number: 63, name: "soft decline", weight: 1, isDecline: true, outcome: () => Acquirer.softDeclined() },
  { number: 70, name: "processing error", weight: 2, outcome: () => Acquirer.processingError() },
  {
    number: 71,
    name: "processing error that paid",
    weight: 2,
    outcome: () => Acquirer.processingError({ moved: true })
  },
  { number: 62, name: "unknown reason", weight: 0.5, outcome: (chance) => unknown(chance.happens(0.5)) },
  {
    number: 75,
    name: "processing",
    weight: 2,
    outcome: (chance) => Acquirer.processing({ after: chance.duration(1_000, 7_200_000), as: settled(chance) })
  }
]

const unknown = (moved: boolean) => Acquirer.failed("unheard_of", { moved })

const settled = (chance: Chance): Acquirer.Settled =>
  chance.pick<Acquirer.Settled>(
    Acquirer.paid,
    Acquirer.paid,
    Acquirer.hardDeclined(),
    Acquirer.processingError({ moved: chance.happens(0.5) })
  )
