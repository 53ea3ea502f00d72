/**
 * Time that passes only when nothing else can happen. It has a scheduler and a clock for Effect, so that a program that
 * waits for hours runs in microseconds, synchronously, and in the same order every time. Effect's `TestClock` is the tool
 * for a test; this one is for a million of them, and for processes that die without a word.
 */
import { Clock, Duration, Effect, type Exit, type Fiber, FiberId, type Scheduler } from "effect"

interface Timer {
  readonly due: number
  readonly order: number
  readonly host: Host | undefined
  readonly run: () => void
  live: boolean
}

/** The time of one world: what is ready to run, and what is due later. */
export class VirtualTime {
  /** Milliseconds since the epoch, and, because it never jumps, the monotonic clock as well. */
  now: number
  private timers: Array<Timer> = []
  private ready: Array<() => void> = []
  private planned = 0
  private alive = 0
  private readonly hosts: Array<Host> = []

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.now = start
  }

  /** How many timers are set. */
  get pending(): number {
    return this.alive
  }

  /** Plans a task; of those due at the same time, the one planned first runs first. The result takes it back. */
  plan(due: number, run: () => void, host?: Host): () => void {
    const timer: Timer = { due: Math.max(due, this.now), order: this.planned++, host, run, live: true }
    let index = this.timers.length
    // The next to run stands last, so that taking it is cheap.
    for (; index > 0; index--) {
      const other = this.timers[index - 1]
      if (other !== undefined && timer.due < other.due) break
    }
    this.timers.splice(index, 0, timer)
    this.alive += 1
    return () => this.cancel(timer)
  }

  /** Runs a task as soon as what is running has come to a halt. */
  enqueue(task: () => void): void {
    this.ready.push(task)
  }

  /** Runs what is ready; then, time after time, what is due next. Stops when nothing is, or as soon as it is told to. */
  run(isOver: () => boolean = () => false, until = Infinity): void {
    for (;;) {
      this.drain()
      if (isOver()) return
      const next = this.timers.at(-1)
      if (next === undefined || next.due > until) break
      this.timers.pop()
      if (!next.live) continue
      next.live = false
      this.alive -= 1
      this.now = next.due
      next.run()
    }
    if (until !== Infinity) this.now = Math.max(this.now, until)
  }

  /** Lets so many milliseconds pass, and everything happen that is due by then. */
  pass(millis: number): void {
    this.run(undefined, this.now + millis)
  }

  /** Runs an effect to its end, however long it waits. */
  runExit<A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> {
    return this.await(new Host(this).fork(effect))
  }

  /** Lets time pass until a fiber has ended. */
  await<A, E>(fiber: Fiber.RuntimeFiber<A, E>): Exit.Exit<A, E> {
    this.run(() => fiber.unsafePoll() !== null)
    const exit = fiber.unsafePoll()
    if (exit === null) throw new Error("the program waits for something that will never happen")
    return exit
  }

  /** The end of the world. Effect holds on to fibers that have not ended, those of the dead included. */
  end(): void {
    for (const host of this.hosts) host.end()
    this.run()
    this.hosts.length = 0
  }

  /** Counts a host among those that end with the world. */
  adopt(host: Host): void {
    this.hosts.push(host)
  }

  /** Takes back every timer of a host. */
  forget(host: Host): void {
    for (const timer of this.timers) if (timer.host === host) this.cancel(timer)
    this.timers = this.timers.filter((timer) => timer.live)
  }

  private cancel(timer: Timer): void {
    if (!timer.live) return
    timer.live = false
    this.alive -= 1
  }

  private drain(): void {
    for (let index = 0; index < this.ready.length; index++) this.ready[index]?.()
    this.ready.length = 0
  }
}

/**
 * One process: its fibers share a fate. `kill` is a `kill -9`: no finalizer runs, and what was in memory is lost to
 * everybody but the test that still holds it.
 */
export class Host implements Scheduler.Scheduler {
  private killed = false
  /** What was to run after it was killed. */
  private readonly missed: Array<() => void> = []
  private readonly fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  readonly clock: Clock.Clock
  /** The right time, for what does not run on this process's machine; it dies with the process all the same. */
  readonly trueClock: Clock.Clock

  /** `skew` is how far its wall clock is ahead, in milliseconds. The monotonic clock is always right. */
  constructor(
    private readonly time: VirtualTime,
    skew: () => number = () => 0
  ) {
    this.clock = clockOf(time, this, skew)
    this.trueClock = clockOf(time, this, () => 0)
    time.adopt(this)
  }

  get isAlive(): boolean {
    return !this.killed
  }

  kill(): void {
    this.killed = true
    this.time.forget(this)
  }

  /** Starts an effect, which runs at once until it first waits. */
  fork<A, E>(effect: Effect.Effect<A, E>): Fiber.RuntimeFiber<A, E> {
    const fiber = Effect.runFork(Effect.withClock(effect, this.clock), { scheduler: this })
    this.fibers.add(fiber)
    fiber.addObserver(() => this.fibers.delete(fiber))
    return fiber
  }

  /** Interrupts what has not ended, when nobody looks any more. */
  end(): void {
    this.killed = false
    for (const task of this.missed) this.time.enqueue(task)
    for (const fiber of this.fibers) fiber.unsafeInterruptAsFork(FiberId.none)
  }

  // Nothing else runs at the same time, so there is nobody to yield to.
  shouldYield(): false {
    return false
  }

  scheduleTask(task: () => void): void {
    this.time.enqueue(() => {
      if (this.killed) this.missed.push(task)
      else task()
    })
  }
}

const clockOf = (time: VirtualTime, host: Host, skew: () => number): Clock.Clock => {
  const unsafeCurrentTimeMillis = () => time.now + skew()
  const unsafeCurrentTimeNanos = () => BigInt(time.now) * 1_000_000n
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration) =>
      Effect.async((resume) => {
        const cancel = time.plan(time.now + Duration.toMillis(duration), () => resume(Effect.void), host)
        return Effect.sync(cancel)
      })
  }
}

/** The value of an exit, or what it failed with. Throws on defects and interruptions, which no payout ends with. */
export const ended = <A, E>(exit: Exit.Exit<A, E>): A | E => {
  if (exit._tag === "Success") return exit.value
  if (exit.cause._tag === "Fail") return exit.cause.error
  throw new Error("the program died", { cause: exit.cause })
}
