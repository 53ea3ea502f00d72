/** The plot: one bar a client, its price; beside it what went wrong with its payouts. */
import { percent, ratio, safetyOf, type Result } from "./report.js"

const width = 760
const left = 190
const right = 200
const top = 74
const step = 30

export const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

export const style = `
  text { font: 14px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 16px }
  .quiet { fill: #59636e; font-size: 12px }
  .bar { fill: #b1bac4 } .ours { fill: #0969da } .wrong { fill: #d1242f; font-weight: 600 } .right { fill: #1a7f37 }
  line { stroke: #59636e; stroke-dasharray: 2 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .bar { fill: #3d444d } .ours { fill: #4493f8 }
    .wrong { fill: #f85149 } .right { fill: #3fb950 } line { stroke: #9198a1 }
  }`

const verdict = (result: Result, x: number, y: number): string => {
  const safety = safetyOf(result)
  if (safety === undefined) return `<text x="${x}" y="${y}" class="quiet" text-anchor="end">(no server)</text>`
  const { hit, unclear, wrong } = safety
  const tone = wrong > 0 ? "wrong" : result.row.ours ? "right" : "quiet"
  return (
    `<text x="${x - 88}" y="${y}" class="${tone}" text-anchor="end">${percent(wrong / hit)}</text>` +
    `<text x="${x}" y="${y}" class="quiet" text-anchor="end">${percent(unclear / hit)}</text>`
  )
}

export const draw = (results: ReadonlyArray<Result>): string => {
  const bars = results.map((result) => ({ result, times: ratio(results, result, "16").median }))
  const longest = Math.max(...bars.map(({ times }) => times))
  // Room for the figure at the end of the longest bar.
  const scale = (width - left - right - 50) / longest
  const height = top + bars.length * step + 16
  const lines = bars.map(({ result, times }, index) => {
    const y = top + index * step
    const end = left + Math.max(times, 1) * scale // past the line at 1, so that no figure is crossed out
    return [
      `<text x="${left - 10}" y="${y + 16}" text-anchor="end">${escape(result.row.name)}</text>`,
      `<rect x="${left}" y="${y}" width="${(times * scale).toFixed(1)}" height="22" rx="3" class="${result.row.ours ? "ours" : "bar"}"/>`,
      `<text x="${(end + 7).toFixed(1)}" y="${y + 16}">${times.toFixed(1)}</text>`,
      verdict(result, width - 16, y + 16)
    ].join("\n")
  })
  const one = (left + scale).toFixed(1)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>CPU a payout over raw undici, 16 in flight; and payouts left wrong when one in ten meets a fault</title>",
    `<style>${style}</style>`,
    `<text x="16" y="26" class="title">CPU a payout, raw undici = 1</text>`,
    `<text x="16" y="46" class="quiet">16 in flight; shorter is cheaper</text>`,
    `<text x="${width - 16}" y="26" class="title" text-anchor="end">Of payouts that met a fault</text>`,
    `<text x="${width - 104}" y="48" text-anchor="end">left wrong</text>`,
    `<text x="${width - 16}" y="48" text-anchor="end">left open</text>`,
    `<line x1="${one}" x2="${one}" y1="${top - 8}" y2="${height - 16}"/>`,
    ...lines,
    "</svg>\n"
  ].join("\n")
}
