/** How long a call of the interactive policy lasts, with each behaviour of the provider. */
import { assert, describe, it } from "@effect/vitest"
import { type Clock, Duration, Effect, Random } from "effect"
import { Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Script } from "effect-billwerk-payouts/testing"
import { inVirtualTime, layer, requestOf } from "../support.js"
import { always, assertTruthful, type End, story } from "./fixture.js"

const policy = RetryPolicy.interactive

/** The end of a create, and how many milliseconds it lasted. */
const timed = (call: (payouts: Payouts.Payouts["Type"]) => Effect.Effect<End, End>) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const [took, end] = yield* inVirtualTime(Effect.timed(Effect.merge(call(payouts))))
    return [Duration.toMillis(took), end] as const
  })

const longest = Effect.withRandom(Random.fixed([1]))

type Row = readonly [
  says: string,
  steps: ReadonlyArray<Script.Step>,
  millis: number,
  tag: End["_tag"],
  certainty: End["certainty"],
  story: ReadonlyArray<string>
]

const slowly = Script.delayAnswer("4400 millis")
const serverError = Script.apiError({ status: 500, code: 2 })
const limited = Script.apiError({ status: 429, code: 122 })
const rejected = Script.apiError({ status: 409, code: 74 })

const rows: ReadonlyArray<Row> = [
  ["answers at once", [Script.normal], 0, "Paid", "Moved", ["Create 200 Paid -> Succeed"]],
  [
    "never answers",
    [Script.hangBeforeCommit],
    9_000,
    "CommunicationError",
    "MayHaveMoved",
    ["Create Unknown CommunicationError -> LookUp", "Lookup Unknown CommunicationError -> Fail"]
  ],
  [
    "answers 5xx at once",
    [serverError],
    1200,
    "ServerError",
    "MayHaveMoved",
    [
      "Create 500 2 ServerError -> LookUp",
      "Lookup 500 2 ServerError -> SendAgain",
      "Create 500 2 ServerError -> LookUp 1s 200ms",
      "Lookup 500 2 ServerError -> SendAgain",
      "Create 500 2 ServerError -> LookUp",
      "Lookup 500 2 ServerError -> Fail"
    ]
  ],
  [
    "answers 5xx as slowly as it may",
    [serverError.pipe(slowly)],
    8800,
    "ServerError",
    "MayHaveMoved",
    ["Create 500 2 ServerError -> LookUp", "Lookup 500 2 ServerError -> Fail"]
  ],
  [
    "answers 429",
    [limited],
    3600,
    "RateLimited",
    "NotMoved",
    [
      "Create 429 122 RateLimited -> SendAgain 1s 200ms",
      "Create 429 122 RateLimited -> SendAgain 2s 400ms",
      "Create 429 122 RateLimited -> Fail"
    ]
  ],
  [
    "answers 429 as slowly as it may",
    [limited.pipe(slowly)],
    4400,
    "RateLimited",
    "NotMoved",
    ["Create 429 122 RateLimited -> Fail"]
  ],
  [
    "asks for a wait of a minute",
    [Script.apiError({ status: 429, code: 122, retryAfter: "60" })],
    0,
    "RateLimited",
    "NotMoved",
    ["Create 429 122 RateLimited -> Fail"]
  ],
  [
    "is changing the payout all the time",
    [rejected],
    1800,
    "RequestRejected",
    "NotMoved",
    [
      "Create 409 74 ConcurrentUpdate -> SendAgain 600ms",
      "Create 409 74 ConcurrentUpdate -> SendAgain 1s 200ms",
      "Create 409 74 ConcurrentUpdate -> Fail"
    ]
  ],
  [
    "fails with a processing error",
    [Script.processingError({ moved: true })],
    0,
    "ProcessingError",
    "MayHaveMoved",
    ["Create 200 ProcessingError -> Fail"]
  ],
  [
    "pays, but too late to say so",
    [Script.normal.pipe(Script.delayAnswer("60 seconds"), Script.onCreate)],
    4500,
    "Paid",
    "Moved",
    ["Create Unknown CommunicationError -> LookUp", "Lookup 200 Paid -> Succeed"]
  ]
]

describe("A create of the interactive policy ends within 10 seconds, where the provider", () => {
  for (const [says, steps, millis, tag, certainty, lines] of rows) {
    it.effect(says, () =>
      Effect.gen(function* () {
        yield* always(...steps)
        const [took, end] = yield* timed((payouts) => payouts.create(requestOf(), { policy })).pipe(longest)
        assert.deepStrictEqual(story(end), lines)
        assert.deepStrictEqual([end._tag, end.certainty, took], [tag, certainty, millis])
        assert.isAtMost(took, Duration.toMillis(policy.elapsedMax))
        yield* assertTruthful(end)
      }).pipe(Effect.provide(layer()))
    )
  }
})

describe("The interactive policy", () => {
  it.effect("bounds a recover, a lookup and the account's time zone in the same way", () =>
    Effect.gen(function* () {
      yield* always(Script.hangBeforeCommit)
      const [recovered] = yield* timed((payouts) => payouts.recover(requestOf(), { policy }))
      assert.strictEqual(recovered, 9_000)
      const payouts = yield* Payouts.Payouts
      const { handle } = requestOf()
      const [asked, error] = yield* inVirtualTime(Effect.timed(Effect.flip(payouts.get(handle, { policy }))))
      assert.deepStrictEqual([Duration.toMillis(asked), error._tag], [9_000, "LookupFailed"])
      const details = Effect.flip(payouts.transactionDetails(handle, "a1", { policy }))
      assert.strictEqual(Duration.toMillis((yield* inVirtualTime(Effect.timed(details)))[0]), 9_000)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("looks up after a create that used all of its time, although a real clock is late", () =>
    Effect.gen(function* () {
      yield* always(Script.hangBeforeCommit.pipe(Script.onCreate))
      const payouts = yield* Payouts.Payouts
      const clock = yield* Effect.clock
      const started = yield* clock.currentTimeMillis
      // Each second takes 50 milliseconds longer than a timer says.
      const currentTimeMillis = Effect.map(clock.currentTimeMillis, (now) => started + (now - started) * 1.05)
      const late: Clock.Clock = Object.create(clock, {
        currentTimeMillis: { value: currentTimeMillis },
        unsafeCurrentTimeMillis: { value: () => started + (clock.unsafeCurrentTimeMillis() - started) * 1.05 }
      })
      const call = Effect.merge(payouts.create(requestOf(), { policy })).pipe(Effect.withClock(late))
      const { attempts } = yield* inVirtualTime(call)
      assert.include(attempts.map(({ kind }) => kind).join(), "Create,Lookup")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("leaves a client's shorter deadlines as they are", () =>
    Effect.gen(function* () {
      const longest = [2, 90].map((seconds) => RetryPolicy.longest(policy, Duration.seconds(seconds)))
      assert.deepStrictEqual(longest.map(Duration.toSeconds), [2, 4.5])
      const { text } = yield* RetryPolicy.explain(policy)
      assert.include(
        text,
        "No exchange takes longer than 4s 500ms.\nNo exchange is begun that could end later than 10s"
      )
    })
  )
})
