/**
 * What the caller has to correct, as one line that repeats no secret: from `@effect/cli`'s documents, from Effect's
 * `Config`, from files, and from the library's own validation.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import type * as ValidationError from "@effect/cli/ValidationError"
import type * as PlatformError from "@effect/platform/Error"
import type * as ConfigError from "effect/ConfigError"
import * as Data from "effect/Data"
import type { InvalidRequest } from "../domain/PayoutError.js"
import * as Paint from "./Paint.js"

/** Nothing was sent. */
export class BadInput extends Data.TaggedError("BadInput")<{
  readonly line: string
  /** The library's refusal, if it was that. */
  readonly refusal?: InvalidRequest
}> {
  override get message(): string {
    return this.line
  }
}

export const make = (text: string): BadInput => new BadInput({ line: oneLine(text) })

export const fromRefusal = (refusal: InvalidRequest): BadInput =>
  new BadInput({ line: oneLine(`${refusal.field} ${refusal.reason}`), refusal })

export const fromValidation = ({ error }: ValidationError.ValidationError): BadInput =>
  make(`${Paint.strip(HelpDoc.toAnsiText(error))} (see --help)`)

/** `source` is the file's name, or `standard input`. */
export const fromPlatform = (source: string, error: PlatformError.PlatformError): BadInput =>
  make(`${source} cannot be read (${error._tag === "SystemError" ? error.reason : error.module})`)

/** Says what is wrong with an option, by the name of the variable that it was read from. */
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

// A card token or a key may have been typed in the wrong place, and an error may quote it.
const oneLine = (text: string): string =>
  text
    .replace(/\b(ct|priv)_[^\s'"]*/g, "<redacted>")
    .replace(/\s+/g, " ")
    .trim()
