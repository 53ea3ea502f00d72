/**
 * What the caller must correct, as one line without secrets. It comes from `@effect/cli`'s documents, from Effect's
 * `Config`, from files, or from the library's own validation.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import type * as ValidationError from "@effect/cli/ValidationError"
import type * as PlatformError from "@effect/platform/Error"
import type * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import type { InvalidRequest } from "../domain/PayoutError.js"
import * as Paint from "./Paint.js"

/** An invalid input. Nothing was sent. */
export class BadInput extends Data.TaggedError("BadInput")<{
  readonly line: string
  /** The library's refusal, if that was the reason. */
  readonly refusal?: InvalidRequest
}> {
  override get message(): string {
    return this.line
  }
}

export const make = (text: string): BadInput => new BadInput({ line: oneLine(text) })

export const fromRefusal = (refusal: InvalidRequest): BadInput =>
  new BadInput({ line: oneLine(`${refusal.field} ${refusal.reason}`), refusal })

/** The arguments of the command line, and which names are of options. */
export interface Given {
  readonly args: ReadonlyArray<string>
  readonly isOption: (name: string) => boolean
}

export const fromValidation = ({ error }: ValidationError.ValidationError, given: Given): BadInput => {
  const text = oneLine(Paint.strip(HelpDoc.toAnsiText(error)))
  const missing = text.match(/^(Expected to find option: '--[\w-]+' ?)+$/) && text.match(/--[\w-]+/g)
  if (missing) return make(`${missing.join(", ")} missing (see --help)`)
  const unknown = /^Received unknown argument: '(.*)'$/.exec(text)?.[1]
  return make(`${unknown === undefined ? text.replace(addresses, redacted) : untaken(unknown, given)} (see --help)`)
}

// The parser calls more than unknown arguments unknown: an option without a value, and an option that is given twice.
const untaken = (argument: string, { args, isOption }: Given): string => {
  const name = argument.replace(/=.*$/, "")
  if (isOption(name)) {
    if (argument === `${name}=`) return `${name}= has no value`
    const given = args.filter((one) => one === name || one.startsWith(`${name}=`))
    if (given.length > 1) return `${name} is given more than once`
  }
  return `Received unknown argument: ${shown(argument)}`
}

// An argument that no command takes may be a secret in the wrong place: only a plain word, or the name of an option, is repeated.
const shown = (argument: string): string => {
  const word = /^(--?[A-Za-z][A-Za-z-]{0,39})(?:=|$)/.exec(argument)?.[1] ?? argument
  return word !== argument || /^[\w.-]{1,15}$|^[A-Za-z-]{1,42}$/.test(word) ? `'${word}'` : redacted
}

/** `source` is the file's name, or `standard input`. */
export const fromPlatform = (source: string, error: PlatformError.PlatformError): BadInput =>
  make(
    `${source.includes("://") ? redacted : source} cannot be read (${error._tag === "SystemError" ? error.reason : error.module})`
  )

/** Names an invalid option by the environment variable that it came from. */
export const fromConfig = (error: ConfigError.ConfigError): BadInput => {
  switch (error._op) {
    case "And":
    case "Or":
      return fromConfig(error.left)
    default: {
      const name = error.path.join(".")
      return make(`${variables.get(name) ?? name} ${error.message}`)
    }
  }
}

const variables = new Map([
  ["apiKey", "BILLWERK_API_KEY"],
  ["baseUrl", "BILLWERK_BASE_URL"]
])

const redacted = "<redacted>"

/** An address of a database or a person, with what may stand before and after it. */
const addresses = /[^\s'"]*(?::\/\/|@)[^\s'"]*/g

// The user may have typed a card token, a key or a database's URL in the wrong place, and an error may quote it.
const oneLine = (text: string): string =>
  text
    .replace(/\b(ct|priv)_[^\s'"]*/g, redacted)
    .replace(/[^\s'"]*:\/\/[^\s'"]*/g, redacted)
    .replace(/\s+/g, " ")
    .trim()
