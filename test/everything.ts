/** How `inspect` shows all of a value. Node leaves out what is deep, long or hidden, and a secret may stand there. */
export const everything = {
  depth: Infinity,
  maxArrayLength: Infinity,
  maxStringLength: Infinity,
  showHidden: true,
  getters: true
} as const
