/** What the tests of `PayoutRequest` share: a valid input, and the reasons of its refusals. */
import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { Destination, PayoutRequest, type PayoutError } from "effect-billwerk-payouts"
import { inspect } from "node:util"

export const handle = "prize-2026-0042"

export const saved = "ca_fcfac2016614418f969fa5697383e47c"

export const token = "ct_canary5f1c4d2e9b7a"

export const base = { handle, destination: saved, amount: 12_500, currency: "DKK" }

export const refused = (input: unknown): PayoutError.InvalidRequest =>
  Either.getOrThrowWith(
    Either.flip(PayoutRequest.fromUnknown(input)),
    () => new Error("it was accepted, and should not be")
  )

export const accepted = (input: unknown): PayoutRequest.PayoutRequest =>
  Either.getOrThrow(PayoutRequest.fromUnknown(input))

export const million = "x".repeat(1024 * 1024)

export const canary = "canary-9f8e7d6c"

export const handleReason = `must be 1 to 255 letters, digits or _ . @ -, neither "." nor "..", and no card token or key`

export type Refusals = ReadonlyArray<readonly [says: string, value: unknown]>

/** Every value is refused in this field for this reason, by a message that does not show it. */
export const refuses = (field: string, reason: string, values: Refusals, rest: object = base) =>
  describe(`refuses as ${field}`, () => {
    for (const [says, value] of values) {
      it(says, () => {
        const [outer = "", inner] = field.split(".")
        const error = refused({ ...rest, [outer]: inner === undefined ? value : { handle: "c-1", [inner]: value } })
        assert.deepStrictEqual([error.field, error.reason], [field, reason])
        assert.strictEqual(error.handle, field === "handle" ? undefined : handle)
        if (typeof value === "string" && value.length > 4) {
          for (const shown of [error.message, String(error), JSON.stringify(error), inspect(error)]) {
            assert.notInclude(shown, value.slice(0, 100))
          }
        }
      })
    }
  })

/** The request as it was given: its destination as a plain string, and only what is defined. */
export const given = ({
  acquirerReference,
  amount,
  currency,
  customer,
  destination,
  handle,
  ...rest
}: PayoutRequest.PayoutRequest): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries({
      handle,
      destination: Destination.unwrap(destination),
      amount,
      currency,
      customer,
      text: rest.text,
      textOnStatement: rest.textOnStatement,
      acquirerReference
    }).filter(([, value]) => value !== undefined)
  )
