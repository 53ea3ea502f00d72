/**
 * A lock that a killed process does not leave behind for ever: its owner writes it anew all the time, and a lock that
 * stays as it is for a whole lease has no owner any more. It compares no clocks.
 *
 * A run that wants it writes its own name, waits, and has it if the name is still there: of two at once, the last one to
 * write has it. The owner asks for its name before and after each entry that it writes. An entry that the owner relies on
 * was therefore there before anyone else read the store.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import { BatchLocked, StoreFailed } from "./store.js"

/** One value that all runs see. Each write replaces it as a whole. */
export interface Cell {
  /** Its name in messages. */
  readonly name: string
  readonly read: Effect.Effect<string | undefined, StoreFailed>
  readonly write: (text: string) => Effect.Effect<void, StoreFailed>
  readonly remove: Effect.Effect<void, StoreFailed>
}

/** The lock, as its owner has it. */
export interface Lease {
  /** The owner's name. No other owner has it, before or after. */
  readonly name: string
  /** Fails if the lock is lost, and from then on. */
  readonly check: Effect.Effect<void, StoreFailed>
}

/** How often a lock is renewed in one lease. */
const beatsPerLease = 5

/** How long a run waits for a rival that saw no lock either. It is a part of the lease, and not longer than this. */
const settleMax = Duration.millis(250)
const settlesPerLease = 10

/** Takes the lock until the scope closes. */
export const acquire = (
  cell: Cell,
  lease: Duration.Duration
): Effect.Effect<Lease, BatchLocked | StoreFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const words = yield* Effect.replicateEffect(Random.nextIntBetween(0, 2 ** 32), 2)
    const name = [yield* Clock.currentTimeMillis, ...words].map((word) => word.toString(36)).join("-")
    yield* abandoned(cell, lease)
    const held = yield* Effect.acquireRelease(
      Effect.as(cell.write(beatOf(name, 0)), holding(cell, name, lease)),
      (held) => held.release
    )
    yield* Effect.sleep(Duration.min(Duration.times(lease, 1 / settlesPerLease), settleMax))
    yield* Effect.mapError(held.check, () => new BatchLocked({ lock: cell.name }))
    yield* Effect.forkScoped(
      held.beat.pipe(Effect.delay(Duration.times(lease, 1 / beatsPerLease)), Effect.forever, Effect.ignore)
    )
    return { name, check: held.check }
  })

const beatOf = (name: string, count: number): string => `${name} ${count}`

/** Waits for a whole lease if there is a lock, and fails if it was renewed meanwhile. */
const abandoned = (cell: Cell, lease: Duration.Duration): Effect.Effect<void, BatchLocked | StoreFailed> =>
  Effect.gen(function* () {
    const found = yield* cell.read
    for (let left = beatsPerLease; found !== undefined && left > 0; left--) {
      yield* Effect.sleep(Duration.times(lease, 1 / beatsPerLease))
      const now = yield* cell.read
      if (now === undefined) return
      if (now !== found) return yield* new BatchLocked({ lock: cell.name })
    }
  })

/** What the owner does with its lock. */
const holding = (cell: Cell, name: string, lease: Duration.Duration) => {
  let count = 0
  let renewed: number | undefined
  let isLost = false

  const lost = Effect.suspend(() => {
    isLost = true
    return new StoreFailed({ store: cell.name, reason: "another run has taken the lock over, or may have" })
  })

  // Who did not renew for a lease may have lost the lock, and must not find it again.
  const check = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    renewed ??= now
    if (isLost || now - renewed > Duration.toMillis(lease)) return yield* lost
    if ((yield* cell.read)?.split(" ")[0] !== name) return yield* lost
  })

  const beat = Effect.gen(function* () {
    const asked = yield* Clock.currentTimeMillis
    yield* check
    yield* cell.write(beatOf(name, ++count))
    // Between the two, another one may have taken it over: then it sees this name, and gives up. So must this one.
    if ((yield* Clock.currentTimeMillis) - asked > Duration.toMillis(lease) / 2) return yield* lost
    renewed = asked
  })

  const release = Effect.ignore(Effect.zipRight(check, cell.remove))

  return { check, beat, release }
}
