/**
 * One row's process: `worker.js FILE BASE_URL`. It loads one client and no other, and does what it is told over the IPC
 * channel. Its measurements are of this process alone; neither the server nor the bench itself is in them.
 */
import { PerformanceObserver, performance } from "node:perf_hooks"
import { pathToFileURL } from "node:url"
import { getHeapStatistics } from "node:v8"
import type { Answer, Client, Input, Open } from "./Client.js"

export interface Load {
  readonly prefix: string
  readonly payouts: number
  readonly inFlight: number
}

export type Command =
  | { readonly kind: "first" }
  | { readonly kind: "warm" | "timed" | "allocations"; readonly load: Load }
  | { readonly kind: "close" }

export interface Timed {
  readonly kind: "timed"
  readonly seconds: number
  /** User and system time, all threads. */
  readonly cpuMicros: number
  readonly rssBytes: number
  /** In the order of the payouts' numbers. */
  readonly millis: ReadonlyArray<number>
  readonly answers: ReadonlyArray<Answer>
}

export type Done =
  | Timed
  | { readonly kind: "warm" | "close" }
  | { readonly kind: "first"; readonly answer: Answer }
  /** `undefined` if the garbage collector ran, which leaves nothing to tell. */
  | { readonly kind: "allocations"; readonly bytes: number | undefined }

const input = (handle: string): Input => ({
  handle,
  destination: "ca_fcfac2016614418f969fa5697383e47c",
  amount: 12_500,
  currency: "DKK"
})

const drive = async (client: Client, { inFlight, payouts, prefix }: Load) => {
  const millis = new Float64Array(payouts)
  const answers = new Array<Answer>(payouts)
  let next = 0
  const payer = async () => {
    while (next < payouts) {
      const number = next++
      const started = performance.now()
      answers[number] = await client.pay(input(`${prefix}-${number}`))
      millis[number] = performance.now() - started
    }
  }
  await Promise.all(Array.from({ length: inFlight }, payer))
  return { millis, answers }
}

const timed = async (client: Client, load: Load): Promise<Timed> => {
  const cpu = process.cpuUsage()
  const started = performance.now()
  const { answers, millis } = await drive(client, load)
  const seconds = (performance.now() - started) / 1_000
  const { system, user } = process.cpuUsage(cpu)
  const rssBytes = process.memoryUsage.rss()
  return { kind: "timed", seconds, cpuMicros: system + user, rssBytes, millis: Array.from(millis), answers }
}

/**
 * Node 20 does not count what is allocated. But while nothing is collected, all that is allocated is still there: so this
 * process is started with a young generation so large that there is no collection in between, the difference of the heap
 * (and of the Buffers outside of it) is exact, and a run that saw a collection is thrown away.
 */
const allocations = async (client: Client, load: Load): Promise<number | undefined> => {
  let collections = 0
  const observer = new PerformanceObserver((list) => (collections += list.getEntries().length))
  // Twice: what the first one leaves to be swept would be counted as given back.
  globalThis.gc?.()
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve)) // or the observer would be told of this one
  observer.observe({ entryTypes: ["gc"] })
  const before = getHeapStatistics()
  await drive(client, load)
  const after = getHeapStatistics()
  await new Promise((resolve) => setImmediate(resolve))
  observer.disconnect()
  if (collections > 0) return undefined
  return after.used_heap_size - before.used_heap_size + after.external_memory - before.external_memory
}

const obey = async (client: Client, command: Command): Promise<Done> => {
  switch (command.kind) {
    case "first":
      return { kind: "first", answer: await client.pay(input(`first-${process.pid}`)) }
    case "warm":
      await drive(client, command.load)
      // No collection is forced: after one, code that V8 had compiled costs twice for a while, and no service does it.
      return { kind: "warm" }
    case "timed":
      return timed(client, command.load)
    case "allocations":
      return { kind: "allocations", bytes: await allocations(client, command.load) }
    case "close":
      await client.close()
      return { kind: "close" }
  }
}

const [file = "", baseUrl = ""] = process.argv.slice(2)
// Heard before the client is loaded, so that the first command does not get lost while it is.
const opened = import(pathToFileURL(file).href).then(({ open }: { readonly open: Open }) => open(baseUrl))
process.on("message", (command: Command) => {
  void opened.then((client) => obey(client, command)).then((done) => process.send?.(done))
})
process.on("disconnect", () => process.exit(0))
