/**
 * A 64-bit hash (cyrb53, with all of its bits). With it, the sandbox compares bodies without keeping them: a body
 * contains the card token. It is not meant to withstand an attack.
 */
export const fingerprint = (body: Uint8Array): string => {
  let low = 0xdeadbeef
  let high = 0x41c6ce57
  for (const byte of body) {
    low = Math.imul(low ^ byte, 2654435761)
    high = Math.imul(high ^ byte, 1597334677)
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  return `${hex(high)}${hex(low)}`
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0")
