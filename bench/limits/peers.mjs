/**
 * What one writes instead, with Node's fetch: each as its own documentation says. All share the reading of an answer, and
 * what is worth sending again (`clients/shared.mjs`); the waits are the documented ones, 1, 2, 4, 8 and 16 s.
 */
import Bottleneck from "bottleneck"
import { Redis } from "ioredis"
import pLimit from "p-limit"
import pRetry, { AbortError } from "p-retry"
import { setTimeout as sleep } from "node:timers/promises"
import { payoutSchema } from "../clients/schema.mjs"
import { answerOf, headers, isTransient, timeoutMillis } from "../clients/shared.mjs"

/** @typedef {import("./Payer.js").Setup} Setup */
/** @typedef {import("./Payer.js").Ends} Ends */
/** @typedef {(work: () => Promise<keyof Ends>) => Promise<keyof Ends>} Schedule */

class HttpError extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`HTTP ${status}`)
    this.status = status
  }
}

/** @type {(baseUrl: string, handle: string) => Promise<keyof Ends>} */
const once = async (baseUrl, handle) => {
  const input = { handle, destination: "ca_fcfac2016614418f969fa5697383e47c", amount: 12_500, currency: "DKK" }
  const signal = AbortSignal.timeout(timeoutMillis)
  const response = await fetch(`${baseUrl}/v1/payout`, {
    method: "POST",
    headers,
    body: JSON.stringify(input),
    signal
  })
  if (response.ok) return answerOf(payoutSchema.parse(await response.json())) === "paid" ? "paid" : "other"
  await response.text() // so that the connection can be used again
  const error = new HttpError(response.status)
  throw isTransient(response.status) ? error : new AbortError(error)
}

/** @type {(work: () => Promise<keyof Ends>) => Promise<keyof Ends>} */
const retried = (work) => pRetry(work, { retries: 5, minTimeout: 1_000, factor: 2 })

/** @type {(work: () => Promise<keyof Ends>) => Promise<keyof Ends>} */
const settled = async (work) => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof HttpError && error.status === 429) return "rateLimited"
    console.error(`an end of a peer: ${String(error)}`)
    return "other"
  }
}

/** @type {(options: object, setup: Setup) => Bottleneck} */
const bottleneck = (options, { redisPort }) =>
  new Bottleneck({
    maxConcurrent: 10,
    ...options,
    ...(redisPort === undefined
      ? {}
      : { datastore: "ioredis", id: "billwerk", Redis, clientOptions: { host: "127.0.0.1", port: redisPort } })
  })

const reservoir = {
  reservoir: 25,
  reservoirIncreaseAmount: 10,
  reservoirIncreaseInterval: 1_000,
  reservoirIncreaseMaximum: 25
}

/**
 * When each payout may begin, by the client's name. With bottleneck, a repeat waits for its turn like everything else.
 *
 * @type {Record<string, (setup: Setup) => (work: () => Promise<keyof Ends>) => Promise<keyof Ends>>}
 */
const clients = {
  "p-limit": ({ inFlight }) => {
    const limit = pLimit(inFlight)
    return (work) => limit(() => retried(work))
  },
  "bottleneck, minTime": (setup) => {
    const limiter = bottleneck({ minTime: 100 }, setup)
    return (work) => retried(() => limiter.schedule(work))
  },
  "bottleneck, reservoir": (setup) => {
    const limiter = bottleneck(reservoir, setup)
    limiter.on("error", (error) => console.error(`bottleneck: ${String(error)}`))
    return (work) => retried(() => limiter.schedule(work))
  }
}

/** Five requests a second, steadily, and none again: the foreign program. It ends with its process. */
/** @type {(baseUrl: string, prefix: string) => Promise<never>} */
const foreign = async (baseUrl, prefix) => {
  const started = performance.now()
  for (let number = 0; ; number++) {
    await sleep(Math.max(0, started + number * 200 - performance.now()))
    void once(baseUrl, `${prefix}-${number}`).catch(() => undefined)
  }
}

/** @type {import("./Payer.js").Open} */
export const open = async (setup) => {
  const { baseUrl, client } = setup
  if (client === "foreign") return { pay: (prefix) => foreign(baseUrl, prefix) }
  const schedule = clients[client]?.(setup)
  if (schedule === undefined) throw new Error(`no such client: ${client}`)
  return {
    pay: async (prefix, payouts) => {
      const ends = await Promise.all(
        Array.from({ length: payouts }, (_, number) =>
          settled(() => schedule(() => once(baseUrl, `${prefix}-${number}`)))
        )
      )
      /** @param {keyof Ends} end */
      const count = (end) => ends.filter((one) => one === end).length
      return { paid: count("paid"), rateLimited: count("rateLimited"), other: count("other") }
    }
  }
}
