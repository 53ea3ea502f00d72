/**
 * Messages of schemas that name the field and never show its value. A `ParseError` prints the values that it refuses,
 * so every schema that may hold a customer, a destination or a secret in the wrong place has a message of its own.
 */
import type * as ParseResult from "effect/ParseResult"

/** The name of an unknown field, if it looks like a name and not like a secret: it is the caller's own text. */
export const fieldName = (key: string): string =>
  /^(?!(?:ca|ct|priv)_)[A-Za-z][A-Za-z0-9_]{0,31}$/.test(key) ? key : "an unnamed field"

/** A schema annotation with a message that says what was expected, and where. */
export const hidden = (what: string) => ({
  message: (issue: ParseResult.ParseIssue) => ({ message: `Expected ${what}${where(issue)}`, override: true })
})

/** The same for a class: for its own schema, for its fields and for the transformation between them. */
export const hiddenClass = (what: string) => [hidden(what), hidden(what), hidden(what)] as const

/** The path to the refused value, if that is not the whole. */
export const where = (issue: ParseResult.ParseIssue): string => {
  const path = pathOf(issue)
  return path === "" ? "" : `: ${path} is not right`
}

const pathOf = (issue: ParseResult.ParseIssue): string => {
  switch (issue._tag) {
    case "Pointer":
      return [...[issue.path].flat().map(segment), pathOf(issue.issue)].filter((part) => part !== "").join(".")
    case "Composite": {
      const [first] = [issue.issues].flat()
      return first === undefined ? "" : pathOf(first)
    }
    case "Refinement":
    case "Transformation":
      return pathOf(issue.issue)
    default:
      return ""
  }
}

const segment = (key: PropertyKey): string =>
  typeof key === "number" ? String(key) : typeof key === "string" ? fieldName(key) : ""
