/**
 * The options of `payout list`, and the filter that they make.
 */
import * as Options from "@effect/cli/Options"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as PayoutFilter from "../domain/PayoutFilter.js"
import * as BadInput from "./BadInput.js"
import * as Help from "./Help.js"

const text = (name: keyof typeof Help.list) => Options.withDescription(Options.text(name), Help.list[name])

export const flags = {
  from: text("from"),
  to: text("to"),
  state: Options.repeated(
    Options.withDescription(Options.choice("state", PayoutFilter.State.literals), Help.list.state)
  ),
  customer: Options.optional(text("customer")),
  currency: Options.repeated(text("currency")),
  "handle-prefix": Options.optional(text("handle-prefix"))
}

/** What the options say. */
export interface Given {
  readonly from: string
  readonly to: string
  readonly state: ReadonlyArray<PayoutFilter.State>
  readonly customer: Option.Option<string>
  readonly currency: ReadonlyArray<string>
  readonly "handle-prefix": Option.Option<string>
}

/** The filter, checked before anything is printed or sent. */
export const filterOf = ({ currency, customer, from, state, to, ...rest }: Given) => {
  const filter: PayoutFilter.Input = {
    ...windowOf(from, to),
    states: state.length === 0 ? undefined : state,
    customer: Option.getOrUndefined(customer),
    currencies: currency.length === 0 ? undefined : currency,
    handlePrefix: Option.getOrUndefined(rest["handle-prefix"])
  }
  return Either.mapBoth(PayoutFilter.make(filter), { onLeft: BadInput.fromRefusal, onRight: () => filter })
}

// A text with an offset is a moment; without one, it is a local time of the account. Anything else is refused as text.
const windowOf = (from: string, to: string): PayoutFilter.Window => {
  const [begin, end] = [momentFrom(from), momentFrom(to)]
  return begin === undefined || end === undefined ? { from, to } : { from: begin, to: end }
}

const momentFrom = (text: string): DateTime.Utc | undefined =>
  /T.*(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Option.getOrUndefined(DateTime.make(text)) : undefined
