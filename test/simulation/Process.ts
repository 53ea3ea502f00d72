/**
 * A slot in which one process runs at a time. A process that dies takes its fibers and its memory with it; its successor
 * starts empty.
 */
import type { HttpClient } from "@effect/platform"
import { Effect } from "effect"
import type { Client, Subject } from "./Client.js"
import type { Scene } from "./Scene.js"
import { Host } from "./VirtualTime.js"

export interface Process {
  readonly name: string
  readonly host: Host
  readonly client: Client
}

type Connect = (process: () => Process, slot: Slot) => HttpClient.HttpClient

export class Slot {
  process: Process
  private starts = 0
  private waiting: Array<() => void> = []

  constructor(
    readonly index: number,
    private readonly scene: Scene,
    private readonly subject: Subject,
    private readonly connect: Connect
  ) {
    this.process = this.start()
  }

  /** Runs a task when a process is up: now, or after the next start. */
  whenUp(task: () => void): void {
    if (this.process.host.isAlive) task()
    else this.waiting.push(task)
  }

  /** Kills the process, and starts another one after a while. */
  crash(): void {
    this.process.host.kill()
    const { time } = this.scene
    time.plan(time.now + this.scene.about(`restart ${this.process.name}`).duration(10, 600_000), () => {
      this.process = this.start()
      const waiting = this.waiting
      this.waiting = []
      for (const task of waiting) task()
    })
  }

  private start(): Process {
    this.starts += 1
    const name = `process-${this.index}.${this.starts}`
    const { policy, rates } = this.scene.setting
    const skew = this.scene.about(`clock ${name}`).between(-rates.skew, rates.skew)
    const process: Process = {
      name,
      host: new Host(this.scene.time, () => skew),
      client: Effect.runSync(
        this.subject.make(
          this.connect(() => process, this),
          policy
        )
      )
    }
    return process
  }
}
