/** What the documentation shows is compiled: the examples of the JSDoc here, those of the README as files of their own. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"

const root = path.resolve(import.meta.dirname, "..")
const read = (name: string): string => readFileSync(path.join(root, name), "utf8")

interface Example {
  /** Where the example's documentation is: `src/Payouts.ts:37`. */
  readonly where: string
  readonly code: string
}

interface Doc {
  readonly where: string
  readonly text: string
}

const docs = (name: string): ReadonlyArray<Doc> => {
  const source = ts.createSourceFile(name, read(name), ts.ScriptTarget.Latest, true)
  const found: Array<Doc> = []
  const visit = (node: ts.Node): void => {
    for (const child of node.getChildren(source)) {
      if (!ts.isJSDoc(child)) {
        visit(child)
        continue
      }
      const line = source.getLineAndCharacterOfPosition(child.getStart(source)).line + 1
      found.push({ where: `${name}:${line}`, text: child.getText(source).replace(/^ *\* ?/gm, "") })
    }
  }
  visit(source)
  return found
}

const allDocs = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .sort()
  .flatMap((name) => docs(`src/${name}`))

const blocks = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = ""]) => code)

const examples: ReadonlyArray<Example> = allDocs.flatMap(({ text, where }) =>
  blocks(text).map((code) => ({ where, code }))
)

/** Every example as a module of its own in the root of the package, where it is resolved as its users' are. */
const diagnostics = (all: ReadonlyArray<Example>): ReadonlyArray<ReadonlyArray<string>> => {
  const config = ts.getParsedCommandLineOfConfigFile(
    path.join(root, "tsconfig.json"),
    // An example declares what it shows, and need not use it.
    { noUnusedLocals: false, incremental: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => assert.fail(String(messageText)) }
  )
  assert(config !== undefined)
  const { tsBuildInfoFile: _, ...options } = config.options
  const files = new Map(all.map(({ code }, index) => [path.join(root, `example-${index}.ts`), code]))
  const host = ts.createCompilerHost(options, true)
  const { fileExists, readFile } = host
  host.fileExists = (name) => files.has(name) || fileExists(name)
  host.readFile = (name) => files.get(name) ?? readFile(name)
  const program = ts.createProgram([...files.keys()], options, host)
  return [...files.keys()].map((name) => {
    const source = program.getSourceFile(name)
    assert(source !== undefined)
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((one) => {
      const line = one.start === undefined ? 0 : source.getLineAndCharacterOfPosition(one.start).line + 1
      return `line ${line}: ${ts.flattenDiagnosticMessageText(one.messageText, "\n")}`
    })
  })
}

describe("The examples in the documentation of src", () => {
  const broken: Example = {
    where: "here",
    code: `import { Nope } from "effect-billwerk-payouts"\nconst n: string = 1\n`
  }
  let found: ReadonlyArray<ReadonlyArray<string>> = []
  beforeAll(() => {
    found = diagnostics([...examples, broken])
  }, 240_000)

  it("are found", () => assert.isAtLeast(examples.length, 20))

  for (const [index, { where }] of examples.entries()) {
    it(`compiles: ${where}`, () => assert.deepStrictEqual(found[index], []))
  }

  it("are really compiled: one that is wrong is told so", () => {
    assert.deepStrictEqual(found.at(-1), [
      `line 1: Module '"effect-billwerk-payouts"' has no exported member 'Nope'.`,
      "line 2: Type 'number' is not assignable to type 'string'."
    ])
  })

  it("are modules: each begins with what it imports", () => {
    assert.deepStrictEqual(
      examples.filter(({ code }) => !code.startsWith("import ")).map(({ where }) => where),
      []
    )
  })

  it("are code: no @example is without a block that is compiled", () => {
    const empty = allDocs.filter(({ text }) =>
      text.split(/^@/m).some((tag) => tag.startsWith("example") && blocks(tag).length === 0)
    )
    assert.deepStrictEqual(
      empty.map(({ where }) => where),
      []
    )
  })
})

const programs = readdirSync(path.join(root, "test/docs"))
const pages = [
  "README.md",
  "CHANGELOG.md",
  "PROOF.md",
  ...readdirSync(path.join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
]

/** The programs that a page shows, each a file of its own. */
const shownBy = (text: string) =>
  [...text.matchAll(/<!-- test\/docs\/(\S+) -->\n+```ts\n([^]*?)^```$/gm)].map(([, name = "", code = ""]) => ({
    name,
    code
  }))

/** How GitHub and the registry name the place of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, "")
    .replaceAll(" ", "-")

const anchorsOf = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading)))

describe.each(pages)("%s", (page) => {
  const text = read(page)
  const shown = shownBy(text)

  it("has no program but those that are files, which are type-checked and run", () => {
    assert.strictEqual(blocks(text).length, shown.length)
    assert.isFalse(/^```(typescript|tsx|js|javascript|mjs)$/m.test(text))
  })

  for (const { code, name } of shown) {
    it(`shows ${name} as it is`, () => assert.strictEqual(code.trim(), read(`test/docs/${name}`).trim()))
  }

  it("names no script that does not exist", () => {
    const { scripts }: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(read("package.json"))
    const shells = [...text.matchAll(/^```(?:sh|bash|shell|console)\n([^]*?)^```$/gm)].map(([, code = ""]) => code)
    const inline = [...text.matchAll(/`(np[mx] [^`\n]*)`/g)].map(([, code = ""]) => code)
    const named = [...shells, ...inline].flatMap((code) =>
      [...code.matchAll(/\bnpm run (?:--silent |-s )?([\w:-]+)/g)].map(([, name = ""]) => name)
    )
    assert.deepStrictEqual(
      named.filter((name) => !Object.hasOwn(scripts, name)),
      []
    )
  })

  it("links to no file or heading that does not exist", () => {
    const links = [...text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
    const broken = links.flatMap(([, name = "", anchor]) => {
      const file = name === "" ? page : path.join(path.dirname(page), name)
      if (!existsSync(path.join(root, file))) return [name]
      return anchor === undefined || !file.endsWith(".md") || anchorsOf(read(file)).has(anchor)
        ? []
        : [`${name}#${anchor}`]
    })
    assert.deepStrictEqual(broken, [])
  })
})

describe("The documents", () => {
  it("show every program in test/docs, or one that imports it", () => {
    const shown = pages.flatMap((page) => shownBy(read(page)))
    const imported = shown.flatMap(({ code }) =>
      [...code.matchAll(/from "\.\/([\w-]+)\.js"/g)].map(([, name = ""]) => `${name}.ts`)
    )
    const used = new Set([...shown.map(({ name }) => name), ...imported])
    assert.deepStrictEqual(
      programs.filter((name) => !used.has(name)),
      []
    )
  })
})
