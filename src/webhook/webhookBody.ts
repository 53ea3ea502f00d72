/**
 * Reads the body of a webhook within bounds of bytes, of time, and of bodies at once. The sender is still unknown.
 */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Webhook from "./Webhook.js"

export interface Limits {
  readonly bodiesMax: number
  readonly deadline: Duration.Duration
}

/** Reads no more than `bodiesMax` bodies at a time, the latest ones, and each until its deadline at most. */
export const reader = ({ bodiesMax, deadline }: Limits) => {
  const reading = new Set<Deferred.Deferred<"TooSlow">>()
  return (request: HttpServerRequest.HttpServerRequest) =>
    Effect.suspend(() => {
      const superseded = Deferred.unsafeMake<"TooSlow">(FiberId.none)
      for (const oldest of reading) {
        if (reading.size < bodiesMax) break
        reading.delete(oldest)
        Deferred.unsafeDone(oldest, Effect.succeed("TooSlow"))
      }
      reading.add(superseded)
      return read(request, deadline).pipe(
        Effect.raceFirst(Deferred.await(superseded)),
        Effect.ensuring(Effect.sync(() => reading.delete(superseded)))
      )
    })
}

/** The body, or why there is none. */
const read = ({ headers, stream }: HttpServerRequest.HttpServerRequest, deadline: Duration.Duration) =>
  Number(headers["content-length"] ?? 0) > Webhook.bodyBytesMax
    ? Effect.succeed("TooLarge" as const)
    : Effect.gen(function* () {
        const scope = yield* Scope.make()
        const pull = yield* Scope.extend(Stream.toPull(stream), scope)
        const body = yield* collect(pull)
        // Closing an unfinished stream closes the connection before the answer, so the server does that.
        if (typeof body !== "string") yield* Scope.close(scope, Exit.void)
        return body
      }).pipe(Effect.timeoutTo({ duration: deadline, onSuccess: (body) => body, onTimeout: () => "TooSlow" as const }))

const collect = <E>(pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<E>>) =>
  Effect.gen(function* () {
    const whole = new Uint8Array(Webhook.bodyBytesMax)
    let length = 0
    for (;;) {
      const next = yield* Effect.either(pull)
      if (next._tag === "Left") return Option.isNone(next.left) ? whole.subarray(0, length) : "BrokenOff"
      for (const bytes of next.right) {
        if (length + bytes.length > whole.length) return "TooLarge"
        whole.set(bytes, length)
        length += bytes.length
      }
    }
  })
