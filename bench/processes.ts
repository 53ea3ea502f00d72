/** The bench's other processes: started, pinned to a core where the machine allows, and talked to. */
import { fork, spawnSync, type ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Row } from "./rows.js"
import type { Control, Report } from "./server.js"
import type { Command, Done } from "./worker.js"

export interface Peer<Ask, Reply> {
  readonly ask: (message: Ask & object) => Promise<Reply>
  readonly stop: () => Promise<void>
}

/** The cores that this process may use, as Linux lists them ("0-3,8"). */
const cores = (): ReadonlyArray<number> => {
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? ""
  return list.split(",").flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split("-").map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

const findPins = (): { readonly server: number; readonly client: number } | undefined => {
  try {
    const [client, server] = cores()
    if (client === undefined || server === undefined) return undefined
    return spawnSync("taskset", ["-c", String(server), "true"]).status === 0 ? { server, client } : undefined
  } catch {
    return undefined // not Linux
  }
}

const pins = findPins()

export const pinning =
  pins === undefined
    ? "not pinned: no taskset, or a single core"
    : `the server pinned to core ${pins.server}, the client that is measured to core ${pins.client}`

export const start = <Ask, Reply>(
  file: string,
  args: ReadonlyArray<string>,
  flags: ReadonlyArray<string>,
  core: number | undefined
) => {
  const path = fileURLToPath(new URL(file, import.meta.url))
  // taskset becomes node, so that the channel and the process id are node's.
  const how =
    core === undefined
      ? { execArgv: [...flags] }
      : { execPath: "taskset", execArgv: ["-c", String(core), process.execPath, ...flags] }
  const child = fork(path, [...args], how)
  return { child, peer: peerOf<Ask, Reply>(child, `${file} ${args.join(" ")}`) }
}

export const next = <Reply>(child: ChildProcess, name: string): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`${name} ended with ${code}`))
    child.once("exit", onExit)
    child.once("message", (message: Reply) => {
      child.off("exit", onExit)
      resolve(message)
    })
  })

const peerOf = <Ask, Reply>(child: ChildProcess, name: string): Peer<Ask, Reply> => ({
  ask: (message) => {
    const reply = next<Reply>(child, name)
    child.send(message)
    return reply
  },
  stop: () =>
    new Promise((resolve) => {
      child.once("exit", () => resolve())
      child.disconnect()
    })
})

export type Server = Peer<Control, Report> & { readonly baseUrl: string }

export const startServer = async (): Promise<Server> => {
  const { child, peer } = start<Control, Report>("./server.js", [], ["--expose-gc"], pins?.server)
  const report = await next<Report>(child, "the server")
  if (report.kind !== "listening") throw new Error("the server does not listen")
  return { ...peer, baseUrl: `http://127.0.0.1:${report.port}` }
}

export type Worker = Peer<Command, Done>

export const startWorker = ({ file }: Row, baseUrl: string, flags: ReadonlyArray<string> = []): Worker =>
  start<Command, Done>("./worker.js", [file, baseUrl], ["--expose-gc", ...flags], pins?.client).peer
