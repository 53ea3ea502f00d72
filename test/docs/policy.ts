import { Console, Effect, Schedule } from "effect"
import { RetryPolicy } from "effect-billwerk-payouts"

const patient = RetryPolicy.make({
  communication: Schedule.recurs(1).pipe(
    Schedule.andThen(Schedule.spaced("30 seconds").pipe(Schedule.upTo("10 minutes")))
  ),
  processingError: Schedule.fromDelays("10 minutes", "1 hour"),
  elapsedMax: "2 hours"
  // hardDeclined: Schedule.recurs(1)   does not compile
})

await RetryPolicy.explain(patient).pipe(
  Effect.flatMap(({ text }) => Console.log(text)),
  Effect.runPromise
)
