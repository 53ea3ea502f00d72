/** What the batch's tests share: requests, a folder, a store in it, and runs that are killed. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Path from "@effect/platform/Path"
import { Effect, Layer } from "effect"
import { Batch, BatchStore, BillwerkClient, type PayoutRequest } from "effect-billwerk-payouts"
import { Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { changed, counting } from "../disk.js"
import { requestOf } from "../support.js"

export { inVirtualTime } from "../disk.js"

/** As many requests, of 1, 2, 3... minor units. */
export const requestsOf = (count: number): ReadonlyArray<PayoutRequest.PayoutRequest> =>
  Array.from({ length: count }, (_, index) => requestOf({ handle: `prize-${index + 1}`, amount: 10_001 + index }))

const root = mkdtempSync(path.join(tmpdir(), "batch-test-"))
process.on("exit", () => rmSync(root, { recursive: true, force: true }))

/** A journal of its own. */
export const newFile = (): string => path.join(mkdtempSync(path.join(root, "batch-")), "journal.ndjson")

/** A store in a file, over a file system that something may be wrong with. */
export const storeIn = (
  file: string,
  files: (files: FileSystem.FileSystem) => FileSystem.FileSystem = (files) => files,
  options: BatchStore.Options = {}
): Layer.Layer<BatchStore.BatchStore> =>
  BatchStore.layerFile(file, options).pipe(
    Layer.provide(
      Layer.effect(
        FileSystem.FileSystem,
        Effect.map(FileSystem.FileSystem, (real) => files(counting(real)))
      )
    ),
    Layer.provide(NodeFileSystem.layer),
    Layer.provide(Path.layer)
  )

/** One process: a client of its own, and a service of its own, over a store that outlasts it. */
export const runBy = (
  sandbox: Sandbox.Service,
  store: Layer.Layer<BatchStore.BatchStore>,
  requests: ReadonlyArray<PayoutRequest.PayoutRequest>,
  options: Batch.Options = {}
) =>
  Effect.gen(function* () {
    const client = yield* BillwerkClient.make({ apiKey: Sandbox.apiKey })
    return yield* Effect.provideService(Batch.run(requests, options), BillwerkClient.BillwerkClient, client)
  }).pipe(Effect.provideService(HttpClient.HttpClient, Sandbox.httpClient(sandbox)), Effect.provide(store))

/** A store in memory, which outlasts the layer. */
export const memory = Effect.map(Layer.build(KeyValueStore.layerMemory), (context) =>
  BatchStore.layerKeyValueStore.pipe(Layer.provide(Layer.succeedContext(context)))
)

/** How much moved, for each of the requests. */
export const movedOf = (sandbox: Sandbox.Service, requests: ReadonlyArray<PayoutRequest.PayoutRequest>) =>
  Effect.map(sandbox.ledger, (ledger) => requests.map(({ handle }) => Ledger.moved(ledger, handle)))

/** How often creates were received for each handle. */
export const createsOf = (sandbox: Sandbox.Service) =>
  Effect.map(sandbox.exchanges, (all) => all.filter(({ kind }) => kind === "Create").map(({ handle }) => handle))

/** The file system, with other methods of one file. */
export const withFile = (
  files: FileSystem.FileSystem,
  file: string,
  methods: (opened: FileSystem.File) => Partial<FileSystem.File>
): FileSystem.FileSystem => ({
  ...files,
  open: (name, options) =>
    Effect.map(files.open(name, options), (opened) => (name === file ? changed(opened, methods(opened)) : opened))
})

/** A file whose method works a number of times, and then never again. */
export const failingAfter =
  (times: number, method: "sync" | "writeAll", failure: PlatformError) =>
  (opened: FileSystem.File): Partial<FileSystem.File> => {
    let calls = 0
    const or = <A>(works: Effect.Effect<A, PlatformError>) =>
      Effect.suspend(() => (++calls > times ? Effect.fail(failure) : works))
    return method === "sync" ? { sync: or(opened.sync) } : { writeAll: (bytes) => or(opened.writeAll(bytes)) }
  }
