/** The page in a real Chromium: what only a browser shows. Debian's package is `chromium`. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Sandbox } from "effect-billwerk-payouts/testing"
import * as SandboxServer from "effect-billwerk-payouts/testing/server"
import * as Chromium from "./Chromium.js"
import { createOnce, fault, page, pageOf } from "./fixture.js"

let chromium: Chromium.Chromium | undefined
const newTab = Effect.suspend(() => (chromium === undefined ? Effect.die("no browser") : Chromium.tab(chromium)))

const opened = (view: Chromium.View = { width: 1280, scheme: "light" }) =>
  Effect.gen(function* () {
    const tab = yield* newTab
    yield* tab.view(view)
    const { url } = yield* SandboxServer.SandboxServer
    yield* tab.goto(`${url}/`)
    yield* tab.until("document.querySelectorAll('#groups button').length > 15")
    yield* tab.until("document.querySelector('#connection').textContent === 'Live'")
    return { tab, url }
  })

const rowSays = (text: string) => `document.querySelector('#rows')?.innerText.includes(${JSON.stringify(text)})`

/** The texts whose contrast with what is behind them is less than 4.5 to 1 (WCAG AA). */
const lowContrast = String.raw`(() => {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor)
      if (color.length === 3 || color[3] === 1) return color
    }
    return [255, 255, 255]
  }
  const found = []
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "")
    if (!own || element.getClientRects().length === 0 || element.tagName === "NOSCRIPT") continue
    const [a, b] = [luminance(numbers(getComputedStyle(element).color)), luminance(behind(element))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) found.push(element.textContent.trim().slice(0, 40) + " " + ratio.toFixed(2))
  }
  return found
})()`

/** What has no name that is read out, or a label that is none. */
const nameless = String.raw`[
  ...[...document.querySelectorAll("button, a")].filter((one) => one.textContent.trim() === ""),
  ...[...document.querySelectorAll("input")].filter((one) => one.labels.length === 0),
  ...[...document.querySelectorAll("section")].filter(
    (one) => document.getElementById(one.getAttribute("aria-labelledby"))?.textContent.trim() in { "": 1, undefined: 1 }
  )
].map((one) => one.outerHTML)`

const found = Chromium.binary === undefined ? "(skipped: no Chromium is installed)" : ""

describe.skipIf(Chromium.binary === undefined)(`The sandbox's page in Chromium ${found}`, () => {
  beforeAll(async () => {
    chromium = await Chromium.launch()
  }, 60_000)
  afterAll(() => chromium?.close())

  it.live("shows a payout as it is paid, without a reload", () =>
    Effect.gen(function* () {
      const { tab } = yield* opened()
      assert.strictEqual(yield* tab.evaluate("document.querySelector('#empty').hidden"), false)
      yield* createOnce({})
      yield* tab.until(rowSays("prize-2026-0042"))
      yield* tab.until(
        String.raw`/paid\s+DKK\s125\.00\s+DKK\s125\.00\s+none/.test(document.querySelector('#rows').innerText)`
      )
      assert.strictEqual(yield* tab.evaluate("document.querySelector('#empty').hidden"), true)
      assert.include(
        String(yield* tab.evaluate("document.querySelector('#sums').innerText")),
        "really moved DKK\u00a0125.00"
      )
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("scripts a fault by a click, for one handle and so many times, and shows it until it has happened", () =>
    Effect.gen(function* () {
      const { tab } = yield* opened()
      yield* tab.evaluate("document.querySelector('#handle').value = 'prize-2026-0042'")
      yield* tab.evaluate("document.querySelector('[data-fault=dropAfterCommit]').click()")
      yield* tab.until("document.querySelector('#said').textContent === 'Scripted: Carried out, then lost.'")
      yield* tab.until("document.querySelector('#coming').innerText === 'Carried out, then lost, for prize-2026-0042'")
      yield* createOnce({ handle: "another" })
      yield* tab.until(rowSays("another"))
      assert.strictEqual(yield* tab.evaluate("document.querySelector('#coming-box').hidden"), false)
      assert.strictEqual((yield* createOnce({}))._tag, "Left")
      yield* tab.until(rowSays("Carried out, and the answer was lost."))
      yield* tab.until("document.querySelector('#coming-box').hidden")
      yield* tab.evaluate(
        "document.querySelector('#times').value = '7'; document.querySelector('[data-fault=reply503]').click()"
      )
      yield* tab.until("document.querySelector('#coming').innerText === '503, 7 times, for prize-2026-0042'")
      yield* tab.evaluate("document.querySelector('#clear').click()")
      yield* tab.until("document.querySelector('#coming-box').hidden")
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("says to a person how many times a fault may happen, and scripts nothing else", () =>
    Effect.gen(function* () {
      const { tab } = yield* opened()
      yield* tab.evaluate(
        "document.querySelector('#times').value = '0'; document.querySelector('[data-fault=reply503]').click()"
      )
      yield* tab.until("document.querySelector('#said').textContent.startsWith('Times must be a whole number')")
      const sandbox = yield* Sandbox.Sandbox
      assert.strictEqual(yield* sandbox.scriptLeft, 0)
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("is worked by the keyboard: from the skip link to a timeline, and its settlement", () =>
    Effect.gen(function* () {
      yield* fault("processing")
      yield* createOnce({})
      const { tab } = yield* opened()
      yield* tab.until(rowSays("prize-2026-0042"))
      yield* tab.press("Tab")
      assert.strictEqual(yield* tab.evaluate("document.activeElement.textContent"), "Skip to the faults")
      yield* tab.press("Tab")
      assert.strictEqual(yield* tab.evaluate("document.activeElement.textContent"), "prize-2026-0042")
      yield* tab.press("Enter")
      yield* tab.until(
        "document.activeElement.id === 'payout-title' && document.activeElement.textContent === 'Timeline of prize-2026-0042'"
      )
      yield* tab.until("document.querySelectorAll('#timeline li').length === 1")
      yield* tab.press("Tab")
      assert.strictEqual(yield* tab.evaluate("document.activeElement.textContent"), "Settle as paid")
      assert.notStrictEqual(yield* tab.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none")
      yield* tab.press("Enter")
      yield* tab.until("document.querySelector('#timeline').innerText.includes('Settled: paid')")
      yield* tab.until("document.querySelector('#settlement').hidden")
      yield* tab.evaluate("document.querySelector('#close').click()")
      yield* tab.until("document.querySelector('#payout').hidden")
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("says nothing of payouts before it knows of any", () =>
    Effect.gen(function* () {
      const { url } = yield* SandboxServer.SandboxServer
      const html = yield* Effect.promise(() => fetch(url).then((answer) => answer.text()))
      assert.match(html, /<p id="empty" hidden>/)
      const { tab } = yield* opened()
      yield* tab.until("!document.querySelector('#empty').hidden")
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live(
    "shows a timeline, its settlement and the connection without scrolling, although there are many payouts",
    () =>
      Effect.gen(function* () {
        for (let index = 0; index < 60; index++) yield* createOnce({ handle: `p-${index}` })
        yield* fault("processing")
        yield* createOnce({})
        const { tab } = yield* opened()
        yield* tab.until(rowSays("prize-2026-0042"))
        const isSeen = (id: string) => `(() => {
        const { bottom, top, height } = document.querySelector("${id}").getBoundingClientRect()
        return height > 0 && top >= 0 && bottom <= innerHeight
      })()`
        yield* tab.evaluate("scrollTo(0, document.body.scrollHeight); location.hash = '#payout=prize-2026-0042'")
        yield* tab.until(isSeen("#settle-paid"))
        yield* tab.evaluate("document.querySelector('#settle-paid').click()")
        yield* tab.until("document.querySelector('#settled').textContent === 'Settled.'")
        assert.isTrue(yield* tab.evaluate(isSeen("#settled")))
        yield* tab.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert.isTrue(yield* tab.evaluate(isSeen("#connection")))
      }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("keeps the focus on a payout while it changes", () =>
    Effect.gen(function* () {
      yield* fault("processing")
      yield* createOnce({})
      const { tab } = yield* opened()
      yield* tab.until(rowSays("processing"))
      yield* tab.evaluate("document.querySelector('#rows a').focus()")
      yield* createOnce({ handle: "another" })
      yield* createOnce({})
      yield* tab.until(rowSays("2 creates"))
      assert.strictEqual(yield* tab.evaluate("document.activeElement.textContent"), "prize-2026-0042")
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("takes markup in a handle for text, and runs nothing of it", () =>
    Effect.gen(function* () {
      const { tab, url } = yield* opened()
      const markup = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`
      yield* createOnce({ handle: markup })
      yield* tab.until(rowSays("<img src=x onerror="))
      yield* tab.evaluate("document.querySelector('#rows a').click()")
      yield* tab.until("document.querySelector('#payout-title').textContent.includes('<script>')")
      yield* tab.until("document.querySelectorAll('#timeline li').length === 1")
      assert.strictEqual(yield* tab.evaluate("document.querySelectorAll('img, #rows script').length"), 0)
      assert.strictEqual(yield* tab.evaluate("document.title"), "Sandbox: the simulated provider")
      assert.deepStrictEqual(tab.complaints(), [])
      assert.deepStrictEqual(
        tab.requests().filter((one) => !one.startsWith(url)),
        []
      )
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("lets no script of its own page in that is written into it", () =>
    Effect.gen(function* () {
      const { tab } = yield* opened()
      yield* tab.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'document.title = 1' }))"
      )
      assert.strictEqual(yield* tab.evaluate("document.title"), "Sandbox: the simulated provider")
      assert.match(tab.complaints().join(), /Content Security Policy/)
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("is out of the reach of another origin's page: its form and its script", () =>
    Effect.gen(function* () {
      const { url } = yield* SandboxServer.SandboxServer
      const tab = yield* newTab
      yield* tab.goto("about:blank") // its origin is opaque
      for (const init of [
        `{ method: "POST", mode: "no-cors", body: "{}" }`,
        `{ method: "POST", headers: { "content-type": "application/json" }, body: '{"fault":"reply503"}' }`
      ]) {
        yield* tab.evaluate(`fetch("${url}/sandbox/faults", ${init}).catch(() => undefined)`)
      }
      const { coming } = JSON.parse(
        String(yield* Effect.promise(() => fetch(`${url}/sandbox/ledger`).then((answer) => answer.text())))
      )
      assert.deepStrictEqual(coming, [])
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  for (const width of [1280, 700, 360]) {
    for (const scheme of ["light", "dark"] as const) {
      it.live(`can be read at ${width} pixels in ${scheme}: no text is cut off or too faint, and all has a name`, () =>
        Effect.gen(function* () {
          yield* fault("processingErrorMoved")
          yield* createOnce({})
          yield* fault("processing")
          yield* createOnce({ handle: "a".repeat(255) })
          yield* createOnce({ handle: "unknown", destination: "nothing" })
          yield* fault("hardDeclined", { times: 2 })
          yield* fault("dropAfterCommit")
          const { tab } = yield* opened({ width, scheme })
          yield* tab.evaluate("location.hash = '#payout=prize-2026-0042'")
          yield* tab.until("document.querySelectorAll('#timeline li').length === 2")
          assert.deepStrictEqual(yield* tab.evaluate(lowContrast), [])
          assert.deepStrictEqual(yield* tab.evaluate(nameless), [])
          assert.isAtMost(Number(yield* tab.evaluate("document.documentElement.scrollWidth")), width)
          const roles =
            "[...document.querySelectorAll('[role=columnheader]')].length * 10 + document.querySelectorAll('[role=rowheader]').length"
          assert.strictEqual(yield* tab.evaluate(roles), 53)
          const landmarks =
            "['header', 'main', 'nav', 'h1'].map((name) => document.querySelectorAll(name).length).join()"
          assert.strictEqual(yield* tab.evaluate(landmarks), "1,1,1,1")
        }).pipe(Effect.scoped, Effect.provide(page))
      )
    }
  }

  it.live("moves nothing for who wants no motion", () =>
    Effect.gen(function* () {
      const name = "getComputedStyle(document.querySelector('#rows tr.changed > *') ?? document.body).animationName"
      for (const [reducedMotion, animation] of [
        [true, "none"],
        [false, "changed"]
      ] as const) {
        const { tab } = yield* opened({ width: 1280, scheme: "light", reducedMotion })
        yield* createOnce({ handle: `p-${animation}` })
        yield* tab.until(rowSays(`p-${animation}`))
        assert.strictEqual(yield* tab.evaluate(name), animation)
      }
    }).pipe(Effect.scoped, Effect.provide(page))
  )

  it.live("says that the connection is lost, and is live again with the server", () =>
    Effect.gen(function* () {
      const tab = yield* newTab
      const live = "document.querySelector('#connection').textContent === 'Live'"
      const port = yield* Effect.scoped(
        Effect.gen(function* () {
          const { port, url } = yield* SandboxServer.make({ page: {} })
          yield* tab.goto(`${url}/`)
          yield* tab.until(live)
          return port
        })
      )
      yield* tab.until("document.querySelector('#connection').textContent.startsWith('Connection lost')")
      yield* SandboxServer.make({ page: {}, port })
      yield* tab.until(live)
    }).pipe(Effect.scoped, Effect.provide(Sandbox.layerSandbox))
  )

  it.live("shows what the server says of itself", () =>
    Effect.gen(function* () {
      const { tab } = yield* opened()
      yield* tab.until("document.querySelector('#settings').innerText === 'Test amounts\\non'")
    }).pipe(Effect.scoped, Effect.provide(pageOf({ settings: [["Test amounts", "on"]] })))
  )
})
