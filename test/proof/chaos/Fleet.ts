/** The machines of a campaign, and who of them is to tell of which payouts. */
import { Effect, Queue, Scope } from "effect"
import type { Sandbox } from "effect-billwerk-payouts/testing"
import type { Books } from "./Books.js"
import type { Database } from "./Database.js"
import { bundle, type Machine, type Reported, start } from "./Machines.js"
import { type Client, keyOf, type Order, type Request } from "./Orders.js"

type Task = Exclude<Order, { readonly _tag: "Die" }>["_tag"]

export interface Fleet {
  /** The machine of this turn, when it takes orders. */
  readonly next: (turn: number) => Effect.Effect<Machine>
  /** Starts another machine in the place of one that is gone. */
  readonly replace: (machine: Machine) => Effect.Effect<void>
  /** Those that take orders. */
  readonly alive: Effect.Effect<ReadonlyArray<Machine>>
  readonly give: (machine: Machine, task: Task, requests: ReadonlyArray<Request>) => Effect.Effect<void>
  /** Gives what nobody watches any more to each of these: what is stored to be watched, the rest to be submitted. */
  readonly handOver: (machines: ReadonlyArray<Machine>) => Effect.Effect<void>
  /** Whether a machine has told of all that it is to tell of. */
  readonly hasTold: (machine: Machine) => boolean
}

export interface Options {
  readonly database: Database
  readonly machines: number
  readonly client: Client
  /** The provider, and where it is. */
  readonly sandbox: Sandbox.Service
  readonly provider: string
  readonly books: Books
  /** The folder of an earlier version of this package, with which half of the machines are started. */
  readonly upgradeFrom?: string | undefined
}

export const make = ({
  books,
  client,
  database,
  machines: size,
  provider,
  sandbox,
  upgradeFrom
}: Options): Effect.Effect<Fleet, never, Scope.Scope> =>
  Effect.gen(function* () {
    const programs = [yield* bundle("."), ...(upgradeFrom === undefined ? [] : [yield* bundle(upgradeFrom)])]
    const reports = yield* Queue.unbounded<Reported>()
    const scope = yield* Effect.scope
    const watching = new Map<Machine, Set<string>>()
    let started = 0

    yield* Queue.take(reports).pipe(
      Effect.zip(sandbox.ledger),
      Effect.map(([{ by, report }, ledger]) => {
        if (report._tag === "Stored") books.stored(report.key)
        if (report._tag !== "Ended") return
        books.ended(report.key, by.name, report.end, ledger)
        watching.get(by)?.delete(report.key)
      }),
      Effect.forever,
      Effect.forkScoped
    )

    const engage = Effect.gen(function* () {
      const store = yield* database.store
      const isRestored = database.isRestored()
      started += 1
      // A rolling deploy: now the one version starts, now the other.
      const mustAssess = database.mustAssess()
      // To assess all is newer than some versions.
      const program = programs[mustAssess ? 0 : Math.floor(started / 2) % programs.length] ?? ""
      const setup = { store, provider, client, isRestored, mustAssess }
      const machine = yield* start(program, `machine-${started}`, setup, reports)
      const ready = Effect.map(machine.ready, (isReady) => isReady && mustAssess && database.assessed())
      yield* Effect.forkScoped(ready)
      watching.set(machine, new Set())
      return machine
    })

    const machines = yield* Effect.replicateEffect(engage, Math.min(size, database.machinesMax))

    const give: Fleet["give"] = (machine, _tag, requests) =>
      Effect.suspend(() => {
        if (requests.length === 0) return Effect.void
        if (_tag === "Pay" || _tag === "Watch" || _tag === "Retry" || _tag === "Assess")
          for (const request of requests) watching.get(machine)?.add(keyOf(request))
        return machine.order({ _tag, requests })
      })

    return {
      next: (turn) =>
        Effect.suspend(() => {
          const machine = machines[turn % machines.length]
          return machine === undefined ? Effect.dieMessage("no machines") : Effect.as(machine.ready, machine)
        }),
      replace: (gone) =>
        engage.pipe(
          Effect.provideService(Scope.Scope, scope),
          Effect.map((machine) => {
            watching.delete(gone)
            machines.splice(machines.indexOf(gone), 1, machine)
          })
        ),
      alive: Effect.suspend(() => Effect.filter(machines, ({ isGone, ready }) => Effect.map(ready, () => !isGone()))),
      give,
      handOver: (to) =>
        Effect.suspend(() => {
          const watched = new Set(machines.flatMap((machine) => Array.from(watching.get(machine) ?? [])))
          const orphans = books.unfinished.filter(({ request }) => !watched.has(keyOf(request)))
          const requests = (isStored: boolean) =>
            orphans.flatMap((entry) => (entry.isStored === isStored ? [entry.request] : []))
          const [toPay, toWatch] = [requests(false), requests(true)]
          return Effect.forEach(to, (one) => Effect.zipRight(give(one, "Pay", toPay), give(one, "Watch", toWatch)), {
            discard: true
          })
        }),
      hasTold: (machine) => watching.get(machine)?.size === 0
    }
  })
