/**
 * What the library says about the money over three histories, each played in the Sandbox: before each create
 * (`beforeCreate`), and at the end of each call. Beside it is what really moved, which only the Sandbox's ledger knows.
 */
import { Clock, DateTime, Duration, Effect, Schedule } from "effect"
import { type Attempt, Exposure, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import * as svg from "../../src/policy/svg.js"
import { requestOf } from "../support.js"

interface Story {
  readonly title: string
  readonly lesson: string
  readonly script: ReadonlyArray<Script.Step>
}

const underWay = Script.delayRequest("1 second")
const noAnswer = Script.hangBeforeCommit.pipe(Script.onCreate)
const late = Script.hangAfterCommit.pipe(Script.delayRequest("30 minutes"), Script.onCreate)
const http503 = Script.reply({ status: 503 }).pipe(underWay, Script.onCreate)
const unseen = Script.processingError({ moved: true }).pipe(underWay, Script.onCreate)

const stories: ReadonlyArray<Story> = [
  {
    title: "Nothing arrives",
    lesson: "Only after the arrival horizon (6 hours) does a lookup that finds nothing end the doubt.",
    script: [noAnswer, http503]
  },
  {
    title: "The first create is carried out 30 minutes late",
    lesson: "The record accounts for it. Once the payout is paid, the provider pays no other create (inferred).",
    script: [late, http503]
  },
  {
    title: "A processing error had paid, unseen by the provider",
    lesson: "Paid for certain, and the processing error may have paid as well: ask the acquirer.",
    script: [unseen]
  }
]

/** Few steps, so that a history fits on a page. */
const policy = RetryPolicy.make({
  communication: Schedule.recurs(1),
  processingError: Schedule.fromDelays("1 minute")
})

/** One exchange: what the library said while it was under way and after it, and what had really moved by its end. */
interface Moment {
  readonly attempt: Attempt.Attempt
  readonly call: "create" | "assess"
  /** When it began, in milliseconds after the first one. */
  readonly since: number
  readonly during: Exposure.Exposure
  readonly after: Exposure.Exposure
  readonly moved: number
}

const request = requestOf()
const nothing: Exposure.Exposure = { min: 0, max: 0 }

/** Plays a history to its end. */
const play = ({ script }: Story) =>
  Effect.gen(function* () {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script(...script)
    yield* sandbox.always(Script.normal.pipe(underWay))
    const began = yield* Clock.currentTimeMillis
    const sent: Array<Exposure.Exposure> = []
    const payouts = yield* Payouts.make({
      policy,
      beforeCreate: (evidence) => Effect.sync(() => void sent.push(Exposure.exposure(evidence)))
    })
    const moments: Array<Moment> = []
    const add = Effect.fnUntraced(function* (
      call: Moment["call"],
      attempts: ReadonlyArray<Attempt.Attempt>,
      end: Exposure.Exposure
    ) {
      const movements = Ledger.movements(yield* sandbox.ledger, request.handle)
      for (const [index, attempt] of attempts.entries()) {
        const before = moments.at(-1)?.after ?? nothing
        const during = attempt.kind === "Create" ? (sent.shift() ?? before) : before
        const ended = DateTime.addDuration(attempt.started, attempt.took)
        moments.push({
          attempt,
          call,
          since: DateTime.toEpochMillis(attempt.started) - began,
          during,
          after: index === attempts.length - 1 ? end : during,
          moved: movements.reduce(
            (sum, { amount, when }) => sum + (DateTime.lessThanOrEqualTo(when, ended) ? amount : 0),
            0
          )
        })
      }
    })
    const end = yield* payouts.create(request).pipe(
      Effect.catchTag("InvalidRequest", (refused) => Effect.die(refused)),
      Effect.merge
    )
    yield* add("create", end.attempts, end.exposure)
    if (end.certainty === "Moved") return moments
    for (const wait of ["1 hour", "6 hours"] as const) {
      yield* Effect.sleep(wait)
      const { attempts, exposure } = yield* payouts.assess(request.handle, { evidence: end.evidence })
      yield* add("assess", attempts, exposure)
    }
    return moments
  }).pipe(Sandbox.inVirtualTime, Effect.provide(Sandbox.layer), Effect.scoped)

// --- drawing ---

const width = 700
const left = 72
const columnWidth = 102
const columns = 6
const chartHeight = 70
const chartTop = 84
const panelHeight = 240
const top = 92
const amountMax = 2 * request.amount

const words: Readonly<Record<string, string>> = {
  NotFound: "404: nothing",
  Paid: "paid",
  ProcessingError: "processing error",
  CommunicationError: "no answer"
}

const answerOf = ({ attempt }: Moment): string => words[attempt.outcome] ?? `HTTP ${attempt.status ?? ""}`

const timeOf = ({ since }: Moment): string =>
  since < 120_000 ? `${since / 1000} s` : Duration.format(Duration.minutes(Math.floor(since / 60_000)))

const kroner = (amount: number): string => String(amount / 100)

const range = ({ max, min }: Exposure.Exposure): string =>
  min === max ? kroner(min) : `${kroner(min)} to ${kroner(max)}`

/** Neighbours that have the same name: the name, the first column, and how many. */
const runs = (names: ReadonlyArray<string>) => {
  const found: Array<{ readonly name: string; readonly from: number; count: number }> = []
  for (const [from, name] of names.entries()) {
    const latest = found.at(-1)
    if (latest?.name === name) latest.count += 1
    else found.push({ name, from, count: 1 })
  }
  return found
}

const xOf = (column: number): number => left + column * columnWidth
const heightOf = (amount: number): number => (amount / amountMax) * chartHeight

const scale = (base: number) =>
  [0, amountMax / 2, amountMax].flatMap((amount) => {
    const at = base - heightOf(amount)
    return [
      svg.across(left, xOf(columns), at, "grid"),
      svg.text(left - 8, at + 4, kroner(amount), { anchor: "end", look: "quiet" })
    ]
  })

const band = (x: number, base: number, { max, min }: Exposure.Exposure) => [
  ...(max > min ? [svg.rect(x, base - heightOf(max), columnWidth / 2, heightOf(max - min), "maybe")] : []),
  ...(min > 0 ? [svg.rect(x, base - heightOf(min), columnWidth / 2, heightOf(min), "yes")] : [])
]

const named = (names: ReadonlyArray<string>, y: number, look: string) =>
  runs(names).flatMap(({ count, from, name }) => {
    const [start, end] = [xOf(from) + 4, xOf(from + count) - 4]
    return [svg.text((start + end) / 2, y, name, { anchor: "middle", look }), svg.across(start, end, y + 6)]
  })

const column = (moment: Moment, index: number, y: number, base: number) => {
  const middle = xOf(index + 0.5)
  const at = { anchor: "middle", look: "quiet" } as const
  return [
    ...band(xOf(index), base, moment.during),
    ...band(middle, base, moment.after),
    svg.text(middle, y + 62, moment.attempt.kind.toLowerCase(), { anchor: "middle", look: "small" }),
    svg.text(middle, y + 77, answerOf(moment), at),
    svg.text(middle, base + 17, `at ${timeOf(moment)}`, at),
    svg.text(middle, base + 34, range(moment.after), { anchor: "middle", look: "small" })
  ]
}

const panel = ({ lesson, title }: Story, moments: ReadonlyArray<Moment>, y: number): ReadonlyArray<string> => {
  const base = y + chartTop + chartHeight
  // Two calls of `assess` stay two.
  const calls = moments.map(({ call }, index) => (call === "create" ? "create(request)" : `assess${" ".repeat(index)}`))
  const truth = moments.flatMap(({ moved }, index) =>
    [index, index + 1].map((column) => [xOf(column), base - heightOf(moved)] as const)
  )
  return [
    svg.text(20, y, title, { look: "strong" }),
    svg.text(20, y + 18, lesson, { look: "quiet" }),
    ...named(
      calls.map((call) => call),
      y + 40,
      "code"
    ),
    ...scale(base),
    ...moments.flatMap((moment, index) => column(moment, index, y, base)),
    ...named(
      moments.map(({ after }) => Exposure.certainty(after)),
      base + 51,
      "small strong"
    ),
    svg.line(truth, "edge-bad")
  ]
}

const sentence = ({ title }: Story, moments: ReadonlyArray<Moment>): string => {
  const told = moments.map(
    (moment) =>
      `At ${timeOf(moment)}, ${moment.attempt.kind.toLowerCase()}, ${answerOf(moment)}: ` +
      `${Exposure.certainty(moment.after)}, ${range(moment.after)} DKK; really moved: ${kroner(moment.moved)}`
  )
  return `${title}. ${told.join(". ")}.`
}

/** Three panels, one below the other. */
export const certainty = Effect.gen(function* () {
  const played = yield* Effect.forEach(stories, (story) => Effect.map(play(story), (moments) => ({ story, moments })))
  return svg.page(
    {
      width,
      height: top + stories.length * panelHeight - 14,
      title: "What the library says about the money, exchange by exchange",
      description: played.map(({ moments, story }) => sentence(story, moments)).join("\n")
    },
    [
      svg.text(20, 30, `What is known of a payout of ${kroner(request.amount)} DKK, exchange by exchange`, {
        look: "title"
      }),
      svg.rect(20, 44, 12, 12, "yes"),
      svg.text(38, 54, "moved for certain", { look: "quiet" }),
      svg.rect(164, 44, 12, 12, "maybe"),
      svg.text(182, 54, "may have moved", { look: "quiet" }),
      svg.across(296, 316, 50, "edge-bad"),
      svg.text(322, 54, "really moved: in the Sandbox's ledger, unseen by the library", { look: "quiet" }),
      ...played.flatMap(({ moments, story }, index) => panel(story, moments, top + index * panelHeight))
    ]
  )
})
