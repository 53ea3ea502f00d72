/**
 * The people who pay out, and what they do next: they follow the documents. After a certain decline anybody may create;
 * while money may have moved, another process recovers, and says what it knows.
 */
import type { Option } from "./Choices.js"
import type { Statement } from "./Client.js"
import type { Ending, Fate, Reading, Way } from "./Provider.js"

export type Process = "A" | "B"

/**
 * What a caller of `recover` says: nothing, how many creates are outstanding, all that the last error carried, or both;
 * or hands a process what it said itself before.
 */
export type How = "says nothing" | "tells the number" | "hands over evidence" | "hands over both" | "hands its own back"

export interface Action {
  readonly process: Process
  /** Whether the process is started anew before it. */
  readonly restarts: boolean
  readonly card: string
  readonly does: "creates" | "recovers" | "awaits"
  /** To `recover`. */
  readonly says: How
  /** Whether it is against the documents. Then the client need not know of what it was not told. */
  readonly isMistaken: boolean
}

export const cards = ["ca_x", "ca_y"] as const

const option = <A>(cost: number, name: string, value: A): Option<A> => ({ cost, name, value })

export const first: Action = {
  process: "A",
  restarts: false,
  card: cards[0],
  does: "creates",
  says: "says nothing",
  isMistaken: false
}

/** Where the people stand. */
export interface Standing {
  readonly last: Action
  /** What the last call said; nothing if its process died. */
  readonly statement: Statement | undefined
  /** Whether a process has called before, since it was started. */
  readonly remembers: (process: Process) => boolean
  /** How many creates of others than this process, or of its former lives, may have moved money. */
  readonly outstanding: (process: Process, isNew: boolean) => number
  readonly canHandOver: boolean
  /** Whether a process has said something that it can be handed back. */
  readonly hasSaid: (process: Process) => boolean
}

type Change = Partial<Action>

const other: (standing: Standing) => { readonly process: Process; readonly card: string } = ({ last }) => ({
  process: last.process === "A" ? "B" : "A",
  card: last.card === cards[0] ? cards[1] : cards[0]
})

const act = (last: Action, cost: number, change: Change): Option<Action | undefined> => {
  const action: Action = { ...first, process: last.process, card: last.card, ...change }
  const words = [
    action.process !== last.process ? "another process" : action.restarts ? "restarted" : "same process",
    action.does,
    ...(action.does === "awaits" ? [] : [action.card === last.card ? "same card" : "other card"]),
    ...(action.does === "recovers" ? [action.says] : [])
  ]
  return option(cost, words.join(", "), action)
}

/** What may be done next, the usual first. None: they are done. */
export const nextActions = (standing: Standing): ReadonlyArray<Option<Action | undefined>> => {
  const { last, statement } = standing
  if (statement === undefined || statement.certainty === "MayHaveMoved") return inDoubt(standing)
  const { card, process } = other(standing)
  const next = (cost: number, change: Change) => act(last, cost, change)
  switch (statement.tag) {
    case "SoftDeclined":
      return [
        next(0, {}),
        next(1, { process }),
        next(1, { card }),
        next(1, { process, card }),
        next(2, { restarts: true }),
        next(2, { restarts: true, card })
      ]
    case "HardDeclined":
      return [
        next(0, { card }),
        next(1, { process, card }),
        // These must be refused without a send.
        next(1, {}),
        next(1, { process, does: "recovers", says: "tells the number" }),
        // Another process may have sent the other card, says the caller, though none has.
        next(1, { card, does: "recovers" }),
        next(2, { restarts: true, card })
      ]
    default:
      // Mistakes of people who have not heard of the first card.
      return [
        option(0, "done", undefined),
        next(1, { process, card, does: "recovers", says: "tells the number", isMistaken: true }),
        next(1, { process, card, isMistaken: true })
      ]
  }
}

const inDoubt = (standing: Standing): ReadonlyArray<Option<Action | undefined>> => {
  const { last, statement } = standing
  const { card, process } = other(standing)
  const recover = (cost: number, says: How, change: Change) =>
    canSay(standing, says, { ...last, ...change }) ? [act(last, cost, { does: "recovers", says, ...change })] : []
  const others = [
    ...recover(1, "tells the number", { process }),
    ...recover(1, "says nothing", { process }),
    ...recover(1, "hands over both", { process }),
    ...recover(1, "hands over evidence", { process }),
    ...recover(1, "hands its own back", { process }),
    ...recover(2, "tells the number", { process, card })
  ]
  const restarts = true
  if (statement === undefined) {
    return [...recover(0, "tells the number", { restarts }), ...recover(1, "says nothing", { restarts }), ...others]
  }
  return [
    act(last, 0, {}),
    ...recover(1, "says nothing", {}),
    ...others,
    ...recover(2, "tells the number", { restarts }),
    ...recover(2, "hands over both", { restarts }),
    ...recover(2, "hands over evidence", { restarts }),
    ...recover(1, "hands its own back", {}),
    ...(statement.tag === "Processing"
      ? [act(last, 1, { does: "awaits" }), act(last, 1, { process, does: "awaits" })]
      : []),
    ...(statement.tag === "ProcessingError" ? [act(last, 2, { process, isMistaken: true })] : [])
  ]
}

/** Who gives no number has at most the one create to tell of that is guessed. */
const canSay = (
  standing: Standing,
  says: How,
  { process, restarts }: Pick<Action, "process" | "restarts">
): boolean => {
  const isNew = restarts || !standing.remembers(process)
  if (says === "tells the number") return true
  if (says === "hands its own back" && (isNew || !standing.hasSaid(process))) return false
  if ((says === "hands over evidence" || says === "hands over both") && !standing.canHandOver) return false
  return says === "hands over both" || standing.outstanding(process, isNew) <= 1
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

export const gaps: ReadonlyArray<Option<number>> = [
  option(0, "5 minutes", 5 * minute),
  option(1, "3 seconds", 3 * second),
  option(1, "1 hour", hour),
  option(1, "8 hours", 8 * hour)
]

export const skews: ReadonlyArray<Option<number>> = [
  option(0, "clock right", 0),
  option(1, "clock 20 minutes fast", 20 * minute),
  option(1, "clock 20 minutes slow", -20 * minute)
]

export const ledgers: ReadonlyArray<Option<boolean>> = [option(0, "empty", false), option(1, "old decline", true)]

export const showings: ReadonlyArray<Option<boolean>> = [
  option(0, "cards shown", true),
  option(1, "cards not shown", false)
]

export const patiences: ReadonlyArray<Option<"once" | "patient">> = [
  option(0, "once", "once"),
  option(1, "patient", "patient")
]

/** When a process dies after it sent a create: before any answer, or, if it is patient, in a wait. */
export const deaths: { readonly [patience in "once" | "patient"]: ReadonlyArray<Option<number | undefined>> } = {
  once: [option(0, "lives", undefined), option(2, "dies in a create", 40)],
  patient: [
    option(0, "lives", undefined),
    option(2, "dies in a create", 40),
    option(2, "dies half a minute later", minute / 2)
  ]
}

const fate = (cost: number, way: Way, ending: Ending): Option<Fate> =>
  option(cost, `${way}: ${ending}`, { way, ending })

const fates: ReadonlyArray<Option<Fate>> = [
  fate(0, "answered", "paid"),
  fate(1, "answered", "soft"),
  fate(1, "answered", "hard"),
  fate(1, "answered", "hidden"),
  option(1, "lost", { way: "lost", ending: "paid" }),
  fate(1, "reset", "paid"),
  fate(1, "reset", "hard"),
  fate(1, "held up", "paid"),
  fate(2, "answered", "error"),
  fate(2, "answered", "pays later"),
  fate(2, "answered", "declines later"),
  fate(2, "reset", "soft"),
  fate(2, "reset", "hidden"),
  fate(2, "held up", "soft"),
  fate(2, "held up", "hard"),
  fate(2, "held up", "hidden"),
  fate(2, "crossed 134", "paid"),
  fate(2, "crossed 134", "hard"),
  fate(2, "crossed 133", "paid"),
  fate(2, "crossed 133", "hard"),
  fate(2, "crossed handle", "paid"),
  fate(2, "crossed handle", "hard"),
  fate(3, "crossed 134", "hidden"),
  fate(3, "crossed 134", "soft")
]

/** Of a payout that is paid or being paid already, nothing is carried out; and who dies sees no answer. */
export const fatesFor = (isPaid: boolean, seesAnswer: boolean): ReadonlyArray<Option<Fate>> =>
  isPaid
    ? [fate(0, "answered", "paid"), ...(seesAnswer ? [fate(1, "reset", "paid")] : [])]
    : fates.filter(({ value: { way } }) => seesAnswer || way === "answered" || way === "lost" || way === "held up")

export const readings: ReadonlyArray<Option<Reading>> = [
  option(0, "lookup answered", "answered"),
  option(1, "lookup lost", "lost"),
  option(1, "lookup lags", "lags")
]
