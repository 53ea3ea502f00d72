/** One client's process: `worker.js SETUP`. It loads one client and no other, and pays when it is told over the IPC channel. */
import { fileURLToPath, pathToFileURL } from "node:url"
import type { Command, Done, Open, Setup } from "./Payer.js"

const setup: Setup = JSON.parse(process.argv[2] ?? "")

// The peers are read where they are, so that they find the packages that the bench installed. This is dist/bench/limits.
const file = setup.client.startsWith("ours")
  ? new URL("./ours.js", import.meta.url)
  : pathToFileURL(fileURLToPath(new URL("../../../bench/limits/peers.mjs", import.meta.url)))

const send = (done: Done): void => void process.send?.(done)

const { open }: { readonly open: Open } = await import(file.href)
const payer = await open(setup)

process.on("message", ({ payouts, prefix }: Command) => {
  void payer.pay(prefix, payouts).then((ends) => send({ kind: "paid", ends }))
})
process.on("disconnect", () => process.exit(0))
send({ kind: "ready" })
