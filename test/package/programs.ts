/** What a fresh project does with an entry point beside importing it: programs by their entry points. */

interface Program {
  readonly code: string
  readonly prints: string
}

export const core: Program = {
  code: `
import { Console, Effect } from "effect"
import { PayoutRequest, Payouts, PollPolicy, RetryPolicy } from "effect-billwerk-payouts"
import * as BillwerkClient from "effect-billwerk-payouts/BillwerkClient"
import type { PayoutError } from "effect-billwerk-payouts/PayoutError"
import { Sandbox } from "effect-billwerk-payouts/testing"

const pay: Effect.Effect<void, PayoutError, Payouts.Payouts | BillwerkClient.BillwerkClient> = Effect.gen(function* () {
  const payouts = yield* Payouts.Payouts
  const request = yield* PayoutRequest.make({ handle: "p-1", destination: "ca_1", amount: 12_500, currency: "DKK" })
  const outcome = yield* payouts.create(request, { policy: RetryPolicy.standard })
  const final = yield* payouts.awaitFinal(outcome, PollPolicy.standard)
  yield* Console.log(final._tag, final.certainty, final.exposure.min)
})

Effect.runPromise(pay.pipe(Effect.provide(Payouts.layer), Effect.provide(Sandbox.layer)))
`,
  prints: "Paid Moved 12500\n"
}

// A server that is not there, and one that is down: the transport knows what was sent.
const undici: Program = {
  code: `
import { Console, Effect, Layer, Redacted } from "effect"
import { PayoutRequest, Payouts, RetryPolicy } from "effect-billwerk-payouts"
import * as BillwerkClient from "effect-billwerk-payouts/BillwerkClient"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import { createServer } from "node:http"

const down = createServer((_, answer) => answer.writeHead(503).end()).listen(0, "127.0.0.1", () => {
  const address = down.address()
  const port = typeof address === "object" ? address?.port : undefined
  Effect.runPromise(Effect.zipRight(pay(port ?? 0, "p-1"), pay(1, "p-2"))).then(() => down.close())
})

const pay = (port: number, handle: string) =>
  Effect.gen(function* () {
    const payouts = yield* Payouts.Payouts
    const request = yield* PayoutRequest.make({ handle, destination: "ca_1", amount: 12_500, currency: "DKK" })
    const error = yield* Effect.flip(payouts.create(request))
    yield* Console.log(error._tag, error.certainty)
  }).pipe(
    Effect.provide(
      Payouts.layerWith({ policy: RetryPolicy.none }).pipe(
        Layer.provide(
          BillwerkClient.layer({ apiKey: Redacted.make("priv_0"), baseUrl: \`http://127.0.0.1:\${port}\` })
        ),
        Layer.provide(UndiciTransport.layer)
      )
    )
  )
`,
  prints: "ServerError MayHaveMoved\nCommunicationError NotMoved\n"
}

const server: Program = {
  code: `
import { Console, Effect, Layer } from "effect"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"

const program = Effect.flatMap(SandboxServer.SandboxServer, ({ url }) => Console.log(url.replace(/\\d+$/, "port")))

Effect.runPromise(Effect.provide(program, Layer.provide(SandboxServer.layer, Sandbox.layerSandbox)))
`,
  prints: "http://127.0.0.1:port\n"
}

const sqlite: Program = {
  code: `
import { Console, Effect, Layer } from "effect"
import { Payouts, PayoutRequest } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"
import * as SqliteEngine from "effect-billwerk-payouts/SqliteEngine"
import { Sandbox } from "effect-billwerk-payouts/testing"

const program = Effect.gen(function* () {
  const request = yield* PayoutRequest.make({ handle: "p-1", destination: "ca_1", amount: 12_500, currency: "DKK" })
  const outcome = yield* PayoutWorkflow.execute(request)
  yield* Console.log(outcome._tag, outcome.certainty)
})

const layer = PayoutWorkflow.layer.pipe(
  Layer.provide(Payouts.layer),
  Layer.provide(Sandbox.layer),
  Layer.provideMerge(SqliteEngine.layer({ filename: "payouts.sqlite" }))
)

Effect.runPromise(Effect.provide(program, layer))
`,
  prints: "Paid Moved\n"
}

export const programs: Readonly<Record<string, Program>> = {
  "effect-billwerk-payouts": core,
  "effect-billwerk-payouts/UndiciTransport": undici,
  "effect-billwerk-payouts/testing/server": server,
  "effect-billwerk-payouts/SqliteEngine": sqlite
}
