/**
 * The `Payouts` services that are live in this process. Two for one account share no memory: they do not join calls for
 * the same handle, and neither knows what the other saw. The usual cause is a layer that is built for each request.
 */
import * as Effect from "effect/Effect"
import { globalValue } from "effect/GlobalValue"
import type * as Scope from "effect/Scope"
import { log } from "../host/hostCode.js"

interface Account {
  services: number
  isLogged: boolean
}

const accounts = globalValue(Symbol.for("effect-billwerk-payouts/accounts"), () => new Map<string, Account>())

/** Counts a service while its scope is open. Logs the second service of an account once per account. */
export const announce = (name: string | undefined): Effect.Effect<void, never, Scope.Scope> =>
  name === undefined
    ? Effect.void
    : Effect.flatMap(Effect.acquireRelease(enter(name), leave), (account) => {
        if (account.services < 2 || account.isLogged) return Effect.void
        account.isLogged = true
        return log(
          Effect.logWarning(
            "A second Payouts service is live for the same account in this process. They do not know of each other's payouts: " +
              "provide one layer to the whole program. On Workers, which need a layer for each request, one payout is paid " +
              "at one place (docs/runtimes.md)."
          )
        )
      })

const enter = (name: string): Effect.Effect<Account> =>
  Effect.sync(() => {
    const account = accounts.get(name) ?? { services: 0, isLogged: false }
    account.services += 1
    accounts.set(name, account)
    return account
  })

const leave = (account: Account): Effect.Effect<void> =>
  Effect.sync(() => {
    account.services -= 1
  })
