import { HttpClient, HttpClientRequest } from "@effect/platform"
import { it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Sandbox from "../../src/sandbox/Sandbox.js"
import * as Ledger from "../../src/sandbox/Ledger.js"
it.effect("x", () =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const sb = yield* Sandbox.Sandbox
    const create = (handle: string) =>
      client.execute(
        HttpClientRequest.post("https://api.frisbii.com/v1/payout").pipe(
          HttpClientRequest.basicAuth(Redacted.value(Sandbox.apiKey), ""),
          HttpClientRequest.bodyUnsafeJson({ handle, destination: "ca_1", amount: 100, currency: "DKK" })
        )
      )
    const r = yield* create("a")
    console.log(r.status, r.headers, yield* r.text)
    const r2 = yield* create("a")
    console.log(r2.status, r2.headers, yield* r2.text)
    console.log(yield* sb.exchanges, Ledger.payouts(yield* sb.ledger))
    let i = 0
    const one = Effect.suspend(() => create(`h${i++}`).pipe(Effect.flatMap((r) => r.text)))
    yield* one.pipe(Effect.repeatN(5000))
    const t = process.cpuUsage()
    yield* one.pipe(Effect.repeatN(20000))
    const u = process.cpuUsage(t)
    console.log("us/exchange", (u.user + u.system) / 20000)
  }).pipe(Effect.provide(Sandbox.layerHttpClient()))
)
