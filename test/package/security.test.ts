/** `docs/security.md` and the fields of package.json that lead to it: packed, reachable, and with the code's own numbers. */
import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { BillwerkConfig, Webhook, WebhookHandler } from "effect-billwerk-payouts"
import { existsSync, readFileSync } from "node:fs"

const file = (path: string) => new URL(`../../${path}`, import.meta.url)
const manifest = JSON.parse(readFileSync(file("package.json"), "utf8"))
const policy = existsSync(file("docs/security.md")) ? readFileSync(file("docs/security.md"), "utf8") : ""
const words = policy.replace(/\s+/g, " ")

describe("docs/security.md", () => {
  it("is in the package", () => assert.include(manifest.files, "docs"))

  it("says where to report, in the repository that package.json names", () => {
    const home = "https://github.com/effect-billwerk-payouts/effect-billwerk-payouts"
    assert.deepStrictEqual(
      [manifest.repository?.url, manifest.bugs?.url, manifest.homepage],
      [`git+${home}.git`, `${home}/issues`, `${home}#readme`]
    )
    assert.include(policy, `${home}/security/advisories/new`)
  })

  it("supports the version that this is", () => {
    const [major, minor] = manifest.version.split(".")
    assert.include(policy, `| ${major}.${minor}.x | yes |`)
  })

  it.each([
    `the latest ${WebhookHandler.bodiesMax} are read`,
    `each for up to ${Duration.toSeconds(WebhookHandler.bodyDeadline)} seconds`,
    `the latest ${WebhookHandler.idsMaxDefault.toLocaleString("en")} goes`,
    `(${Duration.toMinutes(Webhook.toleranceDefault)} minutes)`,
    `No more than ${BillwerkConfig.bodyBytesMax / 1024 / 1024} MiB`
  ])("has the code's own number: %s", (sentence) => assert.include(words, sentence))
})
