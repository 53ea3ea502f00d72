/**
 * A TCP proxy on the loopback interface, until the scope ends. What is wrong with it, toxics and lies, is a value that can
 * be changed at any time: then connections that have a toxic are ended, and the others go on.
 */
import { Effect, FiberSet, Stream } from "effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Dice from "./Dice.js"
import { type Message, messages } from "./Http.js"
import * as Lies from "./Lies.js"
import { type Bytes, type Cut, type Direction, type Placed, through } from "./Toxics.js"

export interface Faults {
  readonly toxics: ReadonlyArray<Placed>
  readonly lies: ReadonlyArray<Lies.Told>
}

export const well: Faults = { toxics: [], lies: [] }

export interface Proxy {
  /** `http://127.0.0.1:port`: the client's `baseUrl`. */
  readonly url: string
  /** Changes what is wrong. `Down` cuts off every connection that there is. */
  readonly suffer: (faults: Faults) => Effect.Effect<void>
  /** Ends the proxy's side of every connection in order, as a server does with those that are idle. */
  readonly hangUp: Effect.Effect<void>
  /** How many connections have been made. */
  readonly connections: () => number
  /** How many of those the client has not ended. */
  readonly open: () => number
  /** How many of those wait for the first byte of an answer. */
  readonly waiting: () => number
  /** How many connections had a toxic, and how many answers were lied about. */
  readonly afflicted: () => number
  readonly lied: () => number
}

/** One connection: the client's, and the one to the server that is made for it. */
interface Link {
  readonly client: Net.Socket
  readonly server: Net.Socket
  readonly toxics: ReadonlyArray<readonly [Direction | undefined, (bytes: Bytes) => Bytes]>
  /** Those of the moment. None at all, if there were none when the connection was made. */
  readonly lies: () => ReadonlyArray<Lies.Told>
  readonly isLying: boolean
  readonly dice: Dice.Dice
}

export interface Options {
  /** Where the server listens. */
  readonly port: number
  readonly seed: number
}

export const make = ({ port: serverPort, seed }: Options): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    let faults = well
    const sockets = new Set<Net.Socket>()
    const clients = new Set<Net.Socket>()
    const afflictedNow = new Set<Net.Socket>()
    const waiting = new Set<Net.Socket>()
    let connections = 0
    let afflicted = 0
    let lied = 0
    const desk = Lies.makeDesk(crossingPatience)
    const listener = Net.createServer({ allowHalfOpen: true })
    yield* Effect.addFinalizer(() => close(listener, sockets))
    const run = yield* FiberSet.makeRuntime<never>()

    listener.on("connection", (client) => {
      connections += 1
      sockets.add(client)
      client.on("close", () => sockets.delete(client))
      // A server that has hung up learns from its client's end whether the client did as well.
      clients.add(client)
      client.on("data", () => waiting.add(client))
      for (const end of ["end", "close"]) {
        client.on(end, () => {
          clients.delete(client)
          waiting.delete(client)
        })
      }
      const dice = Dice.make(seed, "connection", connections)
      const server = Net.connect({ host: loopback, port: serverPort, allowHalfOpen: true, noDelay: true })
      for (const socket of [client, server]) socket.on("error", () => socket.destroy())
      client.setNoDelay(true)
      // The first one has them all: a batch is never without its fault.
      const toxics = faults.toxics.filter(({ toxicity }) => dice.chance(toxicity) || connections === 1)
      if (toxics.length > 0) {
        afflicted += 1
        afflictedNow.add(client)
        client.on("close", () => afflictedNow.delete(client))
      }
      const link: Link = {
        client,
        server,
        toxics: toxics.map(({ direction, toxic }) => [direction, through(toxic, dice)]),
        lies: () => faults.lies,
        isLying: faults.lies.length > 0,
        dice
      }
      const onAnswer = () => waiting.delete(client)
      run(carry(link, desk, { told: () => lied, tell: () => (lied += 1) }, onAnswer))
    })

    const listen = (port: number) =>
      Effect.async<void>((resume) => {
        listener.listen(port, loopback, () => resume(Effect.void))
      })
    yield* listen(0)
    const address = listener.address()
    const port = typeof address === "object" && address !== null ? address.port : 0

    return {
      url: `http://${loopback}:${port}`,
      suffer: (next) =>
        Effect.suspend(() => {
          faults = next
          for (const client of afflictedNow) client.end()
          const isDown = next.toxics.some(({ toxic }) => toxic._tag === "Down")
          if (isDown) return listener.listening ? close(listener, sockets) : Effect.void
          return listener.listening ? Effect.void : listen(port)
        }),
      hangUp: Effect.sync(() => {
        for (const client of clients) client.end()
      }),
      connections: () => connections,
      open: () => clients.size,
      waiting: () => waiting.size,
      afflicted: () => afflicted,
      lied: () => lied
    }
  })

const loopback = "127.0.0.1"

/** How long an answer waits for another one to be crossed with, in milliseconds. */
const crossingPatience = 250

/** How long a request stays under way after its client has given it up: a provider does not learn of that at once. */
const linger = 30

const close = (listener: Net.Server, sockets: Iterable<Net.Socket>): Effect.Effect<void> =>
  Effect.async((resume) => {
    listener.close(() => resume(Effect.void))
    for (const socket of sockets) reset(socket)
  })

// A socket that has been ended cannot be reset any more: Node fails to, and forgets to close it.
const reset = (socket: Net.Socket): void => {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

/** How many answers were lied about, over all connections. */
interface Lied {
  readonly told: () => number
  readonly tell: () => void
}

/** Carries bytes both ways until both ways have ended, or one is cut. */
const carry = (link: Link, desk: Lies.Desk, lied: Lied, onAnswer: () => void): Effect.Effect<void> => {
  const { client, server, toxics } = link
  const toxic = (wanted: Direction) => (bytes: Bytes) =>
    toxics.reduce((through, [direction, next]) => (direction === wanted ? next(through) : through), bytes)
  const [asked, answered] = link.isLying ? lying(link, desk, lied) : [same, same]
  const up = received(client).pipe(Stream.concat(Stream.execute(Effect.sleep(linger))), asked, toxic("Upstream"))
  const down = received(server).pipe(
    answered,
    toxic("Downstream"),
    Stream.tap(() => Effect.sync(onAnswer))
  )
  return Effect.all([pour(up, server), pour(down, client)], { concurrency: 2, discard: true }).pipe(
    Effect.catchTag("Cut", ({ how }) =>
      Effect.sync(() => {
        if (how === "Reset") for (const socket of [client, server]) reset(socket)
      })
    ),
    Effect.ensuring(
      Effect.sync(() => {
        for (const socket of [client, server]) socket.destroySoon()
      })
    )
  )
}

const same = (bytes: Bytes): Bytes => bytes

const received = (socket: Net.Socket): Bytes =>
  Stream.asyncPush<Buffer, Cut>(
    (emit) =>
      Effect.sync(() => {
        socket.on("data", (piece) => emit.single(piece))
        for (const end of ["end", "close"]) socket.on(end, () => emit.end())
      }),
    { bufferSize: "unbounded" }
  )

const pour = (bytes: Bytes, socket: Net.Socket): Effect.Effect<void, Cut> =>
  bytes.pipe(
    Stream.runForEach((piece) => Effect.sync(() => (socket.writable ? socket.write(piece) : undefined))),
    Effect.zipRight(Effect.sync(() => socket.end()))
  )

interface Asked {
  readonly ordinal: number
  readonly request: Message
  readonly lie: Lies.Lie | undefined
}

/** What lies make of the two directions of a connection: which it will be is decided when the request comes. */
const lying = ({ dice, lies }: Link, desk: Lies.Desk, lied: Lied) => {
  const open: Array<Asked> = []
  let ordinal = 0
  let previous: Message | undefined
  const ask = (bytes: Bytes): Bytes =>
    messages(bytes).pipe(
      Stream.flatMap((request) => {
        ordinal += 1
        const lie = lies().find(
          ({ lie, rate }) => Lies.applies(lie, { ordinal, request }) && (dice.chance(rate) || lied.told() === 0)
        )?.lie
        open.push({ ordinal, request, lie })
        if (lie !== undefined) lied.tell()
        return lie !== undefined && Lies.isBeforeCommit(lie)
          ? Lies.tell(lie, { ordinal, request, answer: request, previous }, desk)
          : Stream.make(request.bytes)
      })
    )
  const answered = (bytes: Bytes): Bytes =>
    messages(bytes).pipe(
      Stream.flatMap((answer) => {
        const asked = open.shift()
        const before = previous
        previous = answer
        return asked?.lie === undefined
          ? Stream.make(answer.bytes)
          : Lies.tell(asked.lie, { ordinal: asked.ordinal, request: asked.request, answer, previous: before }, desk)
      })
    )
  return [ask, answered] as const
}
