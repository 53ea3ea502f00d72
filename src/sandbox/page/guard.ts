/**
 * Keeps other web pages away. A browser sends their requests to this machine as well: by a form or a script of another
 * origin (CSRF), or under a name that its owner has pointed here (DNS rebinding).
 */
import * as Option from "effect/Option"

export interface Asking {
  /** In capitals. */
  readonly method: string
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** Why a request is refused, or nothing. `names` are the host names that the server goes by, beside those of loopback. */
export const refusal = (asking: Asking, names: ReadonlyArray<string>): string | undefined => {
  const { host = "", origin } = asking.headers
  const name = nameOf(`http://${host}`)
  if (!isOwn(name, names))
    return `the Host ${shownName(name)} is none of this server's: start it with --allow-host <name>`
  if (isOfAnotherPage(asking)) return "a page of another origin may not send requests here"
  if (origin !== undefined && hostOf(origin) !== host.toLowerCase()) {
    return "a page of another origin may not send requests here"
  }
  return undefined
}

/** Whether a body can only come from a script of this origin, or from no browser: forms cannot send JSON. */
export const isJson = ({ headers }: Asking): boolean =>
  /^application\/json\s*(;|$)/i.test(headers["content-type"] ?? "")

// An address cannot be pointed elsewhere, so it needs no list.
const isOwn = (name: string, names: ReadonlyArray<string>): boolean =>
  name === "localhost" ||
  name.endsWith(".localhost") ||
  /^\d{1,3}(\.\d{1,3}){3}$/.test(name) ||
  /^\[[\da-f:.]+\]$/.test(name) ||
  names.some((own) => own.toLowerCase() === name)

// A link to the page, which a person follows, is not a request of the page that has the link.
const isOfAnotherPage = ({ headers, method }: Asking): boolean => {
  const site = headers["sec-fetch-site"]
  if (site === undefined || site === "same-origin" || site === "none") return false
  return !(method === "GET" && headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document")
}

const parse = Option.liftThrowable((text: string) => new URL(text))

const nameOf = (url: string): string =>
  Option.match(parse(url), { onNone: () => "", onSome: ({ hostname }) => hostname })

const hostOf = (url: string): string => Option.match(parse(url), { onNone: () => "", onSome: ({ host }) => host })

const shownName = (name: string): string => (/^[\w.-]{1,100}$/.test(name) ? name : "of this request")
