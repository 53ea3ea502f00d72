import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { Failure, isCertificate, isNotSent, systemCode } from "../../src/provider/connectionError.js"

/** An error as Node makes it. */
const system = (code: string, syscall?: string) =>
  Object.assign(new Error(`${syscall ?? "call"} ${code}`), { code, ...(syscall === undefined ? {} : { syscall }) })

/** What fetch wraps around it. */
const fetchFailed = (cause: unknown) => new TypeError("fetch failed", { cause })

const socketError = (message: string, code: string) => Object.assign(new Error(message), { code })

interface Row {
  readonly title: string
  readonly error: unknown
  readonly notSent: boolean
  readonly certificate?: true
  readonly code: string | undefined
}

const rows: ReadonlyArray<Row> = [
  // Before there was a connection.
  { title: "refused (2)", error: system("ECONNREFUSED", "connect"), notSent: true, code: "ECONNREFUSED" },
  {
    title: "refused, from fetch (2)",
    error: fetchFailed(system("ECONNREFUSED", "connect")),
    notSent: true,
    code: "ECONNREFUSED"
  },
  { title: "no such name (1)", error: system("ENOTFOUND", "getaddrinfo"), notSent: true, code: "ENOTFOUND" },
  {
    title: "no name server (1)",
    error: fetchFailed(system("EAI_AGAIN", "getaddrinfo")),
    notSent: true,
    code: "EAI_AGAIN"
  },
  { title: "no such name, code only (1)", error: system("ENOTFOUND"), notSent: true, code: "ENOTFOUND" },
  {
    title: "host unreachable on connect (3)",
    error: system("EHOSTUNREACH", "connect"),
    notSent: true,
    code: "EHOSTUNREACH"
  },
  {
    title: "net unreachable on connect (3)",
    error: system("ENETUNREACH", "connect"),
    notSent: true,
    code: "ENETUNREACH"
  },
  { title: "timeout on connect (4)", error: system("ETIMEDOUT", "connect"), notSent: true, code: "ETIMEDOUT" },
  {
    title: "undici's timeout on connect (4)",
    error: fetchFailed(socketError("Connect Timeout Error", "UND_ERR_CONNECT_TIMEOUT")),
    notSent: true,
    code: "UND_ERR_CONNECT_TIMEOUT"
  },
  {
    title: "every address failed (2)",
    error: new AggregateError([system("ECONNREFUSED", "connect"), system("ENETUNREACH", "connect")]),
    notSent: true,
    code: "ECONNREFUSED"
  },
  {
    title: "every address failed, from fetch (2)",
    error: fetchFailed(
      Object.assign(new AggregateError([system("ECONNREFUSED", "connect"), system("ETIMEDOUT", "connect")]), {
        code: "ECONNREFUSED"
      })
    ),
    notSent: true,
    code: "ECONNREFUSED"
  },
  { title: "Bun's refusal (2)", error: { code: "ConnectionRefused" }, notSent: true, code: undefined },
  // A layer of our own has seen it.
  {
    title: "not handed to a connection, whatever the code",
    error: new Failure({ code: "ECONNRESET", sent: "NotSent" }),
    notSent: true,
    code: "ECONNRESET"
  },
  {
    title: "not handed to a connection, without a code",
    error: new Error("wrapper", { cause: new Failure({ code: undefined, sent: "NotSent" }) }),
    notSent: true,
    code: undefined
  },
  {
    title: "handed to a connection, whatever the code",
    error: new Failure({ code: "ECONNREFUSED", sent: "Unknown" }),
    notSent: false,
    code: "ECONNREFUSED"
  },
  {
    title: "not handed over, not trusted (5)",
    error: new Failure({ code: "CERT_HAS_EXPIRED", sent: "NotSent" }),
    notSent: true,
    certificate: true,
    code: "CERT_HAS_EXPIRED"
  },
  {
    title: "one not handed over, another reset",
    error: new AggregateError([new Failure({ code: "ECONNRESET", sent: "NotSent" }), system("ECONNRESET", "read")]),
    notSent: false,
    code: "ECONNRESET"
  },
  // The other side is not who it says it is: decided before a request is sent.
  {
    title: "self-signed (5)",
    error: fetchFailed(socketError("self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT")),
    notSent: true,
    certificate: true,
    code: "DEPTH_ZERO_SELF_SIGNED_CERT"
  },
  ...[
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
    "CERT_REVOKED",
    "CERT_SIGNATURE_FAILURE",
    "CERT_UNTRUSTED",
    "CERT_REJECTED",
    "CERT_CHAIN_TOO_LONG",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "ERR_TLS_CERT_ALTNAME_FORMAT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
    "HOSTNAME_MISMATCH",
    "INVALID_CA",
    "INVALID_PURPOSE",
    "PATH_LENGTH_EXCEEDED"
  ].map((code): Row => ({ title: `${code} (5)`, error: system(code), notSent: true, certificate: true, code })),
  // A connection was made, or nobody can tell.
  { title: "reset (12)", error: system("ECONNRESET", "read"), notSent: false, code: "ECONNRESET" },
  { title: "broken pipe (11)", error: system("EPIPE", "write"), notSent: false, code: "EPIPE" },
  { title: "hang up (12)", error: socketError("socket hang up", "ECONNRESET"), notSent: false, code: "ECONNRESET" },
  {
    title: "other side closed (12)",
    error: fetchFailed(socketError("other side closed", "UND_ERR_SOCKET")),
    notSent: false,
    code: "UND_ERR_SOCKET"
  },
  { title: "timeout on read (14)", error: system("ETIMEDOUT", "read"), notSent: false, code: "ETIMEDOUT" },
  {
    title: "host unreachable on read (3)",
    error: system("EHOSTUNREACH", "read"),
    notSent: false,
    code: "EHOSTUNREACH"
  },
  {
    title: "host unreachable, nobody says when (3)",
    error: system("EHOSTUNREACH"),
    notSent: false,
    code: "EHOSTUNREACH"
  },
  {
    title: "undici's timeout on headers (15)",
    error: system("UND_ERR_HEADERS_TIMEOUT"),
    notSent: false,
    code: "UND_ERR_HEADERS_TIMEOUT"
  },
  { title: "no TLS there", error: system("EPROTO", "write"), notSent: false, code: "EPROTO" },
  {
    title: "a parser's error (22)",
    error: system("HPE_INVALID_CONSTANT"),
    notSent: false,
    code: "HPE_INVALID_CONSTANT"
  },
  {
    title: "one address refused, another reset",
    error: new AggregateError([system("ECONNREFUSED", "connect"), system("ECONNRESET", "read")]),
    notSent: false,
    code: "ECONNREFUSED"
  },
  {
    title: "a refusal among causes that say nothing",
    error: new AggregateError([system("ECONNREFUSED", "connect"), new Error("?")]),
    notSent: false,
    code: "ECONNREFUSED"
  },
  { title: "an aggregate of nothing", error: new AggregateError([]), notSent: false, code: undefined },
  {
    title: "an abort",
    error: new DOMException("This operation was aborted", "AbortError"),
    notSent: false,
    code: undefined
  },
  { title: "an error without a code", error: new Error("?"), notSent: false, code: undefined },
  {
    title: "a text that says refused",
    error: new Error("connect ECONNREFUSED 127.0.0.1:443"),
    notSent: false,
    code: undefined
  },
  { title: "a string", error: "ECONNREFUSED", notSent: false, code: undefined },
  { title: "nothing", error: undefined, notSent: false, code: undefined },
  { title: "null", error: null, notSent: false, code: undefined }
]

describe("A transport's failure", () => {
  for (const { certificate = false, code, error, notSent, title } of rows) {
    it(`${title}: ${certificate ? "a certificate, " : ""}${notSent ? "not sent" : "may have been sent"}`, () => {
      assert.deepStrictEqual(
        { notSent: isNotSent(error), certificate: isCertificate(error), code: systemCode(error) },
        { notSent, certificate, code }
      )
    })
  }

  it("is found under wrappers of wrappers, and not for ever", () => {
    const wrapped = (depth: number, error: unknown): unknown =>
      depth === 0 ? error : wrapped(depth - 1, new Error("wrapper", { cause: error }))
    assert.isTrue(isNotSent(wrapped(5, system("ECONNREFUSED", "connect"))))
    assert.isFalse(isNotSent(wrapped(50, system("ECONNREFUSED", "connect"))))
    const circle: { cause?: unknown } = {}
    circle.cause = circle
    assert.isFalse(isNotSent(circle))
    assert.isUndefined(systemCode(circle))
  })

  it("that nobody knows may always have been sent", () => {
    const code = fc
      .string({ minLength: 1 })
      .filter((text) => !/^(CERT|ECONNREFUSED|E(NOTFOUND|AI_)|Conn|Fail)/.test(text))
    fc.assert(
      fc.property(fc.string(), code, (message, code) => !isNotSent(Object.assign(new Error(message), { code })))
    )
    fc.assert(fc.property(fc.anything(), (anything) => !isNotSent(anything)))
  })

  it("gives its code and never its text, which may hold a URL or a body (109)", () => {
    for (const code of [
      "https://key@host/",
      "ct_0123456789abcdef",
      "econnreset",
      "E",
      "A B",
      "X".repeat(65),
      "ECONN\nRESET",
      7
    ]) {
      assert.isUndefined(systemCode(Object.assign(new Error("text"), { code })), String(code))
    }
    assert.isUndefined(systemCode({ code: { toString: () => "ECONNRESET" } }))
  })
})
