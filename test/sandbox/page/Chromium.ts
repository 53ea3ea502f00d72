/** A real Chromium, driven over the DevTools protocol by a pipe: no port, and no package. */
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"
import * as path from "node:path"
import type { Readable, Writable } from "node:stream"

/** Debian's binary. */
export const binary = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync)

export interface Tab {
  readonly goto: (url: string) => Effect.Effect<void>
  /** The value of an expression, or of its promise. */
  readonly evaluate: (expression: string) => Effect.Effect<unknown>
  /** Waits until an expression is true. Dies after ten seconds, with the page's text. */
  readonly until: (expression: string) => Effect.Effect<void>
  /** Presses a key, such as `Tab` or `Enter`. */
  readonly press: (key: string) => Effect.Effect<void>
  readonly view: (view: View) => Effect.Effect<void>
  /** A PNG of the page, or of its first `height` pixels. */
  readonly screenshot: (height?: number) => Effect.Effect<Buffer>
  /** What the console and the Content-Security-Policy complained of. */
  readonly complaints: () => ReadonlyArray<string>
  /** The URLs that were asked for. */
  readonly requests: () => ReadonlyArray<string>
}

export interface View {
  readonly width: number
  readonly scheme: "light" | "dark"
  readonly reducedMotion?: boolean
}

interface Answer {
  readonly id?: number
  readonly sessionId?: string
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** A browser, for many tabs. Its `close` ends it. */
export type Chromium = Awaited<ReturnType<typeof launch>>

/** A tab of its own, which shares nothing with others, until the scope closes. */
export const tab = ({ open }: Chromium) =>
  Effect.acquireRelease(Effect.promise(open), ({ close }) => Effect.promise(close))

export async function launch() {
  const folder = mkdtempSync(path.join(tmpdir(), "payout-chromium-"))
  const switches = ["headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run"]
  const quiet = ["disable-background-networking", "hide-scrollbars", "remote-debugging-pipe", `user-data-dir=${folder}`]
  const child = spawn(
    binary ?? "chromium",
    [...switches, ...quiet].map((name) => `--${name}`),
    {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"]
    }
  )
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  const { call, events } = protocol(child.stdio[3] as Writable, child.stdio[4] as Readable)
  const open = async () => {
    const { browserContextId } = await call("Target.createBrowserContext", {})
    const { targetId } = await call("Target.createTarget", { url: "about:blank", browserContextId })
    const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true })
    const own = (method: string, params: object = {}) => call(method, params, String(sessionId))
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await own(`${domain}.enable`)
    const close = () => call("Target.disposeBrowserContext", { browserContextId }).then(() => {})
    return { ...tabOf(own, () => events.filter((event) => event.sessionId === sessionId)), close }
  }
  const close = async () => {
    child.kill("SIGKILL")
    await ended
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
  return { open, close }
}

function tabOf(
  call: (method: string, params?: object) => Promise<Record<string, unknown>>,
  events: () => ReadonlyArray<Answer>
) {
  const evaluate = async (expression: string) => {
    const { exceptionDetails, result } = await call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true
    })
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
    return (result as { readonly value?: unknown }).value
  }
  const until = async (expression: string) => {
    for (let left = 200; left > 0; left--) {
      if ((await evaluate(expression).catch(() => false)) === true) return
      await sleep(50)
    }
    throw new Error(`never true: ${expression}\n${String(await evaluate("document.body.innerText"))}`)
  }
  const textOf = ({ method, params = {} }: Answer): ReadonlyArray<string> => {
    if (method === "Runtime.exceptionThrown") return [JSON.stringify(params["exceptionDetails"])]
    const { entry } = params as { readonly entry?: { readonly text: string } }
    return method === "Log.entryAdded" && entry !== undefined ? [entry.text] : []
  }
  const made: Tab = {
    goto: (url) =>
      Effect.promise(async () => {
        await call("Page.navigate", { url })
        await until("document.readyState === 'complete'")
      }),
    evaluate: (expression) => Effect.promise(() => evaluate(expression)),
    until: (expression) => Effect.promise(() => until(expression)),
    press: (key) =>
      Effect.promise(async () => {
        const codes: Record<string, number> = { Tab: 9, Enter: 13 }
        const given = { key, code: key, windowsVirtualKeyCode: codes[key], ...(key === "Enter" ? { text: "\r" } : {}) }
        await call("Input.dispatchKeyEvent", { type: "keyDown", ...given })
        await call("Input.dispatchKeyEvent", { type: "keyUp", ...given })
      }),
    view: ({ reducedMotion = false, scheme, width }) =>
      Effect.promise(async () => {
        await call("Emulation.setDeviceMetricsOverride", {
          width,
          height: 900,
          deviceScaleFactor: 1,
          mobile: width < 600
        })
        await call("Emulation.setEmulatedMedia", {
          features: [
            { name: "prefers-color-scheme", value: scheme },
            { name: "prefers-reduced-motion", value: reducedMotion ? "reduce" : "no-preference" }
          ]
        })
      }),
    screenshot: (height) =>
      Effect.promise(async () => {
        const { cssContentSize } = (await call("Page.getLayoutMetrics")) as {
          readonly cssContentSize: { readonly width: number; readonly height: number }
        }
        const clip = { x: 0, y: 0, scale: 1, width: cssContentSize.width, height: height ?? cssContentSize.height }
        const { data } = await call("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip })
        return Buffer.from(String(data), "base64")
      }),
    complaints: () => events().flatMap(textOf),
    requests: () =>
      events()
        .filter(({ method }) => method === "Network.requestWillBeSent")
        .map(({ params }) => (params as { readonly request: { readonly url: string } }).request.url)
  }
  return made
}

/** Messages are JSON, and end with a zero byte. */
function protocol(to: Writable, from: Readable) {
  const waiting = new Map<
    number,
    { readonly resolve: (result: Record<string, unknown>) => void; readonly reject: (error: Error) => void }
  >()
  const events: Array<Answer> = []
  let rest = ""
  let ids = 0
  const take = (text: string) => {
    const { error, id, result = {}, ...event }: Answer = JSON.parse(text)
    if (id === undefined) return void events.push(event)
    const asked = waiting.get(id)
    waiting.delete(id)
    return error === undefined ? asked?.resolve(result) : asked?.reject(new Error(error.message))
  }
  from.setEncoding("utf8").on("data", (chunk: string) => {
    const texts = (rest + chunk).split("\0")
    rest = texts.pop() ?? ""
    texts.forEach(take)
  })
  const call = (method: string, params: object, sessionId?: string) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      const id = ++ids
      waiting.set(id, { resolve, reject })
      to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    })
  return { call, events }
}
