/**
 * `payout sandbox`: the simulated provider as an HTTP server, for programs in any language and for environments where
 * several of them work together.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as RequestLimits from "../provider/RequestLimits.js"
import * as Ledger from "../sandbox/Ledger.js"
import * as Observations from "../sandbox/Observations.js"
import * as Sandbox from "../sandbox/Sandbox.js"
import * as SandboxServer from "../sandbox/SandboxServer.js"
import * as SandboxWebhooks from "../sandbox/SandboxWebhooks.js"
import * as BadInput from "./BadInput.js"
import * as Call from "./Call.js"
import * as DurableStore from "./DurableStore.js"
import { exitCode, Exited } from "./ExitCode.js"
import * as Help from "./Help.js"
import * as SandboxFile from "./SandboxFile.js"
import * as SmallText from "./SmallText.js"

const text = (name: keyof typeof Help.sandbox) => Options.withDescription(Options.text(name), Help.sandbox[name])
const optional = (name: keyof typeof Help.sandbox) => Options.optional(text(name))
const flag = (name: keyof typeof Help.sandbox) => Options.withDescription(Options.boolean(name), Help.sandbox[name])

const flags = {
  port: Options.withDefault(text("port"), "8080"),
  host: Options.withDefault(text("host"), "127.0.0.1"),
  hosts: Options.repeated(text("allow-host")),
  state: optional("state"),
  limits: flag("limits"),
  testAmounts: flag("test-amounts"),
  observed: optional("observed"),
  keyFile: optional("key-file"),
  webhooks: optional("webhooks"),
  webhookSecretFile: optional("webhook-secret-file")
}

type Flags = Command.Command.ParseConfig<typeof flags>

export const command = Command.make("sandbox", flags, (flags) =>
  Call.whole(Effect.scoped(serve(flags)), {
    onSuccess: (never) => never,
    onFailure: (error): Effect.Effect<void, BadInput.BadInput | Exited> => error,
    onCutShort: (how) =>
      how === "interrupted"
        ? Effect.zipRight(Console.error("SANDBOX: stopped"), new Exited({ code: exitCode.stopped }))
        : Effect.zipRight(Console.error(`payout: ${how}`), new Exited({ code: exitCode.broken }))
  })
).pipe(Command.withDescription(Help.commands.sandbox))

/** Serves until the fiber is interrupted, or the state cannot be kept. */
const serve = (flags: Flags) =>
  Effect.gen(function* () {
    const port = yield* portOf(flags.port)
    const options = yield* optionsOf(flags)
    const bare = yield* Sandbox.make(options)
    const { broken, sandbox } = Option.isNone(flags.state)
      ? { broken: Effect.never, sandbox: bare }
      : yield* SandboxFile.keep(bare, flags.state.value)
    const webhooks = yield* Effect.provideService(webhooksOf(flags), Sandbox.Sandbox, sandbox)
    const page = {
      hosts: [flags.host, ...flags.hosts],
      webhooks: Option.getOrUndefined(webhooks),
      settings: settingsOf(flags)
    }
    const server = yield* SandboxServer.make({ port, host: flags.host, page }).pipe(
      Effect.provideService(Sandbox.Sandbox, sandbox),
      Effect.mapError((error) => {
        const reason = reasonOf(error)
        const free = reason === "EADDRINUSE" ? ": another program has the port. --port 0 picks a free one" : ""
        return BadInput.make(`cannot listen at ${flags.host}, port ${port} (${reason})${free}`)
      })
    )
    yield* Console.error(announcement(server, flags, Ledger.payouts(yield* bare.ledger).length))
    yield* Console.log(server.url)
    return yield* broken
  })

const portOf = (port: string): Effect.Effect<number, BadInput.BadInput> =>
  /^\d{1,5}$/.test(port) && Number(port) <= 65_535
    ? Effect.succeed(Number(port))
    : BadInput.make("--port must be a whole number from 0 to 65535")

/** A port that is taken has a code; a text may hold anything. */
const reasonOf = ({ cause }: HttpServerError.ServeError): string => DurableStore.codeOf(cause) ?? "for no known reason"

const optionsOf = ({ keyFile, limits, observed, testAmounts }: Flags) =>
  Effect.gen(function* () {
    const rules = Option.isNone(observed) ? {} : yield* observedIn(observed.value)
    const apiKey = Option.isNone(keyFile) ? Sandbox.apiKey : yield* secretIn(keyFile.value)
    return {
      ...rules,
      apiKey,
      exchangesMax,
      ...(testAmounts ? { testAmounts } : {}),
      ...(limits ? { limits: RequestLimits.documented } : {})
    }
  })

/** More would make the page and the file slow, and nobody reads them. */
const exchangesMax = 2_000

const small = (what: string): SmallText.Limit => ({ bytesMax: 64 * 1024, what })

const read = (name: string, what: string) =>
  Effect.mapError(SmallText.fromFile(name, small(what)), (error) =>
    error._tag === "BadInput" ? error : BadInput.fromPlatform(name, error)
  )

const decodeObservations = Schema.decode(Schema.parseJson(Observations.Observations))

const observedIn = (name: string) =>
  Effect.flatMap(read(name, "observations of a probe"), (text) =>
    Effect.mapBoth(decodeObservations(text), {
      onFailure: () => BadInput.make(`${name} does not hold what probe printed`),
      onSuccess: Observations.rules
    })
  )

const secretIn = (name: string) =>
  Effect.flatMap(read(name, "secret"), (text) =>
    /^[\x21-\x7e]+\s*$/.test(text)
      ? Effect.succeed(Redacted.make(text.trim()))
      : BadInput.make(`${name} must hold one secret in printable ASCII, and nothing else`)
  )

const webhooksOf = ({ webhooks, webhookSecretFile }: Flags) =>
  Effect.gen(function* () {
    if (Option.isNone(webhooks) && Option.isNone(webhookSecretFile)) return Option.none()
    if (Option.isNone(webhooks) || Option.isNone(webhookSecretFile)) {
      return yield* BadInput.make("--webhooks and --webhook-secret-file go together")
    }
    if (!URL.canParse(webhooks.value) || !/^https?:/i.test(webhooks.value)) {
      return yield* BadInput.make("--webhooks must be an http or https URL")
    }
    const secret = yield* secretIn(webhookSecretFile.value)
    return Option.some(yield* SandboxWebhooks.make({ secret, receiver: SandboxWebhooks.toUrl(webhooks.value) }))
  })

// --- what it says of itself ---

const settingsOf = ({
  limits,
  observed,
  state,
  testAmounts,
  webhooks
}: Flags): ReadonlyArray<readonly [string, string]> => [
  ["Request limits", limits ? "as documented" : "none"],
  ["Test amounts", testAmounts ? "on" : "off"],
  ["State", Option.isSome(state) ? "kept in a file" : "forgotten when the server stops"],
  ["Webhooks", Option.isSome(webhooks) ? "sent" : "none"],
  ["Behaviour", Option.isSome(observed) ? "as a probe observed it" : "the defaults"]
]

const announcement = (
  { port, url }: SandboxServer.Service,
  { host, keyFile, state }: Flags,
  payouts: number
): string => {
  const isLoopback = loopback.test(host)
  // A wildcard is no address to call.
  const own = isLoopback ? url : `http://127.0.0.1:${port}`
  const key = Option.isNone(keyFile)
    ? `${Redacted.value(Sandbox.apiKey)} (it opens nothing else)`
    : "the one in --key-file"
  return [
    "SANDBOX: the simulated provider; no money moves. Ctrl-C stops it.",
    ...(isLoopback
      ? []
      : [
          "OPEN TO OTHERS: every machine that reaches this one can pay here, see the page and script faults. There is no TLS."
        ]),
    `  page   ${own}/`,
    `  API    ${own}/v1/payout`,
    `  key    ${key}`,
    ...(Option.isSome(state)
      ? [`  state  ${state.value}, with ${payouts === 1 ? "1 payout" : `${payouts} payouts`}`]
      : [])
  ].join("\n")
}

const loopback = /^(127(\.\d{1,3}){3}|localhost|::1)$/
