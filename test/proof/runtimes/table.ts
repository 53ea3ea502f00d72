/** The table of `docs/runtimes.md`, of what `Runtimes.ts` says and the tests see. */
import { type Runtime, runtimes, type Sends } from "./Runtimes.js"
import { type LayerName, parts, type PartName } from "./Story.js"

const layers: Record<LayerName, string> = {
  fetch: "`FetchHttpClient.layer`",
  "fetch, unpooled": "the same, with Deno's `poolMaxIdlePerHost: 0`",
  "node:http": "`NodeHttpClient.layer`",
  "node:http, kept": "`NodeHttpClient.layerWithoutAgent`, with an agent of `keepAlive: true`",
  undici: "`NodeHttpClient.layerUndici`",
  UndiciTransport: "`UndiciTransport.layer`"
}

const sends: Record<Sends, string> = {
  Once: "1 POST",
  Twice: "**2 POSTs, not recognised**",
  Refused: "refused",
  Broken: "does not work",
  Never: "sends nothing"
}

const heading = ({ name, version }: Runtime): string =>
  name === "Node" ? "Node" : name === "Workers" ? `Workers (workerd ${version})` : `${name} ${version}`

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

const layerRow = (layer: LayerName): string =>
  row([
    layers[layer],
    ...runtimes.map((runtime) => {
      const seen = runtime.layers[layer]
      return seen === undefined ? "-" : sends[seen]
    })
  ])

const partRow = (part: PartName): string =>
  row([parts[part], ...runtimes.map((runtime) => (runtime.parts.includes(part) ? "yes" : "-"))])

const names = <K extends string>(record: Record<K, unknown>): ReadonlyArray<K> =>
  Object.keys(record).filter((key): key is K => Object.hasOwn(record, key))

export const table: string = [
  row(["", ...runtimes.map(heading)]),
  row(["---", ...runtimes.map(() => "---")]),
  ...names(layers).map(layerRow),
  ...names(parts).map(partRow)
].join("\n")
