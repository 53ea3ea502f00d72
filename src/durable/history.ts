/**
 * What the stored steps of one durable payout amount to: its certainty and exposure, folded as the workflow itself folds
 * them. The fold is pure and never fails. A row that cannot be read is named, and leaves in doubt what may have been sent.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Exposure from "../domain/Exposure.js"
import { amountMax } from "../domain/Money.js"
import * as stored from "./stored.js"
import * as WorkflowState from "./WorkflowState.js"

/** A step: an activity's name, and its stored reply as the engine wrote it. Undefined: it began, and no end is stored. */
export interface Row {
  readonly name: string
  readonly reply: string | undefined
}

/** The payout, as far as the stored request can be read. */
export interface Subject {
  readonly handle?: string | undefined
  readonly amount?: number | undefined
  /** Whether it goes on after an earlier execution, whose evidence is in its first intent, and what that said at most. */
  readonly isReopened?: boolean
  readonly most?: number | undefined
}

/** What an end says of the money. */
export interface Statement {
  readonly tag: string
  readonly certainty: Exposure.Certainty
  readonly exposure: Exposure.Exposure
}

/** What the steps amount to. */
export interface History extends Omit<Statement, "tag"> {
  /** The latest answer: the tag of an outcome or an error, or `Lost`. */
  readonly latest?: string
  /** What it waits for after that answer, if it waits. */
  readonly waitsFor?: WaitsFor
  /** How many rounds of sending have begun. */
  readonly rounds: number
  /** The names of the steps whose rows cannot be read. */
  readonly unreadable: ReadonlyArray<string>
}

/** The reply of an activity or of the whole execution. A value has been stored only if it is `Complete`. */
const reply = <A, I>(exit: Schema.Schema<A, I>) =>
  Schema.parseJson(
    Schema.TaggedStruct("Success", {
      value: Schema.Union(Schema.TaggedStruct("Complete", { exit }), Schema.TaggedStruct("Suspended", {}))
    })
  )

const success = <A, I>(value: Schema.Schema<A, I>) => Schema.TaggedStruct("Success", { value })

const decodeStep = Schema.decodeEither(reply(success(Schema.Unknown)))

const reader =
  <A, I>(schema: Schema.Schema<A, I>) =>
  (text: string): A | "NoEnd" | "Unreadable" =>
    Either.match(decodeStep(text), {
      onLeft: () => "Unreadable",
      onRight: ({ value }) => (value._tag === "Complete" ? valueOf(schema, value.exit.value) : "NoEnd")
    })

const valueOf = <A, I>(schema: Schema.Schema<A, I>, raw: unknown): A | "Unreadable" => {
  const found = stored.read(schema, raw)
  return found._tag === "Readable" ? found.value : "Unreadable"
}

const readIntent = reader(Exposure.Evidence)
const readRound = reader(WorkflowState.Round)
const readPoll = reader(WorkflowState.Poll)

// An `InvalidRequest` stores no statement: nothing was sent.
const Told = Schema.Union(
  Schema.Struct({ _tag: Schema.String, certainty: Exposure.Certainty, exposure: Exposure.Exposure }),
  Schema.TaggedStruct("InvalidRequest", {})
)

const decodeEnd = Schema.decodeEither(
  reply(
    Schema.Union(
      success(Schema.Unknown),
      Schema.TaggedStruct("Failure", { cause: Schema.TaggedStruct("Fail", { error: Schema.Unknown }) })
    )
  )
)

/**
 * The end of an execution from its stored reply. `Suspended`: it waits. `Unreadable`: this version cannot read it, or the
 * engine stored something else than a result, such as an interruption.
 */
export const endOf = (text: string): Statement | "Suspended" | "Unreadable" =>
  Either.match(decodeEnd(text), {
    onLeft: () => "Unreadable",
    onRight: ({ value }) => {
      if (value._tag === "Suspended") return "Suspended"
      const told = valueOf(Told, value.exit._tag === "Success" ? value.exit.value : value.exit.cause.error)
      if (told === "Unreadable") return told
      return "exposure" in told
        ? { tag: told._tag, certainty: told.certainty, exposure: told.exposure }
        : { tag: told._tag, certainty: "NotMoved", exposure: { min: 0, max: 0 } }
    }
  })

/** `End`: the payout's end. `NextTry`: its budget grants another round. `Pause`: the provider is away, or refuses the key. */
export type WaitsFor = "End" | "NextTry" | "Pause"

interface Fold {
  readonly waitsFor?: WaitsFor | undefined
  readonly state: WorkflowState.State
  /** The intents without a known end, by round. Each may have sent one create. Undefined: its row cannot be read. */
  readonly open: ReadonlyMap<number, Exposure.Evidence | undefined>
  /** The statement of the latest end, if nothing was learned since. */
  readonly told?: Statement | undefined
  readonly latest?: string | undefined
  readonly rounds: number
  readonly unreadable: ReadonlyArray<string>
}

/** Folds the steps of one execution, given in the order in which they began. */
export const fold = (subject: Subject, rows: ReadonlyArray<Row>): History => {
  const begin: Fold = {
    state: WorkflowState.initial(subject.handle ?? ""),
    // Until its first step is stored, the earlier execution's money is unknown here.
    open: subject.isReopened === true ? new Map([[0, undefined]]) : new Map(),
    rounds: 0,
    unreadable: []
  }
  return amount(subject, rows.reduce(step, begin))
}

const amount = (subject: Subject, { latest, open, rounds, state, told, unreadable, waitsFor }: Fold): History => {
  const intents = [...open.values()]
  const evidence = intents.reduce<Exposure.Evidence>(
    (all, intent) => (intent === undefined ? all : Exposure.merge(all, intent)),
    state.evidence
  )
  // No arrival horizon is known here, so none has passed.
  const known = told !== undefined && open.size === 0 ? told.exposure : Exposure.exposure(evidence, Infinity)
  const unknown = intents.filter((intent) => intent === undefined).length
  const earlier = open.has(0) ? Math.max(0, (subject.most ?? amountMax) - (subject.amount ?? amountMax)) : 0
  const exposure = { min: known.min, max: known.max + unknown * (subject.amount ?? amountMax) + earlier }
  return {
    exposure,
    certainty: told !== undefined && open.size === 0 ? told.certainty : Exposure.certainty(exposure),
    rounds,
    unreadable,
    ...(latest === undefined ? {} : { latest }),
    ...(waitsFor === undefined ? {} : { waitsFor })
  }
}

const step = (fold: Fold, { name, reply }: Row): Fold => {
  const [, kind, digits] = /^(intent|send|assess|poll)\/(\d+)$/.exec(name) ?? []
  const number = Number(digits)
  switch (kind) {
    case "intent":
      return intended(fold, name, number, reply)
    case "send":
      return sent({ ...fold, rounds: Math.max(fold.rounds, number) }, name, number, reply)
    case "assess":
      return assessed(fold, name, reply)
    case "poll":
      return polled(fold, name, reply)
    default:
      return fold
  }
}

const intended = (fold: Fold, name: string, round: number, reply: string | undefined): Fold => {
  const intent = reply === undefined ? "NoEnd" : readIntent(reply)
  if (intent === "NoEnd") return fold
  return intent === "Unreadable"
    ? { ...unread(fold, name), open: withOpen(fold, round, undefined) }
    : { ...fold, open: withOpen({ ...fold, open: withoutOpen(fold, 0) }, round, intent) }
}

const sent = (fold: Fold, name: string, round: number, reply: string | undefined): Fold => {
  const end = reply === undefined ? "NoEnd" : readRound(reply)
  // Sent, perhaps, by a process that is at work, or by one that died.
  const inDoubt = { ...fold, open: fold.open.has(round) ? fold.open : withOpen(fold, round, undefined) }
  if (end === "NoEnd") return inDoubt
  if (end === "Unreadable") return unread(inDoubt, name)
  switch (end._tag) {
    case "Lapsed":
      return { ...fold, open: withoutOpen(fold, round) }
    case "Lost": {
      const intent = fold.open.get(round)
      const lost = { ...inDoubt, told: undefined, latest: end._tag, waitsFor: waitAfter(end) }
      return intent === undefined
        ? lost
        : { ...lost, state: WorkflowState.learned(fold.state, { evidence: intent }), open: withoutOpen(fold, round) }
    }
    default:
      return ended(fold, end)
  }
}

const polled = (fold: Fold, name: string, reply: string | undefined): Fold => {
  const poll = reply === undefined ? "NoEnd" : readPoll(reply)
  if (poll === "NoEnd") return fold
  if (poll === "Unreadable") return unread(fold, name)
  if (poll._tag !== "Waiting") return ended(fold, poll)
  return poll.evidence === undefined
    ? fold
    : { ...fold, state: WorkflowState.learned(fold.state, { evidence: poll.evidence }), told: undefined }
}

/** It sent nothing. */
const assessed = (fold: Fold, name: string, reply: string | undefined): Fold => {
  const end = reply === undefined ? "NoEnd" : readRound(reply)
  if (end === "NoEnd") return fold
  if (end === "Unreadable") return unread(fold, name)
  return end._tag === "Accepted" || end._tag === "Failed" ? ended(fold, end) : fold
}

/** An end covers all that was known when its step began: also rows of earlier rounds that cannot be read here. */
const ended = (fold: Fold, end: WorkflowState.Ended): Fold => {
  const told = end._tag === "Accepted" ? end.outcome : end.error
  return told._tag === "InvalidRequest"
    ? { ...fold, latest: told._tag, waitsFor: undefined, open: new Map() }
    : {
        ...fold,
        state: WorkflowState.ended(fold.state, end),
        told: { tag: told._tag, certainty: told.certainty, exposure: told.exposure },
        latest: told._tag,
        waitsFor: end._tag === "Accepted" ? "End" : waitAfter(end),
        open: new Map()
      }
}

const waitAfter = ({ pause, wait }: { readonly pause?: unknown; readonly wait?: unknown }): WaitsFor | undefined =>
  wait !== undefined ? "NextTry" : pause !== undefined ? "Pause" : undefined

const unread = (fold: Fold, name: string): Fold => ({ ...fold, unreadable: [...fold.unreadable, name] })

const withOpen = ({ open }: Fold, round: number, intent: Exposure.Evidence | undefined) =>
  new Map([...open, [round, intent]])

const withoutOpen = ({ open }: Fold, round: number) => new Map([...open].filter(([one]) => one !== round))
