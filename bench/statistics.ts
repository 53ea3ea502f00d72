/** Medians, spreads, and an order that is shuffled but can be had again. */

const quantileOfSorted = (sorted: ReadonlyArray<number>, q: number): number => {
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

const ascending = (values: ReadonlyArray<number>) => [...values].sort((a, b) => a - b)

export const quantile = (values: ReadonlyArray<number>, q: number): number => quantileOfSorted(ascending(values), q)

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

export interface Estimate {
  readonly median: number
  /** Half of the distance between the quartiles, relative to the median: one slow round does not move it. */
  readonly spread: number
  readonly samples: number
}

export const estimate = (values: ReadonlyArray<number>): Estimate => {
  const sorted = ascending(values)
  const middle = quantileOfSorted(sorted, 0.5)
  const spread = (quantileOfSorted(sorted, 0.75) - quantileOfSorted(sorted, 0.25)) / 2 / middle
  return { median: middle, spread, samples: sorted.length }
}

/** mulberry32: the order of the rounds is the same in every run of the bench. */
export const randomFrom = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Fisher and Yates. */
export const shuffle = <A>(values: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> => {
  const shuffled = [...values]
  for (let index = shuffled.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    const held = shuffled[index]
    const swapped = shuffled[other]
    if (held === undefined || swapped === undefined) continue
    shuffled[index] = swapped
    shuffled[other] = held
  }
  return shuffled
}
