import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import { Attempt } from "effect-billwerk-payouts"
import * as Layout from "../../src/cli/Layout.js"
import * as Paint from "../../src/cli/Paint.js"
import * as Timeline from "../../src/cli/Timeline.js"

const attempt = (fields: Partial<Attempt.Attempt>): Attempt.Attempt => ({
  ordinal: 1,
  kind: "Create",
  started: DateTime.unsafeMake(0),
  took: Duration.millis(3.4),
  sent: "Sent",
  outcome: "Paid",
  bearing: "Recorded",
  decision: "Succeed",
  why: "the money moved",
  ...fields
})

describe("Timeline", () => {
  it("shows each attempt with its answer, its duration, and what was done after which wait", () => {
    const lines = Timeline.lines(
      [
        attempt({
          sent: "NotSent",
          outcome: "CommunicationError",
          decision: "SendAgain",
          delay: Duration.zero,
          why: "the connection failed"
        }),
        attempt({
          ordinal: 2,
          sent: "Unknown",
          outcome: "CommunicationError",
          took: Duration.seconds(90),
          decision: "LookUp",
          delay: Duration.millis(950),
          why: "no answer before the deadline"
        }),
        attempt({
          ordinal: 10,
          kind: "Lookup",
          status: 404,
          code: 137,
          outcome: "NotFound",
          decision: "Fail",
          why: "the provider knows no payout under this handle; the next exchange could end too late"
        })
      ],
      Paint.plain
    )
    assert.deepStrictEqual(lines, [
      " #  exchange  answer         outcome                 took  then",
      " 1  Create    not sent       CommunicationError      3 ms  send again at once: the connection failed",
      " 2  Create    no answer      CommunicationError  90000 ms  look it up after 950 ms: no answer before the",
      "                                                           deadline",
      "10  Lookup    404, code 137  NotFound                3 ms  give up: the provider knows no payout under this",
      "                                                           handle; the next exchange could end too late"
    ])
  })

  it("says so when there was none", () => {
    assert.deepStrictEqual(Timeline.lines([], Paint.plain), ["nothing was sent"])
  })
})

describe("Layout", () => {
  it("keeps every word when it wraps, and breaks none", () => {
    const text = `${"word ".repeat(60)}${"x".repeat(200)} end`
    const lines = Layout.wrap(text, 40)
    assert.strictEqual(lines.join(" "), text)
    assert.deepStrictEqual(
      lines.filter((line) => line.length > 40),
      ["x".repeat(200)]
    )
  })
})
