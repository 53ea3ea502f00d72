/**
 * What a transport failure says, from the error codes that Node, undici and fetch leave in the cause. An unknown code
 * always means that bytes may have left this machine.
 */
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"

/**
 * The cause that a layer of this library leaves: it saw whether the request was handed to a connection. It keeps only
 * the code of the original error, which may hold received data.
 */
export class Failure extends Data.Error<{ readonly code: string | undefined; readonly sent: "NotSent" | "Unknown" }> {}

const depthMax = 8

/** The errors inside an error: its causes, and the members of an `AggregateError` (one for each tried address). */
const leaves = (error: unknown, depth = 0): ReadonlyArray<unknown> => {
  if (!Predicate.isObject(error) || depth >= depthMax) return [error]
  const inner =
    "errors" in error && Array.isArray(error.errors) && error.errors.length > 0
      ? error.errors
      : "cause" in error && error.cause !== undefined
        ? [error.cause]
        : []
  return inner.length === 0 ? [error] : inner.flatMap((one: unknown) => leaves(one, depth + 1))
}

const property = (error: unknown, name: string): string | undefined =>
  Predicate.hasProperty(error, name) && typeof error[name] === "string" ? error[name] : undefined

/** The system's name for the failure. Only the form of a code counts: an error's text may hold a URL or a body. */
export const systemCode = (error: unknown): string | undefined =>
  leaves(error)
    .map((leaf) => property(leaf, "code"))
    .find((code) => code !== undefined && /^[A-Z][A-Z0-9_]{2,63}$/.test(code))

/**
 * Whether it is certain that no byte of the request was sent. Either every address failed before there was a
 * connection, or the layer saw it.
 */
export const isNotSent = (error: unknown): boolean => leaves(error).every(isBeforeConnection)

const isBeforeConnection = (leaf: unknown): boolean => {
  if (leaf instanceof Failure) return leaf.sent === "NotSent"
  const code = property(leaf, "code") ?? ""
  const syscall = property(leaf, "syscall")
  return syscall === "connect" || syscall === "getaddrinfo" || notConnected.has(code) || isCertificateCode(code)
}

// For layers that keep only the code. `EHOSTUNREACH` and its kind are not listed: without their system call, they may
// also befall an open connection.
const notConnected: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "EAI_NONAME",
  "UND_ERR_CONNECT_TIMEOUT",
  // The names of Bun and Deno for a refused connection.
  "ConnectionRefused",
  "FailedToOpenSocket"
])

/** Whether the other side's certificate was refused. That happens before the request is sent; no retry helps. */
export const isCertificate = (error: unknown): boolean =>
  leaves(error).some((leaf) => isCertificateCode(property(leaf, "code") ?? ""))

const isCertificateCode = (code: string): boolean =>
  /^(CERT_|ERR_TLS_CERT_|UNABLE_TO_(VERIFY|GET_ISSUER|DECODE_ISSUER)|(DEPTH_ZERO_)?SELF_SIGNED_CERT|HOSTNAME_MISMATCH$|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$)/.test(
    code
  )
