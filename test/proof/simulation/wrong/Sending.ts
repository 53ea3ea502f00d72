/** Clients that send what they should not, as often as they should not, or show it to others. */
import { HttpClient } from "@effect/platform"
import { Effect, Schedule } from "effect"
import { Handle, PayoutRequest, type RetryPolicy } from "effect-billwerk-payouts"
import { calling, choosing, libraryWith, readingReason, type WrongClient } from "./Wrong.js"

const retriesHardDeclines: WrongClient = {
  name: "retries hard declines",
  wrong: "sends a payout again that was declined for good",
  wild: "one retry rule for everything that failed",
  breaks: ["I4"],
  // A policy cannot say it, since a rule for hard declines does not compile: the decline has to be taken for a soft one.
  make: libraryWith({
    exchanges: readingReason((errorState) => (errorState === "hard_declined" ? "soft_declined" : errorState)),
    policy: (policy) => ({ ...policy, softDeclined: Schedule.fromDelays("1 minute", "5 minutes") })
  })
}

const sendsWithoutAsking: WrongClient = {
  name: "sends again without asking",
  wrong: "sends again below the place where attempts are counted, and nobody asks or hears of it",
  wild: "`HttpClient.retryTransient` on a POST that moves money",
  breaks: ["I3", "I7"],
  make: libraryWith({
    http: HttpClient.retryTransient({ times: 3, schedule: Schedule.exponential("100 millis") })
  })
}

const paysTwiceAtOnce: WrongClient = {
  name: "pays twice at once",
  wrong: "two calls for one payout at the same time are two conversations, and neither knows what the other sends",
  wild: "a button that is clicked twice, a queue that delivers at least once, and nothing in the process between them",
  breaks: ["I3", "I7"],
  make: libraryWith({
    calls: (client, fresh) => {
      const running = new Set<string>()
      return choosing(client, (handle, call) =>
        Effect.suspend(() => {
          if (running.has(handle)) return Effect.flatMap(fresh, call)
          running.add(handle)
          return Effect.ensuring(
            call(client),
            Effect.sync(() => running.delete(handle))
          )
        })
      )
    }
  })
}

const multipliesBudgets: WrongClient = {
  name: "multiplies budgets",
  wrong: "retries a whole call, which has its own retries, budgets and deadline inside",
  wild: "`Effect.retry({ times: 3 })` around `create`; a job queue that runs a failed job again",
  breaks: ["I6"],
  make: libraryWith({
    calls: calling((run) => Effect.retry(run, { times: 3, while: ({ certainty }) => certainty === "MayHaveMoved" }))
  })
}

const countsInMemoryOnly: WrongClient = {
  name: "counts in memory only",
  wrong: "counts the processing errors that this call has seen, and not those in the provider's record",
  wild: "`Schedule.recurs(2)` around the request: each call and each restart begins at 0",
  breaks: ["I1b"],
  make: libraryWith({
    policy: (policy) => ({ ...policy, processingError: oneByOne(policy.processingError) })
  })
}

interface Counted {
  readonly inner: unknown
  readonly last:
    { readonly ordinal: number; readonly step: Effect.Effect.Success<ReturnType<RetryPolicy.Rule["step"]>> } | undefined
}

/** The rule, but each attempt is one step: it will not be stepped on to where the record says that the payout is. */
const oneByOne = (rule: RetryPolicy.Rule): RetryPolicy.Rule => {
  const initial: Counted = { inner: rule.initial, last: undefined }
  return Schedule.makeWithState(initial, (now, attempt, { inner, last }) =>
    Effect.map(
      last?.ordinal === attempt.ordinal ? Effect.succeed(last.step) : rule.step(now, attempt, inner),
      (step) => [{ inner: step[0], last: { ordinal: attempt.ordinal, step } }, step[1], step[2]]
    )
  )
}

const obeysRetryAfter: WrongClient = {
  name: "obeys Retry-After",
  wrong: "waits for as long as `Retry-After` says, whatever its own deadline",
  wild: '`await sleep(Number(response.headers["retry-after"]) * 1000)`: a day, if a proxy says so',
  breaks: ["I6"],
  make: libraryWith({
    exchanges: (exchanges) => ({
      ...exchanges,
      create: (request) =>
        Effect.tap(exchanges.create(request), (reply) =>
          reply._tag === "Response" && reply.retryAfter !== undefined ? Effect.sleep(reply.retryAfter) : Effect.void
        )
    })
  })
}

const hasNoDeadline: WrongClient = {
  name: "no deadline",
  wrong: "waits for an answer for as long as it takes",
  wild: "`fetch` without a signal; a client library whose timeout is off by default",
  breaks: ["I6", "I15"],
  make: libraryWith({ options: { createDeadline: "3650 days", lookupDeadline: "3650 days" } })
}

const changesTheBody: WrongClient = {
  name: "changes the body",
  wrong: "sends another body with each attempt",
  wild: '`text: "attempt 2"`, a timestamp or a trace id in the metadata, an object whose keys come in any order',
  breaks: ["I5"],
  make: libraryWith({
    exchanges: (exchanges) => {
      let attempts = 0
      const numbered = (request: PayoutRequest.PayoutRequest) =>
        new PayoutRequest.PayoutRequest({ ...request, text: `attempt ${++attempts}` })
      return { ...exchanges, create: (request) => Effect.suspend(() => exchanges.create(numbered(request))) }
    }
  })
}

const inventsHandles: WrongClient = {
  name: "new handle on failure",
  wrong: "pays under another handle when the first one came to nothing",
  wild: "`handle + '-2'`; a random id in each attempt; a unique constraint that was in the way",
  breaks: ["I1"],
  make: libraryWith({
    calls: (client) => ({
      ...client,
      create: (request, options) =>
        Effect.catchAll(client.create(request, options), () =>
          client.create(
            new PayoutRequest.PayoutRequest({ ...request, handle: Handle.Handle.make(`${request.handle}-2`) }),
            options
          )
        )
    })
  })
}

const followsRedirects: WrongClient = {
  name: "follows redirects",
  wrong: "sends the card's reference, and the key, to wherever it is redirected",
  wild: "`HttpClient.followRedirects`; the default of `fetch`",
  breaks: ["I7", "I8"],
  make: libraryWith({ http: (http) => HttpClient.followRedirects(http) })
}

const logsRequests: WrongClient = {
  name: "logs requests",
  wrong: "writes what it sends to the log",
  wild: "a debugging line that stayed: `HttpClient.tapRequest(Effect.log)`, with a body in it",
  breaks: ["I8"],
  make: libraryWith({
    http: HttpClient.tapRequest(({ body }) =>
      body._tag === "Uint8Array" ? Effect.log(`sends ${new TextDecoder().decode(body.body)}`) : Effect.void
    )
  })
}

const logsAnswers: WrongClient = {
  name: "logs answers",
  wrong: "writes the provider's words to the log as they come",
  wild: "`log.error(await response.text())`: error messages and gateways repeat what they were sent",
  breaks: ["I8"],
  make: libraryWith({
    http: HttpClient.tap((response) =>
      response.status < 400 ? Effect.void : Effect.ignore(Effect.flatMap(response.text, Effect.logError))
    )
  })
}

const carriesTheCause: WrongClient = {
  name: "carries the cause",
  wrong: "gives its errors the HTTP client's error as their cause",
  wild: "`new PaymentFailed({ cause })`: the cause holds the request, and the request holds the card's reference",
  breaks: ["I8"],
  make: (network, policy) => {
    let cause: unknown
    return libraryWith({
      http: HttpClient.tapError((error) => Effect.sync(() => (cause = error))),
      calls: calling((run) => Effect.mapError(run, (error) => Object.assign(error, { cause })))
    })(network, policy)
  }
}

export const senders: ReadonlyArray<WrongClient> = [
  retriesHardDeclines,
  sendsWithoutAsking,
  paysTwiceAtOnce,
  multipliesBudgets,
  countsInMemoryOnly,
  obeysRetryAfter,
  hasNoDeadline,
  changesTheBody,
  inventsHandles,
  followsRedirects,
  logsRequests,
  logsAnswers,
  carriesTheCause
]
