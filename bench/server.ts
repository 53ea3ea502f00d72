/** The other side of the bench: a process of its own that answers every create as paid, and does nothing else. */
import { createServer } from "node:http"

const server = createServer((request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const { amount, currency, handle } = JSON.parse(Buffer.concat(chunks).toString())
    const created = "2025-10-01T09:29:58.120+00:00"
    const body = JSON.stringify({
      handle,
      state: "paid",
      amount,
      currency,
      customer: "customer-006",
      created,
      paid: created,
      transactions: [
        { id: "dafba2016614418f969fa5697383e47c", state: "paid", payout: handle, amount, created, card_type: "visa_dk" }
      ]
    })
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "request-id": "f1988fc2374b4a26a51ebd876b478428"
    })
    response.end(body)
  })
})

server.keepAliveTimeout = 60_000
server.listen(0, "127.0.0.1", () => process.send?.(server.address()))
process.on("disconnect", () => process.exit(0))
