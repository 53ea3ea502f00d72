/** Machines, from outside: processes that are started, given orders, listened to, and started again when they end. */
import { Deferred, Effect, Exit, Queue, type Scope } from "effect"
import { fork } from "node:child_process"
import { createInterface } from "node:readline"
import { bundle } from "../bundle.js"
import type { Order, Report, Setup } from "./Words.js"

export const machineProgram = bundle("test/proof/failures/machine.ts", "node_modules/.cache/failures/machine.cjs")

export interface Machine {
  /** Whether it takes orders. */
  readonly isReady: () => boolean
  readonly order: (order: Order) => Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** How it ended: its exit code, or the signal. */
  readonly gone: Effect.Effect<number | string>
}

export interface Options {
  readonly setup: Setup
  /** Another user than this process's. */
  readonly user?: { readonly uid?: number; readonly gid?: number }
  readonly reports: Queue.Enqueue<Report>
  readonly onLine: (line: string) => void
}

/** Starts a machine. When the scope ends it is gone. */
export const start = (program: string, options: Options): Effect.Effect<Machine, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { onLine, reports, setup, user = {} } = options
    let isReady = false
    const gone = yield* Deferred.make<number | string>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        fork(program, [JSON.stringify(setup)], {
          ...user,
          stdio: ["ignore", "ignore", "pipe", "ipc"],
          execArgv: ["--no-deprecation"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    if (child.stderr !== null) createInterface(child.stderr).on("line", onLine)
    child.on("message", (report: Report) => {
      if (report._tag === "Ready") isReady = true
      reports.unsafeOffer(report)
    })
    child.on("error", () => undefined)
    child.on("close", (code, signal) => Deferred.unsafeDone(gone, Exit.succeed(code ?? String(signal))))
    return {
      isReady: () => isReady,
      order: (order) => Effect.sync(() => void (child.connected && child.send(order, () => undefined))),
      signal: (signal) => Effect.sync(() => void child.kill(signal)),
      gone: Deferred.await(gone)
    }
  })
