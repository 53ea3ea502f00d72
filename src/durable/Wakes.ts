/**
 * Keeps a wake from being lost when a deferred is completed while its workflow is about to suspend: it finds no
 * `Suspended` to take back, and the run has looked for it already (Effect-TS/effect#6318). So the replies of one
 * execution are stored one at a time, and a `Suspended` is not stored if the run may have missed something. What is
 * answered only after the `Suspended` takes it back, in the same transaction.
 */
import type * as EntityAddress from "@effect/cluster/EntityAddress"
import type * as Envelope from "@effect/cluster/Envelope"
import type * as Reply from "@effect/cluster/Reply"
import type * as Rpc from "@effect/rpc/Rpc"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Id } from "./Inbox.js"

type Address = EntityAddress.EntityAddress
type Request = Envelope.Request.PartialEncoded

/** An execution for which this process has messages. */
interface Execution {
  readonly lock: Effect.Semaphore
  /** Its messages that are not answered. The value: the run that suspended since the message was read. */
  readonly open: Map<Id, Id | undefined>
  run: Id | undefined
  /** The deferreds that the run has looked for, those that it completed itself, and whether it may have missed one. */
  readonly sought: Set<string>
  readonly own: Set<string>
  isMissed: boolean
}

/** How the reply to a message is stored: not at all, or together with the end of a run's `Suspended`. */
export type Storing = { readonly _tag: "Drop" } | { readonly _tag: "Save"; readonly wakes: Id | undefined }

export const make = () => {
  const executions = new Map<string, Execution>()

  const read = ({ address, requestId: id, tag }: Request) => {
    if (!tags.has(tag)) return
    const execution = executions.get(keyOf(address)) ?? begin()
    executions.set(keyOf(address), execution)
    // The engine works on it already.
    if (execution.open.has(id)) return
    execution.open.set(id, undefined)
    if (tag !== "run") return
    execution.run = id
    execution.isMissed = false
    execution.sought.clear()
    execution.own.clear()
    for (const open of execution.open.keys()) execution.open.set(open, undefined)
  }

  /** Stores a reply with `store`, which is told how. */
  const answer = <A, E, R>(
    { address, payload, requestId: id, tag }: Request,
    reply: Reply.Reply<Rpc.Any>,
    store: (storing: Storing) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> => {
    const execution = tags.has(tag) ? executions.get(keyOf(address)) : undefined
    if (execution === undefined || reply._tag === "Chunk") return store({ _tag: "Save", wakes: undefined })
    const isSuspending = tag === "run" && isSuspended(reply)
    return Effect.suspend(() =>
      store(isSuspending && execution.isMissed ? { _tag: "Drop" } : { _tag: "Save", wakes: execution.open.get(id) })
    ).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          if (settle(execution, { id, tag, payload }, isSuspending)) executions.delete(keyOf(address))
        })
      ),
      execution.lock.withPermits(1)
    )
  }

  return {
    read,
    answer,
    /** A deferred's result was looked for. */
    sought: (address: Address, name: string): void => {
      executions.get(keyOf(address))?.sought.add(name)
    },
    /** The run itself completes a deferred. */
    completes: (address: Address, name: string): void => {
      executions.get(keyOf(address))?.own.add(name)
    },
    /** The engine no longer works on the messages of these executions. */
    forget: (address: Address): void => {
      executions.delete(keyOf(address))
    }
  }
}

// What `ClusterWorkflowEngine` sends to an execution, without activities.
const tags: ReadonlySet<string> = new Set(["run", "deferred", "resume"])

const keyOf = ({ entityId, entityType }: Address): string => `${entityType}/${entityId}`

const begin = (): Execution => ({
  lock: Effect.unsafeMakeSemaphore(1),
  open: new Map(),
  run: undefined,
  sought: new Set(),
  own: new Set(),
  isMissed: false
})

/** Takes note of a stored reply. Returns whether nothing of the execution is open. */
const settle = (
  execution: Execution,
  { id, payload, tag }: { readonly id: Id; readonly tag: string; readonly payload: unknown },
  isSuspending: boolean
): boolean => {
  const { open } = execution
  open.delete(id)
  if (tag === "run") {
    execution.run = undefined
    if (isSuspending) for (const other of open.keys()) open.set(other, id)
  } else {
    execution.isMissed ||= execution.run !== undefined && misses(execution, tag, payload)
  }
  return open.size === 0
}

/** The name of the deferred that a message completes. */
export const nameOf = (payload: unknown): string =>
  Predicate.hasProperty(payload, "name") && typeof payload.name === "string" ? payload.name : ""

// A child's end (`resume`) has no name: the run may have missed it.
const misses = ({ own, sought }: Execution, tag: string, payload: unknown): boolean => {
  const name = nameOf(payload)
  return tag === "resume" || (sought.has(name) && !own.has(name))
}

const isSuspended = ({ exit }: Reply.WithExit<Rpc.Any>): boolean =>
  exit._tag === "Success" && Predicate.isTagged(exit.value, "Suspended")
