/** What can be made of an answer whose request was carried out. The numbers are those of the fault model. */
import { describe } from "@effect/vitest"
import { Lie, told } from "./Lies.js"
import { trial } from "./trial.js"

const often = 0.4
const redirects = [301, 302, 303, 307, 308] as const

describe("Over each HTTP layer, what is said about the money is true when", () => {
  for (const end of ["Close", "Reset"] as const) {
    const how = end === "Close" ? "ends" : "is reset"
    trial({
      title: `18 The connection ${how} within a body whose length is known`,
      faults: { lies: [told(Lie.Truncated({ body: "Declared", end }), often)] },
      leaves: "Doubt"
    })
    trial({
      title: `19 The connection ${how} within a chunked body`,
      faults: { lies: [told(Lie.Truncated({ body: "Chunked", end }), often)] },
      leaves: "Doubt"
    })
  }

  trial({
    title: "19 A whole payout is followed by a chunk that is none",
    faults: { lies: [told(Lie.Garbled(), often)] },
    leaves: "Doubt"
  })
  trial({
    title: "20 Half of a body looks whole, because the connection ends it",
    faults: { lies: [told(Lie.Truncated({ body: "UntilClose", end: "Close" }), often)] },
    leaves: "Doubt"
  })
  for (const status of [100, 102, 103] as const) {
    trial({
      title: `22 A ${status} that nobody asked for comes before the answer`,
      faults: { lies: [told(Lie.Interim({ status }), often)] },
      leaves: "Nothing"
    })
  }
  trial({
    title: "22 A 101 that nobody asked for comes instead of the answer",
    faults: { lies: [told(Lie.Upgraded(), often)] },
    kept: true,
    leaks: { "node:http": "the platform takes a connection that is upgraded for an answer, and nobody ends it" },
    leaves: "Doubt"
  })

  trial({
    title: "23 Every answer comes twice",
    faults: { lies: [told(Lie.Doubled())] },
    kept: true,
    leaves: "Nothing"
  })
  trial({
    title: "24 Answers are one behind on connections that are kept",
    faults: { lies: [told(Lie.Behind())] },
    kept: true,
    leaves: "Doubt"
  })
  trial({
    title: "24 A create gets the answer to a lookup that found nothing",
    faults: { lies: [told(Lie.Astray(), often)] },
    leaves: "Doubt"
  })
  trial({ title: "24 Answers are crossed", faults: { lies: [told(Lie.Crossed(), 0.7)] }, leaves: "Doubt" })

  trial({
    title: "13 Kept connections are reset at their next request, before it is carried out",
    faults: { lies: [told(Lie.Reset({ commit: "Before", kept: true }), often)] },
    kept: true,
    leaves: "Doubt"
  })
  trial({
    title: "13 Kept connections are reset at their next request, after it was carried out",
    faults: { lies: [told(Lie.Reset({ commit: "After", kept: true }), often)] },
    kept: true,
    leaves: "Doubt"
  })
  trial({
    title: "12 Some requests are reset before they are carried out, and some after",
    faults: {
      lies: [
        told(Lie.Reset({ commit: "Before", kept: false }), 0.3),
        told(Lie.Reset({ commit: "After", kept: false }), 0.3)
      ]
    },
    leaves: "Doubt"
  })

  trial({
    title: "28, 56 A gateway answers with its own page",
    faults: { lies: [500, 502, 503, 504].flatMap((status) => told(Lie.Gateway({ status }), 0.2)) },
    leaves: "Doubt"
  })
  trial({
    title: "52 A gateway answers 408",
    faults: { lies: [told(Lie.Gateway({ status: 408 }), often)] },
    leaves: "Doubt"
  })
  trial({
    title: "35, 36 Answers are redirects to somewhere else, which sees nothing",
    faults: (elsewhere) => ({
      lies: redirects.map((status) => told(Lie.Redirected({ status, to: `${elsewhere}/v1/payout` }), 0.2))
    }),
    leaves: "Doubt"
  })
  for (const encoding of ["gzip", "br", "deflate"] as const) {
    trial({
      title: `25 Answers are packed by ${encoding}, although they were asked for as they are`,
      faults: { lies: [told(Lie.Packed({ encoding }))] },
      leaves: "NoTrace"
    })
  }
  trial({
    title: "59 A packed answer becomes 48 MiB",
    faults: { lies: [told(Lie.Bomb(), often)] },
    leaves: "Doubt"
  })
  trial({ title: "59 Answers have 20,000 headers", faults: { lies: [told(Lie.Flood(), often)] }, leaves: "Doubt" })
})
