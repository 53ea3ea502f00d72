/**
 * A campaign against the machines: payouts are ordered, machines die in every way that they can, and others carry on.
 * In the end the provider recovers, and each payout has to have ended, once, with what is so.
 */
import { Clock, Context, Effect, Fiber, Layer, Schedule, type Scope } from "effect"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import { about, type Chance } from "../simulation/Chance.js"
import { destination } from "../../support.js"
import { Books, type Judgement } from "./Books.js"
import type { Database } from "./Database.js"
import * as Fleet from "./Fleet.js"
import type { Machine } from "./Machines.js"
import * as Mishaps from "./Mishaps.js"
import type { Client } from "./Orders.js"
import * as Provider from "./Provider.js"

export interface Plan {
  readonly seed: number
  readonly kills: number
  /** How many machines run at once. */
  readonly machines: number
  /** How many payouts are ordered between one mishap and the next. */
  readonly payouts: number
  readonly client: Client
  /** How long a shard belongs to a machine that shows no sign of life, in milliseconds. */
  readonly lease: number
  /** What befalls the machines; anything, unless said. */
  readonly mishap?: Mishaps.Mishap
  /** How long machines get to finish by themselves, and then when they are woken, before what is left is lost, in milliseconds. */
  readonly patience?: { readonly byThemselves: number; readonly whenWoken: number }
  /** The folder of an earlier version of this package, with which half of the machines are started. */
  readonly upgradeFrom?: string | undefined
  /** Whether the database is put back to an earlier state now and then. */
  readonly restores?: boolean | undefined
  readonly onProgress?: (progress: string) => Effect.Effect<void>
}

export interface Summary extends Judgement {
  readonly payouts: number
  /** Deaths and other mishaps, by their kind. */
  readonly mishaps: Readonly<Record<string, number>>
  readonly ends: Readonly<Record<string, number>>
  /** How often payouts were taken up again after an end. */
  readonly reopenings: number
  /** How many were paid again by another machine, to another card, because the first one was declined for good. */
  readonly otherCards: number
  /** How many had not ended by themselves some time after the last mishap, and were woken. */
  readonly woken: number
  /** Milliseconds from the last mishap until everything had ended. */
  readonly settledAfter: number
  /** Milliseconds in all. */
  readonly took: number
}

const patienceDefault = { byThemselves: 20_000, whenWoken: 60_000 }
/** More than this under way, and no more is ordered: who takes over from the dead has to have done so before it dies. */
const underWayMax = 30
const progressEvery = 50
/** No more orders than this have a past at the provider. */
const ordersMax = ({ kills, payouts }: Plan): number => (kills + 100) * payouts * 2

interface Field {
  readonly database: Database
  readonly plan: Plan & { readonly patience: NonNullable<Plan["patience"]> }
  readonly books: Books
  readonly fleet: Fleet.Fleet
}

export const run = (database: Database, plan: Plan): Effect.Effect<Summary, never, Scope.Scope> =>
  Effect.gen(function* () {
    const weather: Provider.Weather = { isBad: true }
    const context = yield* Layer.build(Provider.layer(plan.seed, weather, ordersMax(plan)))
    const sandbox = Context.get(context, Sandbox.Sandbox)
    const { url: provider } = Context.get(context, SandboxServer.SandboxServer)
    const books = new Books()
    const fleet = yield* Fleet.make({ ...plan, database, sandbox, provider, books })
    const field: Field = { database, plan: { patience: patienceDefault, ...plan }, books, fleet }

    const began = yield* Clock.currentTimeMillis
    const mishaps = yield* attack(field, plan.mishap ?? Mishaps.any(database, plan.lease))
    const last = yield* Clock.currentTimeMillis
    weather.isBad = false
    const woken = yield* recover(field)
    const settled = yield* Clock.currentTimeMillis
    yield* askAgain(field)
    // What the provider was to do later is done by now.
    yield* Effect.sleep(Provider.latest)
    return {
      ...books.judge(yield* sandbox.ledger, database.isRestored()),
      reopenings: books.reopenings,
      payouts: books.entries.size,
      mishaps,
      ends: books.categories,
      otherCards: books.otherCards,
      woken,
      settledAfter: settled - last,
      took: (yield* Clock.currentTimeMillis) - began
    }
  })

/** Orders payouts, and lets mishaps befall the machines in turn. How often which one did. */
const attack = Effect.fn(function* (field: Field, mishap: Mishaps.Mishap) {
  const { books, database, fleet, plan } = field
  const mishaps: Record<string, number> = {}
  let kills = 0
  for (let turn = 0; kills < plan.kills; turn++) {
    const chance = about(plan.seed, `turn ${turn}`)
    const machine = yield* fleet.next(turn)
    yield* assign(field, machine, turn, chance)
    const name = yield* mishap(machine, chance)
    mishaps[name] = (mishaps[name] ?? 0) + 1
    if (!machine.isGone()) continue
    // Now and then somebody puts a copy back.
    if (plan.restores === true && chance.happens(0.05) && (yield* database.restore)) {
      books.restored()
      mishaps["an old copy of the database"] = (mishaps["an old copy of the database"] ?? 0) + 1
    }
    yield* fleet.replace(machine)
    kills += 1
    if (kills % progressEvery === 0) {
      const { size } = books.entries
      const text = `${kills} of ${plan.kills} kills, ${size} payouts, ${books.unfinished.length} of them under way`
      yield* plan.onProgress?.(text) ?? Effect.void
    }
  }
  return mishaps
})

/** Gives a machine what it has to do: what is left over from others, something new, and now and then more than that. */
const assign = Effect.fn(function* ({ books, fleet, plan }: Field, machine: Machine, turn: number, chance: Chance) {
  // Whoever recovers may not be the only one.
  const recoverers = chance.happens(0.2) ? yield* fleet.alive : [machine]
  yield* fleet.handOver(recoverers)
  const { unfinished } = books
  if (unfinished.length < underWayMax) {
    const requests = Array.from({ length: plan.payouts }, (_, index) => {
      const amount = turn * plan.payouts + index + 1
      return { handle: `pay-${amount}`, destination, amount, currency: "DKK" }
    })
    for (const request of requests) books.open(request)
    yield* fleet.give(machine, "Pay", requests)
  }
  yield* fleet.give(machine, "Pay", books.followUp(machine.name))
  const some = unfinished.flatMap(({ isStored, request }) => (isStored && chance.happens(0.3) ? [request] : []))
  if (plan.client === "library" && chance.happens(0.2)) {
    const mode = chance.happens(0.5) ? "Retry" : "Assess"
    yield* fleet.give(machine, mode, books.reopen(mode, 3))
  }
  if (chance.happens(0.1)) yield* fleet.give(machine, "Hint", some)
  if (chance.happens(0.05)) yield* Effect.forEach(recoverers, (one) => fleet.give(one, "Sweep", some))
})

/** Waits until everything has ended; how much of it had to be woken for that. */
const recover = Effect.fn(function* ({ books, fleet, plan }: Field) {
  const { byThemselves, whenWoken } = plan.patience
  const haveAllEnded = () => books.unfinished.length === 0
  const machines = yield* fleet.alive
  yield* fleet.handOver(machines)
  yield* until(haveAllEnded, byThemselves)
  const stuck = books.unfinished.map(({ request }) => request)
  const waker = yield* Effect.forEach(machines, (machine) => fleet.give(machine, "Wake", stuck)).pipe(
    Effect.repeat(Schedule.spaced("10 seconds")),
    Effect.fork
  )
  yield* until(haveAllEnded, whenWoken)
  yield* Fiber.interrupt(waker)
  return stuck.length
})

/** Whoever asks later, of another machine, is told the same. */
const askAgain = Effect.fn(function* ({ books, database, fleet, plan }: Field) {
  for (const machine of yield* fleet.alive) {
    yield* Mishaps.kill(machine)
    yield* fleet.replace(machine)
  }
  const machine = yield* fleet.next(0)
  const ended = Array.from(books.entries.values()).flatMap(({ ends, request }) => (ends.length > 0 ? [request] : []))
  yield* fleet.give(machine, database.isRestored() ? "Pay" : "Watch", ended)
  yield* until(() => fleet.hasTold(machine), plan.patience.whenWoken)
})

const until = (isSo: () => boolean, millis: number) =>
  Effect.sync(isSo).pipe(
    Effect.repeat({ until: (is) => is, schedule: Schedule.spaced("100 millis") }),
    Effect.timeoutOption(millis)
  )
