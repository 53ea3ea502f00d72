/**
 * effect-billwerk-payouts/testing: a provider in memory, for tests and rehearsals. It needs no network and no account,
 * and reproduces on demand the failures of the real one.
 */
export * as Acquirer from "./Acquirer.js"
export * as Ledger from "./Ledger.js"
export * as Observations from "./Observations.js"
export * as Sandbox from "./Sandbox.js"
export * as SandboxState from "./SandboxState.js"
export * as SandboxWebhooks from "./SandboxWebhooks.js"
export * as Script from "./Script.js"
export * as WebhookScript from "./WebhookScript.js"
