/** The library as a whole: it is loaded here, and not before. */
import { assert, it } from "@effect/vitest"

it("can be loaded, and its services have names that no other library's have", async () => {
  const { BillwerkClient, Payouts } = await import("effect-billwerk-payouts")
  const { Sandbox } = await import("effect-billwerk-payouts/testing")
  assert.deepStrictEqual(
    [BillwerkClient.BillwerkClient.key, Payouts.Payouts.key, Sandbox.Sandbox.key],
    ["BillwerkClient", "Payouts", "Sandbox"].map((name) => `effect-billwerk-payouts/${name}`)
  )
})
