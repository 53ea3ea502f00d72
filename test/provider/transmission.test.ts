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
})
