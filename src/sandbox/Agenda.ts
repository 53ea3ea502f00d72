/**
 * What is due later. Nothing runs by itself: whoever looks at the sandbox first lets everything happen that was due by
 * then, in order and at its own time. So there is no fiber and no timer, and virtual time works as real time does.
 */
import type { Changes } from "./Changes.js"

interface Task {
  /** Epoch milliseconds. */
  readonly due: number
  readonly run: (due: number) => void
}

export class Agenda {
  private readonly tasks: Array<Task> = []

  constructor(private readonly changes: Changes) {}

  /** Plans a task; of those due at the same time, the one planned first runs first. */
  plan(due: number, run: (due: number) => void): void {
    const index = this.tasks.findIndex((task) => task.due > due)
    this.tasks.splice(index === -1 ? this.tasks.length : index, 0, { due, run })
    this.changes.happened({ _tag: "Planned", due })
  }

  /** When something is due, in epoch milliseconds, the earliest first. */
  get dues(): ReadonlyArray<number> {
    return this.tasks.map(({ due }) => due)
  }

  /** Runs what is due by now (epoch milliseconds), and what that in turn makes due. */
  advance(now: number): void {
    for (let next = this.tasks[0]; next !== undefined && next.due <= now; next = this.tasks[0]) {
      this.tasks.shift()
      next.run(next.due)
    }
  }
}
