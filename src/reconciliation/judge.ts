/**
 * Compares our books with the provider's record of one handle. Pure: a question is a value, and its answer comes back
 * as one.
 */
import * as Exposure from "../domain/Exposure.js"
import { isCurrency } from "../domain/Money.js"
import type { Finding, Unasked } from "./Difference.js"
import type { Expectation, Standing } from "./Expectation.js"
import * as Shown from "./Shown.js"

/** All that both sides have about one handle, in any order. */
export interface Group {
  readonly expected: ReadonlyArray<Expectation>
  readonly shown: ReadonlyArray<Shown.Shown>
}

/** The row of our books that is compared. */
export interface Row extends Expectation {
  /**
   * The most that left the account if the ends that are stored without evidence are right. Such an end does not say
   * which creates were sent, so one may be under way. Only `NotMoved` says that there is none.
   */
  readonly assumed: number
}

/** What a lookup must answer before anything is said about a payout. */
export interface Question {
  readonly _tag: "Question"
  readonly row: Row
  /** The furthest record of the list. */
  readonly shown: Shown.Shown | undefined
  /** What our books know, and the transactions of the list. */
  readonly evidence: Exposure.Evidence
}

/** What a lookup showed, and all evidence with it. */
export interface Answer {
  readonly shown: Shown.Shown | undefined
  readonly evidence: Exposure.Evidence
}

export interface Judgement {
  readonly findings: ReadonlyArray<Finding>
  readonly questions: ReadonlyArray<Question>
}

/** Judges one handle. `horizon` is the arrival horizon in milliseconds. */
export const judge = ({ expected, shown: all }: Group, horizon: number): Judgement => {
  const shown = Shown.furthest(all)
  const [row, duplicates] = rowsOf(expected, shown, horizon)
  if (row === undefined)
    return { findings: shown === undefined ? [] : [unknownHere(shown, all, horizon)], questions: [] }
  const known = row.evidence ?? Exposure.empty(row.handle)
  const question: Question = {
    _tag: "Question",
    row,
    shown,
    evidence: all.map(Shown.transactionsOf).reduce(Exposure.merge, known)
  }
  if (shown === undefined) return { findings: duplicates, questions: [question] }
  const finding = findingOf(row, listed(question), horizon)
  return isOpen(finding)
    ? { findings: duplicates, questions: [question] }
    : { findings: [finding, ...duplicates], questions: [] }
}

/** The finding after a lookup. If the lookup does not find what the list showed, the list's record stands. */
export const answered = (question: Question, { evidence, shown }: Answer, horizon: number): Finding =>
  findingOf(question.row, shown === undefined ? listed({ ...question, evidence }) : { evidence, shown }, horizon)

/** The finding if no lookup could be made. */
export const unanswered = (question: Question, unasked: Unasked, horizon: number): Finding => {
  const { row, shown } = question
  const finding = findingOf(row, listed(question), horizon)
  if (finding._tag === "InDoubt") return { ...finding, unasked }
  if (shown !== undefined) return finding
  const line = lineOf(row, question, horizon)
  return row.standing === "InDoubt" ? { _tag: "InDoubt", ...line, unasked } : { _tag: "NotAsked", ...line, unasked }
}

/** What the list itself answers. */
const listed = ({ evidence, shown }: Answer): Answer => ({
  shown,
  evidence: shown === undefined ? evidence : Exposure.merge(evidence, Shown.evidenceOf(shown))
})

// A list lags behind, so what it denies or leaves open is asked about. Other arguments do not change.
const isOpen = (finding: Finding): boolean =>
  finding._tag === "InDoubt" || (finding._tag === "Differs" && finding.in.every((field) => field === "state"))

/** The row that is compared with the record, and the rows that are too many. */
const rowsOf = (
  expected: ReadonlyArray<Expectation>,
  shown: Shown.Shown | undefined,
  horizon: number
): readonly [row: Row | undefined, duplicates: ReadonlyArray<Finding>] => {
  const [first, ...rest] = expected
  if (first === undefined) return [undefined, []]
  const assumed = Math.max(0, ...expected.filter(isForgotten).map(({ amount }) => amount))
  if (rest.length === 0) return [{ ...first, assumed }, []]
  const rank = (row: Expectation) => (shown === undefined ? 0 : Shown.differences(row, shown).length)
  // By content alone, so that the order of the books changes nothing.
  const sorted = expected
    .map((row) => ({ row, key: `${rank(row)}${row.customer === undefined ? 1 : 0}${JSON.stringify(row)}` }))
    .sort((one, other) => (one.key < other.key ? -1 : 1))
    .map(({ row }) => row)
  const best = sorted[0] ?? first
  const alike = sorted.filter((row) => isAlike(row, best))
  const repeated = alike.filter(({ standing }) => standing === "Expected").slice(1)
  const others = sorted.filter((row) => !isAlike(row, best))
  // Money under one handle is one question, whatever the arguments.
  const evidence = sorted.flatMap((one) => one.evidence ?? []).reduce(Exposure.merge, Exposure.empty(best.handle))
  return [
    { ...best, standing: standingOf(alike, horizon), evidence, assumed },
    [...repeated.map((row) => duplicate(row, "Same")), ...others.map((row) => duplicate(row, "Other"))]
  ]
}

/** Whether a call ended so that money can have left the account, and nothing is stored of how. */
const isForgotten = ({ evidence, standing }: Expectation): boolean =>
  evidence === undefined && standing !== "Expected" && standing !== "NotMoved"

const isAlike = (self: Expectation, that: Expectation): boolean =>
  self.amount === that.amount &&
  self.currency === that.currency &&
  (self.customer === that.customer || self.customer === undefined || that.customer === undefined)

/** What became of a payout whose ends were stored more than once, or beside the row that expects it. */
const standingOf = (alike: ReadonlyArray<Expectation>, horizon: number): Standing => {
  const [end, ...more] = alike.filter(({ standing }) => standing !== "Expected")
  if (end === undefined) return "Expected"
  const ends = [end, ...more]
  if (more.length === 0) return end.standing
  if (ends.some(({ standing }) => standing === "Paid")) return "Paid"
  if (ends.some(isForgotten)) return "InDoubt"
  const evidence = ends.flatMap((row) => row.evidence ?? []).reduce(Exposure.merge, Exposure.empty(end.handle))
  if (Exposure.exposure(evidence, horizon).max === 0) return "NotMoved"
  return evidence.record?.state === "processing" && ends.some(({ standing }) => standing === "Processing")
    ? "Processing"
    : "InDoubt"
}

// --- the classes ---

const lineOf = (row: Row, { evidence, shown }: Answer, horizon: number) => {
  const { amount, currency, handle, standing } = row
  const { max, min } = Exposure.exposure(evidence, horizon)
  return { handle, currency, booked: amount, standing, exposure: { min, max: Math.max(max, assumedOf(row, shown)) } }
}

// Books that expect a payout do not say whether a create was sent. A record that is paid answers for all creates.
const assumedOf = ({ amount, assumed, standing }: Row, shown: Shown.Shown | undefined): number => {
  if (shown?.state === "paid") return 0
  return shown === undefined && standing === "Expected" ? Math.max(amount, assumed) : assumed
}

const recordOf = ({ amount, currency, state }: Shown.Shown) => ({
  state,
  amount,
  ...(currency === undefined ? {} : { currency })
})

const findingOf = (row: Row, answer: Answer, horizon: number): Finding => {
  const line = lineOf(row, answer, horizon)
  if (answer.shown === undefined) return absent(line)
  const shown = recordOf(answer.shown)
  const { max, min } = line.exposure
  const other = Shown.differences(row, answer.shown)
  const denied = isDenied(row.standing, shown.state, max) ? ["state" as const] : []
  if (other.length + denied.length > 0) return { _tag: "Differs", ...line, shown, in: [...other, ...denied] }
  if (shown.state === "processing" && min === 0 && max <= row.amount) return { _tag: "Processing", ...line, shown }
  const isPaid = shown.state === "paid" && min === max
  const isFailed = shown.state === "failed" && max === 0
  if (!isPaid && !isFailed) return { _tag: "InDoubt", ...line, shown }
  if (row.standing === "Processing" || row.standing === "InDoubt") {
    return { _tag: "FinalSince", ...line, shown, now: isPaid ? "Paid" : "NotMoved" }
  }
  return { _tag: isPaid ? "Matched" : "NotPaid", ...line, shown }
}

/** Whether a record contradicts what the books say became of a payout. */
const isDenied = (standing: Standing, state: string, max: number): boolean => {
  switch (standing) {
    case "Expected":
      return state === "failed" && max === 0
    case "Paid":
      return state !== "paid"
    case "NotMoved":
      return state === "paid" || state === "processing"
    case "Processing":
    case "InDoubt":
      return false
  }
}

type Line = ReturnType<typeof lineOf>

/** The finding about a payout that the provider does not have. */
const absent = (line: Line): Finding => {
  const { exposure, standing } = line
  if (standing === "NotMoved" && exposure.max === 0) return { _tag: "NotPaid", ...line }
  if (standing === "InDoubt" && exposure.max === 0) return { _tag: "FinalSince", ...line, now: "NotMoved" }
  if ((standing === "NotMoved" || standing === "InDoubt") && exposure.min === 0) return { _tag: "InDoubt", ...line }
  return { _tag: "MissingThere", ...line }
}

const unknownHere = (shown: Shown.Shown, all: ReadonlyArray<Shown.Shown>, horizon: number): Finding => ({
  _tag: "UnknownHere",
  handle: shown.handle,
  currency: isCurrency(shown.currency) ? shown.currency : "unknown",
  exposure: Exposure.exposure(all.map(Shown.evidenceOf).reduce(Exposure.merge), horizon),
  shown: recordOf(shown)
})

const duplicate = ({ amount, currency, handle, standing }: Expectation, kind: "Same" | "Other"): Finding => ({
  _tag: "Duplicate",
  handle,
  currency,
  booked: amount,
  standing,
  exposure: { min: 0, max: 0 },
  arguments: kind
})
