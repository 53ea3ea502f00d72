/**
 * Seeds whose worlds once found something, which are run before all others. A seed is the name of a world only for as long
 * as nothing changes in what is drawn, so each finding has its story among the tests of `Payouts` as well.
 */
export const seeds: ReadonlyArray<{ readonly seed: number; readonly found: string }> = [
  {
    seed: 33,
    found: "a record that was first shown without its reason was held in doubt after the reason had been shown"
  },
  {
    seed: 1208,
    found: "a doubt that the record had answered was asked about for ever, instead of what was left in doubt"
  },
  { seed: 32_664, found: "a create's own transaction, not shown at first, was taken for that of a lost create" },
  { seed: 43_215, found: "a read that lagged behind let a processing error be sent again beyond its budget" },
  { seed: 40_363, found: "as 32,664, and said to be certain" },
  { seed: 70_440, found: "a create whose answer showed no transaction was not counted beside a processing error" },
  { seed: 2103, found: "creates of other processes were counted again each time that they were spoken of" },
  {
    seed: 23_164,
    found: "other arguments were refused for ever because of what had been processing once, and nobody asked about it"
  },
  { seed: 52_795, found: "what was declined for good was called softly declined after a lost create of it was, too" },
  { seed: 76_585, found: "a call that carried on for one that was interrupted did not tell of what that one had sent" },
  {
    seed: 122_515,
    found: "a read that lagged behind, at the first question of a call, let a processing error be sent again"
  },
  { seed: 306, found: "a payment to another card was remembered as this request's, after waiting for the bare handle" },
  { seed: 1685, found: "what was declined for good was called unexpected, when the record could not be read again" },
  { seed: 1942, found: "a bare handle was called declined for certain, while another process had a create under way" },
  { seed: 1973, found: "as 1942, with six creates under way" },
  { seed: 3048, found: "a processing error that settle had seen was sent again, beyond its budget" },
  {
    seed: 5332,
    found:
      "nothing in the library: the oracle held a create, which had waited for its turn beside another process's call, to that one's " +
      "decline of less than two seconds before"
  },
  {
    seed: 251_944,
    found:
      "a create beside a wait, in one process, did not know of the outcome that the wait had been given, and did not look it up"
  },
  { seed: 19_851, found: "more declines than creates that were known of made a guess certain" },
  {
    seed: 311_676,
    found:
      "a decline that is not the latest transaction was told and forgotten, and the next unreadable answer was to be tried again"
  },
  {
    seed: 321_951,
    found:
      "a conflict said that nothing of its own request had moved, although a create of an unknown request was outstanding"
  }
]
