import { defineConfig } from "vitest/config"
import manifest from "../package.json" with { type: "json" }

// The tests, and the README's examples that they run, name the package as its users do; its sources are what they get.
const alias = Object.entries(manifest.exports).flatMap(([subpath, entry]) =>
  typeof entry === "string"
    ? []
    : {
        find: new RegExp(`^${manifest.name}${subpath.slice(1)}$`),
        replacement: new URL(entry.default.replace(/^\.\/dist\/(.*)\.js$/, "../src/$1.ts"), import.meta.url).pathname
      }
)

const engines = ["test/durable/**/*.test.ts"]

export default defineConfig({
  root: new URL("..", import.meta.url).pathname,
  cacheDir: "node_modules/.cache/vite",
  resolve: { alias },
  test: {
    // A page where all is well. What fails is printed whole by every reporter; `--reporter=default` names what passes.
    reporters: ["dot"],
    // Engines and shells log much; it is of use where a test fails.
    silent: "passed-only",
    // A hang is found late, so that a busy machine is not taken for one.
    testTimeout: 60_000,
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
