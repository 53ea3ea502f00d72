/**
 * The simulated provider's state in a file, so that it survives a restart. As with a real provider, the file has a change
 * of the ledger before anyone hears of it: by an answer of any kind, by a webhook, or by the page.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Delivery } from "../sandbox/Delivery.js"
import type * as Ledger from "../sandbox/Ledger.js"
import type * as Sandbox from "../sandbox/Sandbox.js"
import { SandboxState } from "../sandbox/SandboxState.js"
import * as BadInput from "./BadInput.js"
import * as EvidenceFile from "./EvidenceFile.js"
import * as SandboxOwner from "./SandboxOwner.js"
import * as SmallText from "./SmallText.js"

const File = Schema.parseJson(Schema.Struct({ sandbox: Schema.Literal(1), ...SandboxState.fields }))
/** Whether the acquirer's book has just what the record shows as paid, and what a hidden success moved. */
const hasOneTruth = ({ movements, payouts }: SandboxState): boolean => {
  const left = new Map(movements.map((one) => [one.transaction, one] as const))
  if (left.size < movements.length) return false
  for (const { currency, handle, transactions } of payouts) {
    for (const { amount, id, state } of transactions) {
      const moved = left.get(id)
      left.delete(id)
      if ((state === "paid") !== (moved?.hidden === false) || (moved?.hidden === true && state !== "failed"))
        return false
      if (moved !== undefined && (moved.handle !== handle || moved.amount !== amount || moved.currency !== currency)) {
        return false
      }
    }
  }
  return left.size === 0
}

const decode = Schema.decode(File.pipe(Schema.filter(hasOneTruth)))

const { exchanges, movements, payouts, ...rest } = SandboxState.fields

/** Encodes a value once: a payout that does not change costs nothing when another one does. */
const remembered = <A extends object, I>(schema: Schema.Schema<A, I>) => {
  const encode = Schema.encodeSync(Schema.parseJson(schema))
  const texts = new WeakMap<A, string>()
  return (value: A): string => {
    const text = texts.get(value) ?? encode(value)
    texts.set(value, text)
    return text
  }
}

const lists = {
  payouts: remembered(payouts.value),
  movements: remembered(movements.value),
  exchanges: remembered(exchanges.value)
}
const encodeRest = Schema.encodeSync(Schema.parseJson(Schema.Struct({ sandbox: Schema.Literal(1), ...rest })))

/** The file's text, as `File` would encode it, in another order of its fields. */
const encode = (state: SandboxState): string =>
  [
    encodeRest({ sandbox: 1, ...state }).slice(0, -1),
    `"payouts":[${state.payouts.map(lists.payouts).join()}]`,
    `"movements":[${state.movements.map(lists.movements).join()}]`,
    `"exchanges":[${state.exchanges.map(lists.exchanges).join()}]}`
  ].join(",")

const limit: SmallText.Limit = { bytesMax: 256 * 1024 * 1024, what: "state of a sandbox" }

/** How long the file may lack what has not been told: a change of the ledger, or an exchange that changed nothing. */
const pace = "1 second"

/** A sandbox that goes on with what is in the file, and keeps it. */
export interface Kept {
  readonly sandbox: Sandbox.Service
  /** Fails when the file cannot be written any more. */
  readonly broken: Effect.Effect<never, BadInput.BadInput>
}

/** Reads the file, if there is one, and keeps it until the scope closes. */
export const keep = (
  sandbox: Sandbox.Service,
  name: string
): Effect.Effect<Kept, BadInput.BadInput, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function* () {
    yield* refuseFolder(name)
    const owned = yield* SandboxOwner.own(name)
    const earlier = yield* read(name)
    if (Option.isSome(earlier)) yield* sandbox.restore(earlier.value)
    const broken = yield* Deferred.make<never, BadInput.BadInput>()
    const book = yield* bookOf(sandbox, name, owned)
    // Fails at once where it cannot be written, and not with the first payout.
    yield* book.save
    const reported = Effect.catchAll((error: BadInput.BadInput) => Effect.as(Deferred.fail(broken, error), false))
    const saved = reported(book.save)
    yield* Effect.addFinalizer(() => saved)
    yield* Effect.forkScoped(Effect.interruptible(Effect.repeat(saved, Schedule.spaced(pace))))
    yield* Effect.forkScoped(Effect.interruptible(reported(owned.beating)))
    return { broken: Deferred.await(broken), sandbox: telling(sandbox, book, saved, reported(book.saveLedger)) }
  })

/** A sandbox that tells nothing which the file does not have. Once the file cannot be written, it tells nothing more. */
const telling = (
  sandbox: Sandbox.Service,
  book: Book,
  saved: Effect.Effect<boolean>,
  ledgerSaved: Effect.Effect<boolean>
): Sandbox.Service => {
  const before = (kept: Effect.Effect<boolean>) =>
    Effect.flatMap(kept, (isKept) => (isKept ? Effect.void : Effect.never))
  const changing = <A, E>(change: Effect.Effect<A, E>) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(change)
      yield* Effect.zipRight(book.changed, before(saved))
      return yield* exit
    })
  return {
    ...sandbox,
    ledger: Effect.zipLeft(sandbox.ledger, before(ledgerSaved)),
    exchanges: Effect.zipLeft(sandbox.exchanges, before(ledgerSaved)),
    receive: (incoming) =>
      Effect.gen(function* () {
        yield* book.changed
        const delivery = yield* sandbox.receive(incoming)
        yield* book.changed
        // A lookup need not wait until the file has the lookup itself.
        const isKept = yield* Effect.onInterrupt(incoming.method === "POST" ? saved : ledgerSaved, () =>
          sandbox.undelivered(delivery)
        )
        return isKept ? delivery : Delivery.Dropped({ reset: false })
      }),
    settle: (handle, outcome) => changing(sandbox.settle(handle, outcome)),
    reset: changing(sandbox.reset),
    tell: (listener) =>
      Effect.gen(function* () {
        const changes = yield* Queue.unbounded<Sandbox.Change>()
        const next = Effect.gen(function* () {
          const change = yield* Queue.take(changes)
          if (change._tag === "Ended") yield* before(ledgerSaved)
          yield* Queue.offer(listener, change)
        })
        yield* Effect.forkScoped(Effect.interruptible(Effect.forever(next)))
        yield* sandbox.tell(changes)
      })
  }
}

interface Book {
  readonly changed: Effect.Effect<void>
  /** Writes what changed. Calls that wait for the same write share it. */
  readonly save: Effect.Effect<true, BadInput.BadInput>
  /** The same, if the ledger changed. Otherwise it waits for nothing. */
  readonly saveLedger: Effect.Effect<true, BadInput.BadInput>
}

const bookOf = (sandbox: Sandbox.Service, name: string, { check, file }: SandboxOwner.Owned) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const one = yield* Effect.makeSemaphore(1)
    let changes = 1
    let written = 0
    let ledger: Ledger.Ledger | undefined

    // The ledger also changes without a request: when a payout settles, or a request arrives late.
    const write = Effect.gen(function* () {
      // The state is read last, so it has at least what counts as written afterwards.
      const upTo = changes
      const now = yield* sandbox.ledger
      if (written === upTo && ledger === now) return
      yield* check
      const text = encode(yield* sandbox.state)
      yield* Effect.mapError(EvidenceFile.replace(file, text), SandboxOwner.unwritable(name))
      written = upTo
      ledger = now
    })
    const save = one
      .withPermits(1)(write)
      .pipe(Effect.provide(context), Effect.uninterruptible, Effect.as(true as const))
    const book: Book = {
      changed: Effect.sync(() => void (changes += 1)),
      save,
      saveLedger: Effect.flatMap(sandbox.ledger, (now) => (now === ledger ? Effect.succeed(true as const) : save))
    }
    return book
  })

/** Before there is a lock beside it. */
const refuseFolder = (name: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const found = yield* Effect.option(files.stat(name))
    if (Option.exists(found, ({ type }) => type !== "File")) {
      return yield* BadInput.make(`${name} cannot be read: it is no file`)
    }
  })

const read = (name: string): Effect.Effect<Option.Option<SandboxState>, BadInput.BadInput, FileSystem.FileSystem> =>
  Effect.flatMap(
    SmallText.fromFileIfAny(name, limit),
    // A ParseError prints the text that it could not read.
    Effect.transposeMapOption((text) =>
      Effect.mapError(decode(text), () => BadInput.make(`${name} does not hold the state of a sandbox of this version`))
    )
  )
