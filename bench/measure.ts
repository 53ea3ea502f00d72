/** One row in one column, once: what the client's process says of itself, held against the server's books. */
import { faultOf, oneIn } from "./faults.js"
import type { Server, Worker } from "./processes.js"
import type { Row } from "./rows.js"
import type { Report } from "./server.js"
import { quantile } from "./statistics.js"
import type { Timed } from "./worker.js"

export interface Column {
  readonly id: string
  readonly inFlight: number
  readonly faulty: boolean
}

export const columns: ReadonlyArray<Column> = [
  { id: "1", inFlight: 1, faulty: false },
  { id: "16", inFlight: 16, faulty: false },
  { id: "128", inFlight: 128, faulty: false },
  { id: "faults", inFlight: 16, faulty: true }
]

/** Of the payouts that something went wrong with. */
export interface Safety {
  readonly hit: number
  /** Failed though paid, paid twice, or paid though not: each payout once. */
  readonly wrong: number
  readonly failedThoughPaid: number
  /** How many of those were told 134, "payout already paid", and took it for an error. */
  readonly toldAlreadyPaid: number
  readonly paidTwice: number
  readonly paidThoughNot: number
  readonly unclear: number
  /** From the call to its answer. */
  readonly settleMillis: ReadonlyArray<number>
}

export interface Sample {
  readonly cpuMicros: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly rssBytes: number
  readonly requests: number
  /** Missing in memory, where there is no server. */
  readonly server: { readonly cpuMicros: number; readonly busy: number; readonly connections: number } | undefined
  readonly safety: Safety | undefined
}

type Finished = Extract<Report, { readonly kind: "finished" }>

const safetyOf = (prefix: string, { answers, millis }: Timed, { entries }: Finished): Safety => {
  const books = new Map(entries.map((entry) => [entry.handle, entry]))
  const hit = answers.flatMap((answer, number) => {
    const handle = `${prefix}-${number}`
    const entry = books.get(handle)
    if (entry === undefined) throw new Error(`the server never heard of ${handle}`)
    if (faultOf(handle) !== undefined) return [{ answer, millis: millis[number] ?? Number.NaN, ...entry }]
    if (answer !== "paid" || entry.moved !== 1) throw new Error(`${handle}, which nothing happened to, is ${answer}`)
    return []
  })
  const failedThoughPaid = hit.filter(({ answer, moved }) => answer === "failed" && moved > 0)
  const wrong = ({ answer, moved }: { readonly answer: string; readonly moved: number }) =>
    (answer === "failed" && moved > 0) || (answer === "paid" && moved === 0) || moved > 1
  return {
    hit: hit.length,
    wrong: hit.filter(wrong).length,
    failedThoughPaid: failedThoughPaid.length,
    toldAlreadyPaid: failedThoughPaid.filter(({ toldAlreadyPaid }) => toldAlreadyPaid).length,
    paidTwice: hit.filter(({ moved }) => moved > 1).length,
    paidThoughNot: hit.filter(({ answer, moved }) => answer === "paid" && moved === 0).length,
    unclear: hit.filter(({ answer }) => answer === "unclear").length,
    settleMillis: hit.map(({ millis }) => millis)
  }
}

/** A bench whose clients do not do their work measures nothing. */
const checkAllPaid = (row: Row, { answers }: Timed, finished: Finished | undefined): void => {
  const wrong = answers.find((answer) => answer !== "paid")
  if (wrong !== undefined) throw new Error(`${row.name} says ${wrong} where nothing goes wrong`)
  if (finished === undefined) return
  const paid = finished.entries.filter(({ moved }) => moved === 1).length
  if (paid !== answers.length || finished.requests !== answers.length) {
    throw new Error(`${row.name}: ${answers.length} payouts, but ${paid} paid by ${finished.requests} requests`)
  }
}

export const measure = async (
  server: Server,
  worker: Worker,
  row: Row,
  column: Column,
  round: number,
  payouts: number
): Promise<Sample> => {
  const { faulty, inFlight } = column
  const prefix = `pay-${row.id}-${column.id}-${round}`
  // Opens connections that may have idled away since the last round.
  await worker.ask({ kind: "warm", load: { prefix: `lead-${prefix}`, payouts: inFlight * 2, inFlight } })
  if (row.socket) await server.ask({ kind: "begin", faulty })
  const timed = await worker.ask({ kind: "timed", load: { prefix, payouts, inFlight } })
  const report = row.socket ? await server.ask({ kind: "finish" }) : undefined
  if (timed.kind !== "timed") throw new Error(`${row.name} answered ${timed.kind}`)
  const finished = report?.kind === "finished" ? report : undefined
  if (!faulty) checkAllPaid(row, timed, finished)
  return {
    cpuMicros: timed.cpuMicros / payouts,
    perSecond: payouts / timed.seconds,
    p50: quantile(timed.millis, 0.5),
    p99: quantile(timed.millis, 0.99),
    rssBytes: timed.rssBytes,
    requests: (finished?.requests ?? 0) / payouts,
    server: finished && {
      cpuMicros: finished.cpuMicros / finished.requests,
      busy: finished.busy,
      connections: finished.connections / finished.requests
    },
    safety: faulty && finished ? safetyOf(prefix, timed, finished) : undefined
  }
}

export const faultShare = `${100 / oneIn} %`
