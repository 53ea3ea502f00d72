/**
 * The faults that a person, or a program in any language, can script by a name: a selection of `Script`, with the words
 * for each.
 */
import * as Duration from "effect/Duration"
import * as Acquirer from "../Acquirer.js"
import * as Script from "../Script.js"

/** A fault. Its `name` is that of its constructor in `Script`, with its options where it has any. */
export interface Fault {
  readonly name: string
  readonly group: Group
  readonly title: string
  /** What happens, for a person. */
  readonly says: string
  readonly step: Script.Step
}

export type Group = "The answer is lost" | "The provider fails" | "The acquirer decides" | "A lookup misleads"

const later = Duration.seconds(10)

const fault = (group: Group, name: string, title: string, says: string, step: Script.Step): Fault => ({
  name,
  group,
  title,
  says,
  step
})

const onCreate = (group: Group, name: string, title: string, says: string, step: Script.Step): Fault =>
  fault(group, name, title, says, Script.onCreate(step))

const lost = "The answer is lost"
const fails = "The provider fails"
const decides = "The acquirer decides"
const misleads = "A lookup misleads"

/** A proxy's page, without the provider's JSON. */
const unavailable = Script.reply({
  status: 503,
  headers: { "content-type": "text/html" },
  body: "<!doctype html><title>503 Service Unavailable</title>"
})

export const faults: ReadonlyArray<Fault> = [
  onCreate(
    lost,
    "dropAfterCommit",
    "Carried out, then lost",
    "The provider pays. The connection closes without an answer.",
    Script.dropAfterCommit
  ),
  onCreate(
    lost,
    "dropBeforeCommit",
    "Lost before",
    "The connection closes. The provider has done nothing.",
    Script.dropBeforeCommit
  ),
  onCreate(
    lost,
    "executeLater",
    "Lost, and carried out later",
    "The connection closes at once. The provider pays 10 seconds later.",
    Script.executeLater(later)
  ),
  onCreate(
    lost,
    "hangAfterCommit",
    "Carried out, never answered",
    "The provider pays. Nothing ever comes.",
    Script.hangAfterCommit
  ),
  onCreate(
    lost,
    "truncated",
    "Answer cut off",
    "The provider pays. The answer ends in the middle of its body.",
    Script.truncated
  ),
  onCreate(
    fails,
    "apiError500",
    "500",
    "An internal error (code 2). Nothing was done.",
    Script.apiError({ status: 500, code: 2 })
  ),
  onCreate(
    fails,
    "apiError500AfterCommit",
    "500, but carried out",
    "The provider pays, and answers with an internal error.",
    Script.apiErrorAfterCommit({ status: 500, code: 2 })
  ),
  onCreate(fails, "reply503", "503", "A proxy answers with a page. Nothing was done.", unavailable),
  onCreate(
    fails,
    "apiError429",
    "429",
    "Too many requests (code 122), Retry-After 2. Nothing was done.",
    Script.apiError({ status: 429, code: 122, retryAfter: "2" })
  ),
  onCreate(
    fails,
    "htmlPage",
    "200 with a web page",
    "The provider pays. A portal puts its own page in place of the answer.",
    Script.htmlPage
  ),
  onCreate(decides, "hardDeclined", "hard_declined", "Declined for good. No money moves.", Script.hardDeclined()),
  onCreate(decides, "softDeclined", "soft_declined", "Declined for now. No money moves.", Script.softDeclined()),
  onCreate(
    decides,
    "processingError",
    "processing_error",
    "Failed on the way to the acquirer. No money moves.",
    Script.processingError()
  ),
  onCreate(
    decides,
    "processingErrorMoved",
    "processing_error that pays",
    "On record as failed. The money moves all the same, and the provider cannot see it.",
    Script.processingError({ moved: true })
  ),
  onCreate(
    decides,
    "processingThenPaid",
    "processing, then paid",
    "Accepted. Paid 10 seconds later.",
    Script.processing({ after: later })
  ),
  onCreate(
    decides,
    "processingThenDeclined",
    "processing, then declined",
    "Accepted. Declined for good 10 seconds later.",
    Script.processing({ after: later, as: Acquirer.hardDeclined() })
  ),
  onCreate(
    decides,
    "processing",
    "processing, until you settle it",
    "Accepted, and open until it is settled on the payout's page.",
    Script.processing()
  ),
  fault(
    misleads,
    "laggingRead",
    "Not found",
    "The next lookup does not see the payout, although it may exist.",
    Script.laggingRead
  ),
  fault(
    misleads,
    "staleRead",
    "An old record",
    "The next lookup shows the payout as it was before its latest attempt.",
    Script.staleRead
  )
]

/** Faults by their names. */
export const byName: ReadonlyMap<string, Fault> = new Map(faults.map((one) => [one.name, one]))
