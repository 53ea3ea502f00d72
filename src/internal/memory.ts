/**
 * Maps for what comes and goes with every payout, made with the garbage collector in mind: what it keeps costs time, and may be
 * a secret.
 */

/**
 * A map whose entries live shortly. V8 makes a new table for a map that has seen as many deletions as it has entries; once
 * the map has grown old, its tables are born old, and each that is left behind keeps what it held until the next full
 * collection, with everything that hangs on it: in a loop of its own, with sixteen entries at a time, 22 % of what was allocated
 * instead of 0.6 %. So the map is made anew before it grows old.
 */
export class Passing<A> {
  private entries = new Map<string, A>()
  private deletions = 0

  get(key: string): A | undefined {
    return this.entries.get(key)
  }

  set(key: string, value: A): void {
    this.entries.set(key, value)
  }

  delete(key: string): void {
    this.entries.delete(key)
    this.deletions += 1
    if (this.deletions < Math.max(renewedAfter, this.entries.size)) return
    this.entries = new Map(this.entries)
    this.deletions = 0
  }
}

/** Far fewer than there are between two collections. */
const renewedAfter = 64

/** A map that forgets its oldest entry for each that it has too many. */
export class Recent<A> {
  private readonly entries = new Map<string, A>()
  // Kept from one time to the next, or it would have to find its way past all that was forgotten before; but no longer,
  // because an iterator that stands still keeps every table that the map has had since.
  private oldest: IterableIterator<string> | undefined

  constructor(private readonly most: number) {}

  get(key: string): A | undefined {
    return this.entries.get(key)
  }

  /** What was forgotten for it, if anything was. */
  set(key: string, value: A): A | undefined {
    this.entries.set(key, value)
    return this.entries.size > this.most ? this.forget() : undefined
  }

  delete(key: string): A | undefined {
    const value = this.entries.get(key)
    if (value === undefined) return undefined
    this.oldest = undefined
    this.entries.delete(key)
    return value
  }

  private forget(): A | undefined {
    this.oldest ??= this.entries.keys()
    const next = this.oldest.next()
    if (next.done === true) return undefined
    const value = this.entries.get(next.value)
    this.entries.delete(next.value)
    return value
  }
}
