/**
 * How a property is run: the same values every time, unless the environment says otherwise. `PROPERTY_RUNS=100` makes a
 * hundred times as many runs, and `PROPERTY_SEED` other values. A failure prints its seed and the smallest value found.
 */
import { it } from "@effect/vitest"
import { Config, Effect, FastCheck as fc } from "effect"

const { factor, seed } = Effect.runSync(
  Config.all({
    factor: Config.number("PROPERTY_RUNS").pipe(Config.withDefault(1)),
    seed: Config.integer("PROPERTY_SEED").pipe(Config.withDefault(20_260_042))
  })
)

const timeoutMillis = 120_000

/** A test that a check holds for so many values. */
export const property = <A>(
  title: string,
  runs: number,
  arbitrary: fc.Arbitrary<A>,
  check: (value: A) => void | Promise<void>,
  /** What the values were about, so that no property holds because nothing of interest was generated. */
  met: () => void = () => {}
): void =>
  it(
    title,
    async () => {
      let run = 0
      const checked = fc.asyncProperty(arbitrary, async (value) => {
        await check(value)
        run += 1
        // Or a long run would keep the test's worker from answering, which is taken for its death.
        if (run % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
      })
      await fc.assert(checked, { numRuns: Math.ceil(runs * factor), seed })
      met()
    },
    timeoutMillis * Math.max(1, factor)
  )

/** Counts by name, for `met`. */
export const counters = <Name extends string>() => {
  const counts = new Map<Name, number>()
  return {
    count: (name: Name): void => {
      counts.set(name, (counts.get(name) ?? 0) + 1)
    },
    of: (name: Name): number => counts.get(name) ?? 0,
    all: (): Readonly<Record<string, number>> => Object.fromEntries(counts)
  }
}
