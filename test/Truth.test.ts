/**
 * Whatever happens, and in whatever order: what is said about the money is true, at the end of each call and hours later,
 * when everything that was still under way has arrived.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Either, FastCheck as fc, Schedule } from "effect"
import type { Outcome, PayoutError } from "effect-billwerk-payouts"
import { Ledger, Payouts, RetryPolicy, Sandbox, Script } from "effect-billwerk-payouts"
import { inVirtualTime, layer, requestOf } from "./support.js"

const behaviours: Readonly<Record<string, Script.Step>> = {
  normal: Script.normal,
  hardDeclined: Script.hardDeclined(),
  softDeclined: Script.softDeclined(),
  processingError: Script.processingError(),
  hiddenSuccess: Script.processingError({ moved: true }),
  processing: Script.processing({ after: "5 minutes" }),
  dropBeforeCommit: Script.dropBeforeCommit,
  dropAfterCommit: Script.dropAfterCommit,
  declinedAndLost: Script.hardDeclined().pipe(Script.and(Script.dropAfterCommit)),
  hiddenAndLost: Script.processingError({ moved: true }).pipe(Script.and(Script.dropAfterCommit)),
  hiddenAndLater: Script.processingError({ moved: true }).pipe(Script.and(Script.executeLater("2 minutes"))),
  soon: Script.executeLater("1 minute"),
  later: Script.executeLater("1 hour"),
  hang: Script.hangAfterCommit,
  connectionRefused: Script.connectionRefused,
  laggingRead: Script.laggingRead,
  500: Script.status(500),
  401: Script.apiError({ status: 401, code: 6 }),
  135: Script.apiError({ status: 400, code: 135 }),
  134: Script.apiError({ status: 400, code: 134 }),
  429: Script.apiError({ status: 429, code: 122 }),
  unreadable400: Script.reply({ status: 400, body: "" }),
  page: Script.htmlPage,
  wrongHandle: Script.wrongHandle,
  wrongAmount: Script.wrongAmount(3),
  unknownState: Script.unknownState(),
  unknownErrorState: Script.unknownErrorState()
}

const policy = RetryPolicy.make({
  communication: Schedule.recurs(1).pipe(Schedule.andThen(Schedule.fromDelays("3 seconds", "3 seconds"))),
  softDeclined: Schedule.recurs(1)
})

const world = fc.record({
  steps: fc.array(fc.constantFrom(...Object.keys(behaviours)), { minLength: 1, maxLength: 7 }),
  calls: fc.array(fc.constantFrom("create", "resume", "restart"), { minLength: 1, maxLength: 3 }),
  repeat: fc.constantFrom("Error" as const, "Replay" as const)
})

const holds = (said: Outcome.Outcome | PayoutError.PayoutError, moved: number) =>
  moved >= said.exposure.min &&
  moved <= said.exposure.max &&
  (said.certainty !== "NotMoved" || moved === 0) &&
  (said.certainty !== "Moved" || moved > 0)

for (const { calls, repeat, steps } of fc.sample(world, { numRuns: 150, seed: 20260042 })) {
  it.effect(`is true after ${calls.join(", ")} [${steps.join(", ")}] (${repeat})`, () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.Sandbox
      const moved = Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, "prize-2026-0042"))
      yield* sandbox.script(...steps.flatMap((name) => behaviours[name] ?? []))
      let payouts = yield* Payouts.Payouts
      let restarted = false
      for (const call of ["create", ...calls]) {
        // A restart forgets everything; what is unseen then can only be guessed, so only the claims are checked.
        if (call === "restart") payouts = yield* Payouts.make()
        restarted ||= call === "restart"
        const run = call === "create" && !restarted ? payouts.create : payouts.resume
        const said = yield* inVirtualTime(Effect.map(Effect.either(run(requestOf(), { policy })), Either.merge))
        const now = yield* moved
        if (!restarted || said.certainty !== "MayHaveMoved") {
          assert.isTrue(holds(said, now), `${said._tag} ${JSON.stringify(said.exposure)}, but ${now} moved`)
        }
        if (call !== calls.at(-1) || restarted) continue
        yield* inVirtualTime(Effect.sleep("3 hours"))
        assert.isAtMost(yield* moved, said.exposure.max, "what was under way arrived, and was not counted")
      }
      assert.deepStrictEqual(Ledger.paidTwice(yield* sandbox.ledger), [])
      assert.isAtMost(yield* sandbox.bodies("prize-2026-0042"), 1)
    }).pipe(Effect.provide(layer({ repeatOfPaid: repeat, repeatOfProcessing: repeat })))
  )
}
