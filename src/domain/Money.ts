/**
 * Money as this API counts it: a whole number of the currency's smallest unit. The library never converts: the provider
 * publishes no list of exponents, and its own plugins disagree about them.
 */
import * as Schema from "effect/Schema"
import { hidden } from "./schemaMessages.js"

/**
 * The largest amount that the provider's `int32` can hold, in minor units.
 *
 * @category limits
 * @since 0.1.0
 */
export const amountMax = 2_147_483_647

/**
 * Minor units (øre, cents): an integer from 1 to 2,147,483,647. Source: the provider's schema (documented).
 *
 * @example
 * ```ts
 * import { Money } from "effect-billwerk-payouts"
 *
 * const amount: Money.Amount = Money.Amount.make(12_500) // 125.00 DKK
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export const Amount = Schema.Int.pipe(Schema.between(1, amountMax), Schema.brand("Amount")).annotations({
  identifier: "Amount",
  description: "an integer from 1 to 2147483647, in the currency's smallest unit",
  ...hidden("an amount")
})

/**
 * @category models
 * @since 0.1.0
 */
export type Amount = typeof Amount.Type

/** @internal */
export const isAmount = (value: unknown): value is Amount =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= amountMax

const currencyPattern = /^[A-Z]{3}$/

/**
 * An ISO 4217 code of three capital letters. Lower case is refused instead of repaired, so that every attempt sends the
 * same text. For a missing currency the provider would use the account's default; this library requires one.
 *
 * @category models
 * @since 0.1.0
 */
export const Currency = Schema.String.pipe(Schema.pattern(currencyPattern), Schema.brand("Currency")).annotations({
  identifier: "Currency",
  description: "an ISO 4217 code of three capital letters, such as DKK",
  ...hidden("a currency")
})

/**
 * @category models
 * @since 0.1.0
 */
export type Currency = typeof Currency.Type

/** @internal */
export const isCurrency = (value: unknown): value is Currency =>
  typeof value === "string" && currencyPattern.test(value)
