/**
 * Attempts as a table for people: what was sent, what came back, how long it took, and what came next.
 */
import * as Duration from "effect/Duration"
import type { Attempt, Decision } from "../domain/Attempt.js"
import * as Layout from "./Layout.js"
import type { Paint } from "./Paint.js"

const columns: ReadonlyArray<Layout.Column> = [
  { title: "#", isNumber: true },
  { title: "exchange" },
  { title: "answer" },
  { title: "outcome" },
  { title: "took", isNumber: true },
  { title: "then" }
]

export const lines = (attempts: ReadonlyArray<Attempt>, paint: Paint): ReadonlyArray<string> => {
  if (attempts.length === 0) return [paint.faint("nothing was sent")]
  const [head, ...body] = Layout.table(columns, attempts.map(row))
  return [paint.faint(head), ...body]
}

const row = (attempt: Attempt): ReadonlyArray<string> => [
  String(attempt.ordinal),
  attempt.kind,
  answer(attempt),
  attempt.outcome,
  milliseconds(attempt.took),
  `${then(attempt)}: ${attempt.why}`
]

const answer = ({ code, sent, status }: Attempt): string => {
  if (status === undefined) return sent === "NotSent" ? "not sent" : "no answer"
  return code === undefined ? String(status) : `${status}, code ${code}`
}

const then = ({ decision, delay }: Attempt): string =>
  delay === undefined ? words[decision] : `${words[decision]} ${wait(delay)}`

const words: Readonly<Record<Decision, string>> = {
  Succeed: "done",
  Fail: "give up",
  SendAgain: "send again",
  LookUp: "look it up",
  Interrupted: "interrupted"
}

const wait = (delay: Duration.Duration): string =>
  Duration.equals(delay, Duration.zero) ? "at once" : `after ${milliseconds(delay)}`

const milliseconds = (duration: Duration.Duration): string => `${Math.round(Duration.toMillis(duration))} ms`
