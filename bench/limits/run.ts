/** One row: its provider, its processes, and what came of it by the provider's books. */
import { setTimeout as sleep } from "node:timers/promises"
import { next, type Peer, start } from "../processes.js"
import { writes } from "./admission.js"
import { type Command, type Done, type Ends, foreignPrefix, type Setup } from "./Payer.js"
import { type Redis, startRedis } from "./redis.js"
import type { Row } from "./rows.js"
import type { Books, Control, Report } from "./server.js"

export interface Result {
  readonly row: Row
  readonly payouts: number
  readonly ends: Ends
  readonly books: Books
  /** How long Redis was away. */
  readonly redisAwaySeconds: number
}

/** The shortest time in which the provider lets so many be paid. */
export const idealSeconds = (payouts: number, answerMillis: number): number =>
  Math.max(0, payouts - writes.burst) / writes.rate + answerMillis / 1_000

const openServer = async () => {
  const { child, peer } = start<Control, Report>("./limits/server.js", [], [], undefined)
  const report = await next<Report>(child, "a server")
  if (report.kind !== "listening") throw new Error("the server does not listen")
  return { ...peer, baseUrl: `http://127.0.0.1:${report.port}` }
}

const openWorker = async (setup: Setup) => {
  const { child, peer } = start<Command, Done>("./limits/worker.js", [JSON.stringify(setup)], [], undefined)
  await next<Done>(child, setup.client)
  return peer
}

const sum = (all: ReadonlyArray<Ends>): Ends => ({
  paid: all.reduce((total, { paid }) => total + paid, 0),
  rateLimited: all.reduce((total, { rateLimited }) => total + rateLimited, 0),
  other: all.reduce((total, { other }) => total + other, 0)
})

/** In the middle of the run, for 20 seconds or, in a short run, for a fifth of it. */
const stopForAWhile = async (redis: Redis, payouts: number): Promise<number> => {
  const ideal = idealSeconds(payouts, 350)
  const seconds = Math.min(20, ideal / 5)
  await sleep((ideal / 2.5) * 1_000)
  await redis.stop()
  await sleep(seconds * 1_000)
  await redis.start()
  return seconds
}

/** Starts the processes of a row. What is given back begins the payouts. */
export const prepare = async (row: Row, payouts: number): Promise<() => Promise<Result>> => {
  const server = await openServer()
  const redis = row.redis === "None" ? undefined : await startRedis()
  const { client, inFlight, processes } = row
  const setup = { client, inFlight, processes, baseUrl: server.baseUrl, redisPort: redis?.port }
  const workers: Array<Peer<Command, Done>> = []
  for (let number = 0; number < processes; number++) workers.push(await openWorker(setup))
  // The first payout pays for the compiler.
  for (const [number, worker] of workers.entries()) {
    await worker.ask({ kind: "pay", prefix: `warm-${number}`, payouts: 3 })
  }
  await server.ask({ kind: "begin" })
  const foreign = row.isBesideForeign ? await openWorker({ ...setup, client: "foreign" }) : undefined

  return async () => {
    const paying = workers.map((worker, number) => {
      const share = Math.floor(payouts / processes) + (number < payouts % processes ? 1 : 0)
      return worker.ask({ kind: "pay", prefix: `payout-${number}`, payouts: share })
    })
    // It is never done: its process is ended with the row.
    foreign?.ask({ kind: "pay", prefix: foreignPrefix, payouts: 0 }).catch(() => undefined)
    const away = redis !== undefined && row.redis === "Stopped" ? stopForAWhile(redis, payouts) : Promise.resolve(0)
    const done = await Promise.all(paying)
    const report = await server.ask({ kind: "report" })
    const redisAwaySeconds = await away
    for (const process of [...workers, ...(foreign === undefined ? [] : [foreign]), server]) await process.stop()
    await redis?.stop()
    if (report.kind !== "report") throw new Error("the server gave no report")
    const ends = sum(done.flatMap((one) => (one.kind === "paid" ? [one.ends] : [])))
    return { row, payouts, ends, books: report.books, redisAwaySeconds }
  }
}
