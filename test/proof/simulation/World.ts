/**
 * A world that a seed makes: a provider with a hidden truth, processes that die and start again, people who interrupt and
 * repeat, and time that passes when nothing else can happen. It runs the client's real code against the Sandbox's real
 * ledger; an oracle looks on at each step. At the end the faults stop, and everything has to come right.
 */
import { Effect } from "effect"
import { Journey } from "./Journey.js"
import type { Subject } from "./Client.js"
import { Network } from "./Network.js"
import type { Violation } from "./Oracle.js"
import { Payment } from "./Payment.js"
import { Slot } from "./Process.js"
import { type Options, Scene } from "./Scene.js"
import { settingOf } from "./Setting.js"

/** What became of a world. */
export interface Report {
  readonly seed: number
  readonly violations: ReadonlyArray<Violation>
  /** How often each fault happened, by its number. */
  readonly injected: ReadonlyMap<number, number>
  /** What the payouts ended as. */
  readonly outcomes: ReadonlyMap<string, number>
  readonly payouts: number
  readonly exchanges: number
  /** In how many payouts money is in doubt in the end: because of an attempt that nobody can explain, and without any. */
  readonly doubts: { readonly open: number; readonly useless: number }
  /** The names of everything that made it hard. */
  readonly events: ReadonlyArray<string>
  /** Everything that happened, if it was asked for. */
  readonly trace: ReadonlyArray<string>
}

const hour = 3_600_000

/** After so long, what has not arrived never will: the library's horizon, and as long as reads may lag behind. */
const horizon = 6.5 * hour

/** How often a payout is asked about after the faults, before it counts as stuck. */
const patience = 8

export const run = (seed: number, subject: Subject, options: Options = {}): Report => {
  const setting = settingOf(seed)
  const scene: Scene = new Scene(setting, paymentsOf, options)
  const network = new Network(scene)
  const slots: ReadonlyArray<Slot> = Array.from(
    { length: setting.processes },
    (_, index) =>
      new Slot(index, scene, subject, (process, slot) =>
        network.connect(process, () => {
          const died = process()
          if (!died.host.isAlive) return
          slot.crash()
          journey.onCrash(died)
        })
      )
  )
  const journey = new Journey(scene, slots)

  for (const payment of scene.payments) journey.begin(payment)
  scene.time.run()
  // The faults are over. What is still under way arrives, and what is processing is settled.
  scene.isWell = true
  scene.time.pass(horizon)
  for (const payment of scene.payments) {
    scene.oracle.onRecall(payment)
    for (let asked = 0; asked < patience && !isSettled(scene, payment); asked++) {
      journey.ask(payment, asked)
      scene.time.run()
      scene.time.pass(horizon)
    }
    scene.oracle.onEnd(payment)
  }
  scene.time.pass(hour)
  const received = Effect.runSync(scene.sandbox.exchanges).length + network.cached
  const bodies = (handle: string) => Effect.runSync(scene.sandbox.bodies(handle))
  scene.oracle.onSilence(scene.payments, received, bodies, scene.time.pending)
  const report: Report = {
    seed,
    violations: [...scene.oracle.violations],
    injected: scene.injected,
    outcomes: outcomesOf(scene.payments),
    payouts: scene.payments.length,
    exchanges: received,
    doubts: doubtsOf(scene),
    events: [...scene.events],
    trace: [...scene.trace]
  }
  scene.time.end()
  return report
}

const paymentsOf = (scene: Scene): ReadonlyArray<Payment> =>
  Array.from({ length: scene.setting.payouts }, (_, index) => index)
    .filter((index) => scene.occurs(`payout-${index}`))
    .map((index) => new Payment(index, scene.setting.payouts, scene.setting.processes, scene.about(`payout-${index}`)))

const isSettled = ({ oracle }: Scene, payment: Payment): boolean => {
  const said = payment.last?.claim?.said
  return said !== undefined && oracle.isTerminal(payment, said) && !oracle.isUseless(payment, said)
}

const doubtsOf = ({ oracle, payments }: Scene): Report["doubts"] => {
  const doubtful = payments.filter(({ last }) => last?.claim?.said.certainty === "MayHaveMoved")
  const useless = doubtful.filter(
    ({ last }) => last?.claim !== undefined && oracle.isUseless(last.claim.call.payment, last.claim.said)
  )
  return { open: doubtful.length - useless.length, useless: useless.length }
}

const outcomesOf = (payments: ReadonlyArray<Payment>): ReadonlyMap<string, number> => {
  const outcomes = new Map<string, number>()
  for (const { last } of payments) {
    const said = last?.claim?.said
    const outcome = said === undefined ? "nothing" : `${said._tag}, ${said.certainty}`
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  return outcomes
}
