/** Who pays, in how many processes, and beside what. */

export interface Row {
  readonly name: string
  /** As `worker.ts` knows it. */
  readonly client: string
  readonly ours: boolean
  readonly inFlight: number
  readonly processes: number
  /** Whether the processes share a Redis, and whether it is stopped in the middle. */
  readonly redis: "None" | "Shared" | "Stopped"
  /** Whether a foreign program takes half of the writes. */
  readonly isBesideForeign: boolean
}

const alone = { processes: 1, redis: "None", isBesideForeign: false, inFlight: 64 } as const

const our = (name: string, more: Partial<Row> = {}): Row => ({
  ...alone,
  name: `ours, ${name}`,
  client: "ours",
  ours: true,
  ...more
})

const peer = (name: string, client: string, more: Partial<Row> = {}): Row => ({
  ...alone,
  name,
  client,
  ours: false,
  ...more
})

export const rows: ReadonlyArray<Row> = [
  our("16 in flight", { inFlight: 16 }),
  our("64 in flight"),
  our("256 in flight", { inFlight: 256 }),
  our("3 processes, one Redis", { processes: 3, redis: "Shared" }),
  our("3 processes, Redis stopped", { processes: 3, redis: "Stopped" }),
  our("beside a foreign program", { isBesideForeign: true }),
  our("without limits", { client: "ours without limits" }),
  peer("p-limit (10) + p-retry", "p-limit", { inFlight: 10 }),
  peer("p-retry, 64 at once", "p-limit"),
  peer("bottleneck (minTime) + p-retry", "bottleneck, minTime"),
  peer("bottleneck (reservoir) + p-retry", "bottleneck, reservoir"),
  peer("the same, 3 processes", "bottleneck, reservoir", { processes: 3 }),
  peer("the same, 3 processes, one Redis", "bottleneck, reservoir", { processes: 3, redis: "Shared" }),
  peer("the same, beside a foreign program", "bottleneck, reservoir", { isBesideForeign: true })
]

/** Whether the client keeps the limits, and has them for itself. */
export const hasLimitsForItself = (row: Row): boolean =>
  row.client === "ours" && !row.isBesideForeign && row.redis !== "Stopped"
