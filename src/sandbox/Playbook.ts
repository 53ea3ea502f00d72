/**
 * The script while it plays: the steps still to come, and the standing steps that apply when none of them matches.
 */
interface Counted {
  /** How many matching exchanges or webhooks a step is for. Default: 1. */
  readonly times?: number
}

interface Step<Parts> {
  readonly parts: Parts
}

interface Entry<Parts> {
  readonly parts: Parts
  left: number
}

export class Playbook<Parts extends Counted, Asked> {
  private entries: Array<Entry<Parts>> = []
  private standing: ReadonlyArray<Step<Parts>> = []

  constructor(
    private readonly isFor: (parts: Parts, asked: Asked) => boolean,
    private readonly normal: Parts
  ) {}

  /** How many exchanges or webhooks the script still has steps for. */
  get left(): number {
    return this.entries.reduce((total, entry) => total + entry.left, 0)
  }

  /** What is still to come, in order, and for how many exchanges or webhooks each. */
  get coming(): ReadonlyArray<{ readonly parts: Parts; readonly left: number }> {
    return this.entries.map(({ left, parts }) => ({ parts, left }))
  }

  append(steps: ReadonlyArray<Step<Parts>>): void {
    for (const { parts } of steps) {
      const left = parts.times ?? 1
      if (left > 0) this.entries.push({ parts, left })
    }
  }

  stand(steps: ReadonlyArray<Step<Parts>>): void {
    this.standing = steps
  }

  clear(): void {
    this.entries = []
    this.standing = []
  }

  /** Takes the first step that matches and uses it up, or else returns the first standing step that matches. */
  next(asked: Asked): Parts {
    const index = this.entries.findIndex((entry) => this.isFor(entry.parts, asked))
    const entry = this.entries[index]
    if (entry === undefined) return this.standing.find(({ parts }) => this.isFor(parts, asked))?.parts ?? this.normal
    entry.left -= 1
    if (entry.left === 0) this.entries.splice(index, 1)
    return entry.parts
  }
}
