/**
 * A lookup on its own, which moves nothing and may be repeated freely within the policy.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { BillwerkClient } from "../BillwerkClient.js"
import type { Attempt } from "../domain/Attempt.js"
import type { Handle } from "../domain/Handle.js"
import type { Payout } from "../domain/Payout.js"
import { LookupFailed, PayoutNotFound, type LookupError } from "../domain/PayoutError.js"
import type { Reply } from "../domain/Reply.js"
import * as RetryPolicy from "../RetryPolicy.js"
import * as Telemetry from "../Telemetry.js"
import * as Verdict from "../Verdict.js"
import { exchange, type Judged } from "./exchange.js"
import * as failure from "./failure.js"
import { AttemptLog, exchangesMax, monotonic } from "./journal.js"
import * as Plan from "./plan.js"

/** What the provider has, and what it took to be told. */
export interface Read {
  readonly verdict: Extract<Verdict.Verdict, { readonly payout: Payout }>
  readonly reply: Reply
  readonly attempts: ReadonlyArray<Attempt>
}

export const read = (
  { client }: { readonly client: BillwerkClient["Type"] },
  policy: RetryPolicy.RetryPolicy,
  handle: Handle
): Effect.Effect<Read, LookupError> =>
  Effect.gen(function* () {
    const log = new AttemptLog()
    const judge = (reply: Reply) => Verdict.ofLookup({ handle }, reply)
    const driver = RetryPolicy.driver(policy)
    const started = yield* monotonic
    while (true) {
      const { reply, verdict } = yield* Effect.withFiberRuntime<Judged<void>>((fiber) =>
        exchange(fiber, log, handle, Plan.lastAsk, client.lookup(handle), judge, Effect.succeed)
      )
      if ("payout" in verdict) return { verdict, reply, attempts: log.attempts }
      if (verdict._tag === "NotFound") return yield* new PayoutNotFound({ handle, attempts: log.attempts })
      const now = yield* monotonic
      const wait = yield* delay(driver, log, now, verdict, reply)
      const longest = Duration.sum(
        Duration.nanos(now - started),
        Duration.sum(wait ?? Duration.zero, client.lookupDeadline)
      )
      if (wait === undefined || Duration.greaterThan(longest, policy.elapsedMax)) {
        return yield* failed(handle, log, verdict, reply)
      }
      log.decide("LookUp", undefined, wait)
      const category = categoryOf(verdict)
      if (category !== undefined) yield* Telemetry.measureWait(category, wait)
      yield* Effect.sleep(wait)
    }
  })

const delay = Effect.fnUntraced(function* (
  driver: RetryPolicy.Driver,
  { latest: attempt }: AttemptLog,
  now: bigint,
  verdict: Verdict.Verdict,
  reply: Reply
) {
  const category = categoryOf(verdict)
  if (category === undefined || attempt === undefined || attempt.ordinal >= exchangesMax) return undefined
  const retryAfter = reply._tag === "Response" ? reply.retryAfter : undefined
  return Option.getOrUndefined(yield* driver.next(Number(now / 1_000_000n), { category, attempt, retryAfter }))
})

const categoryOf = (verdict: Verdict.Verdict): RetryPolicy.Category | undefined => {
  switch (verdict._tag) {
    case "RateLimited":
      return "rateLimited"
    case "CommunicationError":
    case "ServerError":
    case "UnexpectedResponse":
      return verdict.permanent === true ? undefined : "communication"
    default:
      return undefined
  }
}

const failed = (handle: Handle, { attempts, latest }: AttemptLog, verdict: Verdict.Verdict, reply: Reply) => {
  const { code, requestId, status } = latest ?? {}
  const refused =
    reply._tag === "Response" && reply.body._tag === "ApiError" && reply.body.error !== undefined
      ? `HTTP ${reply.status}, ${reply.body.error}`
      : undefined
  return new LookupFailed({
    handle,
    attempts,
    status,
    code,
    requestId,
    category: category(verdict),
    why: refused ?? failure.why(verdict)
  })
}

const category = (verdict: Verdict.Verdict): LookupFailed["category"] => {
  switch (verdict._tag) {
    case "CommunicationError":
    case "ServerError":
    case "RateLimited":
    case "UnexpectedResponse":
      return verdict._tag
    default:
      return "RequestRejected"
  }
}
