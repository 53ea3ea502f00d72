import { Config, Effect, Option } from "effect"
import { WebhookHandler } from "effect-billwerk-payouts"
import * as PayoutWorkflow from "effect-billwerk-payouts/PayoutWorkflow"

/** Wakes the durable payouts that a webhook may be about. `executionIdOf` reads your own table, by the payout's handle. */
export const webhooks = Effect.fn(function* (executionIdOf: (handle: string) => Effect.Effect<Option.Option<string>>) {
  const wake = (reference: string) =>
    Effect.flatMap(executionIdOf(reference), Option.match({ onNone: () => Effect.void, onSome: PayoutWorkflow.hint }))
  return yield* WebhookHandler.make({
    secrets: [yield* Config.redacted("BILLWERK_WEBHOOK_SECRET")],
    onHint: ({ references }) => Effect.forEach(references, wake, { discard: true })
  })
})
