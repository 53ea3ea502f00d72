/**
 * The page that `--help` prints: one for every command, because they share their options. `@effect/cli`'s own page has
 * four lines per option, most of which say that text is text.
 */
import * as BillwerkConfig from "../provider/BillwerkConfig.js"
import { meanings } from "./ExitCode.js"
import * as Layout from "./Layout.js"

export const commands = {
  demo: "Plays all that can happen to a payout, against the simulated provider. It moves no money.",
  create: "Pays out once, also if an answer is lost.",
  recover: "Pays out what may have been sent before: asks the provider first.",
  await: "Waits until a payout is paid or has failed. It only looks, and needs the same request as recover.",
  batch: "Pays the rows of a file. Killed at any moment, it goes on when it is run again.",
  get: "Shows the provider's record. It moves no money and ends no payout.",
  list: "Shows the provider's records of a window of time, newest first. It moves no money.",
  reconcile: "Compares your books with what the provider has. It moves no money.",
  doctor: "Asks the account what decides whether payouts can succeed, and says what to do. It only reads.",
  probe: "Pays test amounts on a test account, and prints as JSON what the provider does.",
  sandbox: "Serves the simulated provider over HTTP, for any language, with a page to watch it and to script faults.",
  policy: "Prints when the standard policy sends a request again."
} as const

/** The commands about the payouts of a durable engine. */
export const durableCommands = {
  "durable list":
    "Lists the unfinished payouts of a durable engine's database, and what may have moved. It asks nobody else.",
  "durable show": "Shows all durable payouts of a handle, ended ones too (durable show <handle>).",
  "durable retry": "Takes up one that has ended, by its handle: it asks first, and may send again.",
  "durable assess": "Takes up one that has ended, by its handle: it only asks, and stores what it finds.",
  "durable wake":
    "Wakes one (durable wake <handle>, which ends its pause or looks its payout up), or with --all all that wait."
} as const

/** The options that make a request. */
export const request = {
  handle: "The payout's unique reference, and its only idempotency key.",
  destination: "A saved payment method, ca_... (a card token, ct_..., only with --file).",
  amount: "Minor units: 12500 is 125.00 DKK.",
  currency: "Three capital letters of ISO 4217.",
  customer: "The handle of an existing customer.",
  text: "Free text on the payout.",
  "text-on-statement": "Printable ASCII, for the receiver's bank statement.",
  "acquirer-reference": "The provider highly recommends leaving it out.",
  file: "The whole request as JSON instead, from a file, or from standard input: --file -"
} as const

/** The options of a call. */
export const call = {
  live: "Pays real money, with the key in BILLWERK_API_KEY (at BILLWERK_BASE_URL, if set).",
  sandbox: "Simulates. This is the default without a key; with a key, give --live or --sandbox.",
  "test-amounts": "Sandbox only: certain amounts fail, see below.",
  policy:
    "When to send again: standard, interactive (ends within 10 seconds), or none: one create, and a lookup if it is unclear.",
  json: "One JSON object on standard output, and nothing else there; list, durable list, reconcile: one a line."
} as const

/** The options that choose the payouts of a list. */
export const list = {
  from: "By creation, inclusive: 2026-10-01 or 2026-10-01T08:30 is local time of the account.",
  to: "Exclusive. With an offset, both are moments: 2026-10-01T08:30:00Z.",
  state: "created, processing, failed or paid; may be given several times.",
  customer: "The customer's handle.",
  currency: "Three capital letters of ISO 4217; may be given several times.",
  "handle-prefix": "The beginning of the handle."
} as const

/** The options of a reconciliation. */
export const reconcile = {
  file: "Your books, or a batch's results: CSV or NDJSON with handle, amount, currency; standard input: --file -",
  from: "With --to: the window of the provider's list, as for list. Rows outside of it are looked up.",
  to: "Without a window, each row is looked up, and nothing is said of payouts that the file lacks.",
  currency: "With a window: as for list. Rows that it does not select are looked up.",
  "handle-prefix": "With a window: as for list, so that other batches are not named as payouts that the file lacks."
} as const

/** The options of `doctor`. */
export const doctor = {
  "payment-method": "A saved payment method (ca_...) to ask about.",
  currency: "The currency to pay in. Default: the account's own."
} as const

/** Where the evidence is, and what the caller tells `recover` in addition. */
export const evidence = {
  evidence: "The file with the evidence. Default: payout-<handle>.evidence.json in this folder.",
  "outstanding-creates": "recover, await: how many creates were sent that the evidence does not have.",
  "last-sent-at": "recover, await: when the latest of these was sent, such as 2026-01-31T23:59:00Z.",
  "other-account": "The file is of this account, and only the key or the address is new."
} as const

/** How long to wait for the end. */
const waiting = {
  for: 'await: how long to wait at most, such as "10 minutes". Default: 1 hour.'
} as const

export { waiting as await }

/** The options of a batch. */
export const batch = {
  rows: "CSV with a line of names, or NDJSON; from standard input: --file - (with --journal, for real money).",
  yes: "Pays without asking. Without it, a terminal asks after the preview.",
  journal: "The batch's record, which the next run needs. Default: <file>.journal.ndjson.",
  results: "How each row ended, CSV or NDJSON by its name. Default: <file>.results.csv or .ndjson.",
  "stop-in-doubt": "Begin no more once more minor units are in doubt: 500000, or DKK=500000,EUR=70000.",
  "stop-after-failures": "Begin no more after so many failures one after the other.",
  "skip-invalid": "Leaves invalid and doubled rows out. Without it, they refuse the whole file.",
  "retry-failed": "Tries rows again that certainly moved nothing, save those that were declined for good.",
  "leave-missing": "Sends new rows although rows in doubt are on record that the file lacks.",
  "may-be-sent": "Something else may have sent rows that are not done: looks each one up first.",
  "other-account": "The journal is of this account, and only the key is new."
} as const

/** The options of the commands about durable payouts. */
export const durable = {
  sqlite: "The engine's SQLite file. The process that runs its payouts may be at work.",
  postgres: "A PostgreSQL database, by its URL in PAYOUTS_POSTGRES_URL (never on the command line).",
  prefix: "The engine's table prefix. Default: cluster.",
  "in-doubt": "durable list: all that may have moved money, ended ones too.",
  execution: "durable retry, durable assess: which one, if several payouts of the handle have ended.",
  all: "durable wake: all that wait, when the cause is gone. durable assess: all that have ended, after a restore."
} as const

/** The options of the simulated provider as a server. */
export const sandbox = {
  port: "Default: 8080. 0 picks a free one. The address is printed on standard output.",
  host: "Default: 127.0.0.1. Any other address lets other machines in: there is no TLS, and no login to the page.",
  "allow-host":
    "A name that requests may call the server by, such as that of its container; may be given several times.",
  state: "A file that keeps the ledger over a restart. It is for its owner only.",
  limits: "Keeps the provider's documented request limits: 10 creates and 25 reads a second.",
  "test-amounts": "Certain amounts fail, see below.",
  observed: "Behaves as a probe saw the provider: the file that probe printed.",
  "key-file":
    "The private key to accept, in a file. Default: the sandbox's own, which is printed and opens nothing else.",
  webhooks: "Posts a signed webhook for each attempt that ends to this URL (that there is one is made up).",
  "webhook-secret-file": "The secret that signs them, in a file."
} as const

export const version = BillwerkConfig.userAgentDefault.replace(/^.*\//, "")

const { rows: _, ...batchOptions } = batch

const sections = [
  ["commands", [...Object.entries(commands), ...Object.entries(durableCommands)]],
  ["the request, for create, recover and await (get: --handle only)", dashed(request)],
  ["the window and the selection, for list", dashed(list)],
  ["your books, for reconcile", dashed(reconcile)],
  ["what to ask about, for doctor; and where to pay, for probe", dashed(doctor)],
  ["the call, for create, recover, await, batch, get, list, reconcile, doctor and probe", dashed(call)],
  ["the evidence, for create, recover and await", dashed({ ...evidence, ...waiting })],
  ["the batch", [["--file", batch.rows], ...dashed(batchOptions)]],
  ["the database, for the durable commands (--json as well)", dashed(durable)],
  ["the simulated provider, for sandbox", dashed(sandbox)],
  [
    "evidence",
    [
      ["create --live", "writes the file before it sends, and keeps it if money may have moved or may still move."],
      ["recover --live", "reads the file and updates it. Delete it when the payout is booked."],
      ["no file", "recover assumes one outstanding create: a failure is in doubt until 6 hours have passed."],
      ["another's file", "The evidence of your own program's error: recover assumes one more outstanding create."],
      ["another account", "Its file is refused, and so is another key's or address's: use that key and address."],
      ["in the sandbox", "there is no file, unless --evidence names one. No file holds a key, a card or a customer."]
    ]
  ],
  ["exit codes", meanings],
  [
    "in the sandbox",
    [
      ["provider", "Nothing leaves this machine: each command simulates a new provider."],
      ["--test-amounts", "1001 is a processing error, 2001 a soft decline, 3001 a hard decline; 12500 is paid."]
    ]
  ],
  [
    "examples",
    [
      ["pay", "npx effect-billwerk-payouts create --handle prize-1 --destination ca_1 --amount 12500 --currency DKK"],
      ["script", "npx effect-billwerk-payouts create --file - --json < request.json"],
      ["after exit 5 or 3", "npx effect-billwerk-payouts recover --live ... the same request, in the same folder"],
      [
        "batch",
        "npx effect-billwerk-payouts batch --live --file prizes.csv --stop-in-doubt DKK=500000; again, if it was killed"
      ],
      ["before the first", "npx effect-billwerk-payouts doctor --live --currency DKK"],
      [
        "serve",
        "npx effect-billwerk-payouts sandbox --port 8080 --state sandbox.json; then open http://127.0.0.1:8080/"
      ],
      ["after exit 3", "npx effect-billwerk-payouts await --live ... the same request, in the same folder"],
      ["look up", "npx effect-billwerk-payouts get --live --handle prize-1"],
      ["what waits", "npx effect-billwerk-payouts durable list --sqlite payouts.sqlite"],
      ["compare", "npx effect-billwerk-payouts reconcile --live --file expected.csv --from 2026-10-01 --to 2026-11-01"],
      ["October", "npx effect-billwerk-payouts list --live --from 2026-10-01 --to 2026-11-01 --json > october.ndjson"]
    ]
  ]
] as const satisfies ReadonlyArray<readonly [title: string, rows: ReadonlyArray<readonly [string, string]>]>

function dashed(options: Readonly<Record<string, string>>): ReadonlyArray<readonly [string, string]> {
  return Object.entries(options).map(([name, description]) => [`--${name}`, description] as const)
}

const width = 22

export const page: string = [
  `payout ${version}: pays money out through Billwerk+ (now Frisbii), and says whether it moved.`,
  "",
  "usage: npx effect-billwerk-payouts <command> [options]",
  ...sections.flatMap(([title, rows]) => [
    "",
    title,
    ...Layout.indent(
      rows.map(([name, text]) => name.padEnd(width) + text),
      2
    )
  ])
].join("\n")

/** Whether a command has an option of this name, with its dashes. */
export const isOption = (name: string): boolean => name.startsWith("--") && page.includes(`\n  ${name} `)
