/**
 * What a batch's store does, and what can be wrong with it.
 */
import type * as PlatformError from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Entry } from "./entries.js"

/**
 * Another run has the store. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class BatchLocked extends Schema.TaggedError<BatchLocked>("effect-billwerk-payouts/BatchLocked")("BatchLocked", {
  /** The store's lock: a file or a key. */
  lock: Schema.String
}) {
  override get message(): string {
    return (
      `Another run of this batch is at work (${this.lock}). Nothing was sent. ` +
      `If it was killed, its lock ends by itself: run the batch again.`
    )
  }
}

/**
 * The store cannot be read or written. A payout is not begun unless that is on record, so nothing more is sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreFailed extends Schema.TaggedError<StoreFailed>("effect-billwerk-payouts/StoreFailed")("StoreFailed", {
  /** The store: a file or a key. */
  store: Schema.String,
  /** What is wrong with it: the system's name for it, or a sentence. */
  reason: Schema.String
}) {
  override get message(): string {
    return `The batch's record (${this.store}) cannot be relied on: ${this.reason}. Nothing more is sent.`
  }
}

/** Whose store it is, and whether another account is only another key of it. */
export interface Accounts {
  readonly found: string | undefined
  readonly given: string | undefined
  readonly otherAccount: boolean
}

/** Whether it is of another account. What was paid from one account says nothing about another one. */
export const isOfAnother = ({ found, given, otherAccount }: Accounts): boolean =>
  !otherAccount && found !== undefined && given !== undefined && found !== given

/** Why it is refused, and which option takes it all the same. */
export const ofAnother = (option: string): string =>
  `it is of another account, or of another key. If it is the same account with a new key, say so: ${option}`

export const checkAccount = (store: string, accounts: Accounts): Effect.Effect<void, StoreFailed> =>
  isOfAnother(accounts) ? new StoreFailed({ store, reason: ofAnother("otherAccount (--other-account)") }) : Effect.void

/** A failure of the system. Its description may hold anything, so only its name and the system's code are kept. */
export const failed = (store: string) => (error: PlatformError.PlatformError) =>
  new StoreFailed({ store, reason: error._tag === "SystemError" ? reasonOf(error) : error.module })

/** A full disk is `Unknown` by name, and `ENOSPC` by code. */
const reasonOf = ({ cause, reason }: PlatformError.SystemError): string => {
  const code = Predicate.hasProperty(cause, "code") ? cause.code : undefined
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? `${reason} (${code})` : reason
}

/**
 * A store that one run has for itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Opened {
  /** The latest entry of a handle, of this run or an earlier one. */
  readonly find: (handle: string) => Effect.Effect<Entry | undefined, StoreFailed>
  /**
   * Adds an entry. When it succeeds, the entry outlasts the process, and this run still had the store for itself. After
   * one failure each later call fails as well: what the store holds by then is not known.
   */
  readonly append: (entry: Entry) => Effect.Effect<void, StoreFailed>
}

/**
 * The record of one batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Store {
  /**
   * Takes the store for one run, until the scope closes. Fails with `BatchLocked` while another run has it. The lock
   * is a lease that its run renews: the lock of a killed process ends by itself, after `lease`. Fails with `StoreFailed`
   * if an earlier run had another `account`, which is a `BillwerkClient`'s name for it. Without one, all will do.
   */
  readonly open: (account?: string) => Effect.Effect<Opened, BatchLocked | StoreFailed, Scope.Scope>
  /**
   * The latest entries, without taking the store: for a preview. A store that can say which handles it has gives all of
   * them, and any other store those that are asked for.
   */
  readonly peek: (handles: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, Entry>, StoreFailed>
}
