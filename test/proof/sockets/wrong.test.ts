/** HTTP layers that are wrong, to see that a batch notices what each of them does. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { type ConfigError, Duration, Effect, Layer, Logger, LogLevel } from "effect"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Batch from "./Batch.js"
import { Lie, told } from "./Lies.js"
import type { Faults } from "./Proxy.js"
import { downstream, Toxic } from "./Toxics.js"
import { transports } from "./Transports.js"

interface Wrong {
  readonly title: string
  readonly make: (client: HttpClient.HttpClient) => HttpClient.HttpClient
  readonly faults: (elsewhere: string) => Partial<Faults>
  readonly noticed: RegExp
}

/** Whatever went wrong is told as this. */
const passesOff =
  (status: number, body: string) =>
  (client: HttpClient.HttpClient): HttpClient.HttpClient =>
    HttpClient.transform(client, (answer, request) =>
      answer.pipe(
        Effect.filterOrFail(({ status }) => status < 500),
        Effect.orElseSucceed(() => HttpClientResponse.fromWeb(request, new Response(body, { status })))
      )
    )

const lostAfterCommit = () => ({ lies: [told(Lie.Reset({ commit: "After", kept: false }), 0.5)] })

const wrongs: ReadonlyArray<Wrong> = [
  {
    title: "sends again by itself",
    make: (client) => HttpClient.retry(client, { times: 1 }),
    faults: lostAfterCommit,
    noticed: /: \d+ creates arrived, \d+ are on record$/
  },
  {
    title: "follows redirects",
    make: (client) => HttpClient.followRedirects(client, 1),
    faults: (elsewhere) => ({ lies: [told(Lie.Redirected({ status: 307, to: elsewhere }))] }),
    noticed: /^\d+ connections were made elsewhere$/
  },
  {
    title: "makes refusals out of what went wrong",
    make: passesOff(422, "{}"),
    faults: () => ({ lies: [told(Lie.Gateway({ status: 500 }))] }),
    noticed: /NotMoved, 0 to 0: \d+ moved, and was denied$/
  },
  {
    title: "makes payments out of what went wrong",
    make: passesOff(200, '{"handle":"wrong-1","state":"paid","amount":10000,"currency":"DKK","transactions":[]}'),
    faults: () => ({ toxics: [downstream(Toxic.Down())] }),
    noticed: /^wrong-1 ended as Paid.*: the provider has no payment on record$/
  },
  {
    title: "answers by itself",
    make: passesOff(404, '{"code":137}'),
    faults: () => ({ toxics: [downstream(Toxic.Down())] }),
    noticed: /: answered without being asked, \d+ of 0 creates$/
  }
]

const run = (
  http: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError>,
  name: string,
  faults: Wrong["faults"]
) =>
  Effect.gen(function* () {
    const transport = transports.find((transport) => transport.name === name)
    assert(transport !== undefined)
    return yield* Batch.run({
      transport,
      http,
      wanted: [1, 2, 3].map((index) => ({ handle: `wrong-${index}`, amount: 9_999 + index })),
      faults: (elsewhere) => ({ toxics: [], lies: [], ...faults(elsewhere) }),
      deadline: Duration.seconds(3),
      seed: yield* Batch.seed
    })
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))

describe("A batch notices an HTTP layer that", () => {
  for (const { faults, make, noticed, title } of wrongs) {
    for (const { layer, name } of transports) {
      it.live(`${title}, over ${name}`, () =>
        Effect.gen(function* () {
          const http = Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, make))
          const { complaints } = yield* run(Layer.provide(http, layer), name, faults)
          assert.isTrue(
            complaints.some((one) => noticed.test(one)),
            complaints.join("\n")
          )
        })
      )
    }
  }

  it.live("leaves its connections open", () =>
    Effect.gen(function* () {
      const agents = { http: new Http.Agent({ keepAlive: true }), https: new Https.Agent() }
      const forever = Layer.succeed(NodeHttpClient.HttpAgent, {
        [NodeHttpClient.HttpAgentTypeId]: NodeHttpClient.HttpAgentTypeId,
        ...agents
      })
      const http = Layer.provide(NodeHttpClient.layerWithoutAgent, forever)
      const { complaints, leftOpen } = yield* run(http, "node:http", () => ({}))
      assert.deepStrictEqual(complaints, [])
      assert.isAbove(leftOpen, 0)
    })
  )
})
