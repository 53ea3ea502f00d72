/** What everything in a world shares: the time, the provider, the oracle, the dice, and the record of what happened. */
import { Effect } from "effect"
import type { Exposure } from "effect-billwerk-payouts"
import { Acquirer, type Ledger, Sandbox } from "effect-billwerk-payouts/testing"
import { about, type Chance } from "./Chance.js"
import { Oracle } from "./Oracle.js"
import type { Payment } from "./Payment.js"
import type { Process } from "./Process.js"
import type { Setting } from "./Setting.js"
import { Host, VirtualTime } from "./VirtualTime.js"

export interface Options {
  /** Only these events happen; without it, all that are drawn. */
  readonly keep?: ReadonlySet<string> | undefined
  /** Whether to write down everything that happens. */
  readonly traced?: boolean | undefined
}

export class Scene {
  readonly time = new VirtualTime()
  readonly oracle: Oracle
  readonly sandbox: Sandbox.Service
  readonly payments: ReadonlyArray<Payment>
  /** How often each fault happened, by its number. */
  readonly injected = new Map<number, number>()
  /** The names of everything that made it hard. */
  readonly events: Array<string> = []
  readonly trace: Array<string> = []
  /** Whether the faults are over. */
  isWell = false
  private readonly byHandle: ReadonlyMap<string, Payment>
  private seen: { readonly at: number; readonly ledger: Ledger.Ledger } | undefined
  private readonly look: Effect.Effect<Ledger.Ledger>

  constructor(
    readonly setting: Setting,
    payments: (scene: Scene) => ReadonlyArray<Payment>,
    private readonly options: Options
  ) {
    this.oracle = new Oracle(setting, () => this.ledger())
    this.payments = payments(this)
    this.byHandle = new Map(this.payments.map((payment) => [payment.handle, payment]))
    this.sandbox = Effect.runSync(
      Effect.withClock(
        Sandbox.make({
          ...setting.rules,
          history: this.history(),
          outcome: ({ handle, ordinal }) => this.fate(handle, ordinal)
        }),
        new Host(this.time).trueClock
      )
    )
    this.look = Effect.withClock(this.sandbox.ledger, new Host(this.time).trueClock)
  }

  /** The stream of random numbers for a purpose. */
  about(purpose: string): Chance {
    return about(this.setting.seed, purpose)
  }

  /** Whether something that was drawn happens, which has a name, so that it can be left out. */
  occurs(event: string): boolean {
    if (this.options.keep !== undefined && !this.options.keep.has(event)) return false
    this.events.push(event)
    return true
  }

  count(fault: number): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1)
  }

  note(what: () => string): void {
    if (this.options.traced === true) this.trace.push(`${this.time.now - this.start} ${what()}`)
  }

  /** The ledger, after everything that is due by now. Every request travels for a while, so none is done while we look. */
  ledger(): Ledger.Ledger {
    if (this.seen?.at !== this.time.now) this.seen = { at: this.time.now, ledger: Effect.runSync(this.look) }
    return this.seen.ledger
  }

  payment(handle: string): Payment | undefined {
    return this.byHandle.get(handle)
  }

  private readonly start = this.time.now

  private history(): ReadonlyArray<Sandbox.PastPayout> {
    return this.payments.flatMap((payment) => {
      const chance = this.about(`history ${payment.handle}`)
      if (!chance.happens(this.setting.rates.history) || !this.occurs(`history ${payment.handle}`)) return []
      return [payment.history(chance)]
    })
  }

  /** Stores the evidence of a create that a process is about to send. */
  store(process: Process, evidence: Exposure.Evidence): void {
    const payment = this.payment(evidence.handle)
    if (payment === undefined || !this.setting.isStored) return
    payment.stored = { evidence, process, knowledge: payment.knownIn(process), at: this.time.now }
  }

  // What the acquirer makes of an attempt. It is a function of the attempt, whatever it was that made it.
  private fate(handle: string, ordinal: number): Acquirer.Outcome {
    const payment = this.payment(handle)
    if (payment !== undefined) payment.committed = this.time.now
    const chance = this.about(`fate ${handle} ${ordinal}`)
    const fate = chance.happens(this.setting.fateRate) ? chance.weighted(this.setting.fates) : undefined
    if (fate === undefined || !this.occurs(`fate ${handle} ${ordinal}`)) return Acquirer.paid
    this.count(fate.number)
    this.note(() => `acquirer ${handle} attempt ${ordinal}: ${fate.name}`)
    return fate.outcome(chance)
  }
}
