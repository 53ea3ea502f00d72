/**
 * What lies between the processes and the provider. Each exchange may be slow, may be befallen by a fault, and may be the
 * last thing that its process does.
 */
import { HttpClient } from "@effect/platform"
import { Duration, Effect, Option, Predicate } from "effect"
import { Ledger, Sandbox, Script } from "effect-billwerk-payouts"
import type { Circumstances, Fault } from "./Faults.js"
import { keys } from "./Oracle.js"
import type { Payment, Sent } from "./Payment.js"
import type { Process } from "./Process.js"
import type { Scene } from "./Scene.js"

type Incoming = Parameters<Sandbox.Service["receive"]>[0]
type Delivery = Effect.Effect.Success<ReturnType<Sandbox.Service["receive"]>>

/** The only host that a client has any business with. */
const providerUrl = "https://api.frisbii.com/"

/** When a process dies: before its request leaves, or when the provider is done and the answer is on its way or there. */
type Death = "BeforeSending" | "BeforeTheAnswer" | "AfterTheAnswer"

export class Network {
  constructor(private readonly scene: Scene) {}

  /** An HTTP client for a process. */
  connect(process: () => Process, die: () => void): HttpClient.HttpClient {
    const receive = (incoming: Incoming) => Effect.suspend(() => this.exchange(incoming, process(), die))
    return Sandbox.httpClient({ ...this.scene.sandbox, receive }).pipe(
      // Below whatever follows a redirect, so that each hop is seen.
      HttpClient.transform((exchange, request) => {
        if (!request.url.startsWith(providerUrl)) this.scene.oracle.onForeignHost(request.url)
        return exchange
      })
    )
  }

  private exchange(incoming: Incoming, process: Process, die: () => void): Effect.Effect<Delivery> {
    const { oracle, time } = this.scene
    const kind = incoming.method === "POST" ? "Create" : "Lookup"
    const handle = handleOf(incoming)
    const payment = this.scene.payment(handle)
    oracle.onRequest(process, payment, kind, handle)
    if (payment === undefined) return this.deliver(this.latencyOf(handle), incoming, process)
    const name = `${handle} ${kind} ${payment.departures++}`
    const sent: Sent = { kind, process, at: time.now, answered: false }
    payment.sent.push(sent)
    const death = this.deathIn(name)
    this.scene.note(() => `${process.name} ${name}${death === undefined ? "" : ` (dies ${death})`}`)
    if (death === "BeforeSending") {
      payment.sent.pop()
      die()
      return silence
    }
    const step = this.stepOf(name, kind, payment)
    return this.deliver(step, incoming, process).pipe(
      Effect.flatMap((delivery) => {
        if (death === "BeforeTheAnswer") {
          die()
          return silence
        }
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
    if (sent.kind === "Lookup") return
    const record = Option.getOrUndefined(Ledger.payout(this.scene.ledger(), payment.handle))
    if (record?.transactions.at(-1)?.errorState !== "hard_declined") return
    // Another process may have changed the record while the answer was on its way.
    if (transactionsIn(delivery.message.body) === record.transactions.length) {
      payment.declined.set(sent.process, payment.request)
    }
  }

  private deathIn(name: string): Death | undefined {
    const chance = this.scene.about(`crash ${name}`)
    if (this.scene.isWell || !chance.happens(this.scene.setting.rates.crash)) return undefined
    if (!this.scene.occurs(`crash ${name}`)) return undefined
    this.scene.count(78)
    return chance.pick<Death>("BeforeSending", "BeforeTheAnswer", "AfterTheAnswer")
  }

  private stepOf(name: string, kind: Sent["kind"], payment: Payment): Script.Step {
    const fault = this.faultOf(name, kind, payment)
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

  private faultOf(name: string, kind: Sent["kind"], payment: Payment): Script.Step | undefined {
    const { scene } = this
    const chance = scene.about(`fault ${name}`)
    if (scene.isWell || !chance.happens(scene.setting.faultRate)) return undefined
    const fault: Fault | undefined = chance.weighted(scene.setting.faults)
    const circumstances: Circumstances = {
      kind,
      chance,
      handle: payment.handle,
      amount: payment.amount,
      neighbour: payment.neighbour,
      secrets: [...payment.secrets, ...keys],
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
