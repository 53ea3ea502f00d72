/**
 * What does a run of payouts come to at the provider's request limits: how many requests, how long, and how many are given
 * up? This library beside what one would write instead.
 *
 * Run: `npm run bench:limits`, or `npm run bench:limits -- 100` for a quick look (default: 2,000 payouts a row, which take
 * 200 seconds at the least); `--write` puts the table into `bench/README.md` and draws `bench/limits.svg`; `--only "beside a
 * foreign program"` runs the rows with these words in their names. All rows run side by side, because they wait rather
 * than compute; each has a provider, and processes, of its own. They need about a core for some minutes: on a machine that
 * does more than this, they would show how long they wait for it. Ends with 1 if a row of ours does not keep what this
 * library promises.
 */
import { DateTime } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { hasRedis } from "./limits/redis.js"
import { draw } from "./limits/plot.js"
import { broken, report } from "./limits/report.js"
import { rows } from "./limits/rows.js"
import { prepare, type Result } from "./limits/run.js"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false }, only: { type: "string", multiple: true, default: [] } }
})

const payouts = Number(positionals[0] ?? 2_000)
if (!Number.isSafeInteger(payouts) || payouts < 50) throw new Error("the payouts must be an integer of 50 or more")

const chosen = rows
  .filter(({ redis }) => redis === "None" || hasRedis)
  .filter(({ name }) => values.only.length === 0 || values.only.some((part) => name.includes(part)))

const progress = (text: string) => process.stderr.write(`${performance.now().toFixed(0).padStart(7)} ms  ${text}\n`)

const begins: Array<() => Promise<Result>> = []
progress(`starting the processes of ${chosen.length} rows`)
for (let index = 0; index < chosen.length; index += 4) {
  begins.push(...(await Promise.all(chosen.slice(index, index + 4).map((row) => prepare(row, payouts)))))
}
progress(`paying ${payouts} in each row`)
const results = await Promise.all(
  begins.map(async (begin) => {
    const result = await begin()
    progress(`done: ${result.row.name}, ${result.ends.paid} paid in ${result.books.seconds.toFixed(1)} s`)
    return result
  })
)

const date = DateTime.formatIsoDateUtc(DateTime.unsafeMake(performance.timeOrigin))
const away = results.find(({ redisAwaySeconds }) => redisAwaySeconds > 0)?.redisAwaySeconds
const text = [
  `${date}, ${cpus().length} x ${cpus()[0]?.model.trim()}, Node ${process.version}; ${payouts} payouts a row, all rows side by side.` +
    (away === undefined ? "" : ` Redis was away for ${away.toFixed(0)} s.`) +
    (hasRedis ? "" : " There was no redis-server: the rows that need one were left out."),
  report(results)
].join("\n\n")
console.log(text)

// From dist/bench to bench.
const file = (name: string) => fileURLToPath(new URL(`../../bench/${name}`, import.meta.url))
const between = /(<!-- limits:begin -->\n)[^]*(\n<!-- limits:end -->)/

if (values.write) {
  const readme = readFileSync(file("README.md"), "utf8")
  if (!between.test(readme)) throw new Error("bench/README.md has lost its markers")
  writeFileSync(
    file("README.md"),
    readme.replace(between, (_, begin: string, end: string) => begin + text + end)
  )
  writeFileSync(file("limits.svg"), draw(results))
}

const complaints = results.flatMap(broken)
for (const complaint of complaints) console.error(complaint)
process.exitCode = complaints.length === 0 ? 0 : 1
