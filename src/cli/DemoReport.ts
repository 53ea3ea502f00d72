/**
 * The output of the demo: each payout with its attempts, and then the ledger, which alone knows what really moved.
 */
import * as Option from "effect/Option"
import * as Ledger from "../sandbox/Ledger.js"
import * as Layout from "./Layout.js"
import type { Paint } from "./Paint.js"
import { type Check, covers, type Performance } from "./Rehearsal.js"
import * as Summary from "./Summary.js"
import * as Timeline from "./Timeline.js"

export const ofPerformance = (performance: Performance, ordinal: number, paint: Paint): string => {
  const { checks, ended, logged, scenario } = performance
  return [
    `${String(ordinal).padStart(2)}  ${paint.strong(scenario.title)}`,
    ...Layout.indent([
      ...Layout.labelled("provider", scenario.provider),
      ...(scenario.call === "recover" ? Layout.labelled("call", "recover") : []),
      ...(scenario.awaits === undefined
        ? []
        : Layout.labelled("call", `create, then await the end ${scenario.awaits}`)),
      `${"outcome".padEnd(Layout.labelWidth)}${Summary.tag(ended, paint)}`,
      ...Timeline.lines(ended.attempts, paint),
      ...Layout.labelled("money", `${Summary.money(ended)}; ${ledgerHas(performance)}`),
      ...Summary.message(ended),
      ...[...logged].flatMap(([line, times]) =>
        Layout.labelled("logged", times === 1 ? line : `${line} (${times} times)`)
      ),
      `${"checks".padEnd(Layout.labelWidth)}${verdict(checks, paint)}`
    ]),
    ""
  ].join("\n")
}

const ledgerHas = ({ moved, movedForAnother }: Performance): string =>
  `the ledger has ${moved}` + (movedForAnother === 0 ? "" : `, and ${movedForAnother} for the handle's other payout`)

const verdict = (checks: ReadonlyArray<Check>, paint: Paint): string => {
  const broken = checks.filter(({ holds }) => !holds)
  return broken.length === 0
    ? paint.good("all hold")
    : paint.bad(`BROKEN: ${broken.map(({ claim }) => `not true that ${claim}`).join("; ")}`)
}

const columns: ReadonlyArray<Layout.Column> = [
  { title: "handle" },
  { title: "on record" },
  { title: "successes", isNumber: true },
  { title: "moved", isNumber: true },
  { title: "our exposure" },
  { title: "verdict" }
]

/** The whole ledger next to what we reported, and what it proves. */
export const ofLedger = (performances: ReadonlyArray<Performance>, ledger: Ledger.Ledger, paint: Paint): string => {
  const [head, ...body] = Layout.table(
    columns,
    performances.map((performance) => row(performance, ledger))
  )
  return [
    paint.strong("The sandbox's ledger: what the provider has on record, and what really moved (minor units)"),
    "",
    ...Layout.indent([paint.faint(head), ...body]),
    "",
    ...[onceEach(ledger), ...hiddenSuccesses(performances, ledger), allHold(performances)].flatMap(Layout.paragraphs)
  ].join("\n")
}

const row = ({ ended, handle, moved, movedForAnother }: Performance, ledger: Ledger.Ledger): ReadonlyArray<string> => [
  handle,
  Option.match(Ledger.payout(ledger, handle), { onNone: () => "nothing", onSome: ({ state }) => state }),
  String(successes(ledger, handle)),
  movedForAnother === 0 ? String(moved) : `(not ours) ${movedForAnother}`,
  Layout.between(ended.exposure),
  covers(ended, moved) ? "covered" : "NOT COVERED"
]

const successes = (ledger: Ledger.Ledger, handle: string): number =>
  Option.match(Ledger.payout(ledger, handle), {
    onNone: () => 0,
    onSome: ({ transactions }) => transactions.filter(({ state }) => state === "paid").length
  })

const onceEach = (ledger: Ledger.Ledger): string => {
  const twice = Ledger.paidTwice(ledger)
  return twice.length === 0 ? "No handle has two recorded successes." : `TWO RECORDED SUCCESSES: ${twice.join(", ")}.`
}

// Neither a client nor the provider can see these.
const hiddenSuccesses = (performances: ReadonlyArray<Performance>, ledger: Ledger.Ledger): ReadonlyArray<string> =>
  performances.flatMap(({ ended, handle, moved }) => {
    const movements = Ledger.movements(ledger, handle)
    if (!movements.some(({ hidden }) => hidden)) return []
    return [
      `${handle}: a processing error of the provider's own hid a success, so ${moved} really moved, in ` +
        `${movements.length === 1 ? "one movement" : `${movements.length} movements`}. ` +
        `Neither it nor a client can see that; our exposure said ${Layout.between(ended.exposure)}, ${covers(ended, moved) ? "which covers it" : "which DOES NOT COVER it"}.`
    ]
  })

const allHold = (performances: ReadonlyArray<Performance>): string => {
  const broken = performances.filter(({ checks }) => !checks.every(({ holds }) => holds))
  return broken.length === 0
    ? `All checks hold for all ${performances.length} payouts.`
    : `CHECKS BROKEN: ${broken.map(({ handle }) => handle).join(", ")}.`
}
