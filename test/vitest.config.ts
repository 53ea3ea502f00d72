import { defineConfig } from "vitest/config"

const src = (path: string) => new URL(`../src/${path}`, import.meta.url).pathname

const engines = ["test/workflow/**/*.test.ts", "test/durable.test.ts"]

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  cacheDir: "node_modules/.cache/vite",
  resolve: {
    // The tests, and the README's examples that they run, name the package as its users do.
    alias: [
      { find: /^effect-billwerk-payouts$/, replacement: src("index.ts") },
      { find: /^effect-billwerk-payouts\/PayoutWorkflow$/, replacement: src("PayoutWorkflow.ts") },
      { find: /^effect-billwerk-payouts\/(PostgresEngine|SqliteEngine)$/, replacement: src("engines/$1.ts") },
      { find: /^effect-billwerk-payouts\/SandboxServer$/, replacement: src("sandbox/SandboxServer.ts") },
      { find: /^effect-billwerk-payouts\/UndiciTransport$/, replacement: src("UndiciTransport.ts") }
    ]
  },
  test: {
    testTimeout: 20_000,
    // No test changes what another one loads, and to load Effect anew for each file takes longer than most of them.
    isolate: false,
    // Much of the time is spent waiting: for processes, sockets and databases.
    maxWorkers: 2,
    minWorkers: 2,
    projects: [
      { extends: true, test: { name: "tests", include: ["test/**/*.test.ts"], exclude: engines } },
      // These leave engines behind that run on, as a machine would that nobody hears of any more: in a worker of their own.
      { extends: true, test: { name: "engines", include: engines } }
    ]
  }
})
