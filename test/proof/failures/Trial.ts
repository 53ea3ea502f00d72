/**
 * One failure of what is below: machines run durable payouts, it befalls them and ends, and then each payout has to end, once,
 * with what is so. Machines that end are started again, as a supervisor of processes does.
 */
import { Clock, Context, Effect, Fiber, Layer, Queue, Schedule, type Scope } from "effect"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { destination } from "../../support.js"
import { Books, type Judgement } from "../chaos/Books.js"
import type { Store } from "../chaos/Orders.js"
import * as Provider from "../chaos/Provider.js"
import { machineProgram, type Machine, type Options, start } from "./Machines.js"
import type { Report } from "./Words.js"

export interface Below {
  readonly store: Store
  readonly machines: number
  readonly user?: Options["user"]
}

export interface Failure {
  readonly name: string
  readonly below: Effect.Effect<Below & { readonly act: (field: Field) => Effect.Effect<void> }, never, Scope.Scope>
  /** Whether what was stored is gone, so that the host has to submit its unfinished payouts again. */
  readonly isStoreLost?: boolean
  /** What the log has to say, if it is more than a line of any kind. */
  readonly says?: RegExp
}

export interface Field {
  readonly machines: ReadonlyArray<Machine>
  /** How often a machine has ended so far. */
  readonly ends: () => number
}

export interface Seen extends Judgement {
  readonly name: string
  readonly payouts: number
  readonly ends: Readonly<Record<string, number>>
  /** How the machines ended that did, from when all took orders. */
  readonly exits: ReadonlyArray<number | string>
  /** Warnings and errors that the machines logged, and how often each. */
  readonly lines: Readonly<Record<string, number>>
  /** Lines with a secret in them. */
  readonly secrets: ReadonlyArray<string>
  /** Milliseconds from the failure's end until everything had ended. */
  readonly settledAfter: number
}

const patience = 150_000
const restartAfter = "1 second"
const paysEvery = "400 millis"
const payoutsMax = 60

export const run = (failure: Failure, seed: number): Effect.Effect<Seen, never, Scope.Scope> =>
  Effect.gen(function* () {
    const weather: Provider.Weather = { isBad: true }
    const context = yield* Layer.build(Provider.layer(seed, weather, payoutsMax))
    const { ledger } = Context.get(context, Sandbox.Sandbox)
    const { url: provider } = Context.get(context, SandboxServer.SandboxServer)
    const { act, ...below } = yield* failure.below
    const books = new Books()
    const fleet = yield* supervise(below, provider, books, failure.isStoreLost === true)
    yield* Effect.forkScoped(
      Queue.take(fleet.reports).pipe(
        Effect.zip(ledger),
        Effect.map(([report, is]) => {
          if (report._tag === "Stored") books.stored(report.key)
          if (report._tag === "Ended") books.ended(report.key, "a machine", report.end, is)
        }),
        Effect.forever
      )
    )
    // One may end at its start, where both make the tables at once, and is started again.
    yield* Effect.sync(() => fleet.machines.every(({ isReady }) => isReady())).pipe(
      Effect.repeat({ until: (are) => are, schedule: Schedule.spaced("100 millis") })
    )
    const before = fleet.exits.length
    const load = yield* Effect.forkScoped(ordering(books, fleet.machines))
    yield* Effect.sleep("4 seconds")
    yield* act({ machines: fleet.machines, ends: () => fleet.exits.length })
    const over = yield* Clock.currentTimeMillis
    yield* Effect.sleep("2 seconds")
    yield* Fiber.interrupt(load)
    weather.isBad = false
    yield* Effect.repeat(
      Effect.sync(() => books.unfinished.length),
      {
        until: (left) => left === 0,
        schedule: Schedule.spaced("100 millis")
      }
    ).pipe(Effect.timeoutOption(patience))
    const settled = yield* Clock.currentTimeMillis
    yield* Effect.sleep(Provider.latest)
    return {
      ...books.judge(yield* ledger),
      name: failure.name,
      payouts: books.entries.size,
      ends: books.categories,
      exits: fleet.exits.slice(before),
      lines: fleet.lines,
      secrets: fleet.secrets,
      settledAfter: settled - over
    }
  })

/** Orders payouts of the machines in turn. */
const ordering = (books: Books, machines: ReadonlyArray<Machine>) =>
  Effect.suspend(() => {
    const amount = books.entries.size + 1
    if (amount > payoutsMax) return Effect.void
    const request = { handle: `pay-${amount}`, destination, amount, currency: "DKK" }
    books.open(request)
    return machines[amount % machines.length]?.order({ _tag: "Pay", requests: [request] }) ?? Effect.void
  }).pipe(Effect.repeat(Schedule.spaced(paysEvery)))

/** Starts the machines, and each of them again when it ends, with the payouts that are unfinished. */
const supervise = Effect.fn(function* (below: Below, provider: string, books: Books, isStoreLost: boolean) {
  const program = yield* machineProgram
  const reports = yield* Queue.unbounded<Report>()
  const exits: Array<number | string> = []
  const lines: Record<string, number> = {}
  const secrets: Array<string> = []
  const onLine = (line: string) => {
    if (/priv_|ct_/.test(line) || line.includes(destination)) secrets.push(line)
    const name = nameOf(line)
    if (name !== undefined) lines[name] = (lines[name] ?? 0) + 1
  }
  const options = { setup: { store: below.store, provider }, reports, onLine }
  const engage = start(program, below.user === undefined ? options : { ...options, user: below.user })
  const machines: Array<Machine> = yield* Effect.replicateEffect(engage, below.machines)

  const takeUp = (machine: Machine) => {
    const left = books.unfinished
    const toPay = left.filter(({ isStored }) => !isStored || isStoreLost).map(({ request }) => request)
    const toWatch = left.filter(({ isStored }) => isStored && !isStoreLost).map(({ request }) => request)
    return Effect.zipRight(
      machine.order({ _tag: "Pay", requests: toPay }),
      machine.order({ _tag: "Watch", requests: toWatch })
    )
  }
  const keepUp = (index: number) =>
    Effect.gen(function* () {
      const machine = machines[index]
      if (machine === undefined) return
      exits.push(yield* machine.gone)
      yield* Effect.sleep(restartAfter)
      const next = yield* engage
      machines[index] = next
      yield* takeUp(next)
    }).pipe(Effect.forever, Effect.forkScoped)
  yield* Effect.forEach(machines, (_, index) => keepUp(index))
  return { machines, reports, exits, lines, secrets }
})

/** A warning or an error, without what differs from one to the next. */
const nameOf = (line: string): string | undefined => {
  const [, level, rest = ""] = /level=(WARN|ERROR|FATAL)\s(.*)$/.exec(line) ?? []
  if (level === undefined) return /^\s*(Error|\w+Error):/.test(line) ? line.trim() : undefined
  return `${level} ${rest}`
    .replace(/fiber=\S+ /, "")
    .replace(/\bpay-\d+/g, "pay-N")
    .replace(/\\n[^]*$/, "")
    .slice(0, 300)
}

export const hasFailed = ({ doubled, falsely, lost, secrets }: Seen): boolean =>
  lost.length + doubled.length + falsely.length + secrets.length > 0
