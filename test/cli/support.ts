/** What the command line's tests share: the program with everything around it captured, and a request on the command line. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Terminal from "@effect/platform/Terminal"
import { ConfigProvider, Console, Effect, Exit, Layer, Redacted, Sink, Stream } from "effect"
import { Sandbox } from "effect-billwerk-payouts/testing"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { counting } from "../disk.js"
import { exitCode, type ExitCode, ofCause } from "../../src/cli/ExitCode.js"
import * as PayoutCommand from "../../src/cli/PayoutCommand.js"
import { StandardInput } from "../../src/cli/RequestInput.js"
import { StandardOutput } from "../../src/cli/StandardOutput.js"

/** Everything that a process would leave behind. */
export interface Ran {
  readonly code: ExitCode
  readonly out: ReadonlyArray<string>
  readonly err: ReadonlyArray<string>
}

export interface Surroundings {
  readonly stdin?: string | Stream.Stream<Uint8Array>
  readonly env?: Readonly<Record<string, string>>
  readonly isTTY?: boolean
  /** Takes what is displayed at the terminal. */
  readonly onDisplay?: (text: string) => void
  /** Standard output, for results that come one after another: the captured console, unless said. */
  readonly output?: StandardOutput["Type"]
  /** In memory, for `--live`; otherwise a real client, which reaches the command's own sandbox. */
  readonly sandbox?: Sandbox.Service
  /** The current folder: one of the sandbox's own, unless said. */
  readonly folder?: string
}

/** Runs a program as the mains do, with its output captured. */
export const captured = <E>(program: Effect.Effect<void, E>) =>
  Effect.gen(function* () {
    const { ran, run } = yield* capturing(program)
    return ran(yield* Effect.exit(run))
  })

/** The same in two halves: the program to be run, and what became of it. */
export const capturing = <E>(program: Effect.Effect<void, E>) =>
  Console.consoleWith((console) => {
    const out: Array<string> = []
    const err: Array<string> = []
    const toOut = (...texts: ReadonlyArray<unknown>) => void out.push(...lines(texts))
    const toErr = (...texts: ReadonlyArray<unknown>) => void err.push(...lines(texts))
    const captured: Console.Console = {
      ...console,
      log: (...texts) => Effect.sync(() => toOut(...texts)),
      error: (...texts) => Effect.sync(() => toErr(...texts)),
      // What loggers write to.
      unsafe: { ...console.unsafe, log: toOut, error: toErr }
    }
    return Effect.succeed({
      run: Effect.uninterruptible(Effect.withConsole(program, captured)),
      ran: (exit: Exit.Exit<void, E>): Ran => ({
        code: Exit.isSuccess(exit) ? exitCode.paid : ofCause(exit.cause),
        out,
        err
      })
    })
  })

const lines = (texts: ReadonlyArray<unknown>) => texts.map(String).join(" ").split("\n")

/** The command line, run to its end. */
export const payout = (args: ReadonlyArray<string>, surroundings: Surroundings = {}) =>
  captured(program(args, surroundings))

/** The command line, to be run by the test itself. */
export const program = (
  args: ReadonlyArray<string>,
  { env = {}, isTTY = false, onDisplay, output = toConsole, sandbox, stdin = "", ...given }: Surroundings = {}
) => {
  const folder = given.folder ?? (sandbox === undefined ? root : folderOf(sandbox))
  return PayoutCommand.run(["node", "payout.js", ...args]).pipe(
    Effect.provide(
      Layer.mergeAll(
        terminal(isTTY, onDisplay),
        sandbox === undefined
          ? NodeHttpClient.layerUndici
          : Layer.succeed(HttpClient.HttpClient, Sandbox.httpClient(sandbox)),
        Layer.succeed(StandardInput, typeof stdin === "string" ? Stream.make(new TextEncoder().encode(stdin)) : stdin),
        Layer.succeed(StandardOutput, output),
        Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
        Layer.effect(
          FileSystem.FileSystem,
          Effect.map(FileSystem.FileSystem, (files) => inFolder(folder)(counting(files)))
        )
      ).pipe(Layer.provideMerge(NodeContext.layer))
    )
  )
}

const toConsole: StandardOutput["Type"] = Sink.forEach((line: string) => Console.log(line.replace(/\n$/, "")))

const root = mkdtempSync(path.join(tmpdir(), "payout-cli-"))
process.on("exit", () => rmSync(root, { recursive: true, force: true }))

const folders = new WeakMap<Sandbox.Service, string>()

/** Where the commands over a sandbox keep their files. */
export const folderOf = (sandbox: Sandbox.Service): string => {
  const folder = folders.get(sandbox) ?? mkdtempSync(path.join(root, "folder-"))
  folders.set(sandbox, folder)
  return folder
}

/** The current folder is the process's, so names are made absolute. */
const inFolder =
  (folder: string) =>
  (files: FileSystem.FileSystem): FileSystem.FileSystem => ({
    ...files,
    open: (name, options) => files.open(path.resolve(folder, name), options),
    readFile: (name) => files.readFile(path.resolve(folder, name)),
    readFileString: (name, encoding) => files.readFileString(path.resolve(folder, name), encoding),
    writeFileString: (name, text, options) => files.writeFileString(path.resolve(folder, name), text, options),
    stream: (name, options) => files.stream(path.resolve(folder, name), options),
    realPath: (name) => files.realPath(path.resolve(folder, name)),
    stat: (name) => files.stat(path.resolve(folder, name)),
    rename: (from, to) => files.rename(path.resolve(folder, from), path.resolve(folder, to)),
    remove: (name, options) => files.remove(path.resolve(folder, name), options)
  })

/** Standard output, a terminal or not. */
export const terminal = (isTTY: boolean, onDisplay?: (text: string) => void) =>
  Layer.effect(
    Terminal.Terminal,
    Effect.map(Terminal.Terminal, (terminal) => ({
      ...terminal,
      isTTY: Effect.succeed(isTTY),
      ...(onDisplay === undefined ? {} : { display: (text: string) => Effect.sync(() => onDisplay(text)) })
    }))
  )

export const live = { BILLWERK_API_KEY: Redacted.value(Sandbox.apiKey) }

/** A request on the command line. */
export const flags = (request: Readonly<Record<string, string | number>> = {}): ReadonlyArray<string> =>
  Object.entries({ handle: "prize-1", destination: "ca_1", amount: 12_500, currency: "DKK", ...request }).flatMap(
    ([name, value]) => [`--${name}`, String(value)]
  )
