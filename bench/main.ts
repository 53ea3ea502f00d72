/**
 * What does a payout cost, and what does it cost to be safe? This library beside the clients that one would write instead.
 *
 * Run: `npm run bench`, or `npm run bench -- --rounds 1 --payouts 200` for a quick look; `--write` puts the tables into
 * `bench/README.md` and draws `bench/bench.svg`. `--only ours-lean --only ours-fetch` measures these rows and raw undici;
 * `--beside ../other-checkout` measures the rows of another checkout in the same rounds, which tells what a change costs.
 * How it measures, and the last results, are in that README.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { performance } from "node:perf_hooks"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { allocatedBytes, bundleBytes, coldStart } from "./footprint.js"
import { columns, measure, type Sample } from "./measure.js"
import { draw } from "./plot.js"
import { pinning, startServer, startWorker, type Server } from "./processes.js"
import { report, type Result } from "./report.js"
import { choose, type Row } from "./rows.js"
import { median, randomFrom, shuffle } from "./statistics.js"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    payouts: { type: "string", default: "1000" },
    only: { type: "string", multiple: true, default: [] },
    beside: { type: "string" },
    write: { type: "boolean", default: false }
  }
})

const count = (name: "rounds" | "payouts"): number => {
  const value = Number(values[name])
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} must be an integer of 1 or more`)
  return value
}

const rounds = count("rounds")
const payouts = count("payouts")
const rows = choose({ only: values.only, beside: values.beside })
/** How many times the payouts of a round each process has paid before it is measured: compilers take their time. */
const warmth = 10
const random = randomFrom(1)
const progress = (text: string) => process.stderr.write(`${performance.now().toFixed(0).padStart(7)} ms  ${text}\n`)

type Samples = ReadonlyMap<Row, ReadonlyMap<string, Array<Sample>>>

const inRounds = async (server: Server): Promise<Samples> => {
  const samples = new Map(rows.map((row) => [row, new Map(columns.map(({ id }) => [id, new Array<Sample>()]))]))
  for (let round = 1; round <= rounds; round++) {
    // What a compiler makes of the same code differs by a fifth from process to process.
    progress(`round ${round} of ${rounds}: warming ${rows.length} processes`)
    const workers = new Map(rows.map((row) => [row, startWorker(row, server.baseUrl)]))
    for (const [{ id }, worker] of workers) {
      const prefix = `warm-${round}-${id}`
      await worker.ask({ kind: "warm", load: { prefix, payouts: payouts * warmth, inFlight: 16 } })
    }
    progress(`round ${round} of ${rounds}: measuring`)
    for (const column of shuffle(columns, random)) {
      for (const [row, worker] of shuffle([...workers], random)) {
        if (column.faulty && !row.socket) continue
        const sample = await measure(server, worker, row, column, round, payouts)
        samples.get(row)?.get(column.id)?.push(sample)
      }
    }
    for (const worker of workers.values()) await worker.stop()
  }
  return samples
}

interface Footprint {
  readonly coldMillis: ReadonlyArray<number>
  readonly allocated: ReadonlyArray<number>
}

const footprints = async (server: Server): Promise<ReadonlyMap<Row, Footprint>> => {
  const found = new Map(rows.map((row) => [row, { coldMillis: new Array<number>(), allocated: new Array<number>() }]))
  await server.ask({ kind: "begin", faulty: false })
  for (let round = 1; round <= rounds; round++) {
    progress(`cold starts, round ${round} of ${rounds}`)
    for (const [row, own] of shuffle([...found], random)) own.coldMillis.push(await coldStart(row, server.baseUrl))
  }
  for (let round = 1; round <= Math.min(rounds, 3); round++) {
    progress(`allocations, round ${round} of ${Math.min(rounds, 3)}`)
    for (const [row, own] of shuffle([...found], random)) {
      own.allocated.push(await allocatedBytes(row, server.baseUrl, payouts * warmth, Math.min(payouts, 200)))
    }
  }
  return found
}

const results = async (): Promise<ReadonlyArray<Result>> => {
  const server = await startServer()
  const samples = await inRounds(server)
  const found = await footprints(server)
  await server.stop()
  progress("bundles")
  return Promise.all(
    rows.map(async (row) => ({
      row,
      samples: samples.get(row) ?? new Map<string, ReadonlyArray<Sample>>(),
      bundleBytes: await bundleBytes(row),
      coldMillis: found.get(row)?.coldMillis ?? [],
      allocatedBytes: median(found.get(row)?.allocated ?? [])
    }))
  )
}

// From dist/bench to bench.
const file = (name: string) => fileURLToPath(new URL(`../../bench/${name}`, import.meta.url))

const require = createRequire(file("package.json"))

const versions = (): ReadonlyArray<string> => {
  const peers: { readonly dependencies: Readonly<Record<string, string>> } = require("./package.json")
  const lock: {
    readonly packages: Readonly<Record<string, { readonly version: string }>>
  } = require("./package-lock.json")
  const installed = Object.keys(peers.dependencies).map(
    (name) => `${name} ${lock.packages[`node_modules/${name}`]?.version}`
  )
  return [...["undici", "effect"].map((name) => `${name} ${require(`${name}/package.json`).version}`), ...installed]
}

const between = /(<!-- bench:begin -->\n)[^]*(\n<!-- bench:end -->)/

const all = await results()
progress("done")
const text = report(all, { rounds, payouts, pinning, versions: versions() })
console.log(text)
if (values.write) {
  const readme = readFileSync(file("README.md"), "utf8")
  if (!between.test(readme)) throw new Error("bench/README.md has lost its markers")
  writeFileSync(
    file("README.md"),
    readme.replace(between, (_, begin: string, end: string) => begin + text + end)
  )
  writeFileSync(file("bench.svg"), draw(all))
}
