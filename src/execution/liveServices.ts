/**
 * The services that live in this process. Two of them for one account know nothing of each other: calls for the same handle are
 * not joined, and what one has seen the other has not. The commonest way to get there is a layer that is built for each request.
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

/** Counts a service for as long as its scope is open, and logs the second one of an account, once in a process. */
export const announce = (name: string | undefined): Effect.Effect<void, never, Scope.Scope> =>
  name === undefined
    ? Effect.void
    : Effect.flatMap(Effect.acquireRelease(enter(name), leave), (account) => {
        if (account.services < 2 || account.isLogged) return Effect.void
        account.isLogged = true
        return log(
          Effect.logWarning(
            "A second Payouts service is live for the same account in this process. They do not know of each other's payouts: " +
              "provide one layer to the whole program, and do not build it for each request."
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
