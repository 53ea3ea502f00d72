/** What this process keeps open. */
import { Effect } from "effect"
import { eventually } from "../servers.js"

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
