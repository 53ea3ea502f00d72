/** The evidence that a command keeps is of one account, and says nothing about another one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { Exposure } from "effect-billwerk-payouts"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { inVirtualTime } from "../disk.js"
import { flags, folderOf, live, payout } from "./support.js"

const name = "payout-prize-1.evidence.json"
const newKey = "priv_another_0123456789abcdef0123456789abcdef"

interface Account {
  readonly sandbox: Sandbox.Service
  readonly env: Readonly<Record<string, string>>
  readonly folder: string
}

/** Accounts of one folder: the first, one of another key, and one at another address. */
const accounts = Effect.gen(function* () {
  const sandbox = yield* Sandbox.make()
  const folder = folderOf(sandbox)
  const first: Account = { sandbox, env: live, folder }
  const others: ReadonlyArray<Account> = [
    {
      sandbox: yield* Sandbox.make({ apiKey: Redacted.make(newKey) }),
      env: { BILLWERK_API_KEY: newKey },
      folder
    },
    { sandbox: yield* Sandbox.make(), env: { ...live, BILLWERK_BASE_URL: "https://gateway.example.com" }, folder }
  ]
  return { first, others }
})

const run = (account: Account, command: "create" | "recover" | "await", ...args: ReadonlyArray<string>) =>
  inVirtualTime(payout([command, ...flags(), "--live", ...args], account))

/** A create that is carried out, and whose answer is lost. The file stays. */
const lost = (account: Account, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* account.sandbox.script(
      Script.dropAfterCommit.pipe(Script.onCreate),
      Script.dropBeforeCommit.pipe(Script.onLookup)
    )
    const { code, out } = yield* run(account, "create", "--policy", "none", ...args)
    assert.strictEqual(code, 5)
    return out.join()
  })

/** The same account behind a gateway that has the account's new key. */
const takingAnyKey = (sandbox: Sandbox.Service): Sandbox.Service => ({
  ...sandbox,
  receive: (incoming) => sandbox.receive({ ...incoming, headers: { ...incoming.headers, authorization } })
})
const authorization = `Basic ${btoa(`${Redacted.value(Sandbox.apiKey)}:`)}`

const moved = ({ sandbox }: Account) => Effect.map(sandbox.ledger, (ledger) => Ledger.moved(ledger, "prize-1"))
const textOf = ({ folder }: Account, file = name) => readFileSync(path.join(folder, file), "utf8")
const write = ({ folder }: Account, file: string, held: unknown) =>
  writeFileSync(path.join(folder, file), JSON.stringify(held))

const refusal = (file = name) =>
  `payout: ${file} was not used: it is of another account, or of another key. If it is the same account with a new key, ` +
  "say so: --other-account. Otherwise give the key and the address of the account that it is of (BILLWERK_API_KEY, " +
  "BILLWERK_BASE_URL); nothing was sent"

const refuses = (account: Account, command: "create" | "recover" | "await", file = name) =>
  Effect.gen(function* () {
    const before = textOf(account, file)
    const { code, err, out } = yield* run(account, command, "--evidence", file)
    assert.deepStrictEqual([code, out, err.at(-1)], [2, [], refusal(file)])
    assert.deepStrictEqual([yield* account.sandbox.exchanges, textOf(account, file)], [[], before])
  })

describe("the account of an evidence file", () => {
  it.effect("is the only one that recovers, waits or pays with it", () =>
    Effect.gen(function* () {
      const { first, others } = yield* accounts
      yield* lost(first)
      for (const other of others) {
        for (const command of ["recover", "await", "create"] as const) yield* refuses(other, command)
      }
      const { code, out } = yield* run(first, "recover")
      assert.deepStrictEqual([code, out[0]], [0, "Paid prize-1, 12500 minor units of DKK"])
      assert.strictEqual(yield* moved(first), 12_500)
    })
  )

  it.effect("is the only one that tries again with the file of a settled call", () =>
    Effect.gen(function* () {
      const { first, others } = yield* accounts
      yield* first.sandbox.always(Script.softDeclined())
      // Without an account, as another program states it, it serves all. Then it is the first one's.
      write(first, name, Exposure.empty("prize-1"))
      assert.strictEqual((yield* run(first, "create")).code, 4)
      for (const other of others) yield* refuses(other, "create")
      assert.strictEqual((yield* run(first, "create")).code, 4)
    })
  )

  it.effect("is another key's or another address's, once the caller says that it is the same account", () =>
    Effect.gen(function* () {
      const { first, others } = yield* accounts
      yield* lost(first)
      for (const { env } of others) {
        const renamed: Account = { ...first, env, sandbox: takingAnyKey(first.sandbox) }
        for (const command of ["recover", "await"] as const) {
          assert.strictEqual((yield* run(renamed, command)).code, 2)
          assert.strictEqual((yield* run(renamed, command, "--other-account")).code, 0)
          assert.strictEqual((yield* run(renamed, command)).code, 0)
          assert.strictEqual((yield* run(first, command)).code, 2)
          assert.strictEqual((yield* run(first, command, "--other-account")).code, 0)
        }
      }
      assert.strictEqual(yield* moved(first), 12_500)
    })
  )

  it.effect("is in the report of --json too, and not in the error of another program", () =>
    Effect.gen(function* () {
      const { first, others } = yield* accounts
      const report = JSON.parse(yield* lost(first, "--json"))
      assert.strictEqual(report.account, JSON.parse(textOf(first)).account)
      assert.match(report.account, /^[0-9a-f]{16}$/)
      for (const other of others) {
        write(first, "report.json", report)
        for (const command of ["recover", "await", "create"] as const) yield* refuses(other, command, "report.json")
        for (const held of [report.error, report.error.evidence]) {
          write(first, "error.json", held)
          assert.strictEqual((yield* run(other, "await", "--evidence", "error.json")).code, 5)
        }
      }
      const { code, out } = yield* run(first, "recover", "--evidence", "report.json", "--json")
      assert.deepStrictEqual([code, JSON.parse(out.join()).account], [0, report.account])
    })
  )

  it.live("does not exist in the sandbox, whose provider is a new one with each command", () =>
    Effect.gen(function* () {
      const folder = folderOf(yield* Sandbox.make())
      const call = ["create", ...flags({ amount: 1001 }), "--test-amounts", "--policy", "none", "--evidence", name]
      const { out } = yield* payout([...call, "--json"], { folder })
      assert.notProperty(JSON.parse(out.join()), "account")
      assert.notProperty(JSON.parse(readFileSync(path.join(folder, name), "utf8")), "account")
      const again = ["recover", ...flags({ amount: 1001 }), "--policy", "none", "--evidence", name]
      assert.strictEqual((yield* payout(again, { folder })).code, 15)
    })
  )
})
