/**
 * The oracle: holds what a client said against what happened, which it cannot know, and against what it can know.
 */
import type { Statement } from "./Client.js"
import { amount, handle, type Provider } from "./Provider.js"
import { type Assumptions, type Call, type Exposure, exposureOf, known, transactionsOf } from "./Knowledge.js"

export type Law =
  | "consistent" // certainty and exposure say the same
  | "sound" // what left the account, or will if nothing more is sent, is within the exposure
  | "knowable" // no more certain than the process can know
  | "ends" // no doubt stays that the record and the horizon can end
  | "sends once" // nothing is sent again that is known to be hard declined
  | "one handle"
  | "right card" // what was paid to another card is a conflict on the destination
  | "own decline" // nobody is told of a decline of another card
  | "model" // what the model says can be known is true: if not, the model is wrong and not the client

export interface Violation {
  readonly law: Law
  readonly what: string
}

/** What the judge has to go by at the end of a call. */
export interface Case {
  readonly provider: Provider
  readonly assumptions: Assumptions
  /** All calls of the process, the one that has ended last. */
  readonly calls: ReadonlyArray<Call>
  readonly statement: Statement
  /** Whether somebody did not follow the documents: then there may be money that the process was never told of. */
  readonly isMistaken: boolean
}

export interface Verdict {
  readonly violation: Violation | undefined
  /** Whether the process could have been more certain. */
  readonly isLessCertain: boolean
}

export const judge = (facts: Case): Verdict => {
  const { assumptions, calls, statement } = facts
  const violation = inconsistent(statement) ?? unsound(facts) ?? wrongCard(facts) ?? otherDecline(facts)
  if (violation !== undefined) return { violation, isLessCertain: false }
  const best = exposureOf(calls, assumptions)
  const { isMistaken, provider } = facts
  if (!isMistaken && (best.min > provider.moved || best.max < provider.movedInTheEnd())) {
    return { violation: { law: "model", what: `${text(best)} is all that can be known` }, isLessCertain: false }
  }
  // A conflict may be about this call's own money alone.
  const floor = statement.tag === "HandleConflict" ? { min: best.min, max: ownMax(facts) } : best
  return {
    violation:
      statement.max < floor.max || statement.min > best.min
        ? { law: "knowable", what: `${say(statement)}, and at best it can know ${text(best)}` }
        : undefined,
    isLessCertain: statement.max > best.max || (statement.min < best.min && statement.tag !== "HandleConflict")
  }
}

/** What may not be sent, at the moment when it is. */
export const judgeSend = (calls: ReadonlyArray<Call>, name: string, card: string): Violation | undefined => {
  if (name !== handle) return { law: "one handle", what: `sent under ${name}` }
  const shown = transactionsOf(known(calls)).some(
    (one) => one.errorState === "hard_declined" && one.state === "failed" && one.card === card
  )
  const own = calls.some((call) =>
    call.exchanges.some(({ answer, card: sent, kind }) => {
      const last = answer._tag === "Record" ? answer.transactions.at(-1) : undefined
      return kind === "create" && sent === card && last?.errorState === "hard_declined"
    })
  )
  return shown || own
    ? { law: "sends once", what: `${card} was hard declined, which the process ${own ? "was answered" : "was shown"}` }
    : undefined
}

const inconsistent = ({ certainty, max, min }: Statement): Violation | undefined => {
  const expected = max === 0 ? "NotMoved" : min > 0 ? "Moved" : "MayHaveMoved"
  return certainty === expected && min <= max && min >= 0
    ? undefined
    : { law: "consistent", what: `${certainty} with ${text({ min, max })}` }
}

const unsound = ({ calls, isMistaken, provider, statement }: Case): Violation | undefined => {
  if (isMistaken) return undefined
  const now = provider.moved
  const end = provider.movedInTheEnd()
  if (statement.min <= now && end <= statement.max) return undefined
  if (statement.tag === "HandleConflict") {
    const own = provider.movedTo(calls.at(-1)?.card ?? "")
    if (statement.min <= own && own + end - now <= statement.max) return undefined
  }
  return { law: "sound", what: `${say(statement)}, and ${end === now ? end : `${now}, in the end ${end},`} moved` }
}

const wrongCard = ({ calls, statement }: Case): Violation | undefined => {
  const call = calls.at(-1)
  if (call?.card === undefined) return undefined
  const paid = transactionsOf([call]).find((one) => one.state === "paid")
  if (paid?.card === undefined || paid.card === call.card) return undefined
  return statement.tag === "HandleConflict" && statement.differs.includes("destination")
    ? undefined
    : { law: "right card", what: `${say(statement)} for ${call.card}, and the record shows it paid to ${paid.card}` }
}

const otherDecline = ({ calls, statement }: Case): Violation | undefined => {
  const card = calls.at(-1)?.card
  if (statement.tag !== "HardDeclined" || card === undefined) return undefined
  const declines = transactionsOf(known(calls)).filter((one) => one.errorState === "hard_declined")
  return declines.every((one) => one.card !== undefined && one.card !== card)
    ? { law: "own decline", what: `${say(statement)} for ${card}, and only other cards were declined` }
    : undefined
}

/** What this call's own money can come to at least, beside that of the payout that it is in conflict with. */
const ownMax = ({ calls }: Case): number => {
  const card = calls.at(-1)?.card
  const open = transactionsOf(known(calls)).filter((one) => one.errorState === "processing_error" && one.card === card)
  return open.length * amount
}

const text = ({ max, min }: Exposure) => `${min}..${max}`

const say = (statement: Statement) => `${statement.tag}, ${statement.certainty} ${text(statement)}`
