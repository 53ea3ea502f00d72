/** A tracer that keeps every span, with all that was put on it. */
import { Tracer } from "effect"
import type { Context, Exit, Option } from "effect"

export class KeptSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly spanId: string
  readonly traceId = "t".repeat(32)
  readonly sampled = true
  readonly attributes = new Map<string, unknown>()
  readonly events: Array<readonly [name: string, attributes: Record<string, unknown> | undefined]> = []
  status: Tracer.SpanStatus

  constructor(
    ordinal: number,
    readonly name: string,
    readonly parent: Option.Option<Tracer.AnySpan>,
    readonly context: Context.Context<never>,
    readonly links: Array<Tracer.SpanLink>,
    startTime: bigint,
    readonly kind: Tracer.SpanKind
  ) {
    this.spanId = String(ordinal).padStart(16, "0")
    this.status = { _tag: "Started", startTime }
  }
  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
  }
  attribute(key: string, value: unknown): void {
    this.attributes.set(key, value)
  }
  event(name: string, _: bigint, attributes?: Record<string, unknown>): void {
    this.events.push([name, attributes])
  }
  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    this.links.push(...links)
  }
}

export const tracing = () => {
  const spans: Array<KeptSpan> = []
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const span = new KeptSpan(spans.length + 1, name, parent, context, [...links], startTime, kind)
      spans.push(span)
      return span
    },
    context: (run) => run()
  })
  return { spans, tracer }
}
