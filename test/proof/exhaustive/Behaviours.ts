/**
 * What the provider, and whatever stands between it and us, can do to one exchange: the letters that scripts are made of.
 * At least one for each line of design.md's table, and for each way in which that line comes about.
 */
import { Acquirer, Script } from "effect-billwerk-payouts/testing"

const andLost = Script.and(Script.dropAfterCommit)
const hidden = Script.processingError({ moved: true })

const steps = {
  // It acts, and says so.
  paid: Script.normal,
  processing: Script.processing({ after: "10 minutes" }),
  hardDeclined: Script.hardDeclined(),
  softDeclined: Script.softDeclined(),
  processingError: Script.processingError(),
  hiddenSuccess: hidden,
  unknownErrorState: Script.unknownErrorState(),

  // It acts, and what comes back does not tell.
  dropAfterCommit: Script.dropAfterCommit,
  hangAfterCommit: Script.hangAfterCommit,
  status500AfterCommit: Script.status(500),
  htmlPage: Script.htmlPage,
  wrongHandle: Script.wrongHandle,
  wrongAmount: Script.wrongAmount(3),
  unknownState: Script.unknownState(),
  declinedAndLost: Script.hardDeclined().pipe(andLost),
  hiddenAndLost: hidden.pipe(andLost),
  processingAndLost: Script.processing({ after: "1 minute", as: Acquirer.hardDeclined() }).pipe(andLost),
  /** A proxy has sent the request twice, and hands on the second answer. */
  sentTwice: Script.apiErrorAfterCommit({ status: 400, code: 134 }),
  /** Connections are crossed, and 134 is what somebody else was told. */
  hiddenAndCrossed: hidden.pipe(Script.and(Script.apiErrorAfterCommit({ status: 400, code: 134 }))),

  // It acts when nobody waits for it any more.
  soon: Script.executeLater("20 seconds"),
  hiddenHoursLater: hidden.pipe(Script.and(Script.executeLater("2 hours"))),

  // It does nothing, and what comes back does not tell.
  connectionRefused: Script.connectionRefused,
  dropBeforeCommit: Script.dropBeforeCommit,
  status503: Script.reply({ status: 503, body: "<h1>Service Unavailable</h1>" }),
  redirect: Script.redirect(307, "https://example.com/"),
  unreadable400: Script.reply({ status: 400, body: "" }),

  // It does nothing, and says so; but 134 is not true, unless something earlier has made it so.
  status401: Script.apiError({ status: 401, code: 6 }),
  code40: Script.apiError({ status: 404, code: 40 }),
  code74: Script.apiError({ status: 400, code: 74 }),
  code134: Script.apiError({ status: 400, code: 134 }),
  code135: Script.apiError({ status: 400, code: 135 }),
  code136: Script.apiError({ status: 400, code: 136 }),
  rateLimited: Script.apiError({ status: 429, code: 122, retryAfter: "7" }),
  laggingRead: Script.laggingRead
} as const satisfies Readonly<Record<string, Script.Step>>

export type Name = keyof typeof steps

export type Kind = "Create" | "Lookup"

const isName = (name: string): name is Name => Object.hasOwn(steps, name)

/** Every behaviour. */
export const names: ReadonlyArray<Name> = Object.keys(steps).filter(isName)

/** Those that differ from another one in a word: they are of more use in short scripts than in long ones. */
const variants = new Set<Name>(["wrongHandle", "status503", "redirect", "status401", "code40", "code136"])

/** Every behaviour but the variants of others. */
export const core: ReadonlyArray<Name> = names.filter((name) => !variants.has(name))

/** The one that is nothing special. */
export const usual: Name = "paid"

export const stepOf = (name: Name): Script.Step => steps[name]

/** Whether it can happen to such an exchange. The others go by it. */
export const isFor = (name: Name, kind: Kind): boolean => (stepOf(name).parts.kind ?? kind) === kind

/** Names from a command line. Throws at one that there is not. */
export const parse = (text: string): ReadonlyArray<Name> =>
  text.split(",").map((name) => {
    if (!isName(name)) throw new Error(`There is no behaviour ${name}. There are: ${names.join(", ")}`)
    return name
  })
