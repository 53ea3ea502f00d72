/** Machines, from outside: processes that are started, told what to do, and killed. */
import { Deferred, Effect, Exit, Queue, type Scope } from "effect"
import { fork } from "node:child_process"
import { bundle as bundled } from "../bundle.js"
import type { Order, Report, Setup } from "./Orders.js"

/** The program of a machine, in one file: it is started a thousand times. */
export const bundle = (root: string) => bundled("test/proof/chaos/machine.ts", "dist/chaos/machine.cjs", root)

export interface Machine {
  readonly name: string
  readonly setup: Setup
  /** Until it takes orders; false, if it ended before. */
  readonly ready: Effect.Effect<boolean>
  /** Until it has told of a payout. */
  readonly hasBegun: Effect.Effect<void>
  readonly order: (order: Order) => Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Until it is gone. */
  readonly gone: Effect.Effect<void>
  readonly isGone: () => boolean
}

/** What a machine reported. */
export interface Reported {
  readonly by: Machine
  readonly report: Report
}

/** Starts a machine. When the scope ends it is gone, one way or the other. */
export const start = (
  program: string,
  name: string,
  setup: Setup,
  reports: Queue.Enqueue<Reported>
): Effect.Effect<Machine, never, Scope.Scope> =>
  Effect.gen(function* () {
    const ready = yield* Deferred.make<boolean>()
    const begun = yield* Deferred.make<void>()
    const gone = yield* Deferred.make<void>()
    let isGone = false
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        fork(program, [JSON.stringify(setup)], {
          stdio: ["ignore", "ignore", "inherit", "ipc"],
          // Of the database's driver, about how it is called.
          execArgv: ["--no-deprecation"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const machine: Machine = {
      name,
      setup,
      ready: Deferred.await(ready),
      hasBegun: Deferred.await(begun),
      // One that is gone takes no orders, and to say so is what the harness is for.
      order: (order) => Effect.sync(() => void (child.connected && child.send(order, () => undefined))),
      signal: (signal) => Effect.sync(() => void child.kill(signal)),
      gone: Deferred.await(gone),
      isGone: () => isGone
    }
    child.on("message", (report: Report) => {
      if (report._tag === "Ready") Deferred.unsafeDone(ready, Exit.succeed(true))
      else Deferred.unsafeDone(begun, Exit.void)
      reports.unsafeOffer({ by: machine, report })
    })
    child.on("error", () => undefined)
    // What it said before it died has been heard when its channel is closed.
    child.on("close", () => {
      isGone = true
      Deferred.unsafeDone(ready, Exit.succeed(false))
      Deferred.unsafeDone(gone, Exit.void)
    })
    return machine
  })
