/** The plot: one bar a row, the requests that a payout took; beside it how long all took, and how many were given up. */
import { escape, style } from "../plot.js"
import { exchangesEach, overIdeal } from "./report.js"
import type { Result } from "./run.js"

const width = 860
const left = 290
const right = 200
const top = 74
const step = 30

export const draw = (results: ReadonlyArray<Result>): string => {
  const longest = Math.max(...results.map(exchangesEach))
  // Room for the figure at the end of the longest bar.
  const scale = (width - left - right - 60) / longest
  const height = top + results.length * step + 16
  const lines = results.map((result, index) => {
    const y = top + index * step
    const times = exchangesEach(result)
    const unpaid = result.payouts - result.ends.paid
    const tone = unpaid > 0 ? "wrong" : "right"
    return [
      `<text x="${left - 10}" y="${y + 16}" text-anchor="end">${escape(result.row.name)}</text>`,
      `<rect x="${left}" y="${y}" width="${(times * scale).toFixed(1)}" height="22" rx="3" class="${result.row.ours ? "ours" : "bar"}"/>`,
      `<text x="${(left + Math.max(times, 1) * scale + 7).toFixed(1)}" y="${y + 16}">${times.toFixed(2)}</text>`,
      `<text x="${width - 104}" y="${y + 16}" class="quiet" text-anchor="end">${overIdeal(result).toFixed(2)}</text>`,
      `<text x="${width - 16}" y="${y + 16}" class="${tone}" text-anchor="end">${unpaid}</text>`
    ].join("\n")
  })
  const one = (left + scale).toFixed(1)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>Requests a payout at the provider's request limits; the time over the ideal; payouts that were not paid</title>",
    `<style>${style}</style>`,
    `<text x="16" y="26" class="title">Requests a payout, at the request limits</text>`,
    `<text x="16" y="46" class="quiet">${results[0]?.payouts ?? 0} payouts a row; 1 is none wasted</text>`,
    `<text x="${width - 104}" y="48" text-anchor="end">time / ideal</text>`,
    `<text x="${width - 16}" y="48" text-anchor="end">not paid</text>`,
    `<line x1="${one}" x2="${one}" y1="${top - 8}" y2="${height - 16}"/>`,
    ...lines,
    "</svg>\n"
  ].join("\n")
}
