/** The numbers in test titles, such as "(43)" or "(I6)", are rows of docs/faults.md. */
import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"

const root = path.resolve(import.meta.dirname, "..")
const read = (name: string): string => readFileSync(path.join(root, name), "utf8")

const label = "[EDFIS]?\\d+[a-e]?"
const item = `${label}(?: ?(?:-|to) ?${label})?`
const list = `${item}(?:, ${item})*`

/** "(28, 29)" and "(101-108, 110)" at the end of a title, before the counter of a generated one. */
const atEnd = new RegExp(`\\((${list})\\)(?: #)?$`)
/** "E1a: ..." at the beginning of a title. */
const atBeginning = new RegExp(`^([EDFS]\\d+[a-e]?): `)
/** "28, 56 A gateway ...", in the titles of the trials over sockets. */
const ofTrial = /^(\d+(?:, \d+)*) [A-Z]/

const range = (text: string): ReadonlyArray<string> => {
  const [first = "", last] = text.split(/ ?(?:-|to) ?/)
  return last === undefined
    ? [first]
    : Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => String(Number(first) + index))
}

/** The numbers that a title names. */
const numbersOf = (title: string, isTrial = false): ReadonlyArray<string> =>
  [atEnd, atBeginning, ...(isTrial ? [ofTrial] : [])]
    .flatMap((pattern) => pattern.exec(title)?.[1]?.split(", ") ?? [])
    .flatMap(range)

/** A title is often put together from a table, so all texts of a test file are read; of a template, each part. */
const textsOf = (name: string): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node)) texts.push(node.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(name, read(name), ts.ScriptTarget.Latest, true))
  return texts
}

const named = readdirSync(path.join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules") && name !== "faults.test.ts")
  .sort()
  .flatMap((name) =>
    textsOf(`test/${name}`).flatMap((title) =>
      numbersOf(title, name.startsWith("proof/sockets/")).map((number) => ({ number, where: `${name}: ${title}` }))
    )
  )

const rows = [...read("docs/faults.md").matchAll(new RegExp(`^\\| (${label}) \\|`, "gm"))].map(
  ([, number = ""]) => number
)

describe("The list of faults", () => {
  it("has a row for every number in a test title", () => {
    const known = new Set(rows)
    assert.deepStrictEqual(
      named.filter(({ number }) => !known.has(number)),
      []
    )
  })

  it("has each number once, and the faults and invariants without a gap", () => {
    assert.deepStrictEqual(
      rows.filter((number, index) => rows.indexOf(number) !== index),
      []
    )
    const faults = rows.filter((number) => /^\d/.test(number))
    assert.deepStrictEqual(
      faults,
      faults.map((_, index) => String(index + 1))
    )
    const invariants = rows.filter((number) => /^I\d+$/.test(number))
    assert.deepStrictEqual(
      invariants,
      invariants.map((_, index) => `I${index + 1}`)
    )
  })
})

describe("The numbers of a test title", () => {
  it("are read as a list, with ranges", () => {
    assert.deepStrictEqual(numbersOf("stops at a 404 (28, 29)"), ["28", "29"])
    assert.deepStrictEqual(numbersOf("is refused (101-103, 110)"), ["101", "102", "103", "110"])
    assert.deepStrictEqual(numbersOf("is refused (101 to 103)"), ["101", "102", "103"])
    assert.deepStrictEqual(numbersOf("shows no secret (109, I8, D6) #"), ["109", "I8", "D6"])
    assert.deepStrictEqual(numbersOf("E1a: stays in doubt"), ["E1a"])
    assert.deepStrictEqual(numbersOf("28, 56 A gateway answers", true), ["28", "56"])
    assert.deepStrictEqual(numbersOf("28, 56 A gateway answers"), [])
    assert.deepStrictEqual(numbersOf("the provider says (134) that it is paid"), [])
  })

  it("are found in many files", () => {
    assert.isAbove(new Set(named.map(({ number }) => number)).size, 100)
    for (const number of ["24", "105", "I4", "E1a", "E18", "D7", "F10", "S3"]) {
      assert.isTrue(
        named.some((one) => one.number === number),
        number
      )
    }
  })
})
