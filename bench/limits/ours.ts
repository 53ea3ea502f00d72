/** This library, as a host would set it up: `createAll` over undici, with the standard policy. */
import * as RateLimiter from "@effect/experimental/RateLimiter"
import { layerStore } from "@effect/experimental/RateLimiter/Redis"
import { Chunk, Effect, Layer, ManagedRuntime, Redacted, Stream } from "effect"
import { BillwerkClient, PayoutRequest, Payouts } from "effect-billwerk-payouts"
import * as SharedRequestLimits from "effect-billwerk-payouts/SharedRequestLimits"
import * as UndiciTransport from "effect-billwerk-payouts/UndiciTransport"
import type { Ends, Payer, Setup } from "./Payer.js"

const apiKey = Redacted.make("priv_bench_0123456789abcdef0123456789abcdef")

const clientOf = ({ baseUrl, client, processes, redisPort }: Setup) => {
  const own = BillwerkClient.layer({
    apiKey,
    baseUrl,
    ...(client === "ours without limits" ? { requestLimits: "None" as const } : {})
  })
  if (redisPort === undefined) return own
  const shared = SharedRequestLimits.layer({ processes }).pipe(
    Layer.provide(RateLimiter.layer),
    Layer.provide(layerStore({ host: "127.0.0.1", port: redisPort, retryStrategy: () => 1_000 }))
  )
  return Layer.provide(own, shared)
}

const requests = (prefix: string, count: number) =>
  Stream.range(1, count).pipe(
    Stream.mapEffect((number) =>
      PayoutRequest.make({
        handle: `${prefix}-${number}`,
        destination: "ca_fcfac2016614418f969fa5697383e47c",
        amount: 12_500,
        currency: "DKK"
      })
    ),
    Stream.orDie
  )

/** A payout that waits for its end has not ended: here, none is accepted for later. */
const endOf = (result: Effect.Effect.Success<ReturnType<typeof payAll>>[number]["result"]): keyof Ends => {
  const tag = result._tag === "Right" ? result.right._tag : result.left._tag
  if (tag === "Paid") return "paid"
  if (tag === "RateLimited") return "rateLimited"
  console.error(`an end of ours: ${tag}`)
  return "other"
}

const payAll = (prefix: string, payouts: number, concurrency: number) =>
  Effect.flatMap(Payouts.Payouts, ({ createAll }) =>
    Effect.map(Stream.runCollect(createAll(requests(prefix, payouts), { concurrency })), Chunk.toReadonlyArray)
  )

export const open = async (setup: Setup): Promise<Payer> => {
  const runtime = ManagedRuntime.make(
    Payouts.layer.pipe(Layer.provide(clientOf(setup)), Layer.provide(UndiciTransport.layer), Layer.orDie)
  )
  await runtime.runPromise(Payouts.Payouts)
  return {
    pay: async (prefix, payouts) => {
      const results = await runtime.runPromise(payAll(prefix, payouts, setup.inFlight))
      const ends = results.map(({ result }) => endOf(result))
      const count = (end: keyof Ends) => ends.filter((one) => one === end).length
      return { paid: count("paid"), rateLimited: count("rateLimited"), other: count("other") }
    }
  }
}
