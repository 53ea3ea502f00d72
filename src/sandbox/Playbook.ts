/**
 * The script as it is played: the steps still to come, and the standing ones that apply when none of them does.
 */
import type { Asked } from "./Incoming.js"
import { normal, type Parts, type Step } from "./Script.js"

interface Entry {
  readonly parts: Parts
  left: number
}

export class Playbook {
  private entries: Array<Entry> = []
  private standing: ReadonlyArray<Step> = []

  /** How many exchanges the script still has steps for. */
  get left(): number {
    return this.entries.reduce((total, entry) => total + entry.left, 0)
  }

  append(steps: ReadonlyArray<Step>): void {
    for (const { parts } of steps) {
      const left = parts.times ?? 1
      if (left > 0) this.entries.push({ parts, left })
    }
  }

  stand(steps: ReadonlyArray<Step>): void {
    this.standing = steps
  }

  clear(): void {
    this.entries = []
    this.standing = []
  }

  /** The first step that is for this exchange, which uses it up, or else the first standing one. */
  next(asked: Asked): Parts {
    const index = this.entries.findIndex((entry) => matches(entry.parts, asked))
    const entry = this.entries[index]
    if (entry === undefined) return (this.standing.find(({ parts }) => matches(parts, asked)) ?? normal).parts
    entry.left -= 1
    if (entry.left === 0) this.entries.splice(index, 1)
    return entry.parts
  }
}

const matches = ({ handle, kind }: Parts, asked: Asked): boolean =>
  (kind === undefined || kind === asked.kind) && (handle === undefined || handle === asked.handle)
