/**
 * Plays every script up to a length, and says what did not hold: `npm run exhaust -- --length 4`. Behaviours that are
 * variants of others take part up to a length of 3, or as `--variants` says. `--script dropAfterCommit,status503` plays one.
 */
import { parseArgs } from "node:util"
import { core, names, parse, type Name } from "./Behaviours.js"
import { checker } from "./Check.js"
import { Exploration, total, type Bounds, type Found } from "./Explore.js"
import { stage } from "./World.js"

/** How many violations are shown for each behaviour that scripts begin with. */
const shownMax = 20

const main = (): void => {
  const { values } = parseArgs({
    options: {
      length: { type: "string", default: "3" },
      variants: { type: "string", default: "3" },
      script: { type: "string" }
    }
  })
  process.exitCode =
    values.script === undefined
      ? all({ length: Number(values.length), variants: Number(values.variants) })
      : one(parse(values.script))
}

const play = checker(stage())

const one = (script: ReadonlyArray<Name>): number => {
  const { said, violations } = play(script)
  console.log(said)
  for (const violation of violations) console.log(`  ${violation}`)
  return violations.length > 0 ? 1 : 0
}

const all = (bounds: Bounds): number => {
  const scripts = total(bounds)
  const { length, variants } = bounds
  console.log(`${number(scripts)} scripts: up to ${Math.min(length, variants)} of ${names.length} behaviours`)
  if (length > variants) console.log(`and up to ${length} of ${core.length}`)
  console.log()

  const began = performance.now()
  const exploration = new Exploration(play, bounds)
  for (const name of names) {
    const before = exploration.found.length
    exploration.explore(name)
    const percent = ((exploration.scripts / scripts) * 100).toFixed(1)
    const found = exploration.found.slice(before)
    console.log(`${percent.padStart(5)} %  ${seconds(began).padStart(6)} s  ${name}, ...${sum(found)}`)
    for (const one of found.slice(0, shownMax)) show(one)
  }
  report(exploration, Number(seconds(began)))
  if (exploration.scripts !== scripts) throw new Error(`${exploration.scripts} scripts were explored, not ${scripts}`)
  return exploration.found.length > 0 ? 1 : 0
}

const sum = ({ length }: ReadonlyArray<Found>): string => (length > 0 ? `: ${number(length)} with violations` : "")

const show = ({ script, violations }: Found): void => {
  console.log(`--script ${script.join(",")}`)
  for (const violation of violations) console.log(`    ${violation}`)
}

const report = ({ found, outcomes, played, probed, scripts }: Exploration, seconds: number): void => {
  console.log(`
${number(scripts)} scripts, which come to
${number(played)} sequences of what the exchanges of a call meet: each was played (${number(played / seconds)} a second)
${number(probed)} scripts were played as well, to see that they end as their sequence did
${number(found.length)} of all these with violations

The scripts ended in`)
  for (const [outcome, count] of [...outcomes].sort(([, a], [, b]) => b - a)) {
    console.log(`${number(count).padStart(11)}  ${outcome}`)
  }
}

const seconds = (began: number): string => ((performance.now() - began) / 1000).toFixed(1)

const number = (value: number): string => Math.round(value).toLocaleString("en")

main()
