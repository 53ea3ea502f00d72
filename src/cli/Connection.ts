/**
 * The provider that a command uses: a sandbox of its own on a loopback socket, or the real one with a key and `--live`.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as AccountReads from "../provider/AccountReads.js"
import * as BillwerkClient from "../provider/BillwerkClient.js"
import * as BillwerkConfig from "../provider/BillwerkConfig.js"
import * as Sandbox from "../sandbox/Sandbox.js"
import * as SandboxServer from "../sandbox/SandboxServer.js"
import * as BadInput from "./BadInput.js"

export type Mode = "Sandbox" | "Live"

/**
 * If there is a key, the caller must choose the mode: a script that forgets `--live` would take a simulated payment for
 * a real one.
 */
export const modeOf = ({
  live,
  sandbox,
  testAmounts
}: {
  readonly live: boolean
  readonly sandbox: boolean
  readonly testAmounts: boolean
}): Effect.Effect<Mode, BadInput.BadInput> => {
  if (live && sandbox) return BadInput.make("--live and --sandbox exclude each other; nothing was sent")
  if (live && testAmounts) return BadInput.make("--test-amounts is for the sandbox; nothing was sent")
  if (live) return Effect.succeed("Live")
  return Effect.flatMap(Effect.option(Config.redacted("BILLWERK_API_KEY")), (key) =>
    sandbox || Option.isNone(key)
      ? Effect.succeed("Sandbox" as const)
      : BadInput.make(
          "BILLWERK_API_KEY is set: give --live to use it for real money, or --sandbox to simulate; nothing was sent"
        )
  )
}

/** The provider that a command uses. */
export interface Provider {
  readonly mode: Mode
  /** Whether certain amounts decide the outcome in the sandbox. */
  readonly testAmounts: boolean
}

/** The client for a mode. It checks the options before anything is sent, and prints the mode on standard error. */
export const layer = ({
  mode,
  testAmounts
}: Provider): Layer.Layer<Clients, BadInput.BadInput, HttpClient.HttpClient> =>
  mode === "Live" ? live : Layer.provide(sandbox, Sandbox.layerSandboxWith({ testAmounts })).pipe(Layer.orDie)

/** The provider's API, and what a command asks of the account beside. */
export type Clients = BillwerkClient.BillwerkClient | AccountReads.AccountReads

const clients = Effect.fnUntraced(function* (options: BillwerkConfig.Options) {
  const client = yield* BillwerkClient.make(options)
  const reads = yield* AccountReads.make(options)
  return Context.make(BillwerkClient.BillwerkClient, client).pipe(Context.add(AccountReads.AccountReads, reads))
})

const sandbox = Layer.effectContext(
  Effect.gen(function* () {
    yield* Console.error("SANDBOX: no money moves (it starts empty and ends with this command)")
    const { url } = yield* SandboxServer.SandboxServer
    const made = yield* clients({ apiKey: Sandbox.apiKey, baseUrl: url, requestLimits: "None" })
    // Its port is new with each command, and is no other account: what a simulation keeps in files serves the next one.
    const { account: _, ...client } = Context.get(made, BillwerkClient.BillwerkClient)
    return Context.add(made, BillwerkClient.BillwerkClient, client)
  })
).pipe(Layer.provide(SandboxServer.layer))

const options = Config.all({
  apiKey: Config.redacted("BILLWERK_API_KEY"),
  baseUrl: Config.withDefault(Config.string("BILLWERK_BASE_URL"), BillwerkConfig.baseUrlDefault)
})

// A simulated provider is usual there, and so is a gateway to the real one.
const isHere = (baseUrl: string): boolean => /^https?:\/\/(?:127\.[\d.]+|localhost|\[::1\])(?:[:/]|$)/.test(baseUrl)

const here = (baseUrl: string): string =>
  `the key goes to ${baseUrl} on this machine: real money, unless a simulated provider runs there`

const live = Layer.effectContext(
  Effect.gen(function* () {
    const given = yield* options
    const { baseUrl } = yield* BillwerkConfig.make(given)
    yield* Console.error(`LIVE: ${isHere(baseUrl) ? here(baseUrl) : `real money, ${baseUrl}`}`)
    return yield* clients(given)
  }).pipe(
    Effect.mapError((error) =>
      ConfigError.isMissingData(error)
        ? BadInput.make("--live needs the private key in the environment variable BILLWERK_API_KEY; nothing was sent")
        : BadInput.fromConfig(error)
    )
  )
)
