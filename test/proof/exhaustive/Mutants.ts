/**
 * Clients that are wrong, each in one way, and for each a script that has to bring it to light. They stand between the
 * library and its client: seen from there, a mistake looks as if the library had made it.
 */
import { Effect } from "effect"
import type { Payout, Reply } from "effect-billwerk-payouts"
import type { Name } from "./Behaviours.js"
import { otherRequest, type Client } from "./World.js"

export interface Mutant {
  /** What it does wrong. */
  readonly name: string
  readonly wrap: (client: Client) => Client
  readonly script: ReadonlyArray<Name>
  readonly found: RegExp
}

const onReplies =
  (change: (reply: Reply.Reply) => Reply.Reply) =>
  (client: Client): Client => ({
    ...client,
    create: (request) => Effect.map(client.create(request), change),
    lookup: (handle, request) => Effect.map(client.lookup(handle, request), change)
  })

const onResponses = (change: (response: Reply.Response) => Reply.Response) =>
  onReplies((reply) => (reply._tag === "Response" ? change(reply) : reply))

const onPayouts = (change: (payout: Payout.Payout) => Payout.Payout) =>
  onResponses((response) =>
    response.body._tag === "PayoutBody"
      ? { ...response, body: { _tag: "PayoutBody", payout: change(response.body.payout) } }
      : response
  )

const onCreates =
  (change: (create: Effect.Effect<Reply.Reply>) => Effect.Effect<Reply.Reply>) =>
  (client: Client): Client => ({ ...client, create: (request) => change(client.create(request)) })

const refused = (response: Reply.Response): Reply.Response => ({
  ...response,
  status: 400,
  body: { _tag: "ApiError", code: 1 }
})

const failing =
  (errorState: string) =>
  (payout: Payout.Payout): Payout.Payout => ({
    ...payout,
    transactions: payout.transactions.map((one) => ({ ...one, errorState }))
  })

export const mutants: ReadonlyArray<Mutant> = [
  {
    name: "takes a lost request for one that was not sent",
    wrap: onReplies((reply) => (reply._tag === "NoResponse" ? { ...reply, sent: "NotSent" } : reply)),
    script: ["soon", "code135"],
    found: /^I3: NotMoved, but hours later 12500 has moved/
  },
  {
    name: "takes a request that was not sent for a lost one",
    wrap: onReplies((reply) => (reply._tag === "NoResponse" ? { ...reply, sent: "Unknown" } : reply)),
    script: ["connectionRefused"],
    found: /^model: Paid Moved 1\.\.1 CC .*, but it is Paid Moved 1\.\.1 CLC/
  },
  {
    name: "takes a 5xx for a refusal",
    wrap: onResponses((response) => (response.status >= 500 ? refused(response) : response)),
    script: ["status500AfterCommit"],
    found: /^exposure: 0\.\.0, but 12500 moved/
  },
  {
    name: "takes 134 for a refusal",
    wrap: onResponses((response) =>
      response.body._tag === "ApiError" && response.body.code === 134 ? refused(response) : response
    ),
    script: ["dropAfterCommit", "laggingRead", "laggingRead"],
    found: /^model: Paid Moved .*, but it is CommunicationError MayHaveMoved/
  },
  {
    name: "takes every 200 for a payment",
    wrap: onPayouts((payout) => ({ ...payout, state: "paid" })),
    script: ["hardDeclined"],
    found: /^I2: Paid, but the state is failed/
  },
  {
    name: "does not look whose payout it is",
    wrap: onPayouts((payout) => ({ ...payout, handle: otherRequest.handle })),
    script: ["wrongHandle"],
    found: /^model: Paid Moved 1\.\.1 CL .*, but it is Paid Moved 1\.\.1 C /
  },
  {
    name: "takes a processing error for a soft decline",
    wrap: onPayouts(failing("soft_declined")),
    script: ["hiddenSuccess", "hardDeclined"],
    found: /^exposure: 0\.\.0, but 12500 moved/
  },
  {
    name: "takes a hard decline for a soft one",
    wrap: onPayouts(failing("soft_declined")),
    script: ["hardDeclined", "hardDeclined"],
    found: /^resumed: I4: sent again after a hard decline/
  },
  {
    name: "does not ask, and says that there is no payout",
    wrap: (client) => ({
      ...client,
      lookup: () => Effect.succeed({ _tag: "Response", status: 404, body: { _tag: "ApiError", code: 137 } })
    }),
    script: ["dropAfterCommit"],
    found: /^I7: on record .*Lookup/
  },
  {
    name: "cannot ask",
    wrap: (client) => ({
      ...client,
      lookup: () => Effect.succeed({ _tag: "NoResponse", reason: "Transport", sent: "Unknown" })
    }),
    script: ["hardDeclined"],
    found: /^resumed: I15: it should be HardDeclined/
  },
  {
    name: "sends again what was lost, by itself",
    wrap: onCreates((create) =>
      Effect.flatMap(create, (reply) => (reply._tag === "NoResponse" ? create : Effect.succeed(reply)))
    ),
    script: ["dropBeforeCommit"],
    found: /^I7: on record Create,.*, but seen Create,.*; Create,/
  },
  {
    name: "sends something else the second time",
    wrap: (client) => {
      let sent = 0
      return {
        ...client,
        create: (request) => Effect.suspend(() => client.create(sent++ === 0 ? request : otherRequest))
      }
    },
    script: ["dropBeforeCommit", "laggingRead"],
    found: /^I5: 2 different bodies/
  },
  {
    name: "takes its time",
    wrap: onCreates(Effect.delay("6 minutes")),
    script: ["paid"],
    found: /^I6: it took 360000 ms/
  },
  {
    name: "leaves a timer behind",
    wrap: onCreates(Effect.tap(Effect.forkDaemon(Effect.sleep("1 hour")))),
    script: ["paid"],
    found: /^I12: 1 timers are left/
  }
]
