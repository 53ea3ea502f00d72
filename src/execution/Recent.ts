/**
 * A map of bounded size.
 */

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
