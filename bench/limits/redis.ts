/** A Redis of the bench's own, on a free port of the loopback interface. It stores nothing on disk. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0

export interface Redis {
  readonly port: number
  readonly stop: () => Promise<void>
  /** Starts it again, empty. */
  readonly start: () => Promise<void>
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  if (address === null || typeof address === "string") throw new Error("no free port")
  return address.port
}

const answers = async (port: number): Promise<boolean> => {
  const socket = connect(port, "127.0.0.1")
  try {
    await once(socket, "connect")
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

export const startRedis = async (): Promise<Redis> => {
  const port = await freePort()
  const directory = mkdtempSync(join(tmpdir(), "bench-redis-"))
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }))
  let child: ChildProcess | undefined
  const start = async () => {
    const own = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory]
    const started = spawn("redis-server", own, { stdio: "ignore" })
    child = started
    process.once("exit", () => started.kill())
    while (!(await answers(port))) await sleep(50)
  }
  await start()
  return {
    port,
    start,
    stop: async () => {
      if (child === undefined) return
      const ended = once(child, "exit")
      child.kill()
      child = undefined
      await ended
    }
  }
}
