/**
 * What the page shows, as plain JSON: the ledger with a row per payout, and the timeline of one payout. No row has a
 * destination, a customer, a text or a key.
 */
import { groupBy } from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Exchange } from "../Exchange.js"
import * as Ledger from "../Ledger.js"
import type * as Sandbox from "../Sandbox.js"
import { type Doubt, doubtsOf, type Known, sumOf } from "./doubt.js"
import { byName } from "./faults.js"
import { shown } from "./words.js"

/** A payout, or a handle that creates asked for and that is not on record. */
export interface Row {
  readonly handle: string
  /** By the record. Undefined: not on record. */
  readonly state: string | undefined
  /** Minor units, as all amounts here. */
  readonly amount: number | undefined
  readonly currency: string | undefined
  /** When it was created, or first asked for. */
  readonly since: string
  readonly moved: number
  /** How many times money moved: more than once should never be. */
  readonly movements: number
  readonly inDoubt: number
  readonly doubts: ReadonlyArray<string>
  readonly creates: number
  readonly lookups: number
}

/** The sums in one currency, over all payouts. */
export interface Sum {
  readonly currency: string
  /** On record as paid. */
  readonly onRecord: number
  readonly moved: number
  readonly inDoubt: number
}

/** A step of the script that is still to come. */
export interface Coming {
  readonly title: string
  readonly handle: string | undefined
  readonly left: number
}

export interface Overview {
  /** The latest payouts, newest first: at most `rowsMax`. */
  readonly rows: ReadonlyArray<Row>
  /** How many payouts there are in all. */
  readonly payouts: number
  readonly sums: ReadonlyArray<Sum>
  readonly coming: ReadonlyArray<Coming>
  /** How many exchanges there were, and how many of the remembered ones have ended. */
  readonly exchanges: number
  readonly ended: number
}

export const rowsMax = 200

/** The ledger with a row per payout. */
export const overview = (sandbox: Sandbox.Service): Effect.Effect<Overview> =>
  Effect.gen(function* () {
    const known = yield* all(sandbox)
    const rows = [...known].map(([handle, one]) => rowOf(handle, one))
    const exchanges = yield* sandbox.exchanges
    return {
      rows: rows.sort((a, b) => (a.since < b.since ? 1 : a.since > b.since ? -1 : 0)).slice(0, rowsMax),
      payouts: rows.length,
      sums: sumsOf(rows),
      coming: (yield* sandbox.scripted).map(({ left, parts }) => ({
        title: byName.get(parts.name ?? "")?.title ?? parts.name ?? "a step of the program's own",
        handle: parts.handle === undefined ? undefined : shown(parts.handle),
        left
      })),
      exchanges: exchanges.at(-1)?.ordinal ?? 0,
      ended: exchanges.filter(({ ending }) => ending !== "Pending").length
    }
  })

/** Everything about one payout, if there was anything. */
export const known = (sandbox: Sandbox.Service, handle: string): Effect.Effect<Option.Option<Known>> =>
  Effect.map(all(sandbox), (known) => Option.fromNullable(known.get(handle)))

const all = (sandbox: Sandbox.Service): Effect.Effect<ReadonlyMap<string, Known>> =>
  Effect.gen(function* () {
    const ledger = yield* sandbox.ledger
    const exchanges = groupBy((yield* sandbox.exchanges).filter(isOfPayout), ({ handle = "" }) => handle)
    const told = new Set((yield* sandbox.state).toldPaid)
    const known = new Map<string, Known>()
    const learn = (handle: string) =>
      known.set(handle, {
        record: Option.getOrUndefined(Ledger.payout(ledger, handle)),
        movements: Ledger.movements(ledger, handle),
        exchanges: exchanges[handle] ?? [],
        toldPaid: told.has(handle)
      })
    for (const { handle } of Ledger.payouts(ledger)) learn(handle)
    for (const [handle, own] of Object.entries(exchanges)) {
      // A lookup of what never was is no payout.
      if (own.some(({ kind }) => kind === "Create")) learn(handle)
    }
    return known
  })

const isOfPayout = ({ handle }: Exchange): boolean => handle !== undefined && handle !== ""

export const rowOf = (handle: string, one: Known): Row => {
  const { exchanges, movements, record } = one
  const doubts = doubtsOf(one)
  const asked = exchanges.find(({ kind }) => kind === "Create")
  const since = record?.created ?? asked?.started
  return {
    handle: shown(handle),
    state: record?.state,
    amount: record?.amount ?? asked?.amount,
    currency: record?.currency ?? asked?.currency,
    since: since === undefined ? "" : DateTime.formatIso(since),
    moved: movements.reduce((total, { amount }) => total + amount, 0),
    movements: movements.length,
    inDoubt: sumOf(doubts),
    doubts: reasonsOf(doubts),
    creates: exchanges.filter(({ kind }) => kind === "Create").length,
    lookups: exchanges.filter(({ kind }) => kind === "Lookup").length
  }
}

const reasonsOf = (doubts: ReadonlyArray<Doubt>): ReadonlyArray<string> => [...new Set(doubts.map(({ says }) => says))]

const sumsOf = (rows: ReadonlyArray<Row>): ReadonlyArray<Sum> =>
  Object.entries(groupBy(rows, ({ currency = "" }) => currency))
    .filter(([currency]) => currency !== "")
    .map(([currency, own]) => ({
      currency,
      onRecord: own.reduce((total, { amount = 0, state }) => total + (state === "paid" ? amount : 0), 0),
      moved: own.reduce((total, { moved }) => total + moved, 0),
      inDoubt: own.reduce((total, { inDoubt }) => total + inDoubt, 0)
    }))
    .sort((a, b) => (a.currency < b.currency ? -1 : 1))
