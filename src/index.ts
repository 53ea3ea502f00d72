/**
 * effect-billwerk-payouts: pays money out through Billwerk+ Optimize (ex Reepay, now Frisbii), and always says whether
 * money moved, could have, and how much at most.
 */
export * as Attempt from "./domain/Attempt.js"
export * as Customer from "./domain/Customer.js"
export * as Destination from "./domain/Destination.js"
export * as Handle from "./domain/Handle.js"
export * as Money from "./domain/Money.js"
export * as Outcome from "./domain/Outcome.js"
export * as Payout from "./domain/Payout.js"
export * as PayoutError from "./domain/PayoutError.js"
export * as PayoutRequest from "./domain/PayoutRequest.js"
export * as Reply from "./domain/Reply.js"
export * as BillwerkClient from "./BillwerkClient.js"
export * as BillwerkConfig from "./BillwerkConfig.js"
export * as Payouts from "./Payouts.js"
export * as RetryPolicy from "./RetryPolicy.js"
export * as Telemetry from "./Telemetry.js"
export * as Verdict from "./Verdict.js"
export * as Acquirer from "./sandbox/Acquirer.js"
export * as Ledger from "./sandbox/Ledger.js"
export * as Sandbox from "./sandbox/Sandbox.js"
export * as Script from "./sandbox/Script.js"
