/**
 * What lies between the processes and the provider. Each exchange may be slow, may be befallen by a fault, and may be the
 * last thing that its process does.
 */
import { HttpClient } from "@effect/platform"
import { Duration, Effect, FiberRef, Option, Predicate, Redacted } from "effect"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts/testing"
import { arrivalMax, type Circumstances, type Fault } from "./Faults.js"
import * as Knowledge from "./Knowledge.js"
import { keys } from "./Oracle.js"
import { type Call, isWatching, type Payment, type Sent } from "./Payment.js"
import type { Process } from "./Process.js"
import type { Scene } from "./Scene.js"
import type { Host } from "./VirtualTime.js"

type Incoming = Parameters<Sandbox.Service["receive"]>[0]
type Delivery = Effect.Effect.Success<ReturnType<Sandbox.Service["receive"]>>

/** The only host that a client has any business with. */
const providerUrl = "https://api.frisbii.com/"

/** When a process dies: before its request leaves, or when the provider is done and the answer is on its way or there. */
type Death = "BeforeSending" | "BeforeTheAnswer" | "AfterTheAnswer"

/** The call on whose behalf a fiber runs. */
export const currentCall = FiberRef.unsafeMake<Call | undefined>(undefined)

/** What a cache has heard at a place. */
interface Kept {
  readonly delivery: Extract<Delivery, { readonly _tag: "Answered" }>
  readonly heard: number
}

export class Network {
  /** How many lookups a cache has answered. */
  cached = 0
  private readonly shared = new Map<string, Kept>()
  private readonly own = new WeakMap<Host, Map<string, Kept>>()

  constructor(private readonly scene: Scene) {}

  /** An HTTP client for a process. */
  connect(process: () => Process, die: () => void): HttpClient.HttpClient {
    const receive = (incoming: Incoming) =>
      Effect.flatMap(FiberRef.get(currentCall), (call) => this.exchange(incoming, process(), call, die))
    return Sandbox.httpClient({ ...this.scene.sandbox, receive }).pipe(
      // Below whatever follows a redirect, so that each hop is seen.
      HttpClient.transform((exchange, request) => {
        if (!request.url.startsWith(providerUrl)) this.scene.oracle.onForeignHost(request.url)
        return exchange
      })
    )
  }

  private exchange(
    incoming: Incoming,
    process: Process,
    call: Call | undefined,
    die: () => void
  ): Effect.Effect<Delivery> {
    const { oracle, time } = this.scene
    const kind = incoming.method === "POST" ? "Create" : "Lookup"
    const handle = handleOf(incoming)
    const payment = this.scene.payment(handle)
    oracle.onRequest(process, payment, call, kind, handle)
    if (payment === undefined) return this.deliver(this.latencyOf(handle), incoming, process)
    const name = `${handle} ${kind} ${payment.departures++}`
    const sent: Sent = { kind, process, call, at: time.now, answered: false, isOld: false }
    payment.sent.push(sent)
    const kept = kind === "Lookup" ? this.keptOf(incoming, process) : undefined
    if (kept !== undefined) {
      sent.isOld = this.scene.setting.cache?.hasAge === true
      return this.fromCache(kept, name)
    }
    const death = this.deathIn(name)
    this.scene.note(() => `${process.name} ${name}${death === undefined ? "" : ` (dies ${death})`}`)
    if (death === "BeforeSending") {
      payment.sent.pop()
      die()
      return silence
    }
    if (kind === "Create") {
      oracle.onCreate(payment)
      payment.know(process, Knowledge.sending(payment.knownIn(process), sent))
    }
    const step = this.stepOf(name, kind, payment, call)
    return this.deliver(step, incoming, process).pipe(
      Effect.flatMap((delivery) => {
        if (death === "BeforeTheAnswer") {
          die()
          return silence
        }
        if (kind === "Lookup") this.keep(incoming, process, delivery)
        this.onDelivery(sent, payment, step, delivery)
        if (death === "AfterTheAnswer") time.plan(time.now, die)
        return Effect.succeed(delivery)
      })
    )
  }

  private deliver(step: Script.Step, incoming: Incoming, process: Process): Effect.Effect<Delivery> {
    const { sandbox } = this.scene
    return Effect.withClock(Effect.zipRight(sandbox.script(step), sandbox.receive(incoming)), process.host.trueClock)
  }

  private onDelivery(sent: Sent, payment: Payment, { parts }: Script.Step, delivery: Delivery): void {
    this.scene.note(() => `${sent.process.name} ${payment.handle} ${sent.kind}: ${describe(delivery)}`)
    if (parts.answer !== undefined || delivery._tag !== "Answered") return
    sent.answered = true
    if (sent.kind === "Lookup" || sent.call === undefined) return
    const record = Option.getOrUndefined(Ledger.payout(this.scene.ledger(), payment.handle))
    if (record?.transactions.at(-1)?.errorState !== "hard_declined") return
    // Another process may have changed the record while the answer was on its way.
    if (transactionsIn(delivery.message.body) === record.transactions.length) {
      this.scene.oracle.onDeclined(payment, sent.process, sent.call.request)
    }
  }

  private cacheOf(process: Process): Map<string, Kept> | undefined {
    const { cache } = this.scene.setting
    if (cache === undefined || cache.isShared) return cache && this.shared
    const own = this.own.get(process.host) ?? new Map<string, Kept>()
    this.own.set(process.host, own)
    return own
  }

  private keptOf(incoming: Incoming, process: Process): Kept | undefined {
    const { setting, time } = this.scene
    const kept = this.cacheOf(process)?.get(incoming.path)
    if (setting.cache === undefined || kept === undefined || this.isForbidden(incoming)) return undefined
    return time.now - kept.heard < setting.cache.maxAge ? kept : undefined
  }

  private keep(incoming: Incoming, process: Process, delivery: Delivery): void {
    if (delivery._tag !== "Answered" || this.isForbidden(incoming)) return
    this.cacheOf(process)?.set(incoming.path, { delivery, heard: this.scene.time.now })
  }

  private isForbidden({ headers }: Incoming): boolean {
    return this.scene.setting.cache?.isNoStoreHonoured === true && headers["cache-control"] === "no-store"
  }

  private fromCache({ delivery, heard }: Kept, name: string): Effect.Effect<Delivery> {
    const { scene } = this
    this.cached += 1
    scene.note(() => `${name}: answered by a cache`)
    const { message } = delivery
    if (scene.setting.cache?.hasAge !== true) return Effect.succeed(delivery)
    const age = String(Math.floor((scene.time.now - heard) / 1000))
    return Effect.succeed({ ...delivery, message: { ...message, headers: { ...message.headers, age } } })
  }

  private deathIn(name: string): Death | undefined {
    const chance = this.scene.about(`crash ${name}`)
    if (this.scene.isWell || !chance.happens(this.scene.setting.rates.crash)) return undefined
    if (!this.scene.occurs(`crash ${name}`)) return undefined
    this.scene.count(78)
    return chance.pick<Death>("BeforeSending", "BeforeTheAnswer", "AfterTheAnswer")
  }

  private stepOf(name: string, kind: Sent["kind"], payment: Payment, call: Call | undefined): Script.Step {
    const fault = this.faultOf(name, kind, payment, call)
    const step = fault === undefined ? this.latencyOf(name) : this.latencyOf(name).pipe(Script.and(fault))
    const { requestDelay } = step.parts
    if (requestDelay !== undefined) {
      // The sandbox acts when somebody looks: here somebody does, at the very moment.
      this.scene.time.plan(this.scene.time.now + Duration.toMillis(requestDelay), () => this.scene.ledger())
    }
    return step
  }

  private latencyOf(name: string): Script.Step {
    const chance = this.scene.about(`latency ${name}`)
    return Script.normal.pipe(
      Script.delayRequest(chance.duration(1, 500)),
      Script.delayAnswer(chance.happens(0.02) ? chance.duration(1_000, 80_000) : chance.duration(1, 1_000))
    )
  }

  private faultOf(name: string, kind: Sent["kind"], payment: Payment, call: Call | undefined): Script.Step | undefined {
    const { scene } = this
    if (scene.isWell) return undefined
    const held = scene.about(`held up ${name}`)
    if (kind === "Create" && held.happens(scene.setting.rates.heldUp) && scene.occurs(`held up ${name}`)) {
      const after = held.duration(60_000, arrivalMax)
      scene.note(() => `${name} is held up for ${after} ms`)
      scene.count(27)
      return Script.executeLater(after)
    }
    const chance = scene.about(`fault ${name}`)
    if (!chance.happens(scene.setting.faultRate)) return undefined
    const fault: Fault | undefined = chance.weighted(scene.setting.faults)
    const circumstances: Circumstances = {
      kind,
      chance,
      handle: payment.handle,
      amount: payment.amount,
      neighbour: payment.neighbour,
      // It repeats what it was sent.
      secrets: [...(call === undefined || isWatching(call) ? [] : [referenceOf(call)]), ...keys],
      sinceCommit: scene.time.now - payment.committed
    }
    const step = fault?.step(circumstances)
    if (fault === undefined || step === undefined || !scene.occurs(`fault ${name}`)) return undefined
    scene.count(fault.number)
    scene.note(() => `fault ${fault.number} for ${name}: ${fault.name}`)
    return step
  }
}

// Not `Effect.never`, which keeps a timer that nobody would ever stop.
const silence: Effect.Effect<never> = Effect.async(() => {})

const referenceOf = ({ request }: Call): string => Redacted.value(request.destination.reference)

const transactionsIn = (body: Uint8Array): number | undefined => {
  const json: unknown = JSON.parse(new TextDecoder().decode(body))
  return Predicate.hasProperty(json, "transactions") && Array.isArray(json.transactions)
    ? json.transactions.length
    : undefined
}

const handleOf = ({ body, method, path }: Incoming): string => {
  if (method !== "POST") return decodeURIComponent(path.slice(path.lastIndexOf("/") + 1))
  const json: unknown = JSON.parse(new TextDecoder().decode(body))
  const handle = Predicate.hasProperty(json, "handle") ? json.handle : undefined
  return typeof handle === "string" ? handle : "no handle at all"
}

const describe = (delivery: Delivery): string =>
  delivery._tag === "Answered"
    ? `${delivery.message.status} ${summary(new TextDecoder().decode(delivery.message.body))}`
    : delivery._tag

// The states and codes of an answer: all that a verdict can depend on.
const summary = (body: string): string =>
  Array.from(body.slice(0, 4_000).matchAll(/"(?:state|error_state|code)":("\w+"|\d+)/g), ([, value]) => value).join(" ")
