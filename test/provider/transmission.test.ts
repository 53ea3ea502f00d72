import { HttpBody } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { inspect } from "node:util"
import { Transmission } from "../../src/provider/transmission.js"
import { everything } from "../everything.js"

describe("A transmission", () => {
  it("prints nothing of the body, which names a destination", () => {
    const secret = "ca_fcfac2016614418f969fa5697383e47c"
    const transmission = new Transmission(HttpBody.text(secret))
    transmission.track(HttpBody.text(secret), { isWaiting: true, hasBegun: false, abort: () => {} })
    const shown = [inspect(transmission, everything), JSON.stringify(transmission)]
    for (const text of shown) {
      assert.notInclude(text, secret)
      assert.notInclude(text, inspect(new TextEncoder().encode(secret)).slice(-30))
    }
    assert.strictEqual(JSON.stringify(transmission), '{"isOver":false,"isUnsent":false}')
  })

  for (const [what, body] of [
    ["with a body", HttpBody.text("{}")],
    ["without a body, which is a lookup", HttpBody.empty]
  ] as const) {
    it(`ends its exchange at the deadline, and one that begins later: ${what}`, () => {
      const aborted: Array<string> = []
      const exchange = (name: string) => ({
        isWaiting: false,
        hasBegun: true,
        abort: () => void aborted.push(name)
      })
      const transmission = new Transmission(body)
      transmission.track(body, exchange("own"))
      transmission.track(HttpBody.text("{}"), exchange("other"))
      transmission.end()
      transmission.track(body, exchange("late"))
      assert.deepStrictEqual([aborted, transmission.sent], [["own", "late"], "Unknown"])
    })
  }

  it("says nothing of what was sent without a body, for the host's client may have sent that", () => {
    const transmission = new Transmission(HttpBody.empty)
    transmission.track(HttpBody.empty, { isWaiting: true, hasBegun: false, abort: () => {} })
    assert.isFalse(transmission.hasBegun)
    transmission.end()
    assert.strictEqual(transmission.sent, "Unknown")
  })
})
