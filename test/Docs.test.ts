/** What the documentation shows is compiled: the examples of the JSDoc here, those of the pages as files of their own. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"
import * as Help from "../src/cli/Help.js"

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

const home = "https://github.com/effect-billwerk-payouts/effect-billwerk-payouts/blob/main/"
const {
  files: shipped,
  scripts
}: { readonly files: ReadonlyArray<string>; readonly scripts: Readonly<Record<string, string>> } = JSON.parse(
  read("package.json")
)
/** The commands of `npx effect-billwerk-payouts`. */
const commands = new Set([...Object.keys(Help.commands), "durable"])

const programs = readdirSync(path.join(root, "test/docs"))
const docsPages = readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .sort()
const pages = ["README.md", "AGENTS.md", "CHANGELOG.md", ...docsPages.map((name) => `docs/${name}`)]

/** The programs that a page shows, each a file of its own. */
const shownBy = (text: string) =>
  [...text.matchAll(/<!-- test\/docs\/(\S+) -->\n+```ts\n([^]*?)^```$/gm)].map(([, name = "", code = ""]) => ({
    name,
    code
  }))

/** The programs whose output a page has. */
const printing = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/<!-- test\/docs\/(\S+)\.ts -->\n+```ts\n(?:(?!```)[^])*```\n+It prints:\n+```text\n/g)].map(
    ([, name = ""]) => name
  )

/** What a page tells its reader to type. */
const commandsOf = (text: string): ReadonlyArray<string> => {
  const shells = [...text.matchAll(/^```(?:sh|bash|shell|console)\n([^]*?)^```$/gm)].map(([, code = ""]) => code)
  const inline = [...text.matchAll(/`(np[mx] [^`\n]*)`/g)].map(([, code = ""]) => code)
  return [...shells, ...inline]
}

const allMatches = (texts: ReadonlyArray<string>, pattern: RegExp): ReadonlyArray<string> =>
  texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name = ""]) => name))

/** How GitHub and the registry name the place of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, "")
    .replaceAll(" ", "-")

const anchorsOf = (text: string): ReadonlySet<string> =>
  new Set(
    [...text.replace(/^```[^]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading))
  )

interface Link {
  /** As it is written. */
  readonly text: string
  /** The file in the repository. */
  readonly file: string
  readonly anchor: string | undefined
  /** Whether it names the repository's address, and not a place beside the page. */
  readonly isHome: boolean
}

/** The links and pictures of a page to files of this repository. */
const linksOf = (page: string, text: string): ReadonlyArray<Link> =>
  [...text.matchAll(/\]\(([^)\s#]*)(?:#([^)\s]+))?\)/g)].flatMap(([, target = "", anchor]) => {
    const isHome = target.startsWith(home)
    if (!isHome && /^[a-z]+:/.test(target)) return []
    const file = isHome ? target.slice(home.length) : target === "" ? page : path.join(path.dirname(page), target)
    return [{ text: anchor === undefined ? target : `${target}#${anchor}`, file, anchor, isHome }]
  })

const isShipped = (file: string): boolean =>
  ["README.md", "LICENSE", ...shipped].some((name) => file === name || file.startsWith(`${name}/`))

const isThere = ({ anchor, file }: Link): boolean =>
  existsSync(path.join(root, file)) &&
  (anchor === undefined || !file.endsWith(".md") || anchorsOf(read(file)).has(anchor))

describe.each(pages)("%s", (page) => {
  const text = read(page)
  const shown = shownBy(text)
  const links = linksOf(page, text)
  const textsOf = (some: ReadonlyArray<Link>) => some.map(({ text }) => text)

  it("has no program but those that are files, which are type-checked and run", () => {
    assert.strictEqual(blocks(text).length, shown.length)
    assert.isFalse(/^```(typescript|tsx|js|javascript|mjs)$/m.test(text))
  })

  for (const { code, name } of shown) {
    it(`shows ${name} as it is`, () => assert.strictEqual(code.trim(), read(`test/docs/${name}`).trim()))
  }

  it("names no script that does not exist", () => {
    const named = allMatches(commandsOf(text), /\bnpm run (?:--silent |-s )?([\w:-]+)/g)
    assert.deepStrictEqual(
      named.filter((name) => !Object.hasOwn(scripts, name)),
      []
    )
  })

  it("names no command that does not exist", () => {
    const named = allMatches([text], /\b(?:npx effect-billwerk-payouts|npm run (?:--silent )?payout --) ([a-z]+)\b/g)
    assert.deepStrictEqual(
      named.filter((name) => !commands.has(name)),
      []
    )
  })

  it("links to no file or heading that does not exist", () => {
    assert.deepStrictEqual(textsOf(links.filter((link) => !isThere(link))), [])
  })

  it("links to files of the package, or else by the repository's address", () => {
    assert.deepStrictEqual(textsOf(links.filter(({ file, isHome }) => !isHome && !isShipped(file))), [])
  })
})

/** Each file in which a program may be imported, with its text. */
const sources = readdirSync(path.join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => ({ name, text: read(`test/${name}`) }))

describe("The documents", () => {
  const shown = pages.flatMap((page) => shownBy(read(page)))

  it("show every program in test/docs, or one that imports it", () => {
    const imported = shown.flatMap(({ code }) =>
      [...code.matchAll(/from "\.\/([\w-]+)\.js"/g)].map(([, name = ""]) => `${name}.ts`)
    )
    const used = new Set([...shown.map(({ name }) => name), ...imported])
    assert.deepStrictEqual(
      programs.filter((name) => !used.has(name)),
      []
    )
  })

  it("have no program that does not run: it is a test, prints what its page says, or a test names it", () => {
    const printed = pages.flatMap((page) => [...printing(read(page))])
    const imported = sources.flatMap(({ name, text }) =>
      allMatches([text], name.startsWith("docs/") ? /from "\.\/([\w-]+)\.js"/g : /\bdocs\/([\w-]+)\.(?:js|ts)"/g)
    )
    const run = new Set([...printed, ...imported].map((name) => `${name}.ts`))
    assert.deepStrictEqual(
      programs.filter((name) => !name.endsWith(".test.ts") && !run.has(name)),
      []
    )
  })

  it("are all two clicks away: the README links to the index, and the index to each page", () => {
    const targets = (page: string) => new Set(linksOf(page, read(page)).map(({ file }) => file))
    assert.isTrue(targets("README.md").has("docs/README.md"))
    const linked = targets("docs/README.md")
    assert.deepStrictEqual(
      pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md" && !linked.has(page)),
      []
    )
  })

  it("have pages whose names are in one case", () => {
    assert.deepStrictEqual(
      docsPages.filter((name) => name !== "README.md" && !/^[a-z][a-z/-]*\.md$/.test(name)),
      []
    )
  })

  it("have a README that is read in one go, and begins with what a stranger types", () => {
    const readme = read("README.md")
    assert.isAtMost(readme.split("\n").length, 320)
    assert.deepStrictEqual(commandsOf(readme).slice(0, 2), ["npm ci && npm run demo\n", "npm ci && npm test\n"])
  })
})
