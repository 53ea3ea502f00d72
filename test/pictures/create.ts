/**
 * The way of a `create`: send, verdict, wait, look up, end. The verdicts and the errors at each fork are those of the
 * library's own table.
 */
import * as svg from "../../src/policy/svg.js"
import { rows, type Row } from "../../src/provider/verdictTable.js"

type Verdicts = ReadonlyArray<readonly [name: string, row: Row]>

/** The verdicts that only a lookup has. */
const ofLookups: ReadonlyArray<string> = ["NotFound", "LookupRefused"]
const verdicts: Verdicts = Object.entries(rows).filter(([name]) => !ofLookups.includes(name))

const goesOn = ({ afterCreate }: Row): boolean => afterCreate === "SendAgain" || afterCreate === "Confirm"
/** A soft decline is on record as well, and leaves nothing in doubt. */
const isClear = (row: Row): boolean => row.create === "None" || row.error === "SoftDeclined"

const ended = verdicts.filter(([, { afterCreate }]) => afterCreate === "Succeed")
const givenUp = verdicts.filter(([, { afterCreate }]) => afterCreate === "GiveUp")
const inDoubt = verdicts.filter(([, row]) => goesOn(row) && !isClear(row))
const notCarriedOut = verdicts.filter(([, row]) => goesOn(row) && isClear(row))

const namesOf = (some: Verdicts) => some.map(([name]) => name)

/** The errors of verdicts, each once. One that only has verdicts of other names says which: "(certificate)". */
const errorsOf = (some: Verdicts) =>
  [...new Set(some.map(([, { error }]) => error))].map((error) => {
    const [other] = namesOf(some.filter(([, row]) => row.error === error))
    const isNamed = some.some(([name]) => name === error)
    return isNamed ? `${error}` : `${error} (${other?.split(/(?=[A-Z])/)[0]?.toLowerCase()})`
  })

const width = 700
const boxLeft = 172
const boxWidth = 260
const boxHeight = 46
const center = boxLeft + boxWidth / 2
const boxRight = boxLeft + boxWidth
const ends = 468
const endWidth = 218
const lineHeight = 16
const [toSend, toVerdict] = [36, 92]

const start = 58
const send = 134
const verdict = 210
const lists = 276
const listsHeight = 34 + Math.max(inDoubt.length, notCarriedOut.length) * lineHeight
const budget = lists + listsHeight + 24
const wait = budget + 74
const lookup = wait + 74
const height = lookup + boxHeight + 24

type Point = readonly [x: number, y: number]
const middle = (y: number): number => y + boxHeight / 2

const box = (y: number, title: string, words: string, look = "code") => [
  svg.rect(boxLeft, y, boxWidth, boxHeight, "box", 6),
  svg.text(center, y + 19, title, { anchor: "middle", look: "strong" }),
  svg.text(center, y + 37, words, { anchor: "middle", look })
]

const end = (y: number, look: string, title: string, lines: ReadonlyArray<string>) => [
  svg.rect(ends, y, endWidth, 32 + lines.length * lineHeight, look, 6),
  svg.text(ends + 12, y + 20, title, { look: "strong" }),
  ...lines.map((line, index) => svg.text(ends + 12, y + 39 + index * lineHeight, line, { look: "small" }))
]

/** A line with a head at its last point. */
const arrow = (...points: ReadonlyArray<Point>) => {
  const [[fromX, fromY], [x, y]] = [points.at(-2) ?? [0, 0], points.at(-1) ?? [0, 0]]
  const [dx, dy] = [Math.sign(x - fromX), Math.sign(y - fromY)]
  const corner = (side: number): Point => [x - 8 * dx + 4 * side * dy, y - 8 * dy + 4 * side * dx]
  return [svg.line(points), svg.line([[x, y], corner(1), corner(-1)], "head")]
}

/** From one box down to the next. */
const down = (from: number, to: number, words = "") => [
  ...arrow([center, from], [center, to]),
  svg.text(center + 10, (from + to) / 2 + 4, words, { look: "quiet" })
]

/** From the left side of a box up to the left side of an earlier one, on a lane. */
const up = (from: number, lane: number, to: number, words: string, afterwards: string) => [
  ...arrow([boxLeft, from], [lane, from], [lane, to], [boxLeft, to]),
  svg.text(boxLeft - 6, from - 6, words, { anchor: "end", look: "quiet" }),
  svg.text(boxLeft - 14, to - 6, afterwards, { anchor: "end", look: "quiet" })
]

/** From the right side of a box to an end. */
const out = (from: number, to: number, words = "") => [
  ...(from === to ? arrow([boxRight, from], [ends, to]) : arrow([boxRight, from], [boxRight + 22, from], [boxRight + 22, to], [ends, to])), // prettier-ignore
  svg.text(boxRight + 6, from - 6, words, { look: "quiet" })
]

const list = (x: number, title: string, names: ReadonlyArray<string>) => [
  svg.text(x, lists + 19, title, { look: "small strong" }),
  ...names.map((name, index) => svg.text(x, lists + 36 + index * lineHeight, name, { look: "small" }))
]

const boxes = [
  ...box(start, "create(request)", "recover begins with the lookup", "quiet"),
  ...box(send, "Send", "POST /v1/payout"),
  ...box(verdict, "Verdict", "what does it say about the money?", "quiet"),
  svg.rect(boxLeft, lists, boxWidth, listsHeight, "box", 6),
  ...list(boxLeft + 12, "in doubt", namesOf(inDoubt)),
  ...list(boxLeft + 142, "no doubt", namesOf(notCarriedOut)),
  ...box(budget, "Budget", "has its category a step left?", "quiet"),
  ...box(wait, "Wait", "as the category's Schedule says", "quiet"),
  ...box(lookup, "Look up", "GET /v1/payout/{handle}")
]

const arrows = [
  ...down(start + boxHeight, send),
  ...down(send + boxHeight, verdict),
  ...down(verdict + boxHeight, lists),
  ...down(lists + listsHeight, budget),
  ...down(budget + boxHeight, wait, "yes"),
  ...down(wait + boxHeight, lookup, "in doubt"),
  ...up(middle(lookup) + 14, toSend, middle(send), "nothing new", "send again"),
  ...up(middle(lookup) - 14, toVerdict, middle(verdict), "a record", "judge it"),
  svg.across(toSend, boxLeft, middle(wait)),
  svg.text(boxLeft - 6, middle(wait) - 6, "no doubt", { anchor: "end", look: "quiet" }),
  ...out(middle(start), middle(start)),
  ...out(middle(verdict) - 12, middle(verdict) - 12),
  ...out(middle(verdict) + 12, verdict + 90),
  ...out(middle(budget), middle(budget), "no")
]

const outcomes = namesOf(ended)
const atOnce = errorsOf(givenUp)
const spent = errorsOf([...inDoubt, ...notCarriedOut])

const description = [
  "create sends POST /v1/payout and judges the answer.",
  `Paid or accepted: the call ends with an Outcome (${outcomes.join(", ")}).`,
  `Declined or refused: it ends at once with a PayoutError (${atOnce.join(", ")}).`,
  `In doubt (${namesOf(inDoubt).join(", ")}) or no doubt (${namesOf(notCarriedOut).join(", ")}): it asks the budget.`,
  "If the policy grants a step, it waits. If money may have moved, it looks the payout up with GET /v1/payout/{handle}:",
  "a record is judged like an answer, and only if there is nothing new the create is sent again.",
  `If the policy grants no step, the call ends with a PayoutError (${spent.join(", ")}).`,
  "An error that leaves money in doubt comes after one last lookup."
].join(" ")

export const create = (): string =>
  svg.page({ width, height, title: "The way of a create: send, verdict, wait, look up, end", description }, [
    svg.text(20, 34, "The way of a create: in doubt, it asks before it sends again", { look: "title" }),
    ...boxes,
    ...arrows,
    ...end(start, "box", "InvalidRequest", ["nothing was sent"]),
    ...end(verdict - 32, "box-yes", "Outcome", outcomes),
    ...end(verdict + 58, "box", "PayoutError: at once", atOnce),
    ...end(budget - 20, "box-maybe", "PayoutError: no step left", spent),
    svg.text(ends, middle(lookup) - 16, "An error that leaves doubt comes", { look: "quiet" }),
    svg.text(ends, middle(lookup), "after one last lookup. All ends carry", { look: "quiet" }),
    svg.text(ends, middle(lookup) + 16, "certainty, exposure and evidence.", { look: "quiet" })
  ])
