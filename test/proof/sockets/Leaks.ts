/** What this process keeps open. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Effect } from "effect"
import { eventually } from "../../servers.js"

export type Resources = ReadonlyMap<string, number>

const watched = ["Timeout", "TCPSocketWrap", "TCPServerWrap", "TCPConnectWrap"]

const count = (): Resources => {
  const counts = new Map<string, number>()
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

export const resources: Effect.Effect<Resources> = Effect.sync(count)

/** What there is more of than before: such as `2 Timeout`. Waits for it to go, but not for long. */
export const more = (before: Resources): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const grown = () => {
      const now = count()
      return watched.flatMap((name) => {
        const many = (now.get(name) ?? 0) - (before.get(name) ?? 0)
        return many > 0 ? [`${many} ${name}`] : []
      })
    }
    for (let second = 0; second < 5; second++) if (yield* eventually(() => grown().length === 0)) break
    return grown()
  })

/** How many listeners of abort signals were added since, not removed, and can still be called: to be asked after `memory`. */
export const listeners = Effect.acquireRelease(
  Effect.sync(() => {
    const { addEventListener, removeEventListener } = EventTarget.prototype
    const heard = new Set<WeakRef<object>>()
    const places = new WeakMap<object, WeakRef<object>>()
    EventTarget.prototype.addEventListener = function (type, listener, options) {
      if (this instanceof AbortSignal && type === "abort" && listener !== null && !places.has(listener)) {
        const place = new WeakRef(listener)
        places.set(listener, place)
        heard.add(place)
      }
      return addEventListener.call(this, type, listener, options)
    }
    EventTarget.prototype.removeEventListener = function (type, listener, options) {
      const place = listener === null ? undefined : places.get(listener)
      if (listener !== null && place !== undefined && type === "abort") {
        places.delete(listener)
        heard.delete(place)
      }
      return removeEventListener.call(this, type, listener, options)
    }
    return {
      count: () => [...heard].filter((place) => place.deref() !== undefined).length,
      restore: () => Object.assign(EventTarget.prototype, { addEventListener, removeEventListener })
    }
  }),
  ({ restore }) => Effect.sync(restore)
).pipe(Effect.map(({ count }) => count))

/** How many bytes are in use, after what is no more in use was collected. */
export const memory = Effect.gen(function* () {
  setFlagsFromString("--expose-gc")
  const collect: () => void = runInNewContext("gc")
  let least = Infinity
  // What is closing, and what waits for a finalizer, needs a few turns.
  for (let turn = 0; turn < 5; turn++) {
    collect()
    yield* Effect.sleep("20 millis")
    const { external, heapUsed } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
})
