/**
 * Moments as local times of an account, in which the provider's lists count. Where a local time occurs twice, the
 * window becomes larger: a payout too many can be left out later, and one that is missing cannot be found.
 */
import * as DateTime from "effect/DateTime"
import type { LocalWindow, ValidWindow } from "./PayoutFilter.js"

type Moments = Extract<ValidWindow, { readonly _tag: "Moments" }>

/** The smallest window of local times that certainly contains these moments, in whole seconds. */
export const localWindow = ({ from, to }: Moments, timeZone: DateTime.TimeZone): LocalWindow => ({
  _tag: "LocalTimes",
  from: write(unambiguous(Math.floor(from.epochMillis / 1000), -1, timeZone)),
  to: write(unambiguous(Math.ceil(to.epochMillis / 1000), 1, timeZone))
})

/** Whether something of this time belongs to the window. What has no time may belong to it. */
export const isWithin = ({ from, to }: Moments, time: DateTime.Utc | undefined): boolean =>
  time === undefined || (time.epochMillis >= from.epochMillis && time.epochMillis < to.epochMillis)

// Clocks are set back by an hour or two, in steps of half an hour at the least.
const step = 30 * 60
const stepsMax = 12

const unambiguous = (seconds: number, direction: 1 | -1, timeZone: DateTime.TimeZone): DateTime.Zoned => {
  const times = Array.from({ length: stepsMax }, (_, steps) =>
    DateTime.unsafeMakeZoned((seconds + steps * direction * step) * 1000, { timeZone })
  )
  return times.find((time) => !isTwice(time)) ?? DateTime.unsafeMakeZoned(seconds * 1000, { timeZone })
}

// The same digits on the clock, taken for the first and for the second time that it shows them.
const isTwice = (time: DateTime.Zoned): boolean => {
  const [first, second] = (["earlier", "later"] as const).map((disambiguation) =>
    DateTime.unsafeMakeZoned(DateTime.toPartsUtc(digits(time)), {
      timeZone: time.zone,
      adjustForTimeZone: true,
      disambiguation
    })
  )
  return first?.epochMillis !== second?.epochMillis
}

const digits = (time: DateTime.Zoned): DateTime.Utc =>
  DateTime.unsafeMake(time.epochMillis + DateTime.zonedOffset(time))

// Midnight as a date alone: the form that the provider documents.
const write = (time: DateTime.Zoned): string =>
  DateTime.formatIso(digits(time))
    .slice(0, 19)
    .replace(/T00:00:00$/, "")
