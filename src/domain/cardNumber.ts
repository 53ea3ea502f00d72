/**
 * Finds card numbers in the wrong place. The library stores, logs or shows handles, references and texts, and none of
 * them may hold a card number.
 */

/** The refusals, which never show the number. */
export const noCardNumber = {
  destination: "must not be a card number: give a saved payment method (ca_...), or a card token",
  handle: "must not be a card number: a handle is shown everywhere; if it is none, put a word before it",
  text: "must not hold a card number: texts are stored, and shown"
}

/**
 * Whether a reference is 12 to 19 digits, with any separators that are not letters. The check digit does not count: a
 * reference of the provider is never digits alone, and a mistyped card number is refused, too.
 */
export const isDigits = (text: string): boolean => /^[^0-9A-Za-z]*(?:\d[^0-9A-Za-z]*){12,19}$/.test(text)

/**
 * Whether a whole handle is a card number: a length and a beginning that cards have, and the right check digit. A
 * caller's own ids may be digits alone, so 12 to 19 digits are not enough.
 */
export const isCard = (text: string): boolean => isDigits(text) && isIssued(text.replace(/\D/g, ""))

/** Whether a text that is not too long holds a card number: digits that belong to no word, in groups or not. */
export const holdsCard = (text: string): boolean =>
  text.length <= textMax &&
  Array.from(text.normalize("NFKC").matchAll(/(?<![0-9A-Za-z])\d+(?:[ .-]{1,2}\d+)*(?![0-9A-Za-z])/g), ([run]) =>
    run.split(/[ .-]+/)
  ).some((groups) =>
    groups.some((_, from) => {
      const near = groups.slice(from, from + digitsMax)
      return near.some((__, last) => isIssued(near.slice(0, last + 1).join("")))
    })
  )

// Longer texts are refused for their length.
const textMax = 1024
const digitsMax = 19

// Visa, Mastercard, Dankort, JCB, Discover, UnionPay, American Express and Diners Club.
const issued =
  /^(?:(?:4\d\d\d|5[1-5]\d\d|5019|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720|352[89]|35[3-8]\d|6011|6[245]\d\d)\d{12}|(?:4|62)\d{17,18}|3[47]\d{13}|3[0689]\d{12})$/

const isIssued = (digits: string): boolean => issued.test(digits) && luhn(digits) % 10 === 0

const luhn = (digits: string): number =>
  Array.from(digits, Number)
    .reverse()
    .reduce((sum, digit, index) => sum + (index % 2 === 0 ? digit : digit > 4 ? 2 * digit - 9 : 2 * digit), 0)
