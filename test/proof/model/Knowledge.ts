/**
 * What a process can know of the money, at best: brute force over what may lie behind the exchanges that it had and the
 * evidence that it was told. No client may be more certain than this.
 *
 * The assumptions: a create may be carried out up to `horizon` after it was sent, and makes one transaction; what is
 * older than a create is not its doing; the provider's clock is known to 2 s; while a call runs, no process sends that
 * it was not told of, but between calls one may; a read may lag behind the latest transaction for a minute.
 */
import { amount, lagMax } from "./Provider.js"
import type { Exchange, Shown } from "./Wire.js"

/** What the caller says of creates that this process did not send. */
export interface Told {
  /**
   * How many of them may have moved money, beside those in `evidence`: nobody saw the answer, or it was a processing
   * error, or that it is being paid. Absent where nothing was said.
   */
  readonly outstanding?: number
  /** All that another process knew when it gave up. */
  readonly evidence?: ReadonlyArray<Call>
  /** Whether the process had to guess that there is one. */
  readonly guesses: boolean
}

/** One call of a process, with all that it saw. */
export interface Call {
  readonly by: string
  /** Absent where only the handle was given. */
  readonly card: string | undefined
  readonly from: number
  /** Absent while it runs, and where the process died in it. */
  to: number | undefined
  readonly told: Told
  readonly exchanges: Array<Exchange>
}

export interface Exposure {
  readonly min: number
  readonly max: number
}

export interface Assumptions {
  readonly horizon: number
  /** Whether a process that nobody here knows of may have sent between two calls. */
  readonly strangersBetweenCalls: boolean
}

export const standard: Assumptions = { horizon: 6 * 3_600_000, strangersBetweenCalls: false }

const clockError = 2_000

/** A create that may be carried out, or may have been. */
interface Doubt {
  readonly from: number
  readonly until: number
  readonly card: string | undefined
  /** A guess is accounted for by nothing: nobody knows that there was only one. */
  readonly isGuess: boolean
}

/** All calls that a process knows of: its own, and those of the evidence that it was handed. */
export const known = (own: ReadonlyArray<Call>): ReadonlyArray<Call> => {
  const calls = new Set<Call>()
  const add = (call: Call) => {
    for (const earlier of call.told.evidence ?? []) add(earlier)
    calls.add(call)
  }
  own.forEach(add)
  return [...calls].sort((a, b) => a.from - b.from)
}

/** Every transaction that was shown to who made these calls, as it was last seen. */
export const transactionsOf = (calls: ReadonlyArray<Call>): ReadonlyArray<Shown> => {
  const last = new Map<string, Shown>()
  for (const one of shownTo(calls)) {
    const before = last.get(one.id)
    if (before === undefined || before.state === "processing") last.set(one.id, one)
  }
  return [...last.values()].sort((a, b) => a.created - b.created)
}

const shownTo = (calls: ReadonlyArray<Call>): ReadonlyArray<Shown> =>
  exchangesOf(calls).flatMap(({ answer }) => (answer._tag === "Record" ? answer.transactions : []))

/** Whether it may move money, or may have: who counts the creates that are outstanding counts it, too. */
export const isOpen = ({ errorState, state }: Shown): boolean =>
  state === "processing" || errorState === "processing_error"

/** The least and the most that can have left the account, now or later, if nothing more is sent. */
export const exposureOf = (own: ReadonlyArray<Call>, assumptions: Assumptions): Exposure => {
  const calls = known(own)
  const transactions = transactionsOf(calls)
  const open = transactions.filter(isOpen).length
  // One success a handle: nothing that is still on its way can pay any more.
  if (transactions.some((one) => one.state === "paid")) return { min: amount, max: (1 + open) * amount }
  return { min: 0, max: (open + openOf(own, calls, transactions, assumptions)) * amount }
}

/** How many creates, at most, may be carried out yet, or have been and are not on record. */
const openOf = (
  own: ReadonlyArray<Call>,
  calls: ReadonlyArray<Call>,
  transactions: ReadonlyArray<Shown>,
  assumptions: Assumptions
): number => {
  const doubts = doubtsOf(own, calls, assumptions)
  const complete = completeUntil(calls)
  const mayArrive = ({ until }: Doubt) => until > complete
  const answered = new Set(calls.flatMap(ownTransactions))
  const counted = new Set(shownTo(calls).flatMap((one) => (isOpen(one) ? [one.id] : [])))
  const strange = transactions.filter(
    ({ created, id }) => !answered.has(id) && (counted.has(id) || isOfOurCalls(created, calls, assumptions))
  )
  return leftOver(strange, doubts, mayArrive).open
}

/**
 * Gives each transaction a create that it can be the doing of, in every possible way, and says how many open creates are
 * left over at most. A way that explains more of the transactions is the likelier one: what no create can have made was
 * made by a process that nobody here knows of.
 */
const leftOver = (
  transactions: ReadonlyArray<Shown>,
  doubts: ReadonlyArray<Doubt>,
  mayArrive: (doubt: Doubt) => boolean
): { readonly explained: number; readonly open: number } => {
  const [first, ...rest] = transactions
  if (first === undefined) return { explained: 0, open: doubts.filter(mayArrive).length }
  let best = leftOver(rest, doubts, mayArrive)
  for (const maker of doubts) {
    if (!canHaveMade(maker, first)) continue
    const others = doubts.filter((doubt) => doubt !== maker)
    const { explained, open } = leftOver(rest, others, mayArrive)
    const isBetter = explained + 1 > best.explained || (explained + 1 === best.explained && open > best.open)
    if (isBetter) best = { explained: explained + 1, open }
  }
  return best
}

const canHaveMade = ({ card, from, isGuess, until }: Doubt, transaction: Shown): boolean =>
  !isGuess &&
  transaction.created >= from - clockError &&
  transaction.created <= until + clockError &&
  (card === undefined || transaction.card === undefined || transaction.card === card)

/** While one of our calls ran, no stranger sent: what was made then is the doing of a create that is known. */
const isOfOurCalls = (created: number, calls: ReadonlyArray<Call>, { strangersBetweenCalls }: Assumptions): boolean => {
  const end = calls.at(-1)?.to
  return calls.some(
    ({ from, to }) =>
      created >= from - clockError && created <= ((strangersBetweenCalls ? to : end) ?? Infinity) + clockError
  )
}

const doubtsOf = (
  own: ReadonlyArray<Call>,
  calls: ReadonlyArray<Call>,
  { horizon }: Assumptions
): ReadonlyArray<Doubt> => {
  // What a process is told replaces what it was told, or any had guessed, before; but not what it is told beside.
  const numbers = own
    .filter(({ told }) => told.outstanding !== undefined)
    .map((call) => ({ from: call.from, beside: new Set(known(call.told.evidence ?? [])) }))
  const isReplaced = (call: Call) =>
    numbers.some(
      (number) => call.from < number.from && !number.beside.has(call) && (call.told.guesses || own.includes(call))
    )
  // Who guesses again guesses the same.
  const latestGuess = calls.findLast(({ told }) => told.guesses)
  return calls.flatMap((call) => {
    const { from, told } = call
    const isVoid = isReplaced(call) || (told.guesses && call !== latestGuess)
    const outstanding = isVoid ? 0 : told.guesses ? 1 : (told.outstanding ?? 0)
    const others = Array.from({ length: outstanding }, (): Doubt => ({
      from: -Infinity,
      until: from + horizon,
      card: undefined,
      isGuess: told.guesses
    }))
    return [...others, ...call.exchanges.flatMap((exchange) => doubtOf(exchange, horizon))]
  })
}

const doubtOf = ({ answer, card, done, kind, sent }: Exchange, horizon: number): ReadonlyArray<Doubt> => {
  if (kind === "lookup" || answer._tag === "Record") return []
  // An answer that is another payout's says that ours was carried out before it, if at all.
  const isAnswered = answer._tag !== "Nothing" && done !== undefined
  return [{ from: sent, until: isAnswered ? done : sent + horizon, card, isGuess: false }]
}

/** Up to when the newest record shows everything. */
const completeUntil = (calls: ReadonlyArray<Call>): number => {
  let until = -Infinity
  for (const { answer, sent } of exchangesOf(calls)) {
    if (answer._tag !== "Record" && answer._tag !== "Unknown") continue
    const last = answer._tag === "Record" ? answer.transactions.at(-1) : undefined
    // Nothing comes after a transaction that is not over, so a record that shows one hides nothing.
    until = Math.max(until, last?.state === "processing" ? sent : sent - lagMax)
  }
  return until
}

/** The transaction that is the answer to a create: the latest of the record that it was answered with. */
const ownTransactions = (call: Call): ReadonlyArray<string> =>
  call.exchanges.flatMap(({ answer, kind }) => {
    const last = kind === "create" && answer._tag === "Record" ? answer.transactions.at(-1) : undefined
    return last === undefined ? [] : [last.id]
  })

const exchangesOf = (calls: ReadonlyArray<Call>): ReadonlyArray<Exchange> => calls.flatMap((call) => call.exchanges)
