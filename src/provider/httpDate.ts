/**
 * The three date formats of HTTP (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`
 * and `Sun Nov  6 08:49:37 1994`. All are in GMT; the parser ignores the day of the week.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

const time = "(?<hours>\\d\\d):(?<minutes>\\d\\d):(?<seconds>\\d\\d)"
const forms = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d{1,2}) (?<month>[A-Z][a-z]{2}) (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>\\d{1,2})-(?<month>[A-Z][a-z]{2})-(?<year>\\d\\d) ${time} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`)
]

/** The date in epoch milliseconds. `now` decides the century of a two-digit year. */
export const parse = (text: string, now: number): number | undefined => {
  const parts = forms.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined)
  if (parts === undefined) return undefined
  const number = (name: string) => Number(parts[name] ?? NaN)
  const month = months.indexOf(parts["month"] ?? "") + 1
  const [day, hours, minutes, seconds] = [number("day"), number("hours"), number("minutes"), number("seconds")]
  const year = parts["year"]?.length === 2 ? fullYear(number("year"), now) : number("year")
  // A leap second makes 60.
  if (month === 0 || day < 1 || day > 31 || hours > 23 || minutes > 59 || seconds > 60) return undefined
  const date = DateTime.make({ year, month, day, hours, minutes, seconds })
  return Option.getOrUndefined(Option.map(date, DateTime.toEpochMillis))
}

/** A year that would be more than 50 years ahead belongs to the century before. */
const fullYear = (year: number, now: number): number => {
  const current = DateTime.getPartUtc(DateTime.unsafeMake(now), "year")
  const sameCentury = current - (current % 100) + year
  return sameCentury > current + 50 ? sameCentury - 100 : sameCentury
}
