/**
 * The provider at its request limits: a process of its own for each row. Every answer takes 300 to 400 ms, a refusal as
 * well. Its books are what the rows are judged by; its control is the IPC channel.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { performance } from "node:perf_hooks"
import { setTimeout as sleep } from "node:timers/promises"
import { nextId } from "../ledger.js"
import * as Provider from "../provider.js"
import { randomFrom } from "../statistics.js"
import { foreignPrefix } from "./Payer.js"
import { Admission, reads, type Refusal, tooFast, tooMany, writes } from "./admission.js"

/** Begins new books, or asks for those so far. */
export interface Control {
  readonly kind: "begin" | "report"
}

/** What one client did. */
export interface Book {
  readonly exchanges: number
  readonly tooFast: number
  readonly tooMany: number
  /** When each answer that paid left, in milliseconds after the first request. */
  readonly paidAt: ReadonlyArray<number>
}

export interface Books {
  readonly ours: Book
  readonly foreign: Book
  /** From the first request to the last answer, without the foreign program's. */
  readonly seconds: number
  readonly answerMillis: number
  readonly paidTwice: number
}

export type Report =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "begun" }
  | { readonly kind: "report"; readonly books: Books }

type Writable = { -readonly [Key in keyof Book]: Book[Key] extends ReadonlyArray<number> ? Array<number> : Book[Key] }

const emptyBook = (): Writable => ({ exchanges: 0, tooFast: 0, tooMany: 0, paidAt: [] })

/** A provider, and what it has seen so far. */
interface Run {
  readonly provider: Provider.Provider
  readonly admissions: Readonly<Record<"POST" | "GET", Admission>>
  readonly random: () => number
  readonly ours: Writable
  readonly foreign: Writable
  /** The first request's arrival and the last answer, without the foreign program's. */
  first: number | undefined
  last: number
  answered: number
  answeredMillis: number
}

const begin = (): Run => ({
  provider: Provider.make(false),
  admissions: { POST: new Admission(writes), GET: new Admission(reads) },
  random: randomFrom(1),
  ours: emptyBook(),
  foreign: emptyBook(),
  first: undefined,
  last: 0,
  answered: 0,
  answeredMillis: 0
})

let run = begin()

const refusalOf = (code: Refusal): Provider.Reply =>
  Provider.error(429, code, code === tooFast ? "Request rate limit exceeded" : "Too many concurrent requests")

const isInput = (value: unknown): value is Parameters<Provider.Provider["post"]>[0] =>
  typeof value === "object" && value !== null && "handle" in value && typeof value.handle === "string"

/** The handle that a request is about, and what the provider says to it. */
const understand = (method: "POST" | "GET", path: string, body: string) => {
  if (method === "GET") {
    const handle = decodeURIComponent(path.slice("/v1/payout/".length))
    return { handle, reply: () => run.provider.get(handle) }
  }
  const input: unknown = JSON.parse(body)
  if (!isInput(input)) throw new Error(`no payout: ${body}`)
  return { handle: input.handle, reply: () => run.provider.post(input) }
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let body = ""
  for await (const chunk of request.setEncoding("utf8")) body += chunk
  return body
}

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { method, url = "" } = request
  if (!((method === "POST" && url === "/v1/payout") || (method === "GET" && /^\/v1\/payout\/[^/?]+$/.test(url)))) {
    throw new Error(`an unexpected request: ${method} ${url}`)
  }
  const arrived = performance.now()
  const refusal = run.admissions[method].enter(arrived)
  const { handle, reply } = understand(method, url, await bodyOf(request))
  if (!handle.startsWith(foreignPrefix)) run.first ??= arrived
  const said = refusal === undefined ? reply() : refusalOf(refusal)
  await sleep(300 + run.random() * 100)
  if (said === "reset") throw new Error("this provider resets no connection")
  if (refusal === undefined) run.admissions[method].leave()
  enter(handle, refusal, said.status, arrived)
  response.writeHead(said.status, { "content-type": "application/json", "request-id": nextId() }).end(said.body)
}

/** Enters an exchange into the books. */
const enter = (handle: string, refusal: Refusal | undefined, status: number, arrived: number): void => {
  const now = performance.now()
  const isForeign = handle.startsWith(foreignPrefix)
  const book = isForeign ? run.foreign : run.ours
  book.exchanges += 1
  if (refusal === tooFast) book.tooFast += 1
  if (refusal === tooMany) book.tooMany += 1
  if (status === 200) book.paidAt.push(now - (run.first ?? now))
  if (isForeign) return
  run.last = now
  run.answered += 1
  run.answeredMillis += now - arrived
}

const books = ({ answered, answeredMillis, first, foreign, last, ours, provider }: Run): Books => {
  const seconds = (last - (first ?? last)) / 1_000
  return {
    ours,
    // The foreign program goes on.
    foreign: { ...foreign, paidAt: foreign.paidAt.filter((at) => at <= seconds * 1_000) },
    seconds,
    answerMillis: answeredMillis / answered,
    paidTwice: provider.entries().filter(({ moved }) => moved > 1).length
  }
}

const send = (report: Report): void => void process.send?.(report)

const server = createServer((request, response) => void answer(request, response))
// Longer than any row, so that no idle connection is closed under a client that is about to use it.
server.keepAliveTimeout = 3_600_000

process.on("message", ({ kind }: Control) => {
  if (kind === "report") return send({ kind, books: books(run) })
  run = begin()
  send({ kind: "begun" })
})
server.listen(0, "127.0.0.1", 1_024, () => {
  const address = server.address()
  if (address !== null && typeof address === "object") send({ kind: "listening", port: address.port })
})
process.on("disconnect", () => process.exit(0))
