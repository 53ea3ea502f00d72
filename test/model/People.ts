/**
 * The people who pay out, and what they do next: they follow the documents. After a certain decline anybody may create;
 * while money may have moved, another process recovers, and says what it knows.
 */
import type { Option } from "./Choices.js"
import type { Statement } from "./Client.js"
import type { Ending, Fate, Reading, Way } from "./Provider.js"

export type Process = "A" | "B"

/** What a caller of `recover` says: nothing, how many creates are outstanding, or all that the last error carried. */
export type How = "says nothing" | "tells the number" | "hands over evidence"

export interface Action {
  readonly process: Process
  /** Whether the process was started anew since it last did something. */
  readonly restarts: boolean
  readonly card: string
  /** Absent for `create`. */
  readonly recovers: How | undefined
}

export const cards = ["ca_x", "ca_y"] as const

const option = <A>(cost: number, name: string, value: A): Option<A> => ({ cost, name, value })

export const first: Action = { process: "A", restarts: false, card: cards[0], recovers: undefined }

/** Where the people stand. */
export interface Standing {
  readonly last: Action
  /** What the last call said, or nothing if its process died. */
  readonly statement: Statement | undefined
  /** Whether a process has called before, since it was started. */
  readonly remembers: (process: Process) => boolean
  /** How many creates nobody saw the answer to, that others than this process sent, or its former lives. */
  readonly outstanding: (process: Process, isNew: boolean) => number
  readonly canHandOver: boolean
}

/** What may be done next, the usual first. None: they are done. */
export const nextActions = (standing: Standing): ReadonlyArray<Option<Action | undefined>> => {
  const { last, statement } = standing
  if (statement === undefined || statement.certainty === "MayHaveMoved") return inDoubt(standing)
  const another: Process = last.process === "A" ? "B" : "A"
  const otherCard = last.card === cards[0] ? cards[1] : cards[0]
  const act = (cost: number, change: Partial<Action>) => {
    const action: Action = { ...last, restarts: false, recovers: undefined, ...change }
    return option<Action | undefined>(cost, nameOf(action, last), action)
  }
  switch (statement.tag) {
    case "SoftDeclined":
      return [
        act(0, {}),
        act(1, { process: another }),
        act(1, { card: otherCard }),
        act(1, { process: another, card: otherCard }),
        act(2, { restarts: true }),
        act(2, { restarts: true, card: otherCard })
      ]
    case "HardDeclined":
      return [
        act(0, { card: otherCard }),
        act(1, { process: another, card: otherCard }),
        // These must be refused without a send.
        act(1, {}),
        act(1, { process: another, recovers: "tells the number" }),
        // Another process may have sent the other card, says the caller, though none has.
        act(1, { card: otherCard, recovers: "says nothing" }),
        act(2, { restarts: true, card: otherCard })
      ]
    default:
      // These are mistakes, of people who have not heard of the first card.
      return [
        option(0, "done", undefined),
        act(1, { process: another, card: otherCard, recovers: "tells the number" }),
        act(1, { process: another, card: otherCard })
      ]
  }
}

const inDoubt = (standing: Standing): ReadonlyArray<Option<Action | undefined>> => {
  const { last, statement } = standing
  const another: Process = last.process === "A" ? "B" : "A"
  const otherCard = last.card === cards[0] ? cards[1] : cards[0]
  const recover = (cost: number, recovers: How, change: Partial<Action>): ReadonlyArray<Option<Action>> => {
    const action: Action = { ...last, restarts: false, recovers, ...change }
    const isNew = action.restarts || !standing.remembers(action.process)
    const outstanding = standing.outstanding(action.process, action.restarts)
    // Who says nothing has nothing to say: at most the one create that is guessed, or none where there is memory.
    if (recovers === "says nothing" && outstanding > (isNew ? 1 : 0)) return []
    if (recovers === "hands over evidence" && !(standing.canHandOver && statement !== undefined)) return []
    return [option(cost, nameOf(action, last), action)]
  }
  const others = [
    ...recover(1, "tells the number", { process: another }),
    ...recover(1, "says nothing", { process: another }),
    ...recover(1, "hands over evidence", { process: another }),
    ...recover(2, "tells the number", { process: another, card: otherCard })
  ]
  if (statement === undefined) {
    return [
      ...recover(0, "tells the number", { restarts: true }),
      ...recover(1, "says nothing", { restarts: true }),
      ...others
    ]
  }
  const again: Action = { ...last, restarts: false, recovers: undefined }
  return [
    option(0, nameOf(again, last), again),
    ...recover(1, "says nothing", {}),
    ...others,
    ...recover(2, "tells the number", { restarts: true }),
    ...recover(2, "hands over evidence", { restarts: true })
  ]
}

const nameOf = ({ card, process, recovers, restarts }: Action, last: Action): string =>
  [
    process === last.process ? (restarts ? "restarted" : "same process") : "another process",
    recovers === undefined ? "creates" : "recovers",
    card === last.card ? "same card" : "other card",
    ...(recovers === undefined ? [] : [recovers])
  ].join(", ")

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

export const deaths: ReadonlyArray<Option<number | undefined>> = [
  option(0, "lives", undefined),
  option(2, "dies after 0.2 s", 200)
]

const fate = (cost: number, way: Way, ending: Ending): Option<Fate> =>
  option(cost, `${way}: ${ending}`, { way, ending })

export const fates: ReadonlyArray<Option<Fate>> = [
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

/** Of a payout that is paid or being paid already, nothing is carried out. */
export const fatesOfPaid: ReadonlyArray<Option<Fate>> = [fate(0, "answered", "paid"), fate(1, "reset", "paid")]

export const readings: ReadonlyArray<Option<Reading>> = [
  option(0, "lookup answered", "answered"),
  option(1, "lookup lost", "lost"),
  option(1, "lookup lags", "lags")
]
