/**
 * The tests that mutants of the decision core meet: those of its own modules. All of them run in virtual time. The pure
 * ones go first, because most mutants end there.
 */
import { defineConfig } from "vitest/config"
import { BaseSequencer } from "vitest/node"
import whole from "../../vitest.config.js"

const files = [
  "domain/Exposure",
  "execution/nextStep",
  "execution/toError",
  "execution/Subject",
  "provider/Verdict",
  "domain/Payout",
  "policy/RetryPolicy",
  "policy/scheduleStepper",
  "domain/attribution",
  "domain/merge",
  "domain/Evidence",
  "execution/AttemptLog",
  "execution/BoundedMap",
  "execution/Process",
  "execution/anomalies",
  "execution/liveServices",
  "execution/EvidenceRecorder",
  "execution/ProcessMemory",
  "execution/loop",
  "execution/lookup",
  "execution/poll",
  "execution/singleFlight",
  "Telemetry",
  "payouts/evidence",
  "payouts/intend",
  "payouts/awaitFinal",
  "payouts/create",
  "payouts/sequences",
  "payouts/retrying",
  "payouts/recover",
  "payouts/joining",
  "payouts/memory",
  "payouts/interruption",
  "payouts/get",
  "payouts/requests",
  "payouts/race",
  "payouts/createAll",
  // Last, when all is loaded: what is first executed here would be taken for its own.
  "index"
].map((name) => `test/${name}.test.ts`)

const place = (moduleId: string): number => files.findIndex((name) => moduleId.endsWith(name))

class InOrder extends BaseSequencer {
  override async sort(specifications: Parameters<BaseSequencer["sort"]>[0]) {
    return [...specifications].sort((a, b) => place(a.moduleId) - place(b.moduleId))
  }
}

// The projects have files of their own.
const { projects: _, ...tests } = whole.test ?? {}

export default defineConfig({
  ...whole,
  test: {
    ...tests,
    include: files,
    env: { PAYOUTS_MUTATION: "true" },
    // Stryker's own limit is to end a mutant that hangs, and not a machine that is slow.
    testTimeout: 120_000,
    sequence: { sequencer: InOrder },
    // One thread a mutant, not one a file: loading Effect takes longer than most of these tests.
    poolOptions: { threads: { isolate: false } }
  }
})
