/**
 * Random numbers that are a function of what they are for. Every question ("what befalls the second create of this
 * handle?") has a stream of its own, named by the seed and a few words, so one more draw in one place shifts no other, and
 * a world from which something was taken away is otherwise the same.
 */

/** A stream of random numbers. */
export class Chance {
  constructor(private state: number) {}

  /** At least 0 and less than 1. */
  next(): number {
    // Mulberry32: one multiplication or two, and 32 bits of state that `about` has mixed well.
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** True so often. */
  happens(probability: number): boolean {
    return this.next() < probability
  }

  /** An integer, both ends included. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  /** Milliseconds, as likely to be of one magnitude as of another: from an instant to hours. */
  duration(min: number, max: number): number {
    return Math.round(Math.exp(Math.log(min) + this.next() * (Math.log(max) - Math.log(min))))
  }

  pick<A>(first: A, ...others: ReadonlyArray<A>): A {
    const index = this.between(0, others.length)
    return index === 0 ? first : (others[index - 1] ?? first)
  }

  /** One of a list, each as likely as its weight says; none, if no weight is above zero. */
  weighted<A>(options: ReadonlyArray<readonly [A, number]>): A | undefined {
    const total = options.reduce((sum, [, weight]) => sum + weight, 0)
    let left = this.next() * total
    for (const [option, weight] of options) {
      left -= weight
      if (left < 0) return option
    }
    return undefined
  }
}

/** The stream for a purpose, in the world of a seed. */
export const about = (seed: number, purpose: string): Chance => {
  // FNV-1a over the words, then murmur's finalizer, so that neighbours have nothing in common.
  let hash = 0x811c9dc5 ^ seed
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  for (let index = 0; index < purpose.length; index++) {
    hash = Math.imul(hash ^ purpose.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return new Chance(hash ^ (hash >>> 16))
}
