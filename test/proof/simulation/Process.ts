/**
 * A slot in which one process runs at a time. A process that dies takes its fibers and its memory with it; its successor
 * starts empty.
 */
import type { HttpClient } from "@effect/platform"
import { Effect, Exit, Random, Scope } from "effect"
import type { Client, Subject } from "./Client.js"
import type { Scene } from "./Scene.js"
import { Host } from "./VirtualTime.js"

/** What has a memory of its own: the service of a process, or one that was built for a single call. */
export interface Process {
  readonly name: string
  readonly host: Host
  /** How far its wall clock is ahead, in milliseconds. */
  readonly skew: number
  readonly client: Client
  /** Lets go of a service that was built for a single call. */
  readonly close: () => void
}

type Connect = (process: () => Process, slot: Slot) => HttpClient.HttpClient

export class Slot {
  process: Process
  private starts = 0
  private built = 0
  private waiting: Array<() => void> = []

  constructor(
    readonly index: number,
    private readonly scene: Scene,
    private readonly subject: Subject,
    private readonly connect: Connect
  ) {
    this.process = this.start()
  }

  /** What makes the next call: the process's one service, or one that is built for it. */
  service(): Process {
    if (!this.scene.setting.isBuiltPerCall) return this.process
    const { host, name, skew } = this.process
    return this.build(`${name}/${++this.built}`, host, skew, (scope) => Effect.runSync(Scope.close(scope, Exit.void)))
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
    const { rates } = this.scene.setting
    const skew = this.scene.about(`clock ${name}`).between(-rates.skew, rates.skew)
    return this.build(name, new Host(this.scene.time, () => skew), skew)
  }

  // The service of a process lives until the process is killed, and then nobody closes its scope.
  private build(
    name: string,
    host: Host,
    skew: number,
    close: (scope: Scope.CloseableScope) => void = () => {}
  ): Process {
    const scope = Effect.runSync(Scope.make())
    const http = this.connect(() => process, this)
    const process: Process = {
      name,
      host,
      skew,
      client: this.subject
        .make(http, this.scene.setting.policy, {
          requestLimits: this.scene.setting.requestLimits,
          beforeCreate: (evidence) => Effect.sync(() => this.scene.store(process, evidence))
        })
        .pipe(
          Scope.extend(scope),
          Effect.withRandom(Random.make(`${this.scene.setting.seed} ${name}`)),
          Effect.withClock(host.clock),
          Effect.runSync
        ),
      close: () => close(scope)
    }
    return process
  }
}
