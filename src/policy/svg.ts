/**
 * The few shapes that a picture is drawn with: one SVG file, for a light and a dark page, with words for screen
 * readers.
 */

const style = `
  .payouts text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
  .payouts .title { font-size: 16px; font-weight: 600 }
  .payouts .strong { font-weight: 600 }
  .payouts .small { font-size: 12px }
  .payouts .quiet { font-size: 12px; fill: #59636e }
  .payouts .code { font-family: ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace; font-size: 12px }
  .payouts .page { fill: #ffffff; stroke: #d1d9e0 }
  .payouts .box { fill: #f6f8fa; stroke: #818b98 }
  .payouts .line { fill: none; stroke: #59636e; stroke-width: 1.5 }
  .payouts .grid { fill: none; stroke: #d1d9e0 }
  .payouts .head { fill: #59636e }
  .payouts .mark { fill: #0969da }
  .payouts .yes { fill: #1a7f37 } .payouts .maybe { fill: #d4a72c } .payouts .no { fill: #59636e }
  .payouts .bad { fill: #cf222e } .payouts .edge-bad { fill: none; stroke: #cf222e; stroke-width: 2 }
  .payouts .box-yes { fill: #dafbe1; stroke: #1a7f37 } .payouts .box-maybe { fill: #fff8c5; stroke: #9a6700 }
  @media (prefers-color-scheme: dark) {
    .payouts text { fill: #f0f6fc }
    .payouts .quiet { fill: #9198a1 }
    .payouts .page { fill: #0d1117; stroke: #3d444d }
    .payouts .box { fill: #151b23; stroke: #656c76 }
    .payouts .line { stroke: #9198a1 } .payouts .grid { stroke: #2f353d } .payouts .head { fill: #9198a1 }
    .payouts .mark { fill: #4493f8 }
    .payouts .yes { fill: #3fb950 } .payouts .maybe { fill: #bb8009 } .payouts .no { fill: #9198a1 }
    .payouts .bad { fill: #f85149 } .payouts .edge-bad { stroke: #f85149 }
    .payouts .box-yes { fill: #12261e; stroke: #3fb950 } .payouts .box-maybe { fill: #272115; stroke: #bb8009 }
  }`

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

const round = (value: number): string => String(Math.round(value * 10) / 10)

/** The size in pixels, and the words for who cannot see it. */
export interface Page {
  readonly width: number
  readonly height: number
  readonly title: string
  readonly description: string
}

/** A whole file. The page has a ground of its own, so that it can be read where the host's theme is not the system's. */
export const page = ({ description, height, title, width }: Page, shapes: ReadonlyArray<string>): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" class="payouts" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<desc>${escape(description)}</desc>`,
    `<style>${style}\n</style>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6" class="page"/>`,
    ...shapes,
    "</svg>\n"
  ].join("\n")

/** One line of text; `anchor` is the point of it that is at `x`. */
export const text = (
  x: number,
  y: number,
  words: string,
  { anchor = "start", look = "" }: { readonly anchor?: "start" | "middle" | "end"; readonly look?: string } = {}
): string =>
  `<text x="${round(x)}" y="${round(y)}"${look === "" ? "" : ` class="${look}"`}${anchor === "start" ? "" : ` text-anchor="${anchor}"`}>${escape(words)}</text>`

/** A rectangle. */
export const rect = (x: number, y: number, width: number, height: number, look: string, radius = 0): string =>
  `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"${radius === 0 ? "" : ` rx="${radius}"`} class="${look}"/>`

/** A line through points. */
export const line = (points: ReadonlyArray<readonly [x: number, y: number]>, look = "line"): string =>
  `<path d="M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join(" L")}" class="${look}"/>`

/** A line from left to right. */
export const across = (from: number, to: number, y: number, look = "line"): string =>
  line([at(from, y), at(to, y)], look)

/** A line from top to bottom. */
export const down = (x: number, from: number, to: number, look = "line"): string => line([at(x, from), at(x, to)], look)

const at = (x: number, y: number) => [x, y] as const
