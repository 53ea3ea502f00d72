/**
 * The pages of the reference as Markdown: one page per module, its names by category, each with its words, its signature
 * as it is written, its members and its examples.
 */
import ts from "typescript"
import { type Declared, type Doc, type Member, type Name, type Page } from "./surface.js"

/** A page as a file: its name, and its text. */
export interface File {
  readonly name: string
  readonly text: string
}

/** All files of the reference: one per page, and the table of contents. */
export const filesOf = (pages: ReadonlyArray<Page>): ReadonlyArray<File> => {
  const link = linker(pages)
  return [
    { name: "README.md", text: contents(pages) },
    ...pages.map((page) => ({ name: `${page.name}.md`, text: render(page, link) }))
  ]
}

/** Replaces code spans that name something of the reference, such as `Payouts.layer`, by links to it. */
type Link = (text: string, page: Page) => string

const linker = (pages: ReadonlyArray<Page>): Link => {
  const targets = new Map<string, string>()
  // A name that only one module has needs no module before it.
  const alone = new Map<string, string | undefined>()
  for (const page of pages) {
    targets.set(page.name, `${page.name}.md`)
    for (const [name, anchor] of anchorsOf(page)) {
      const target = `${page.name}.md#${anchor}`
      targets.set(`${page.name}.${name}`, target)
      alone.set(name, alone.has(name) ? undefined : target)
    }
  }
  return (text, { name: page }) =>
    outsideOfCode(text, (words) =>
      words.replace(/(?<!\[)`([A-Za-z]\w*(?:\.\w+)?)`/g, (span, name: string) => {
        // In the words of its own page, a name stands alone.
        const target = targets.get(`${page}.${name}`) ?? targets.get(name) ?? (/^[A-Z]/.test(name) ? alone.get(name) : undefined) // prettier-ignore
        return target === undefined || target === `${page}.md`
          ? span
          : `[${span}](${target.replace(`${page}.md#`, "#")})`
      })
    )
}

const outsideOfCode = (text: string, change: (words: string) => string): string =>
  text
    .split(/(^```[^]*?^```$)/m)
    .map((part) => (part.startsWith("```") ? part : change(part)))
    .join("")

/** The names of a page and the methods of its services, with the anchors that GitHub gives to their headings. */
const anchorsOf = (page: Page): ReadonlyMap<string, string> => {
  const seen = new Map<string, number>()
  const anchorOf = (heading: string) => {
    const plain = heading.toLowerCase().replaceAll(" ", "-")
    const times = seen.get(plain) ?? 0
    seen.set(plain, times + 1)
    return times === 0 ? plain : `${plain}-${times}`
  }
  anchorOf(page.name)
  const anchors = new Map<string, string>()
  for (const [category, names] of groupsOf(page)) {
    anchorOf(category)
    for (const { declared, name } of names) {
      anchors.set(name, anchorOf(name))
      for (const member of declared.flatMap((one) => (one.kind === "Service" ? one.members : []))) {
        const anchor = anchorOf(member.name)
        if (!page.names.some((one) => one.name === member.name)) anchors.set(member.name, anchor)
      }
    }
  }
  return anchors
}

/** The names by category: what is called comes before what it is called with. */
const groupsOf = (page: Page): ReadonlyArray<readonly [category: string, names: ReadonlyArray<Name>]> => {
  const groups = new Map<string, Array<Name>>()
  for (const name of page.names) {
    const [category = ""] = name.declared.flatMap(({ doc }) => doc.tags.get("category") ?? [])
    groups.set(category, [...(groups.get(category) ?? []), name])
  }
  return [...groups].sort(([a], [b]) => rank(a) - rank(b))
}

const order = ["tags", "services", "layers", "constructors", "errors", "models"]
const rank = (category: string): number => (order.includes(category) ? order.indexOf(category) : order.length)

const firstSentence = (text: string): string => /^[^]*?[.:](?=\s|$)/.exec(text)?.[0]?.replace(/\s+/g, " ") ?? text

const wordsOf = ({ declared }: Name): string => declared.map(({ doc }) => doc.text).find((text) => text !== "") ?? ""

const contents = (pages: ReadonlyArray<Page>): string =>
  [
    "# Reference",
    "",
    "Every name that the package exports, from the docstrings of its source.",
    "",
    "| module | what it is |",
    "|---|---|",
    ...pages.map(
      ({ header, name }) => `| [\`${name}\`](${name}.md) | ${firstSentence(header).replaceAll("|", "\\|")} |`
    ),
    ""
  ].join("\n")

const render = (page: Page, link: Link): string => {
  const groups = groupsOf(page)
  const anchors = anchorsOf(page)
  return [
    `# ${page.name}`,
    "",
    link(page.header, page),
    "",
    "```ts",
    ...page.imports,
    "```",
    "",
    ...groups.map(
      ([category, names]) =>
        `- *${category}*: ${names.map(({ name }) => `[\`${name}\`](#${anchors.get(name) ?? ""})`).join(", ")}`
    ),
    "",
    ...groups.flatMap(([category, names]) => [
      `## ${category[0]?.toUpperCase() ?? ""}${category.slice(1)}`,
      "",
      ...names.flatMap((name) => [rendered(name, page, link), ""])
    ])
  ].join("\n")
}

const rendered = (name: Name, page: Page, link: Link): string => {
  const tags = (tag: string) => name.declared.flatMap(({ doc }) => doc.tags.get(tag) ?? [])
  const params = tags("param").map((text) => text.replace(/^(\w+)\s*-?\s*/, "- `$1`: "))
  // A type that is only the type of its value says nothing more.
  const shown = name.declared.filter(({ node }, index) => index === 0 || !isTypeOfValue(node))
  return [
    `### ${name.name}`,
    "",
    link(wordsOf(name), page),
    "",
    ...(params.length === 0 ? [] : [...params, ""]),
    "```ts",
    ...shown.map(signatureOf),
    "```",
    "",
    ...shown.flatMap((declared) => membersOf(declared, page, link)),
    ...tags("example").flatMap((example) => ["Example:", "", example, ""]),
    `Since ${tags("since")[0] ?? "?"}, \`${name.where}\``
  ].join("\n")
}

const isTypeOfValue = (node: ts.Statement): boolean =>
  ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node) ? /typeof \w+(\.Type)?|Schema\.Type</.test(node.getText()) : false // prettier-ignore

const membersOf = ({ kind, members }: Declared, page: Page, link: Link): ReadonlyArray<string> =>
  kind === "Service" && members.length > 0
    ? members.flatMap((member) => [`#### ${member.name}`, "", link(member.doc.text, page), "", "```ts", oneLine(member), "```", ""]) // prettier-ignore
    : members.length === 0
      ? []
      : [...members.map((member) => `- \`${oneLine(member)}\`${said(member.doc, page, link)}`), ""]

const said = ({ text }: Doc, page: Page, link: Link): string =>
  text === "" ? "" : `: ${link(text, page).replace(/\n+/g, " ")}`

const oneLine = ({ node }: Member): string =>
  (ts.isGetAccessor(node)
    ? `${node.name.getText()}${node.type === undefined ? "" : `: ${node.type.getText()}`}`
    : ts.isMethodDeclaration(node)
      ? node.getText().replace(/\{[^]*$/, "")
      : ts.isPropertyAssignment(node)
        ? field(node.name.getText(), node.initializer.getText())
        : node.getText().replace(/^readonly /, "")
  )
    .replace(/\/\*\*[^]*?\*\/\s*/g, "")
    .replace(/\s+/g, " ")
    .replace(/([(<]) /g, "$1")
    .replace(/ ([)>])(?!=)/g, "$1")
    .trim()

/** The field of a schema, as its type is. */
const field = (name: string, schema: string): string => {
  const [, inner = schema] = /^Schema\.optional\(([^]*)\)$/.exec(schema) ?? []
  const type = inner
    .replace(/\bSchema\.(String|Number|Boolean|BigInt)\b/g, (_, plain: string) => plain.toLowerCase())
    .replace("Schema.NonNegativeInt", "number")
    .replace("Schema.DateTimeUtc", "DateTime.Utc")
    .replace("Schema.DurationFromMillis", "Duration.Duration")
    .replace(/^Schema\.Array\(([\w.]+)\)$/, "ReadonlyArray<$1>")
    .replace(/^Schema\.Literal\(([^()]*)\)$/, (_, words: string) => words.trim().replace(/,\s*/g, " | "))
  return `${name}${inner === schema ? "" : "?"}: ${type}`
}

/** The declaration as it is written, without bodies and without what the list of members shows. */
const signatureOf = ({ members, node }: Declared): string => {
  const text = (part: ts.Node | undefined): string => part?.getText().replace(/\/\*\*[^]*?\*\/\s*/g, "") ?? ""
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.map((one) => `const ${text(one.name)}${typeOf(one, text)}`).join("\n")
  }
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
    const head = text(node).replace(/^export /, "")
    const isWritten = ts.isTypeAliasDeclaration(node) && !ts.isTypeLiteralNode(node.type)
    return members.length === 0 || isWritten ? head : `${head.replace(/\s*[{=][^]*$/, "")} { ... }`
  }
  if (ts.isClassDeclaration(node)) {
    const base = /(Context\.Tag|Schema\.Tagged\w+|Data\.Tagged\w+|Schema\.Class)\b/.exec(text(node.heritageClauses?.[0]))?.[1] // prettier-ignore
    return `class ${text(node.name)}${base === undefined ? "" : ` extends ${base}`}`
  }
  return text(node).replace(/\{[^]*$/, "").replace(/^export /, "").trim() // prettier-ignore
}

const typeOf = ({ initializer, type }: ts.VariableDeclaration, text: (part: ts.Node | undefined) => string): string => {
  if (type !== undefined) return `: ${text(type)}`
  if (initializer === undefined) return ""
  const made = functionIn(initializer)
  if (made === undefined) return ` = ${short(schemaOf(text(initializer)))}`
  const generics = made.typeParameters === undefined ? "" : `<${made.typeParameters.map(text).join(", ")}>`
  const parameters = made.parameters.map((one) => parameter(one, text)).join(", ")
  const isEffect = ts.isFunctionExpression(made)
  const returned =
    made.type === undefined
      ? isEffect
        ? "Effect<...>"
        : "..."
      : text(made.type).replace("Effect.fn.Return<", "Effect.Effect<")
  return `: ${generics}(${parameters}) => ${returned}`
}

/** What a caller sees of it: neither its default nor what it is taken apart into. */
const parameter = (
  { initializer, name, questionToken, type }: ts.ParameterDeclaration,
  text: (part: ts.Node | undefined) => string
): string => {
  const isOptional = initializer !== undefined || questionToken !== undefined
  const shown = ts.isIdentifier(name) ? text(name) : "options"
  return `${shown}${isOptional ? "?" : ""}: ${type === undefined ? (/^"/.test(text(initializer)) ? "string" : "...") : text(type)}`
}

/** The function that a constant is, also one that `Effect.fn` makes. */
const functionIn = (node: ts.Expression): ts.ArrowFunction | ts.FunctionExpression | undefined => {
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) return node
  if (!ts.isCallExpression(node) || !/^(Effect\.fn|dual|Function\.dual)/.test(node.expression.getText()))
    return undefined
  return node.arguments.map(functionIn).find((one) => one !== undefined)
}

/** A schema without its annotations, and without the fields that the list of members shows. */
const schemaOf = (text: string): string => {
  const plain = text.replace(/(?<=^Schema\.[^]*)\s*\.annotations\([^]*$/, "")
  return plain.replace(/^(Schema\.(?:Tagged)?Struct\((?:"\w+", )?)(?:\{[^]*\}|\w+)\)$/, "$1{ ... })")
}

const short = (text: string): string => (text.length > 1_500 ? `${text.slice(0, 1_500)} ...` : text)
