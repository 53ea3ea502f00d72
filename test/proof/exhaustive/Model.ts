/**
 * What the library has to do and to say, worked out a second time from the documents (design.md 2 and 3, faults.md, the
 * README), in plain code that shares nothing with the library or its sandbox: there is no import here, and a test sees to
 * it. Money is counted in payouts, so 1 is the amount of the one that is asked for; time in milliseconds.
 */
export interface Policy {
  /** The wait before each exchange that a category grants. */
  readonly communication: ReadonlyArray<number>
  readonly rateLimited: ReadonlyArray<number>
  readonly concurrentUpdate: ReadonlyArray<number>
  readonly processingError: ReadonlyArray<number>
  readonly softDeclined: ReadonlyArray<number>
  readonly elapsedMax: number
  /** The longest that a create, or a lookup, may take. */
  readonly deadline: Readonly<Record<Kind, number>>
}

type Category = Exclude<keyof Policy, "elapsedMax" | "deadline">

/** A create, or a lookup. */
type Kind = "C" | "L"

export interface Prediction {
  readonly tag: string
  readonly certainty: string
  readonly min: number
  readonly max: number
  /** Each exchange: `CLC` is a create, a lookup and another create. */
  readonly exchanges: string
  readonly elapsed: number
}

// --- the provider -----------------------------------------------------------------------------------------------------

/** One attempt of the provider: when it was made, and how it ended. */
interface Made {
  readonly at: number
  readonly end: string
}

/** The payout, as the provider shows it: its state, its attempts, and whether it has another amount than ours. */
interface Shown {
  readonly state: string
  readonly attempts: ReadonlyArray<Made>
  readonly isOther?: true
}

/** What comes back: the payout, or one of the words of `table`. */
type Seen = Shown | string

interface Behaviour {
  readonly only?: Kind
  /** How the acquirer ends an attempt. Paid, unless said. */
  readonly ends?: string
  /** What becomes of a processing payout. */
  readonly settles?: readonly [after: number, as: string]
  /** When the request arrives, its sender long gone. */
  readonly arrives?: number
  /** The provider does nothing. */
  readonly idle?: true
  /** What comes back in place of the provider's own answer, or what becomes of that. */
  readonly seen?: string | ((answer: Seen) => Seen)
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

const attempt = (ends: string, rest: Behaviour = {}): Behaviour => ({ only: "C", ends, ...rest })
const nothing = (seen: string): Behaviour => ({ idle: true, seen })
/** Alters a payout; the provider's own refusals stay as they are. */
const altered = (seen: (payout: Shown) => Seen): Behaviour => ({
  seen: (answer) => (typeof answer === "string" ? answer : seen(answer))
})

const behaviours: Readonly<Record<string, Behaviour>> = {
  paid: {},
  processing: attempt("processing", { settles: [10 * minute, "paid"] }),
  hardDeclined: attempt("hard_declined"),
  softDeclined: attempt("soft_declined"),
  processingError: attempt("processing_error"),
  hiddenSuccess: attempt("processing_error"),
  unknownErrorState: attempt("unheard_of"),
  dropAfterCommit: { seen: "no answer" },
  hangAfterCommit: { seen: "silence" },
  status500AfterCommit: { seen: "5xx" },
  // A page in place of a refusal has the refusal's status, but no code.
  htmlPage: { seen: (answer) => (typeof answer !== "string" ? "unreadable" : answer === "137" ? "404?" : "400?") },
  wrongHandle: altered(() => "unreadable"),
  wrongAmount: altered((payout) => ({ ...payout, isOther: true })),
  unknownState: altered(({ attempts }) => ({ state: "unheard_of", attempts })),
  declinedAndLost: attempt("hard_declined", { seen: "no answer" }),
  hiddenAndLost: attempt("processing_error", { seen: "no answer" }),
  hiddenAndCrossed: attempt("processing_error", { seen: "134" }),
  processingAndLost: attempt("processing", { settles: [minute, "hard_declined"], seen: "no answer" }),
  sentTwice: { seen: "134" },
  soon: { arrives: 20 * second },
  hiddenHoursLater: attempt("processing_error", { arrives: 2 * hour }),
  connectionRefused: nothing("not sent"),
  dropBeforeCommit: nothing("no answer"),
  status503: nothing("5xx"),
  redirect: nothing("3xx"),
  unreadable400: nothing("400?"),
  status401: nothing("401"),
  code40: nothing("40"),
  code74: nothing("74"),
  code134: nothing("134"),
  code135: nothing("135"),
  code136: nothing("136"),
  rateLimited: nothing("429"),
  laggingRead: { only: "L", ...nothing("137") }
}

class Provider {
  now = 0
  private readonly script: Array<Behaviour>
  private readonly attempts: Array<Made> = []
  private due: Array<{ readonly at: number; readonly happens: () => void }> = []

  constructor(
    script: ReadonlyArray<string>,
    private readonly deadline: Policy["deadline"]
  ) {
    this.script = script.map((name) => {
      const behaviour = behaviours[name]
      if (behaviour === undefined) throw new Error(`the model has no behaviour ${name}`)
      return behaviour
    })
  }

  exchange(kind: Kind): Seen {
    this.pass(0)
    const index = this.script.findIndex(({ only = kind }) => only === kind)
    const [step = {}] = index === -1 ? [] : this.script.splice(index, 1)
    const act = (): Seen => (kind === "C" ? this.attempt(step) : this.show())
    if (step.arrives !== undefined) {
      this.due.push({ at: this.now + step.arrives, happens: act })
      return "no answer"
    }
    const answer = step.idle === true ? "" : act()
    const seen = typeof step.seen === "function" ? step.seen(answer) : (step.seen ?? answer)
    if (seen === "silence") this.pass(this.deadline[kind])
    return seen
  }

  pass(wait: number): void {
    const until = this.now + wait
    for (;;) {
      const [next] = this.due.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.due = this.due.filter((one) => one !== next)
      this.now = next.at
      next.happens()
    }
    this.now = until
  }

  private get state(): string {
    const last = this.attempts.at(-1)?.end
    return last === undefined || last === "paid" || last === "processing" ? (last ?? "none") : "failed"
  }

  private show(): Seen {
    return this.state === "none" ? "137" : { state: this.state, attempts: [...this.attempts] }
  }

  // One success a handle; a failed payout may be attempted again.
  private attempt({ ends = "paid", settles }: Behaviour): Seen {
    if (this.state === "paid") return "134"
    if (this.state === "processing") return "133"
    const at = this.now
    const index = this.attempts.push({ at, end: ends }) - 1
    if (settles !== undefined) {
      const [after, as] = settles
      this.due.push({ at: at + after, happens: () => (this.attempts[index] = { at, end: as }) })
    }
    return this.show()
  }
}

// --- the table --------------------------------------------------------------------------------------------------------

interface Row {
  readonly tag: string
  /** Whether it is sent again, from which budget; `ask`: looked up and never sent again; or nothing more is done. */
  readonly then: Category | "ask" | "stop"
  /** After a create: whether the money may have moved by it, or is said to have moved. */
  readonly money?: "unclear" | "claimed"
  /** The shortest wait that the provider asks for. */
  readonly wait?: number
}

const table: Readonly<Record<string, Row>> = {
  // What comes back is the payout, and this is how it stands.
  paid: { tag: "Paid", then: "stop" },
  processing: { tag: "Processing", then: "stop" },
  hard_declined: { tag: "HardDeclined", then: "stop" },
  soft_declined: { tag: "SoftDeclined", then: "softDeclined" },
  processing_error: { tag: "ProcessingError", then: "processingError" },
  // faults.md 60 to 63: unknown; polled, and no automatic loop.
  unheard_of: { tag: "UnexpectedResponse", then: "ask" },

  // It is something else.
  "no answer": { tag: "CommunicationError", then: "communication", money: "unclear" },
  silence: { tag: "CommunicationError", then: "communication", money: "unclear" },
  "not sent": { tag: "CommunicationError", then: "communication" },
  "5xx": { tag: "ServerError", then: "communication", money: "unclear" },
  "3xx": { tag: "UnexpectedResponse", then: "communication", money: "unclear" },
  unreadable: { tag: "UnexpectedResponse", then: "communication", money: "unclear" },
  // It may have been a 133 or a 134, so it is no refusal.
  "400?": { tag: "UnexpectedResponse", then: "communication", money: "claimed" },
  "404?": { tag: "RequestRejected", then: "stop" },
  "133": { tag: "UnexpectedResponse", then: "ask", money: "claimed" },
  "134": { tag: "UnexpectedResponse", then: "ask", money: "claimed" },
  "40": { tag: "PaymentMethodNotFound", then: "stop" },
  "135": { tag: "PaymentMethodNotAllowed", then: "stop" },
  "136": { tag: "CustomerMismatch", then: "stop" },
  "401": { tag: "RequestRejected", then: "stop" },
  "74": { tag: "RequestRejected", then: "concurrentUpdate" },
  "429": { tag: "RateLimited", then: "rateLimited", wait: 7 * second },
  "137": { tag: "UnexpectedResponse", then: "communication" },
  // To a create it is no answer to us at all; a lookup shows a payout that took the handle.
  "another amount": { tag: "HandleConflict", then: "stop" },
  // A lookup is never refused for what the payout is: asked again.
  "refused lookup": { tag: "RequestRejected", then: "communication" }
}

/** What refuses a lookup as well as a create, but for the key. */
const refusals = new Set(["400?", "404?", "133", "134", "40", "135", "136", "74"])

const wordOf = (kind: Kind, seen: Seen): string => {
  if (typeof seen === "string") return kind === "L" && refusals.has(seen) ? "refused lookup" : seen
  if (seen.isOther === true) return kind === "C" ? "unreadable" : "another amount"
  return (seen.state === "failed" ? seen.attempts.at(-1)?.end : seen.state) ?? ""
}

const rowOf = (kind: Kind, seen: Seen): Row => {
  const word = wordOf(kind, seen)
  const row = table[word]
  if (row === undefined) throw new Error(`the model's table has no row for ${word}`)
  return row
}

const isDeclined = ({ end }: Made): boolean => end === "hard_declined" || end === "soft_declined"

// --- the evidence -----------------------------------------------------------------------------------------------------

/** A create that may have been carried out, and was not answered by the attempt that it made. */
interface Lost {
  readonly at: number
  /** The attempts that were over before it was sent. */
  readonly before: ReadonlySet<number>
  /** The code that it was told instead, and when. */
  readonly told?: string
  readonly toldAt?: number
}

/** How far a read may lag behind, in milliseconds: so long a claim stands against a failure. */
const lag = 600_000

/**
 * The most that lost creates can still pay: the worst of all ways to tell which of them made which attempt. An attempt that is
 * not older than one of them was made by one of them, and no one made two. What was told 133 or an unreadable 400 did
 * nothing, if there is an older attempt that it can have been told of; an attempt that is over by now only if it was read when
 * reads could not lag so far. What was told 134 is nobody's doing while 134 stands.
 */
const doubt = (
  lost: ReadonlyArray<Lost>,
  attempts: ReadonlyArray<Made>,
  owned: ReadonlySet<number>,
  readAt: number
): number => {
  const isSettled = ({ at, before, told, toldAt = at }: Lost) =>
    (told === "133" &&
      attempts.some(
        (one, index) => one.at < at && !before.has(index) && (one.end === "processing" || readAt - toldAt >= lag)
      )) ||
    (told === "400?" && attempts.some((one) => one.at < at))
  const free = attempts.map((one, index) => ({ ...one, index })).filter(({ index }) => !owned.has(index))
  const canMake = (one: Lost, { at, index }: Made & { readonly index: number }) =>
    at >= one.at && !one.before.has(index)
  const made = free.filter((one) => lost.some((create) => create.told !== "134" && canMake(create, one)))
  /** How many of these attempts these creates can have made at most. */
  const most = (creates: ReadonlyArray<Lost>, left: typeof made): number => {
    const [first, ...rest] = left
    if (first === undefined) return 0
    const makers = creates.filter((create) => canMake(create, first))
    return Math.max(
      most(creates, rest),
      ...makers.map(
        (maker) =>
          1 +
          most(
            creates.filter((create) => create !== maker),
            rest
          )
      )
    )
  }
  const settled = lost.filter(isSettled)
  const accountable = lost.filter(({ told }) => told !== "134")
  return lost.length - settled.length - (most(accountable, made) - most(settled, made))
}

// --- the client -------------------------------------------------------------------------------------------------------

/** Why the payout is looked up: before it is sent again, until the provider shows it, or before giving up in doubt. */
type Ask = "before" | "confirm" | "last"

export const predict = (script: ReadonlyArray<string>, policy: Policy): Prediction => {
  const provider = new Provider(script, policy.deadline)
  const spent = { communication: 0, rateLimited: 0, concurrentUpdate: 0, processingError: 0, softDeclined: 0 }
  let exchanges = ""
  // What is known about the money: the newest record, the creates that were lost, and which attempts answered a create.
  let record: Shown | undefined
  let readAt = 0
  let lost: ReadonlyArray<Lost> = []
  const owned = new Set<number>()
  /** The latest answer that left the money in doubt: what a failure is about, unless the payout itself was the answer. */
  let doubtTag = ""

  const exposure = () => {
    if (record === undefined) return { min: 0, max: lost.length }
    const { attempts, isOther, state } = record
    const canPay = attempts.filter((one) => !isDeclined(one))
    if (isOther === true) return conflict(record)
    // One success a handle: what is still under way can no longer pay.
    if (state === "paid") return { min: 1, max: canPay.length }
    // What is not over, or has no attempt, may itself be the doing of one of them.
    const unexplained = canPay.length === 0 && (state !== "failed" || attempts.length === 0) ? 1 : 0
    return { min: 0, max: canPay.length + Math.max(doubt(lost, attempts, owned, readAt), unexplained) }
  }

  /** Only the money of our own creates. */
  const conflict = ({ attempts, state }: Shown) => {
    const canPay = attempts.filter(
      (one, index) =>
        !isDeclined(one) &&
        (owned.has(index) ||
          lost.some(
            ({ at, before, told }) => one.at >= at && !before.has(index) && !(one.end === "paid" && told === "134")
          ))
    ).length
    const isOurs = attempts.some(({ end }, index) => end === "paid" && owned.has(index))
    return {
      min: state === "paid" && isOurs ? 1 : 0,
      max: canPay + (state === "paid" ? 0 : doubt(lost, attempts, owned, readAt))
    }
  }

  const end = (tag: string): Prediction => {
    const { max, min } = exposure()
    const certainty = min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved"
    return { tag, certainty, min, max, exchanges, elapsed: provider.now }
  }

  // No exchange is begun that could end too late, except the first create.
  const fits = (kind: Kind, wait = 0) => provider.now + wait + policy.deadline[kind] <= policy.elapsedMax

  /** Waits as long as the budget says, if it has another step. The one for processing errors counts the record's own. */
  const granted = (category: Category, next: Kind, wait = 0): boolean => {
    const known = category === "processingError" ? (record?.attempts.filter(isProcessingError).length ?? 0) : 0
    spent[category] = Math.max(spent[category] + 1, known)
    const delay = policy[category][spent[category] - 1]
    if (delay === undefined || !fits(next, Math.max(delay, wait))) return false
    provider.pass(Math.max(delay, wait))
    return true
  }

  let ask: Ask | undefined
  for (;;) {
    const kind = ask === undefined ? "C" : "L"
    exchanges += kind
    const at = provider.now
    const seen = provider.exchange(kind)
    const row = rowOf(kind, seen)
    const known = record
    const before = new Set((known?.attempts ?? []).flatMap(({ end }, index) => (end === "processing" ? [] : [index])))

    // Told 134 and shown a failure, or told 133 and shown one from before: a read that lags behind, so the code stands.
    const isContradicted =
      kind === "L" &&
      typeof seen !== "string" &&
      seen.state === "failed" &&
      lost.some(
        ({ before, told }) => told === "134" || (told === "133" && seen.attempts.every((_, index) => before.has(index)))
      )
    const isShown = typeof seen !== "string" && row.tag !== "HandleConflict" && row.money === undefined
    const shown = isShown && !isContradicted ? seen : undefined
    const isNews =
      shown !== undefined && (shown.state !== known?.state || shown.attempts.length > (known?.attempts.length ?? 0))
    if (typeof seen !== "string" && row.money === undefined) [record, readAt] = [seen, at]
    if (kind === "C" && row.money === "unclear") lost = [...lost, { at, before }]
    if (kind === "C" && row.money === "claimed" && typeof seen === "string")
      lost = [...lost, { at, before, told: seen, toldAt: provider.now }]
    if (kind === "C" && shown !== undefined) {
      const own = shown.attempts.findLastIndex((one, index) => one.at >= at && !before.has(index) && !owned.has(index))
      if (own >= 0) owned.add(own)
      else
        lost = [...lost, { at, before, ...(shown.state === "processing" ? { told: "133", toldAt: provider.now } : {}) }]
    }
    const isOpen = (one: Shown) => one.state !== "failed" || one.attempts.some((made) => !isDeclined(made))
    if (shown === undefined ? kind === "C" && row.money !== undefined : isOpen(shown)) doubtTag = row.tag

    if (shown !== undefined && (row.tag === "Paid" || row.tag === "Processing")) return end(row.tag)
    // Declined for good stays so, whatever came after it.
    if (shown?.state === "failed" && row.then !== "ask" && shown.attempts.some(({ end }) => end === "hard_declined")) {
      return end("HardDeclined")
    }
    const inDoubt = exposure().max > 0
    const isAnswer = row.tag === "HandleConflict" || (shown !== undefined && (kind === "C" || isNews))
    const failed = () => end(inDoubt && !isAnswer ? doubtTag : row.tag)

    if (ask === "last" || row.tag === "HandleConflict") return failed()

    // Sets why to ask next, or that it is sent again, and says whether that is granted.
    const goesOn = (): boolean => {
      // A payout that was shown before is there: a read that does not see it lags behind, and says nothing.
      const isNothing = typeof seen === "string" ? seen === "137" && known === undefined : row.then !== "ask" && !isNews
      if (kind === "L" && isNothing) {
        if (ask === "confirm") return granted("communication", "L")
        ask = undefined
        return fits("C")
      }
      if (kind === "L" && typeof seen === "string") {
        // It could not be asked: sent again all the same, but after a processing error it has to be.
        if (ask === "before" && record?.attempts.some(isProcessingError) !== true) {
          ask = undefined
          return fits("C")
        }
        return (row.then === "communication" || row.then === "rateLimited") && granted(row.then, "L", row.wait)
      }
      if (row.then === "stop") return false
      if (row.then === "ask") {
        ask = "confirm"
        return typeof seen === "string" ? fits("L") : granted("communication", "L")
      }
      ask = inDoubt ? "before" : undefined
      return granted(row.then, inDoubt ? "L" : "C", row.wait)
    }
    if (goesOn()) continue
    if (kind === "L" || shown !== undefined || !inDoubt || !fits("L")) return failed()
    ask = "last"
  }
}

const isProcessingError = ({ end }: Made): boolean => end === "processing_error"
