/**
 * Names for values that must not be shown: two values have the same fingerprint if, and for all practical purposes only
 * if, they are equal.
 */

/**
 * 64 bits in hex (cyrb53 with all of its bits). It names a value and does not protect it. The values hold random
 * identifiers (a saved method has 128 bits), so trying does not find them.
 *
 * @internal
 */
export const fingerprint = (text: string): string => {
  let low = 0xdeadbeef
  let high = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    low = Math.imul(low ^ unit, 2654435761)
    high = Math.imul(high ^ unit, 1597334677)
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  return hex(high) + hex(low)
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0")
