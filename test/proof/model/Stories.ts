/**
 * Faults of evidence that were found before, as worlds: each by the unusual things that happen in it, in their order.
 * All of them are among the worlds of a size; here they are by name.
 */

export interface Story {
  readonly name: string
  readonly oddities: ReadonlyArray<string>
}

const story = (name: string, ...oddities: ReadonlyArray<string>): Story => ({ name, oddities })

export const stories: ReadonlyArray<Story> = [
  story(
    "E1a: another process's soft decline",
    "answered: soft",
    "another process, creates, same card",
    "held up: paid"
  ),
  story("E1b: another card's hard decline", "answered: hard", "another process, creates, other card", "held up: paid"),
  story(
    "E1c: another process's processing error",
    "answered: hidden",
    "another process, creates, same card",
    "held up: paid"
  ),
  story(
    "E1d: the same, a process that died in between",
    "answered: hard",
    "restarted, creates, other card",
    "held up: paid"
  ),
  story(
    "E1e: told of one that is outstanding",
    "answered: hard",
    "held up: paid",
    "another process, recovers, same card, tells the number"
  ),
  story(
    "E1e: guesses one that is outstanding",
    "answered: hard",
    "held up: paid",
    "another process, recovers, same card, says nothing"
  ),
  story(
    "E3: a decline between two creates",
    "answered: soft",
    "1 hour",
    "another process, creates, same card",
    "answered: soft",
    "1 hour",
    "another process, creates, same card",
    "held up: paid"
  ),
  story(
    "E4: a slow clock makes an old decline new",
    "answered: soft",
    "another process, creates, same card",
    "clock 20 minutes slow",
    "held up: paid"
  ),
  story("E5: a fast clock makes a new decline old", "clock 20 minutes fast", "reset: soft"),
  story("E8: a stranger waits for the end", "lost", "answered: declines later", "another process, awaits"),
  story("E9: a card that was never declined", "answered: hard", "same process, recovers, other card, says nothing"),
  story("E11: recovered, and paid to another card", "another process, recovers, other card, tells the number"),
  story("E11: created, and paid to another card", "another process, creates, other card"),
  story(
    "a decline of another process, between two calls of ours",
    "held up: paid",
    "another process, recovers, same card, tells the number",
    "answered: soft",
    "3 seconds",
    "another process, recovers, same card, says nothing"
  ),
  story(
    "a guess is all that the evidence has of a create, and nothing was sent since",
    "held up: paid",
    "another process, recovers, same card, says nothing",
    "answered: soft",
    "3 seconds",
    "restarted, recovers, same card, hands over both"
  ),
  story(
    "a number that was told before, and nothing now",
    "lost",
    "another process, recovers, same card, tells the number",
    "answered: soft",
    "same process, recovers, same card, says nothing"
  ),
  story(
    "a number that ends a doubt, of a card that was declined for good",
    "answered: hard",
    "held up: paid",
    "another process, recovers, same card, tells the number",
    "answered: hard"
  ),
  story(
    "a claim, and our own decline from just before",
    "patient",
    "reset: hard",
    "lookup lost",
    "crossed 133: paid",
    "lookup lags"
  ),
  story("the same, softly declined", "patient", "reset: soft", "lookup lost", "crossed 133: paid", "lookup lags"),
  story("a claim, and an old decline", "old decline", "crossed 133: paid", "lookup lags"),
  story("E14: the horizon ends the doubt", "lost", "answered: hard"),
  story("E15: one create, accepted", "answered: pays later")
]
