/**
 * The simulated provider's state in a file, so that it survives a restart: as a provider does, it answers a create only
 * when the file has what it did.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Delivery } from "../sandbox/Delivery.js"
import type * as Ledger from "../sandbox/Ledger.js"
import type * as Sandbox from "../sandbox/Sandbox.js"
import { SandboxState } from "../sandbox/SandboxState.js"
import * as BadInput from "./BadInput.js"
import * as EvidenceFile from "./EvidenceFile.js"
import * as SmallText from "./SmallText.js"

const File = Schema.parseJson(Schema.Struct({ sandbox: Schema.Literal(1), ...SandboxState.fields }))
const decode = Schema.decode(File)

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

/** How long what no create waits for may be missing in the file. */
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
    const earlier = yield* read(name)
    if (Option.isSome(earlier)) yield* sandbox.restore(earlier.value)
    const broken = yield* Deferred.make<never, BadInput.BadInput>()
    const book = yield* bookOf(sandbox, name)
    // Fails at once where it cannot be written, and not with the first payout.
    yield* Effect.mapError(book.save, unwritable(name))
    const saved = Effect.catchAll(book.save, (error) =>
      Effect.as(Deferred.fail(broken, unwritable(name)(error)), false)
    )
    yield* Effect.addFinalizer(() => saved)
    yield* Effect.forkScoped(Effect.interruptible(Effect.repeat(saved, Schedule.spaced(pace))))
    const changing = <A, E>(change: Effect.Effect<A, E>) => Effect.zipLeft(change, Effect.zipRight(book.changed, saved))
    return {
      broken: Deferred.await(broken),
      sandbox: {
        ...sandbox,
        receive: (incoming) =>
          Effect.gen(function* () {
            yield* book.changed
            const delivery = yield* sandbox.receive(incoming)
            yield* book.changed
            // What is not in the file must not be believed by the client.
            const isKept = incoming.method !== "POST" || (yield* saved)
            return isKept ? delivery : Delivery.Dropped({ reset: false })
          }),
        settle: (handle, outcome) => changing(sandbox.settle(handle, outcome)),
        reset: changing(sandbox.reset)
      }
    }
  })

interface Book {
  readonly changed: Effect.Effect<void>
  /** Writes what changed. Calls that wait for the same write share it. */
  readonly save: Effect.Effect<true, PlatformError.PlatformError>
}

const bookOf = (sandbox: Sandbox.Service, name: string) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const one = yield* Effect.makeSemaphore(1)
    let changes = 1
    let written = 0
    let ledger: Ledger.Ledger | undefined

    // The ledger also changes without a request: when a payout settles, or a request arrives late.
    const write = Effect.gen(function* () {
      const state = yield* sandbox.state
      const now = yield* sandbox.ledger
      if (written === changes && ledger === now) return
      const upTo = changes
      yield* EvidenceFile.replace(name, encode(state))
      written = upTo
      ledger = now
    })
    const book: Book = {
      changed: Effect.sync(() => void (changes += 1)),
      save: one
        .withPermits(1)(write)
        .pipe(Effect.provide(context), Effect.uninterruptible, Effect.as(true as const))
    }
    return book
  })

const read = (name: string): Effect.Effect<Option.Option<SandboxState>, BadInput.BadInput, FileSystem.FileSystem> =>
  Effect.matchEffect(SmallText.fromFile(name, limit), {
    onFailure: (error) => {
      if (error._tag === "BadInput") return error
      return error._tag === "SystemError" && error.reason === "NotFound"
        ? Effect.succeedNone
        : BadInput.fromPlatform(name, error)
    },
    // A ParseError prints the text that it could not read.
    onSuccess: (text) =>
      Effect.mapBoth(decode(text), {
        onFailure: () => BadInput.make(`${name} does not hold the state of a sandbox of this version`),
        onSuccess: Option.some
      })
  })

const unwritable =
  (name: string) =>
  (error: PlatformError.PlatformError): BadInput.BadInput =>
    BadInput.make(`${name} cannot be written (${error._tag === "SystemError" ? error.reason : error.module})`)
