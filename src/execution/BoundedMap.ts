/**
 * A map of bounded size. It drops the entry that was added first; reading or replacing an entry does not renew it.
 */

/** A map that drops its oldest entry when it has more than `most`. */
export class BoundedMap<A> {
  private readonly entries = new Map<string, A>()
  // The iterator is kept between calls: a new one would skip all deleted entries again. `delete` drops it, because an
  // idle iterator keeps every internal table that the map had since.
  private oldest: IterableIterator<string> | undefined

  constructor(private readonly most: number) {}

  get(key: string): A | undefined {
    return this.entries.get(key)
  }

  /** Returns the entry that was dropped, if any. */
  set(key: string, value: A): readonly [key: string, value: A] | undefined {
    this.entries.set(key, value)
    return this.entries.size > this.most ? this.forget() : undefined
  }

  values(): Iterable<A> {
    return this.entries.values()
  }

  delete(key: string): A | undefined {
    const value = this.entries.get(key)
    if (value === undefined) return undefined
    this.oldest = undefined
    this.entries.delete(key)
    return value
  }

  private forget(): readonly [key: string, value: A] | undefined {
    this.oldest ??= this.entries.keys()
    const next = this.oldest.next()
    if (next.done === true) return undefined
    const value = this.entries.get(next.value)
    this.entries.delete(next.value)
    return value === undefined ? undefined : [next.value, value]
  }
}
