/** What a client costs before and beside its work: the size of its bundle, its cold start, what it allocates. */
import { build } from "esbuild"
import { performance } from "node:perf_hooks"
import { gzipSync } from "node:zlib"
import { startWorker } from "./processes.js"
import type { Row } from "./rows.js"

/** The client's file with all that it imports, as a function platform would be given it: minified, then gzipped. */
export const bundleBytes = async ({ file }: Row): Promise<number> => {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    minify: true,
    platform: "node",
    target: "node20",
    format: "esm",
    write: false,
    logLevel: "error"
  })
  return outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents).byteLength, 0)
}

/** From the fork to the answer of the first payout, in milliseconds: Node's own start is in it. */
export const coldStart = async (row: Row, baseUrl: string): Promise<number> => {
  const started = performance.now()
  const worker = startWorker(row, baseUrl)
  const done = await worker.ask({ kind: "first" })
  const millis = performance.now() - started
  if (done.kind !== "first" || done.answer !== "paid") throw new Error(`${row.name} did not pay its first payout`)
  await worker.stop()
  return millis
}

// Megabytes. What a few hundred payouts allocate fits several times.
const youngGeneration = 128

/** Bytes a payout, at 16 in flight, in a process of its own: see `worker.ts` for how. */
export const allocatedBytes = async (row: Row, baseUrl: string, warm: number, payouts: number): Promise<number> => {
  const worker = startWorker(row, baseUrl, [
    `--min-semi-space-size=${youngGeneration}`,
    `--max-semi-space-size=${youngGeneration}`
  ])
  const run = `${row.id}-${performance.now()}`
  await worker.ask({ kind: "warm", load: { prefix: `warm-${run}`, payouts: warm, inFlight: 16 } })
  for (let attempt = 1; attempt <= 5; attempt++) {
    const load = { prefix: `alloc-${run}-${attempt}`, payouts, inFlight: 16 }
    const done = await worker.ask({ kind: "allocations", load })
    if (done.kind === "allocations" && done.bytes !== undefined) {
      await worker.stop()
      return done.bytes / payouts
    }
  }
  await worker.stop()
  return Number.NaN
}
