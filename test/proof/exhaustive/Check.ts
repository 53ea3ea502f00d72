/**
 * One script, against the invariants of faults.md and against the model. The sandbox's ledger says what became of the
 * money: when the call ends, and hours later, when everything has arrived that was under way.
 */
import { Option } from "effect"
import { type Attempt } from "effect-billwerk-payouts"
import { Ledger, type Sandbox } from "effect-billwerk-payouts/testing"
import type { Kind, Name } from "./Behaviours.js"
import type { Played } from "./Explore.js"
import { predict } from "./Model.js"
import { amount, budgets, handle, World, type Process, type Said, type Stage } from "./World.js"

type Violations = Iterable<string>

/** A call that has ended. */
interface Call {
  readonly said: Said
  readonly elapsed: number
  /** What the provider saw of it. */
  readonly exchanges: ReadonlyArray<Sandbox.Exchange>
}

/**
 * Plays scripts in worlds of their own, and says what does not hold. Those of up to `goneOnMax` behaviours are also gone
 * on with at once, while something is still under way.
 */
export const checker = (stage: Stage, goneOnMax = 3): ((script: ReadonlyArray<Name>) => Played) => {
  // A new process and a provider that is well have nothing of the past but what is on record: one is played for each.
  const restarts = new Map<string, ReadonlyArray<string>>()
  const restarted = (world: World): ReadonlyArray<string> => {
    const past = `${unseen(world)} ${told(world.ledger)}`
    const found = restarts.get(past) ?? [...notResumed(world)]
    restarts.set(past, found)
    return found
  }

  return (script) => {
    const world = new World(stage, script)
    const process = world.start()
    const call = observed(world, () => world.create(process))
    const before = world.ledger
    const extra = unknowable(script, call.said)
    const violations = [
      ...wrongAboutMoney(call.said, before, extra),
      ...wrongAboutPayout(call.said, before),
      ...notAccounted(call),
      ...notBounded(call),
      ...notModelled(script, call),
      ...timersLeft(world)
    ]

    world.heal()
    world.passHours()
    const after = world.ledger
    violations.push(...wrongLater(call.said, after, extra))
    violations.push(...notTheSameAgain(world, process, call), ...restarted(world))
    if (before !== after && script.length <= goneOnMax) {
      violations.push(...goingOn(stage, script, "again"), ...goingOn(stage, script, "restarted"))
    }
    return { said: spoken(call), kinds: call.exchanges.map(kindOf), violations }
  }
}

/**
 * What may have moved beyond what anybody can tell: where the provider shows a payout with other arguments, what it has
 * claimed is taken to be about that one, and our create to have done nothing.
 */
const unknowable = (script: ReadonlyArray<Name>, { _tag }: Said): number =>
  _tag === "HandleConflict"
    ? script.filter((name) => name === "sentTwice" || name === "hiddenAndCrossed").length * amount
    : 0

const observed = (world: World, call: () => Said): Call => {
  const began = world.now
  const seen = world.exchanges.length
  const said = call()
  return { said, elapsed: world.now - began, exchanges: world.exchanges.slice(seen) }
}

const spoken = ({ elapsed, exchanges, said }: Call): string => {
  const { certainty, exposure } = said
  const kinds = exchanges.map(({ kind }) => kind.charAt(0)).join("")
  return `${said._tag} ${certainty} ${exposure.min / amount}..${exposure.max / amount} ${kinds} ${elapsed} ms`
}

// --- what is said about the money ---

/** Certainty and exposure, against what has moved. */
function* wrongAboutMoney({ certainty, exposure: { max, min } }: Said, ledger: Ledger.Ledger, extra = 0): Violations {
  const moved = Ledger.moved(ledger, handle)
  if (moved < min || moved > max + extra) yield `exposure: ${min}..${max}, but ${moved} moved`
  const expected = min > 0 ? "Moved" : max > 0 ? "MayHaveMoved" : "NotMoved"
  if (certainty !== expected) yield `certainty: ${certainty}, but the exposure is ${min}..${max}`
  if (Ledger.paidTwice(ledger).length > 0) yield "I1: the provider has two successes"
}

/** The same, when more may have moved since; but not more than was said. */
function* wrongLater({ certainty, exposure: { max, min } }: Said, ledger: Ledger.Ledger, extra = 0): Violations {
  const moved = Ledger.moved(ledger, handle)
  if (certainty === "NotMoved" && moved > extra) yield `I3: NotMoved, but hours later ${moved} has moved`
  if (moved < min || moved > max + extra) yield `exposure: ${min}..${max}, but hours later ${moved} has moved`
  if (Ledger.paidTwice(ledger).length > 0) yield "I1: hours later the provider has two successes"
}

/** A success is what the provider has on record, and so is a decline. */
function* wrongAboutPayout(said: Said, ledger: Ledger.Ledger): Violations {
  const payout = recordOf(ledger)
  const state = payout?.state ?? "none"
  if (said._tag === "Paid" && state !== "paid") yield `I2: Paid, but the state is ${state}`
  if (said._tag === "Processing" && state !== "processing") yield `I2: Processing, but the state is ${state}`
  if (said._tag === "HardDeclined" && state === "processing") yield "I3: HardDeclined, but it is processing"
}

const recordOf = (ledger: Ledger.Ledger): Ledger.Recorded | undefined =>
  Option.getOrUndefined(Ledger.payout(ledger, handle))

// --- what is done ---

/** The provider saw what is on record: no exchange less, none more, each as it was. */
function* notAccounted({ exchanges, said }: Call): Violations {
  const attempts = "attempts" in said ? said.attempts : []
  const ours = attempts.map(({ kind, sent, started, status }) =>
    [kind, started.epochMillis, status, sent === "NotSent"].join()
  )
  const theirs = exchanges.map(({ ending, kind, started, status }) =>
    [kind, started.epochMillis, status, ending === "Refused"].join()
  )
  if (ours.join("; ") !== theirs.join("; ")) yield `I7: on record ${ours.join("; ")}, but seen ${theirs.join("; ")}`
  const last = attempts.at(-1)?.decision
  if (last !== "Succeed" && last !== "Fail") yield `I7: the last decision on record is ${last}`
  const bodies = new Set(exchanges.filter(isCreate).map(({ fingerprint }) => fingerprint)).size
  if (bodies !== 1) yield `I5: ${bodies} different bodies`
}

const kindOf = ({ kind }: Sandbox.Exchange): Kind => (kind === "Create" ? "Create" : "Lookup")

const isCreate = ({ kind }: Sandbox.Exchange | Attempt.Attempt): boolean => kind === "Create"

const { communication, concurrentUpdate, elapsedMax, processingError, rateLimited, softDeclined } = budgets
const retriesMax = [communication, concurrentUpdate, processingError, rateLimited, softDeclined].flat().length

function* notBounded({ elapsed, exchanges, said }: Call): Violations {
  yield* tooLong(elapsed)
  const creates = exchanges.filter(isCreate).length
  if (creates > 1 + retriesMax) yield `I6: ${creates} creates`
  // A retry is at most a lookup and a create; before the end there may be one more lookup.
  if (exchanges.length > 2 * (1 + retriesMax)) yield `I6: ${exchanges.length} exchanges`
  if (said._tag === "InvalidRequest") return yield "the request is refused"
  for (const [index, { outcome, recorded }] of said.attempts.entries()) {
    if (!said.attempts.slice(index + 1).some(isCreate)) return
    if (outcome === "HardDeclined") yield "I4: sent again after a hard decline"
    if ((recorded?.processingErrors ?? 0) > processingError.length)
      yield "I1b: sent again after too many processing errors"
  }
}

function* tooLong(elapsed: number): Violations {
  if (elapsed > elapsedMax) yield `I6: it took ${elapsed} ms`
}

function* notModelled(script: ReadonlyArray<Name>, call: Call): Violations {
  const { certainty, elapsed, exchanges, max, min, tag } = predict(script, budgets)
  const predicted = `${tag} ${certainty} ${min}..${max} ${exchanges} ${elapsed} ms`
  const seen = spoken(call)
  if (seen !== predicted) yield `model: ${predicted}, but it is ${seen}`
}

function* timersLeft({ timers }: World): Violations {
  if (timers > 0) yield `I12: ${timers} timers are left`
}

// --- what comes after ---

/** Once it is paid, or declined without a doubt, the same call in the same process ends at once, and in the same way. */
function* notTheSameAgain(world: World, process: Process, call: Call): Violations {
  const { _tag, certainty } = call.said
  if (_tag !== "Paid" && (_tag !== "HardDeclined" || certainty !== "NotMoved")) return
  const again = observed(world, () => world.create(process))
  const expected = spoken({ said: call.said, exchanges: [], elapsed: 0 })
  if (spoken(again) !== expected) yield `I4, I10: ${expected} again, but it is ${spoken(again)}`
}

/** A new process, a provider that is well, and nothing under way: now it comes to an end. */
function* notResumed(world: World): Violations {
  const expected = ending(recordOf(world.ledger))
  const { elapsed, exchanges, said } = observed(world, () => world.recover(world.start(), unseen(world)))
  const found = [
    ...(said._tag === expected ? [] : [`I15: it should be ${expected}, but it is ${said._tag}`]),
    ...(expected === "HardDeclined" && exchanges.some(isCreate) ? ["I4: sent again after a hard decline"] : []),
    ...wrongAboutMoney(said, world.ledger),
    ...wrongAboutPayout(said, world.ledger),
    ...tooLong(elapsed),
    ...timersLeft(world)
  ]
  yield* found.map((violation) => `resumed: ${violation}`)
}

/** How a payout ends once all is well, by what the provider has on record of it. */
const ending = (payout: Ledger.Recorded | undefined): Said["_tag"] => {
  if (payout?.state !== "failed") return "Paid"
  const errors = payout.transactions.map(({ errorState }) => errorState)
  const processingErrors = errors.filter((error) => error === "processing_error").length
  // The card is shown, so whoever asks knows of it, whatever came after.
  const isDeclined = errors.includes("hard_declined")
  switch (errors.at(-1)) {
    case "hard_declined":
      return "HardDeclined"
    case "soft_declined":
      return isDeclined ? "HardDeclined" : "Paid"
    case "processing_error":
      if (isDeclined) return "HardDeclined"
      return processingErrors > processingError.length ? "ProcessingError" : "Paid"
    default:
      return "UnexpectedResponse"
  }
}

/** How many creates may have been sent, as far as somebody can know who has lost the evidence. */
const unseen = ({ exchanges }: World): number =>
  exchanges.filter((one) => isCreate(one) && one.ending !== "Refused").length

/** All that is left of the past, once nothing is under way. */
const told = (ledger: Ledger.Ledger): string => {
  const transactions = recordOf(ledger)?.transactions ?? []
  return [Ledger.moved(ledger, handle), ...transactions.map(({ errorState, state }) => errorState ?? state)].join()
}

/** The same world, but somebody goes on before everything has arrived: the same process, or one that has lost it all. */
function* goingOn(stage: Stage, script: ReadonlyArray<Name>, who: "again" | "restarted"): Violations {
  const world = new World(stage, script)
  const process = world.start()
  world.create(process)
  world.heal()
  const { elapsed, said } = observed(world, () =>
    who === "again" ? world.create(process) : world.recover(world.start(), unseen(world))
  )
  const found = [
    ...wrongAboutMoney(said, world.ledger, unknowable(script, said)),
    ...wrongAboutPayout(said, world.ledger),
    ...tooLong(elapsed),
    ...timersLeft(world)
  ]
  world.passHours()
  yield* [...found, ...wrongLater(said, world.ledger, unknowable(script, said))].map(
    (violation) => `${who} at once: ${violation}`
  )
}
