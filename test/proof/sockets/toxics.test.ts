/** The eight toxics, in both directions. The numbers are those of the fault model. */
import { describe } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "../../servers.js"
import { well } from "./Proxy.js"
import { down, downstream, type Placed, Toxic, upstream } from "./Toxics.js"
import { trial } from "./trial.js"

const { Bandwidth, Latency, LimitData, ResetPeer, Slicer, SlowClose, Timeout } = Toxic

const often = 0.4

type Case = readonly [title: string, toxic: Placed]

const breaking: ReadonlyArray<Case> = [
  ["11 Requests end within their head", upstream(LimitData({ bytes: 60 }), often)],
  ["11 Requests end within their body", upstream(LimitData({ bytes: 360 }), often)],
  ["11 Requests are lost, and then their connection is closed", upstream(Timeout({ timeout: 40 }), often)],
  ["11 Reset while the request is being sent", upstream(ResetPeer({ timeout: 0 }), often)],
  ["12 Answers end within their head", downstream(LimitData({ bytes: 60 }), often)],
  ["12 Answers are lost, and then their connection is closed", downstream(Timeout({ timeout: 40 }), often)],
  ["12 Reset after the request, before headers", downstream(ResetPeer({ timeout: 0 }), often)],
  ["12 Reset a while after the request, before headers", downstream(ResetPeer({ timeout: 60 }), often)],
  ["16 Answers end within their body", downstream(LimitData({ bytes: 300 }), often)]
]

const stalling: ReadonlyArray<Case> = [
  ["14 Half-open: requests go nowhere, and nothing says so", upstream(Timeout({ timeout: 0 }), often)],
  ["15 No headers: answers go nowhere, and nothing says so", downstream(Timeout({ timeout: 0 }), often)],
  ["17 Answers come a few bytes at a time", downstream(Slicer({ averageSize: 6, sizeVariation: 4, delay: 6 }), often)],
  ["17 Answers come slowly", downstream(Bandwidth({ rate: 1 }), often)],
  ["26 Answers are later than the deadline, or nearly", downstream(Latency({ latency: 320, jitter: 250 }))],
  ["27 Requests are given up while they are under way", upstream(Latency({ latency: 320, jitter: 250 }))],
  ["27 Requests are given up while they are being sent", upstream(Bandwidth({ rate: 1 }), often)],
  [
    "27 Requests are sent a few bytes at a time",
    upstream(Slicer({ averageSize: 6, sizeVariation: 4, delay: 6 }), often)
  ]
]

const harmless: ReadonlyArray<Case> = [
  ["Requests come in small pieces", upstream(Slicer({ averageSize: 20, sizeVariation: 19, delay: 0 }))],
  ["Answers come in small pieces", downstream(Slicer({ averageSize: 20, sizeVariation: 19, delay: 0 }))],
  ["Connections are slow to close on the client", downstream(SlowClose({ delay: 50 }))],
  ["Connections are slow to close on the provider", upstream(SlowClose({ delay: 50 }))]
]

describe("Over each HTTP layer, what is said about the money is true when", () => {
  for (const [title, toxic] of breaking) trial({ title, faults: { toxics: [toxic] }, leaves: "Doubt" })
  for (const [title, toxic] of stalling) trial({ title, faults: { toxics: [toxic] }, stalls: true, leaves: "Doubt" })
  for (const [title, toxic] of harmless) trial({ title, faults: { toxics: [toxic] }, leaves: "Nothing" })

  trial({ title: "2 Nobody listens", faults: { toxics: [down] }, leaves: "NotSent" })
  trial({
    title: "2 Nobody listens for a while, and connections are cut off",
    faults: { toxics: [downstream(Latency({ latency: 30, jitter: 30 }))] },
    meanwhile: (proxy) =>
      Effect.gen(function* () {
        yield* eventually(() => proxy.connections() > 2)
        yield* proxy.suffer({ toxics: [down], lies: [] })
        yield* Effect.sleep("30 millis")
        yield* proxy.suffer(well)
      }),
    leaves: "Nothing"
  })
})
