/** `payout sandbox`: its options, its state over a restart, its webhooks, and its end. */
import { assert, describe, it } from "@effect/vitest"
import { FetchHttpClient } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Clock, Effect, Exit, Fiber, Redacted, Schedule } from "effect"
import { BillwerkClient, Payouts, RetryPolicy, Webhook } from "effect-billwerk-payouts"
import { Acquirer, Sandbox, SandboxWebhooks, Script } from "effect-billwerk-payouts/testing"
import { execFile, spawn } from "node:child_process"
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { hostname, tmpdir } from "node:os"
import * as path from "node:path"
import * as SandboxFile from "../../src/cli/SandboxFile.js"
import * as Help from "../../src/cli/Help.js"
import { bundle } from "../proof/bundle.js"
import { requestOf } from "../support.js"
import { capturing, payout, program } from "./support.js"

const handle = "prize-2026-0042"
const key = Redacted.value(Sandbox.apiKey)
const headers = {
  authorization: `Basic ${Buffer.from(`${key}:`).toString("base64")}`,
  "content-type": "application/json"
}

const folderScoped = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "payout-sandbox-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** Runs the command, and waits for its address. */
const started = (args: ReadonlyArray<string>, folder: string) =>
  Effect.gen(function* () {
    const { ran, run } = yield* capturing(program(["sandbox", "--port", "0", ...args], { folder }))
    const fiber = yield* Effect.fork(run)
    const address = Effect.sync(() => ran(Exit.void).out[0]).pipe(Effect.delay("20 millis"))
    const url = yield* Effect.repeat(address, {
      until: (url) => url !== undefined || fiber.unsafePoll() !== null
    })
    return { fiber, ran, url: url ?? assert.fail(JSON.stringify(ran(yield* Fiber.await(fiber)))) }
  })

/** Runs the command until the test has used its server, and then interrupts it, as a signal does. */
const serving = <A, E, R>(
  args: ReadonlyArray<string>,
  use: (url: string) => Effect.Effect<A, E, R>,
  folder = tmpdir()
) =>
  Effect.gen(function* () {
    const { fiber, ran, url } = yield* started(args, folder)
    const used = yield* use(url)
    return { used, ran: ran(yield* Fiber.interrupt(fiber)) }
  })

const send = (url: string, body?: unknown) =>
  Effect.promise(async () => {
    const answer = await fetch(
      url,
      body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) }
    )
    const text = await answer.text()
    return { status: answer.status, text, json: text === "" ? {} : JSON.parse(text) }
  })

const create = { handle, destination: "ca_fcfac2016614418f969fa5697383e47c", amount: 12_500, currency: "DKK" }
const encoded = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** The amounts of all movements in a state file. */
const movementsIn = (file: string): ReadonlyArray<number> =>
  JSON.parse(readFileSync(file, "utf8")).movements.map(({ amount }: { readonly amount: number }) => amount)

const token = "ct_0123456789abcdef0123456789abcdef"

describe("payout sandbox", () => {
  it.live("prints its address on standard output, all else on standard error, and ends with 0 when it is stopped", () =>
    Effect.gen(function* () {
      const { ran, used } = yield* serving([], (url) => Effect.as(send(`${url}/sandbox/ledger`), url))
      assert.deepStrictEqual([ran.code, ran.out], [0, [used]])
      assert.match(used, /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.deepStrictEqual(ran.err, [
        "SANDBOX: the simulated provider; no money moves. Ctrl-C stops it.",
        `  page   ${used}/`,
        `  API    ${used}/v1/payout`,
        `  key    ${key} (it opens nothing else)`,
        "SANDBOX: stopped"
      ])
      assert.isTrue(
        yield* Effect.promise(() =>
          fetch(used).then(
            () => false,
            () => true
          )
        )
      )
    }).pipe(Effect.scoped)
  )

  it.live("pays once for the library behind a fault that was scripted over HTTP", () =>
    Effect.gen(function* () {
      const { used } = yield* serving([], (url) =>
        Effect.gen(function* () {
          yield* send(`${url}/sandbox/faults`, { fault: "dropAfterCommit" })
          const client = yield* BillwerkClient.make({ apiKey: Sandbox.apiKey, baseUrl: url })
          const service = yield* Effect.provideService(
            Payouts.make({ policy: RetryPolicy.interactive }),
            BillwerkClient.BillwerkClient,
            client
          )
          const paid = yield* service.create(requestOf())
          return [paid._tag, paid.attempts.length, (yield* send(`${url}/sandbox/ledger`)).json.sums]
        }).pipe(Effect.provide(FetchHttpClient.layer))
      )
      assert.deepStrictEqual(used, ["Paid", 2, [{ currency: "DKK", onRecord: 12_500, moved: 12_500, inDoubt: 0 }]])
    }).pipe(Effect.scoped)
  )

  it.live("keeps its state over a restart, for its owner only, without a token and without a key", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      const args = ["--state", "sandbox.json"]
      const byToken = { ...create, handle: "by-token", destination: token, customer_handle: "c-1" }
      const first = yield* serving(
        args,
        (url) =>
          Effect.gen(function* () {
            yield* send(`${url}/v1/payout`, byToken)
            yield* send(`${url}/sandbox/faults`, { fault: "processing" })
            yield* send(`${url}/v1/payout`, create)
            return (yield* send(`${url}/v1/payout/${handle}`)).text
          }),
        folder
      )
      assert.include(first.ran.err, "  state  sandbox.json, with 0 payouts")
      const file = path.join(folder, "sandbox.json")
      assert.strictEqual(statSync(file).mode & 0o777, 0o600)
      for (const secret of [token, token.slice(3), key, key.slice(5)])
        assert.notInclude(readFileSync(file, "utf8"), secret)
      const second = yield* serving(
        args,
        (url) =>
          Effect.gen(function* () {
            const looked = yield* send(`${url}/v1/payout/${handle}`)
            const used = yield* send(`${url}/v1/payout`, { ...byToken, handle: "again" })
            yield* send(`${url}/sandbox/settle`, { handle, as: "paid" })
            return [looked.text, used.json.code, (yield* send(`${url}/v1/payout/${handle}`)).json.state]
          }),
        folder
      )
      assert.include(second.ran.err, "  state  sandbox.json, with 2 payouts")
      assert.deepStrictEqual(second.used, [first.used, 103, "paid"])
      const { used } = yield* serving(args, (url) => send(`${url}/sandbox/payout?handle=${handle}`), folder)
      assert.deepStrictEqual(
        used.json.timeline.map(({ title }: { title: string }) => title),
        ["Create", "Lookup", "Lookup", "Settled: paid", "Money moved", "Lookup"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("keeps what was carried out without an answer", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      yield* serving(
        ["--state", "s.json"],
        (url) =>
          Effect.gen(function* () {
            yield* send(`${url}/sandbox/faults`, { fault: "hangAfterCommit" })
            yield* Effect.timeoutOption(
              Effect.promise((signal) =>
                fetch(`${url}/v1/payout`, { method: "POST", headers, body: JSON.stringify(create), signal }).catch(
                  () => {}
                )
              ),
              "300 millis"
            )
          }),
        folder
      )
      const { used } = yield* serving(["--state", "s.json"], (url) => send(`${url}/v1/payout/${handle}`), folder)
      assert.strictEqual(used.json.state, "paid")
    }).pipe(Effect.scoped)
  )

  it.live("keeps what happens without a request: a create that arrives late", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folderScoped, "s.json")
      const bare = yield* Sandbox.make()
      const { sandbox } = yield* SandboxFile.keep(bare, file)
      yield* sandbox.script(Script.executeLater("300 millis"))
      yield* sandbox.receive({ method: "POST", path: "/v1/payout", headers, body: encoded(create) })
      assert.deepStrictEqual(JSON.parse(readFileSync(file, "utf8")).payouts, [])
      yield* Effect.repeat(
        Effect.delay(
          Effect.sync(() => JSON.parse(readFileSync(file, "utf8")).movements.length),
          "50 millis"
        ),
        { until: (length) => length === 1 }
      )
    }).pipe(Effect.scoped, Effect.timeout("10 seconds"), Effect.provide(NodeContext.layer))
  )

  for (const [who, tells] of [
    [
      "a lookup",
      (sandbox: Sandbox.Service) =>
        sandbox.receive({ method: "GET", path: `/v1/payout/${handle}`, headers, body: new Uint8Array() })
    ],
    ["the page's ledger", (sandbox: Sandbox.Service) => sandbox.ledger],
    ["the page's timeline", (sandbox: Sandbox.Service) => sandbox.exchanges],
    ["a refusal to settle", (sandbox: Sandbox.Service) => Effect.ignore(sandbox.settle("another", Acquirer.paid))]
  ] as const) {
    it.live(`has a late payment in its file before ${who} tells of it`, () =>
      Effect.gen(function* () {
        const file = path.join(yield* folderScoped, "s.json")
        const { sandbox } = yield* SandboxFile.keep(yield* Sandbox.make(), file)
        yield* sandbox.script(Script.executeLater("100 millis"))
        yield* sandbox.receive({ method: "POST", path: "/v1/payout", headers, body: encoded(create) })
        yield* Effect.sleep("150 millis")
        assert.deepStrictEqual(movementsIn(file), [])
        yield* tells(sandbox)
        assert.deepStrictEqual(movementsIn(file), [12_500])
      }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
    )
  }

  it.live("has a settlement in its file before the webhook of it is posted", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folderScoped, "s.json")
      const { sandbox } = yield* SandboxFile.keep(yield* Sandbox.make(), file)
      const seen: Array<ReadonlyArray<number>> = []
      const receiver = () =>
        Effect.sync(() => {
          seen.push(movementsIn(file))
          return 204
        })
      const webhooks = yield* SandboxWebhooks.make({ secret: Redacted.make("secret"), receiver }).pipe(
        Effect.provideService(Sandbox.Sandbox, sandbox)
      )
      yield* sandbox.script(Script.processing({ after: "100 millis" }))
      yield* sandbox.receive({ method: "POST", path: "/v1/payout", headers, body: encoded(create) })
      yield* webhooks.awaitSent(1)
      assert.deepStrictEqual(seen, [[12_500]])
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.live("takes a client that leaves before the file has its payout for one that was not told", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folderScoped, "s.json")
      const { sandbox } = yield* SandboxFile.keep(yield* Sandbox.make(), file)
      const paying = yield* Effect.fork(
        sandbox.receive({ method: "POST", path: "/v1/payout", headers, body: encoded(create) })
      )
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(paying)
      assert.deepStrictEqual(
        (yield* sandbox.exchanges).map(({ deed, ending }) => [deed._tag, ending]),
        [["Attempted", "Abandoned"]]
      )
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.live("refuses a state whose money cannot be, and leaves the file as it is", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      const file = path.join(folder, "s.json")
      yield* serving(
        ["--state", "s.json"],
        (url) =>
          Effect.gen(function* () {
            yield* send(`${url}/sandbox/faults`, { fault: "processingErrorMoved" })
            yield* send(`${url}/v1/payout`, create)
            yield* send(`${url}/v1/payout`, create)
            yield* send(`${url}/sandbox/faults`, { fault: "processing" })
            yield* send(`${url}/v1/payout`, { ...create, handle: "open" })
          }),
        folder
      )
      const whole = readFileSync(file, "utf8")
      const { movements } = JSON.parse(whole)
      const [hidden, shown] = movements
      for (const wrong of [
        whole.replaceAll("12500", "-12500"),
        whole.replaceAll("12500", "12500.5"),
        ...[
          [],
          [hidden],
          [...movements, shown],
          [...movements, { ...shown, transaction: "another" }],
          [hidden, { ...shown, amount: 1 }],
          [hidden, { ...shown, handle: "open" }],
          [hidden, { ...shown, hidden: true }],
          [{ ...hidden, hidden: false }, shown]
        ].map((movements) => JSON.stringify({ ...JSON.parse(whole), movements }))
      ]) {
        writeFileSync(file, wrong)
        const { code, err } = yield* payout(["sandbox", "--port", "0", "--state", "s.json"], { folder })
        assert.deepStrictEqual(
          [code, err],
          [2, ["payout: s.json does not hold the state of a sandbox of this version"]],
          wrong
        )
        assert.strictEqual(readFileSync(file, "utf8"), wrong)
      }
      writeFileSync(file, whole)
      const { ran } = yield* serving(["--state", "s.json"], (url) => send(`${url}/sandbox/ledger`), folder)
      assert.include(ran.err, "  state  s.json, with 2 payouts")
    }).pipe(Effect.scoped)
  )

  it.live("refuses a state file that another server has, by any name, until that one ends", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      symlinkSync(folder, path.join(folder, "link"))
      const { used } = yield* serving(
        ["--state", "s.json"],
        (url) =>
          Effect.gen(function* () {
            const second = yield* payout(["sandbox", "--port", "0", "--state", "link/s.json"], { folder })
            yield* send(`${url}/v1/payout`, create)
            return second
          }),
        folder
      )
      assert.deepStrictEqual(
        [used.code, used.out, used.err],
        [2, [], ["payout: link/s.json is in use by another sandbox server: end that one, or name another file"]]
      )
      assert.deepStrictEqual(readdirSync(folder).sort(), ["link", "s.json"])
      const next = yield* serving(["--state", "s.json"], (url) => send(`${url}/v1/payout/${handle}`), folder)
      assert.strictEqual(next.used.json.state, "paid")
    }).pipe(Effect.scoped)
  )

  it.live("takes a lock that nothing touches, although a process has its number by now", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      const left = JSON.stringify({ host: hostname(), pid: process.pid, nonce: 1 })
      writeFileSync(path.join(folder, "s.json.lock"), left)
      const { ran } = yield* serving(["--state", "s.json"], (url) => send(`${url}/v1/payout`, create), folder)
      assert.deepStrictEqual([ran.code, readdirSync(folder)], [0, ["s.json"]])
    }).pipe(Effect.scoped)
  )

  it.live("answers no create, and ends, when another server has taken its file over", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      const { fiber, ran, url } = yield* started(["--state", "s.json"], folder)
      writeFileSync(path.join(folder, "s.json.lock"), "another's")
      const answer = yield* Effect.promise(() =>
        fetch(`${url}/v1/payout`, { method: "POST", headers, body: JSON.stringify(create) }).then(
          ({ status }) => status,
          () => "lost"
        )
      )
      const { code, err } = ran(yield* Fiber.await(fiber))
      assert.deepStrictEqual(
        [answer, code, err.at(-1)],
        ["lost", 2, "payout: s.json belongs to another sandbox server now: its lock is not this server's any more"]
      )
      assert.deepStrictEqual(movementsIn(path.join(folder, "s.json")), [])
      assert.strictEqual(readFileSync(path.join(folder, "s.json.lock"), "utf8"), "another's")
    }).pipe(Effect.scoped)
  )

  it.live("removes the drafts of its state that a killed server left, and no other file", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      const others = ["other.json.1.tmp", "s.json.note.tmp", "s.jsonx.1.tmp"]
      for (const name of [...others, "s.json.17.tmp", "s.json.lock.4.tmp"]) writeFileSync(path.join(folder, name), "{}")
      yield* serving(["--state", "s.json"], (url) => send(`${url}/sandbox/ledger`), folder)
      assert.deepStrictEqual(readdirSync(folder).sort(), [...others, "s.json"].sort())
    }).pipe(Effect.scoped)
  )

  it.live("loses an answer, and ends, when the state cannot be written any more", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      const within = path.join(folder, "within")
      mkdirSync(within)
      const { fiber, ran, url } = yield* started(["--state", "within/s.json"], folder)
      rmSync(within, { recursive: true })
      const answer = yield* Effect.promise(() =>
        fetch(`${url}/v1/payout`, { method: "POST", headers, body: JSON.stringify(create) }).then(
          ({ status }) => status,
          () => "lost"
        )
      )
      assert.strictEqual(answer, "lost")
      const { code, err } = ran(yield* Fiber.await(fiber))
      assert.deepStrictEqual([code, err.at(-1)], [2, "payout: within/s.json.lock cannot be read (NotFound)"])
    }).pipe(Effect.scoped)
  )

  it.live("posts signed webhooks, and shows neither their secret nor where they go", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      const secret = "webhook_secret_0123456789abcdef"
      writeFileSync(path.join(folder, "secret"), `${secret}\n`)
      const bodies: Array<string> = []
      const receiver = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const server = Http.createServer((request, response) => {
            let body = ""
            request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk))
            request.on("end", () => {
              bodies.push(body)
              response.writeHead(204).end()
            })
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => void server.close())
      )
      const target = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`
      const { ran, used } = yield* serving(
        ["--webhooks", target, "--webhook-secret-file", "secret"],
        (url) =>
          Effect.gen(function* () {
            yield* send(`${url}/v1/payout`, create)
            yield* Effect.repeat(send(`${url}/sandbox/payout?handle=${handle}`), {
              until: ({ json }) => json.timeline.length === 3,
              schedule: Schedule.spaced("50 millis")
            })
            const paths = [`/sandbox/payout?handle=${handle}`, "/sandbox/settings", "/sandbox/ledger", "/"]
            return yield* Effect.forEach(paths, (path) =>
              Effect.promise(() => fetch(url + path).then((all) => all.text()))
            )
          }),
        folder
      )
      assert.strictEqual(bodies.length, 1)
      const verified = yield* Webhook.verify(bodies[0] ?? "", { secrets: [Redacted.make(secret)] })
      assert.include(verified.references, handle)
      for (const shown of [...used, ...ran.out, ...ran.err]) {
        assert.notInclude(shown, secret)
        assert.notInclude(shown, target)
      }
      assert.match(used[0] ?? "", /"title":"Webhook payout_settled","lines":\[\["Answer","HTTP 204\."\]\]/)
    }).pipe(Effect.scoped)
  )

  it.live("keeps the documented limits, has test amounts, and takes another key, where it is told to", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      writeFileSync(path.join(folder, "key"), key.toUpperCase())
      writeFileSync(
        path.join(folder, "observed.json"),
        JSON.stringify({ observed: "2026-10-01T00:00:00Z", repeatOfPaid: "Replay", cached: false })
      )
      const { used } = yield* serving(
        ["--limits", "--test-amounts", "--observed", "observed.json"],
        (url) =>
          Effect.gen(function* () {
            const declined = yield* send(`${url}/v1/payout`, { ...create, amount: 3001 })
            yield* send(`${url}/v1/payout`, { ...create, handle: "p-2" })
            const again = yield* send(`${url}/v1/payout`, { ...create, handle: "p-2" })
            const many = Array.from({ length: 60 }, (_, index) =>
              send(`${url}/v1/payout`, { ...create, handle: `p${index}` })
            )
            const all = yield* Effect.all(many, { concurrency: "unbounded" })
            return [declined.json.state, again.status, all.some(({ status }) => status === 429)]
          }),
        folder
      )
      assert.deepStrictEqual(used, ["failed", 200, true])
      const other = yield* serving(["--key-file", "key"], (url) => send(`${url}/v1/payout/p-1`), folder)
      assert.strictEqual(other.used.status, 401)
      assert.include(other.ran.err, "  key    the one in --key-file")
    }).pipe(Effect.scoped)
  )

  it.live("says so when it lets other machines in, and takes the names that it is told", () =>
    Effect.gen(function* () {
      const { ran, used } = yield* serving(["--host", "0.0.0.0", "--allow-host", "sandbox"], (url) =>
        Effect.async<ReadonlyArray<unknown>>((resume) => {
          const port = new URL(url).port
          const status = (host: string) =>
            new Promise<unknown>((resolve) =>
              Http.get({ host: "127.0.0.1", port, headers: { host }, agent: false }, (answer) => {
                answer.resume()
                resolve(answer.statusCode)
              })
            )
          void Promise.all(["sandbox", "another"].map(status)).then((all) => resume(Effect.succeed([...all, url])))
        })
      )
      assert.deepStrictEqual(used.slice(0, 2), [200, 403])
      assert.match(String(used[2]), /^http:\/\/0\.0\.0\.0:\d+$/)
      assert.match(ran.err[1] ?? "", /^OPEN TO OTHERS: every machine that reaches this one can pay here/)
      assert.match(ran.err[2] ?? "", /^ {2}page {3}http:\/\/127\.0\.0\.1:\d+\/$/)
    }).pipe(Effect.scoped)
  )

  it.live("refuses what it cannot use, and serves nothing", () =>
    Effect.gen(function* () {
      const folder = yield* folderScoped
      writeFileSync(path.join(folder, "empty"), "\n")
      writeFileSync(path.join(folder, "two"), "one\ntwo\n")
      writeFileSync(path.join(folder, "other.json"), `{"sandbox":2,"secret":"${token}"}`)
      const taken = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const server = Http.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => void server.close())
      )
      const port = String((taken.address() as AddressInfo).port)
      const hooks = ["--webhooks", "http://127.0.0.1:9/"]
      for (const [args, says] of [
        [["--port", "70000"], "--port must be a whole number from 0 to 65535"],
        [["--port", "http"], "--port must be a whole number from 0 to 65535"],
        [
          ["--port", port],
          `cannot listen at 127.0.0.1, port ${port} (EADDRINUSE): another program has the port. --port 0 picks a free one`
        ],
        [["--port", "0", "--host", "256.0.0.1"], "cannot listen at 256.0.0.1, port 0 (ENOTFOUND)"],
        [["--port", "0", "--state", "other.json"], "other.json does not hold the state of a sandbox of this version"],
        [["--port", "0", "--state", "."], ". cannot be read"],
        [["--port", "0", "--state", "nowhere/s.json"], "nowhere/s.json cannot be written (NotFound)"],
        [["--port", "0", "--observed", "other.json"], "other.json does not hold what probe printed"],
        [["--port", "0", "--key-file", "missing"], "missing cannot be read (NotFound)"],
        [["--port", "0", "--key-file", "two"], "two must hold one secret in printable ASCII, and nothing else"],
        [["--port", "0", ...hooks], "--webhooks and --webhook-secret-file go together"],
        [["--port", "0", "--webhook-secret-file", "two"], "--webhooks and --webhook-secret-file go together"],
        [
          ["--port", "0", "--webhooks", "ftp://h/", "--webhook-secret-file", "two"],
          "--webhooks must be an http or https URL"
        ],
        [
          ["--port", "0", ...hooks, "--webhook-secret-file", "empty"],
          "empty must hold one secret in printable ASCII, and nothing else"
        ]
      ] as const) {
        const { code, err, out } = yield* payout(["sandbox", ...args], { folder })
        assert.deepStrictEqual([code, out], [2, []], args.join(" "))
        assert.include(err.join("\n"), says)
        assert.notInclude(err.join("\n"), token)
      }
      assert.strictEqual(readFileSync(path.join(folder, "other.json"), "utf8"), `{"sandbox":2,"secret":"${token}"}`)
    }).pipe(Effect.scoped)
  )
})

const start = (main: string, args: ReadonlyArray<string>, folder: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [main, "sandbox", ...args], {
        cwd: folder,
        stdio: ["ignore", "pipe", "pipe"]
      })
      const ended = new Promise<number | string | null>((resolve) =>
        child.once("close", (code, signal) => resolve(code ?? signal))
      )
      const url = await new Promise<string>((resolve, reject) => {
        let err = ""
        child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()))
        child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()))
        child.once("close", () => reject(new Error(err)))
      })
      return { child, ended, url }
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  )

it("docs/sandbox.md has each option of payout sandbox", () => {
  const shown = readFileSync("docs/sandbox.md", "utf8")
  for (const name of Object.keys(Help.sandbox)) assert.match(shown, new RegExp(`\`--${name}[ \`]|--${name} `))
})

describe("the payout sandbox process, bundled into one file", () => {
  const built = Effect.flatMap(folderScoped, (folder) =>
    Effect.map(bundle("src/cli/payout.ts", path.join(folder, "payout.cjs")), (main) => ({ folder, main }))
  )

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`ends with 0 at once by ${signal}, although a page is open and a create hangs`, () =>
      Effect.gen(function* () {
        const { folder, main } = yield* built
        const { child, ended, url } = yield* start(main, ["--port", "0"], folder)
        const page = yield* Effect.promise(() => fetch(url).then((answer) => answer.text()))
        assert.include(page, "<title>Sandbox: the simulated provider</title>")
        yield* send(`${url}/sandbox/faults`, { fault: "hangAfterCommit" })
        const events = fetch(`${url}/sandbox/events`).catch(() => {})
        const hanging = fetch(`${url}/v1/payout`, { method: "POST", headers, body: JSON.stringify(create) }).catch(
          () => {}
        )
        yield* Effect.sleep("300 millis")
        child.kill(signal)
        const code = yield* Effect.timeout(
          Effect.promise(() => ended),
          "5 seconds"
        )
        assert.strictEqual(code, 0)
        yield* Effect.promise(() =>
          Promise.all([events.then((answer) => answer?.body?.cancel().catch(() => {})), hanging])
        )
      }).pipe(Effect.scoped)
    )
  }

  it.live("has each answered create in its state file, even if it is killed", () =>
    Effect.gen(function* () {
      const { folder, main } = yield* built
      const first = yield* start(main, ["--port", "0", "--state", "s.json"], folder)
      const paid = Array.from({ length: 30 }, (_, index) =>
        send(`${first.url}/v1/payout`, { ...create, handle: `p-${index}` })
      )
      yield* Effect.all(paid, { concurrency: "unbounded" })
      first.child.kill("SIGKILL")
      yield* Effect.promise(() => first.ended)
      assert.include(readdirSync(folder), "s.json.lock")
      const killed = yield* Clock.currentTimeMillis
      const second = yield* start(main, ["--port", "0", "--state", "s.json"], folder)
      // The process of the lock is gone, so the lock is not watched.
      assert.isBelow((yield* Clock.currentTimeMillis) - killed, 3000)
      const { json } = yield* send(`${second.url}/sandbox/ledger`)
      assert.deepStrictEqual([json.payouts, json.sums[0].moved], [30, 30 * 12_500])
    }).pipe(Effect.scoped)
  )

  it.live("serves the example of docs/sandbox.md, which needs no language but a shell", () =>
    Effect.gen(function* () {
      const { folder, main } = yield* built
      const { url } = yield* start(main, ["--port", "0"], folder)
      const script = path.resolve("test/cli/sandbox.sh")
      const output = yield* Effect.async<string>((resume) => {
        execFile("sh", [script], { env: { ...process.env, SANDBOX: url } }, (_, stdout) =>
          resume(Effect.succeed(stdout))
        )
      })
      const shown = readFileSync("docs/sandbox.md", "utf8")
      assert.include(shown, "```sh\n" + readFileSync(script, "utf8") + "```\n")
      assert.include(shown, "```text\n" + output + "```\n")
      assert.include(output, "curl ended with 52")
    }).pipe(Effect.scoped)
  )
})
