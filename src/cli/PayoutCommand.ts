/**
 * The command line: what can be asked of it, and how it ends. An Effect like any other; `payout.ts` only runs it.
 */
import * as Command from "@effect/cli/Command"
import * as CliConfig from "@effect/cli/CliConfig"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Span from "@effect/cli/HelpDoc/Span"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as BillwerkConfig from "../BillwerkConfig.js"
import * as Handle from "../domain/Handle.js"
import type { LookupError, PayoutError } from "../domain/PayoutError.js"
import * as Payouts from "../Payouts.js"
import * as RetryPolicy from "../RetryPolicy.js"
import * as BadInput from "./BadInput.js"
import * as Connection from "./Connection.js"
import { exitCode, type ExitCode, meanings } from "./ExitCode.js"
import * as Paint from "./Paint.js"
import * as Report from "./Report.js"
import * as RequestInput from "./RequestInput.js"

const text = (name: string, description: string) => Options.text(name).pipe(Options.withDescription(description))

const optionalText = (name: string, description: string) => Options.optional(text(name, description))

const requestFlags = {
  handle: optionalText("handle", "The payout's unique reference, and its only idempotency key."),
  destination: optionalText("destination", "A saved payment method (ca_...). A card token (ct_...) only with --file."),
  amount: optionalText("amount", "Minor units: 12500 is 125.00 DKK."),
  currency: optionalText("currency", "Three capital letters of ISO 4217."),
  customer: optionalText("customer", "The handle of an existing customer."),
  text: optionalText("text", "Free text on the payout."),
  "text-on-statement": optionalText("text-on-statement", "Printable ASCII, for the receiver's bank statement."),
  "acquirer-reference": optionalText("acquirer-reference", "The provider highly recommends leaving it out.")
} as const

const file = Options.text("file").pipe(
  Options.optional,
  Options.withDescription("The whole request as JSON, from a file, or - for standard input.")
)

const unseen = Options.text("unseen").pipe(
  Options.optional,
  Options.withDescription("How many creates may have been sent before; 1 unless said.")
)

const callFlags = {
  policy: Options.choice("policy", ["standard", "none"]).pipe(
    Options.withDefault("standard"),
    Options.withDescription("When to send again: standard, or none for one exchange and no more.")
  ),
  live: Options.boolean("live").pipe(
    Options.withDescription("Pays real money, with the key in BILLWERK_API_KEY. Without it: the sandbox.")
  ),
  json: Options.boolean("json").pipe(Options.withDescription("One JSON object on standard output, and nothing else."))
} as const

interface CallFlags {
  readonly policy: string
  readonly live: boolean
  readonly json: boolean
}

const create = Command.make("create", { ...requestFlags, file, ...callFlags }, ({ file, ...flags }) =>
  Effect.gen(function* () {
    const request = yield* RequestInput.read(requestOf(flags), file)
    const payouts = yield* Payouts.Payouts
    return yield* payouts.create(request)
  }).pipe(paying(flags))
).pipe(Command.withDescription("Pays out, once, whatever happens on the way."))

const resume = Command.make("resume", { ...requestFlags, file, unseen, ...callFlags }, ({ file, unseen, ...flags }) =>
  Effect.gen(function* () {
    const sent = yield* unseenOf(unseen)
    const request = yield* RequestInput.read(requestOf(flags), file)
    const payouts = yield* Payouts.Payouts
    return yield* payouts.resume(request, sent)
  }).pipe(paying(flags))
).pipe(Command.withDescription("The same for a payout that may have been sent before: asks first."))

const get = Command.make("get", { handle: text("handle", "The payout's handle."), ...callFlags }, (flags) =>
  Effect.gen(function* () {
    const handle = yield* Effect.mapError(Handle.make(flags.handle), BadInput.fromRefusal)
    const payouts = yield* Payouts.Payouts
    return yield* payouts.get(handle)
  }).pipe(asking(flags))
).pipe(Command.withDescription("Shows the payout as the provider has it; moves nothing."))
