/**
 * The tasks of the sandbox that are due later. Nothing runs by itself: each access to the sandbox first runs all tasks
 * that were due by then, in order and at their own time. So there is no fiber and no timer, and virtual time works as
 * real time does.
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

  /** Plans a task. Of tasks due at the same time, the first planned runs first. */
  plan(due: number, run: (due: number) => void): void {
    const index = this.tasks.findIndex((task) => task.due > due)
    this.tasks.splice(index === -1 ? this.tasks.length : index, 0, { due, run })
    this.changes.happened({ _tag: "Planned", due })
  }

  /** The due times in epoch milliseconds, earliest first. */
  get dues(): ReadonlyArray<number> {
    return this.tasks.map(({ due }) => due)
  }

  /** Runs the tasks due by `now` (epoch milliseconds), and the tasks that these make due. */
  advance(now: number): void {
    for (let next = this.tasks[0]; next !== undefined && next.due <= now; next = this.tasks[0]) {
      this.tasks.shift()
      next.run(next.due)
    }
  }
}
