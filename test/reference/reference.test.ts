/** Everything that users can import has words. The examples of these words are compiled by `test/Docs.test.ts`. */
import { assert, describe, it } from "@effect/vitest"
import * as path from "node:path"
import { filesOf } from "./render.js"
import { type Declared, type Member, type Name, type Page, pagesOf } from "./surface.js"

const root = path.resolve(import.meta.dirname, "../..")
const pages = pagesOf(root)

/** The words of the glossary. A field of this name is what the glossary says that it is. */
const glossary: ReadonlySet<string> = new Set(
  "_tag attempt attempts certainty currency customer evidence exposure handle message request toJSON".split(" ")
)

/** Every finding, over all names: none is expected, and all of them are shown. */
const none = (find: (name: Name, page: Page) => ReadonlyArray<string>) =>
  assert.deepStrictEqual(
    pages.flatMap((page) => page.names.flatMap((name) => find(name, page).map((what) => `${page.name}.${what} (${name.where})`))), // prettier-ignore
    []
  )

/** Whether the docstring around a member tells what it is. */
const isTold = ({ declared }: Name, { name }: Member): boolean =>
  declared.some(({ doc }) => doc.text.includes(`\`${name}\``))

const isDocumented = (name: Name, { kind }: Declared, member: Member): boolean =>
  member.doc.text !== "" || isTold(name, member) || (kind === "Data" && glossary.has(member.name))

describe("The reference", () => {
  it("has a page for everything that package.json exports", () => {
    assert.isAtLeast(pages.length, 40)
    assert.isAtLeast(pages.flatMap(({ names }) => names).length, 500)
    assert.deepStrictEqual(
      pages.filter(({ names }) => names.length === 0).map(({ name }) => name),
      []
    )
    assert.isTrue(pages.some(({ name, names }) => name === "Payouts" && names.some((one) => one.name === "layer")))
    const members = pages.flatMap(({ names }) => names).flatMap(({ declared }) => declared).flatMap((one) => one.members) // prettier-ignore
    for (const name of ["create", "keepProviderTexts", "outstandingCreates", "retryAfter", "createAll"]) {
      assert.isTrue(
        members.some((member) => member.name === name),
        name
      )
    }
  })

  it("says of each module what it is", () => {
    assert.deepStrictEqual(
      pages.filter(({ header }) => header === "").map(({ name }) => name),
      []
    )
  })

  it("describes each name", () =>
    none(({ declared, name }) => (declared.some(({ doc }) => doc.text !== "") ? [] : [`${name} has no description`])))

  it("describes each option, each method of a service, and each field that is no word of the glossary", () =>
    none((name) =>
      name.declared.flatMap((declared) =>
        declared.members
          .filter((member) => !isDocumented(name, declared, member))
          .map((member) => `${name.name}.${member.name} has no description`)
      )
    ))

  it("says of each declaration since when it is there", () =>
    none(({ declared, name }) =>
      declared.every(({ doc }) => /^\d+\.\d+\.\d+$/.test(doc.tags.get("since")?.[0] ?? ""))
        ? []
        : [`${name} has no @since`]
    ))

  it("gives no description that only repeats the name", () =>
    none(({ declared, name }) =>
      declared.some(({ doc }) => doc.text.replace(/[^a-z]/gi, "").toLowerCase() === name.toLowerCase())
        ? [`${name} is described by its name`]
        : []
    ))

  const files = filesOf(pages)

  it("is drawn with a section for each name", () => {
    for (const { name, names } of pages) {
      const text = files.find((file) => file.name === `${name}.md`)?.text ?? ""
      for (const one of names) assert.include(text, `\n### ${one.name}\n`)
    }
    const service = files.find(({ name }) => name === "Payouts.md")?.text ?? ""
    assert.match(service, /\n#### create\n\n\w/)
  })

  it("links to no page or section that does not exist", () => {
    const sections = new Map(files.map(({ name, text }) => [name, anchorsIn(text)]))
    const links = files.flatMap(({ name, text }) =>
      [...text.matchAll(/\]\(([\w.]*)(?:#([\w-]+))?\)/g)].map(([link, file = "", anchor]) => ({
        link: `${name}: ${link}`,
        found: sections.get(file === "" ? name : file),
        anchor
      }))
    )
    assert.isAtLeast(links.length, 500)
    assert.deepStrictEqual(
      links
        .filter(({ anchor, found }) => found === undefined || (anchor !== undefined && !found.has(anchor)))
        .map(({ link }) => link),
      []
    )
  })
})

/** The anchors of the headings, as GitHub makes them. */
const anchorsIn = (text: string): ReadonlySet<string> => {
  const anchors = new Set<string>()
  for (const [, heading = ""] of text.replace(/^```[^]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm)) {
    const plain = heading.toLowerCase().replaceAll(" ", "-")
    let anchor = plain
    for (let times = 1; anchors.has(anchor); times++) anchor = `${plain}-${times}`
    anchors.add(anchor)
  }
  return anchors
}
