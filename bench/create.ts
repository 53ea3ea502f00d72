/**
 * What does one successful create cost, beside the same bytes sent by undici without this library?
 *
 * Run: `npm run bench`, or `npm run bench -- ROUNDS CREATES` (default 7 rounds of 2,000 creates a row, 16 in flight). The
 * server is a process of its own. All rows run in every round, in shuffled order; shown are medians over the rounds, and the
 * median of the ratios to raw undici in the same round. CPU is the user and system time of this process: on a shared
 * machine it is steadier than the rate. The first round warms up and is not counted.
 *
 * The last table (2 shared cores, busy with other work, Node 20.20.2: trust the ratios, and those only roughly):
 *
 * | row                    | creates/s | x raw | CPU us/create | x raw CPU |
 * | ---------------------- | --------- | ----- | ------------- | --------- |
 * | raw undici, JSON.parse | 6269      | 1.00  | 185           | 1.00      |
 * | ours, in memory        | 1345      | 0.27  | 800           | 4.32      |
 * | ours, undici layer     | 917       | 0.16  | 1226          | 6.79      |
 * | ours, node:http layer  | 670       | 0.11  | 1812          | 9.39      |
 * | ours, fetch layer      | 541       | 0.11  | 1801          | 9.71      |
 */
import { FetchHttpClient, HttpClient, HttpClientResponse } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, Layer, ManagedRuntime, Random, Redacted } from "effect"
import { BillwerkClient, PayoutRequest, Payouts } from "effect-billwerk-payouts"
import { fork } from "node:child_process"
import { once } from "node:events"
import { Agent, request } from "undici"

const [rounds = 7, creates = 2_000] = process.argv.slice(2).map(Number)
const inFlight = 16
const key = "priv_bench_0123456789abcdef0123456789abcdef"

interface Row {
  readonly name: string
  readonly run: (creates: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

const server = fork(new URL("./server.js", import.meta.url))
const [address] = await once(server, "message")
const baseUrl = `http://127.0.0.1:${address.port}`

let serial = 0
const input = (): PayoutRequest.Input => ({
  handle: `bench-${serial++}`,
  destination: "ca_fcfac2016614418f969fa5697383e47c",
  amount: 12_500,
  currency: "DKK"
})

const rawUndici = (): Row => {
  const dispatcher = new Agent()
  const headers = {
    authorization: `Basic ${Buffer.from(`${key}:`).toString("base64")}`,
    accept: "application/json",
    "accept-encoding": "identity",
    "content-type": "application/json",
    "user-agent": "bench"
  }
  const create = async () => {
    const body = JSON.stringify(input())
    const response = await request(`${baseUrl}/v1/payout`, { method: "POST", headers, body, dispatcher })
    const payout = JSON.parse(await response.body.text())
    if (response.statusCode !== 200 || payout.state !== "paid") throw new Error("not paid")
  }
  const worker = async (next: () => boolean) => {
    while (next()) await create()
  }
  return {
    name: "raw undici, JSON.parse",
    run: (creates) => {
      let left = creates
      const next = () => left-- > 0
      return Promise.all(Array.from({ length: inFlight }, () => worker(next)))
    },
    close: () => dispatcher.close()
  }
}

const ours = (name: string, http: Layer.Layer<HttpClient.HttpClient>): Row => {
  const runtime = ManagedRuntime.make(
    Payouts.layer.pipe(
      Layer.provide(BillwerkClient.layer({ apiKey: Redacted.make(key), baseUrl })),
      Layer.provide(http),
      Layer.orDie
    )
  )
  const create = Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const outcome = yield* payouts.create(yield* PayoutRequest.make(input()))
    if (outcome._tag !== "Paid") return yield* Effect.dieMessage("not paid")
  })
  return {
    name,
    run: (creates) =>
      runtime.runPromise(Effect.replicateEffect(create, creates, { concurrency: inFlight, discard: true })),
    close: () => runtime.dispose()
  }
}

/** Answers like the server, without one. */
const inMemory = Layer.succeed(
  HttpClient.HttpClient,
  HttpClient.make((request) => {
    const body: unknown =
      request.body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(request.body.body)) : {}
    const answer = JSON.stringify({ ...Object(body), state: "paid", transactions: [] })
    const response = new Response(answer, { headers: { "content-length": String(answer.length) } })
    return Effect.succeed(HttpClientResponse.fromWeb(request, response))
  })
)

const rows = [
  rawUndici(),
  ours("ours, in memory", inMemory),
  ours("ours, undici layer", NodeHttpClient.layerUndici),
  ours("ours, node:http layer", NodeHttpClient.layer),
  ours("ours, fetch layer", FetchHttpClient.layer)
]

interface Sample {
  readonly perSecond: number
  readonly cpuMicros: number
}

const measure = async (row: Row): Promise<Sample> => {
  globalThis.gc?.()
  const cpu = process.cpuUsage()
  const started = process.hrtime.bigint()
  await row.run(creates)
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  const { system, user } = process.cpuUsage(cpu)
  return { perSecond: creates / seconds, cpuMicros: (system + user) / creates }
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const samples = new Map<string, Array<Sample>>(rows.map(({ name }) => [name, []]))
for (let round = 0; round <= rounds; round++) {
  for (const row of await Effect.runPromise(Random.shuffle(rows))) {
    const sample = await measure(row)
    if (round > 0) samples.get(row.name)?.push(sample)
  }
}

const reference = samples.get(rows[0]?.name ?? "") ?? []
const ratios = (own: ReadonlyArray<Sample>, of: (sample: Sample) => number) =>
  median(own.map((sample, round) => of(sample) / of(reference[round] ?? sample)))

console.log(`${rounds} rounds of ${creates} creates a row, ${inFlight} in flight, Node ${process.version}`)
console.table(
  Object.fromEntries(
    rows.map(({ name }) => {
      const own = samples.get(name) ?? []
      return [
        name,
        {
          "creates/s": Math.round(median(own.map(({ perSecond }) => perSecond))),
          "x raw": ratios(own, ({ perSecond }) => perSecond).toFixed(2),
          "CPU us/create": Math.round(median(own.map(({ cpuMicros }) => cpuMicros))),
          "x raw CPU": ratios(own, ({ cpuMicros }) => cpuMicros).toFixed(2)
        }
      ]
    })
  )
)

await Promise.all(rows.map(({ close }) => close()))
server.disconnect()
