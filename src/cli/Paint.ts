/**
 * Colour, only on a terminal, and unless NO_COLOR is set. The text never depends on it.
 */
import * as Terminal from "@effect/platform/Terminal"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

export interface Paint {
  readonly strong: (text: string) => string
  readonly faint: (text: string) => string
  readonly good: (text: string) => string
  readonly doubtful: (text: string) => string
  readonly bad: (text: string) => string
}

const same = (text: string): string => text

export const plain: Paint = { strong: same, faint: same, good: same, doubtful: same, bad: same }

const escape = "\u001b["

const sgr = (code: number) => (text: string) => `${escape}${code}m${text}${escape}0m`

export const coloured: Paint = { strong: sgr(1), faint: sgr(2), good: sgr(32), doubtful: sgr(33), bad: sgr(31) }

export const detect: Effect.Effect<Paint, never, Terminal.Terminal> = Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal
  const noColor = yield* Effect.option(Config.string("NO_COLOR"))
  const isWanted = Option.isNone(noColor) && (yield* terminal.isTTY)
  return isWanted ? coloured : plain
})

/** For text that another library coloured unasked. */
export const strip = (text: string): string => text.replaceAll(sequence, "")

const sequence = new RegExp(`${escape.replace("[", "\\[")}[0-9;]*m`, "g")
