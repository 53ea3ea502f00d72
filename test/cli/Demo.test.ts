import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Acquirer, Script } from "effect-billwerk-payouts/testing"
import * as DemoProgram from "../../src/cli/DemoProgram.js"
import type { Scenario } from "../../src/cli/Scenario.js"
import { tableScenarios } from "../../src/cli/TableScenarios.js"
import { captured, terminal } from "./support.js"

const demo = (scenarios: ReadonlyArray<Scenario>) =>
  captured(DemoProgram.run(scenarios).pipe(Effect.provide(Layer.provide(terminal(false), NodeContext.layer))))

const paid: Scenario = { name: "paid", title: "Paid", provider: "pays", expected: "Paid" }

describe("the demo", () => {
  it("has a row for every error, and for both successes", () => {
    const expected = new Set(tableScenarios.map(({ expected }) => expected))
    assert.deepStrictEqual([...expected].sort(), [
      "CommunicationError",
      "CustomerMismatch",
      "HandleConflict",
      "HardDeclined",
      "InvalidRequest",
      "Paid",
      "PaymentMethodNotAllowed",
      "PaymentMethodNotFound",
      "Processing",
      "ProcessingError",
      "RateLimited",
      "RequestRejected",
      "ServerError",
      "SoftDeclined",
      "UnexpectedResponse"
    ])
  })

  it.live("says which hidden successes there were, and that the exposure had room for them", () =>
    Effect.gen(function* () {
      const steps = [Script.processingError({ moved: true }).pipe(Script.onCreate)]
      const { code, out } = yield* demo([{ ...paid, name: "hidden", steps }])
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(out.slice(-4), [
        "No handle has two recorded successes.",
        "demo-hidden: a processing error of the provider's own hid a success, so 25000 really moved, in 2 movements.",
        "  Neither it nor a client can see that; our exposure said 12500 to 25000, which covers it.",
        "All checks hold for all 1 payouts."
      ])
    })
  )

  it.live("ends with 1 and names the payout when one ends otherwise than the table says", () =>
    Effect.gen(function* () {
      const { code, out } = yield* demo([paid, { ...paid, name: "declined", request: { amount: 3001 } }])
      assert.deepStrictEqual([code, out.at(-1)], [1, "CHECKS BROKEN: demo-declined."])
      assert.include(out, "    checks    BROKEN: not true that ends as Paid")
    })
  )

  it.live("ends with 1 when the ledger has more than the exposure", () =>
    Effect.gen(function* () {
      // A decline that moves money is what no provider may do: nothing but the ledger can tell.
      const steps = [Script.outcome(Acquirer.failed("hard_declined", { moved: true }))]
      const { code, out } = yield* demo([{ ...paid, name: "lie", steps, expected: "HardDeclined" }])
      assert.strictEqual(code, 1)
      assert.include(
        out.find((line) => line.startsWith("    demo-lie ")),
        "NOT COVERED"
      )
      assert.include(
        out,
        "    checks    BROKEN: not true that what moved is within the exposure; not true that the certainty is true"
      )
    })
  )
})
