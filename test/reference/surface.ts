/**
 * What the package shows its users: every name that an entry point of `package.json` exports, with its docstring and its
 * members, as they are written. The check and the pages of the reference are made from it. It only parses, so it takes
 * no types and little time.
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"

/** What a docstring says: its words, and the values of its tags. */
export interface Doc {
  readonly text: string
  readonly tags: ReadonlyMap<string, ReadonlyArray<string>>
}

/** A field, a method or an option. */
export interface Member {
  readonly name: string
  readonly doc: Doc
  readonly node: ts.Node
}

/** A declaration of a name: a value or a type. */
export interface Declared {
  readonly node: ts.Statement
  readonly doc: Doc
  /** `Options`: what a caller writes. `Service`: what a caller calls. `Data`: what a caller reads. */
  readonly kind: "Options" | "Service" | "Data"
  readonly members: ReadonlyArray<Member>
}

/** One exported name: a value, a type, or both. */
export interface Name {
  readonly name: string
  /** Where it is declared: `src/Payouts.ts:37`. */
  readonly where: string
  readonly declared: ReadonlyArray<Declared>
}

/** One module that users import. */
export interface Page {
  readonly name: string
  /** How users import it, the main entry first. */
  readonly imports: ReadonlyArray<string>
  readonly header: string
  readonly names: ReadonlyArray<Name>
}

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

/** All pages, by name. */
export const pagesOf = (root: string): ReadonlyArray<Page> => {
  const manifest: Manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))
  const source = parser(root)
  const pages = new Map<string, Page>()
  const add = (file: string, imported: string) => {
    const name = path.basename(file, ".ts")
    const known = pages.get(file)
    const names = known?.names ?? namesOf(source, file)
    pages.set(file, { name, header: headerOf(source(file)), names, imports: [...(known?.imports ?? []), imported] })
  }
  for (const [subpath, entry] of Object.entries(manifest.exports)) {
    if (typeof entry === "string") continue
    const file = entry.default.replace("./dist/", "src/").replace(/\.js$/, ".ts")
    const specifier = manifest.name + subpath.slice(1)
    const namespaces = source(file).statements.flatMap((node) =>
      ts.isExportDeclaration(node) && node.exportClause !== undefined && ts.isNamespaceExport(node.exportClause)
        ? [{ name: node.exportClause.name.text, home: targetOf(file, node) }]
        : []
    )
    for (const { home, name } of namespaces) add(home, `import { ${name} } from "${specifier}"`)
    if (namespaces.length === 0) add(file, `import * as ${path.basename(file, ".ts")} from "${specifier}"`)
  }
  return [...pages.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

type Source = (file: string) => ts.SourceFile

const parser = (root: string): Source => {
  const parsed = new Map<string, ts.SourceFile>()
  return (file) => {
    const known = parsed.get(file)
    if (known !== undefined) return known
    const text = readFileSync(path.join(root, file), "utf8")
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
    parsed.set(file, source)
    return source
  }
}

const targetOf = (file: string, { moduleSpecifier }: { readonly moduleSpecifier?: ts.Expression | undefined }) => {
  if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) throw new Error(`${file}: from what?`)
  return path.posix.join(path.posix.dirname(file), moduleSpecifier.text.replace(/\.js$/, ".ts"))
}

// --- docstrings -------------------------------------------------------------------------------------------------------

/** The last comment before a node, as it is written: TypeScript's own reading loses the code of examples. */
const docOf = (node: ts.Node): Doc => {
  const { text } = node.getSourceFile()
  const range = (ts.getLeadingCommentRanges(text, node.pos) ?? []).at(-1)
  const comment = range === undefined ? "" : text.slice(range.pos, range.end)
  return comment.startsWith("/**") ? read(comment) : { text: "", tags: new Map() }
}

const read = (comment: string): Doc => {
  const lines = comment.slice(3, -2).replace(/^[ \t]*\* ?/gm, "").trim().split("\n") // prettier-ignore
  const tags = new Map<string, Array<string>>()
  const words: Array<string> = []
  let current = words
  let isCode = false
  const ends: Array<() => void> = []
  for (const line of lines) {
    if (line.startsWith("```")) isCode = !isCode
    const [, tag, rest = ""] = isCode ? [] : (/^@(\w+) ?(.*)$/.exec(line) ?? [])
    if (tag === undefined) {
      current.push(line)
      continue
    }
    const values = tags.get(tag) ?? []
    tags.set(tag, values)
    const said = [rest]
    current = said
    ends.push(() => values.push(said.join("\n").trim()))
  }
  for (const end of ends) end()
  return { text: words.join("\n").trim(), tags }
}

/** The comment at the top of a module. */
const headerOf = (source: ts.SourceFile): string => read(/^\/\*\*[^]*?\*\//.exec(source.text)?.[0] ?? "/***/").text

// --- names ------------------------------------------------------------------------------------------------------------

const isExported = (node: ts.Node): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

/** The names that a statement declares. */
export const declaredBy = (node: ts.Statement): ReadonlyArray<string> => {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText())
  const isNamed =
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isFunctionDeclaration(node)
  return isNamed && node.name !== undefined ? [node.name.text] : []
}

const isInternal = ({ tags }: Doc): boolean => tags.has("internal")

const namesOf = (source: Source, file: string): ReadonlyArray<Name> => {
  const names = new Map<string, ReadonlyArray<ts.Statement>>()
  for (const node of source(file).statements) {
    if (isInternal(docOf(node))) continue
    if (isExported(node)) {
      for (const name of declaredBy(node)) names.set(name, [...(names.get(name) ?? []), node])
    } else if (
      ts.isExportDeclaration(node) &&
      node.exportClause !== undefined &&
      ts.isNamedExports(node.exportClause)
    ) {
      for (const { name, propertyName } of node.exportClause.elements) {
        const home = node.moduleSpecifier === undefined ? file : targetOf(file, node)
        names.set(name.text, statementsOf(source, home, (propertyName ?? name).text))
      }
    }
  }
  return [...names].flatMap(([name, statements]) => {
    const declared = statements.flatMap((node) => declaredOf(source, node))
    const [first] = declared
    return first === undefined ? [] : [{ name, where: whereOf(first.node), declared }]
  })
}

/** The statements that declare a name of a module, which may import it or pass it on. */
const statementsOf = (source: Source, file: string, name: string): ReadonlyArray<ts.Statement> => {
  const here = source(file).statements.filter((node) => declaredBy(node).includes(name))
  if (here.length > 0) return here
  for (const node of source(file).statements) {
    const elements =
      ts.isExportDeclaration(node) && node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
        ? node.exportClause.elements
        : ts.isImportDeclaration(node) && node.importClause?.namedBindings !== undefined && ts.isNamedImports(node.importClause.namedBindings) // prettier-ignore
          ? node.importClause.namedBindings.elements
          : []
    for (const element of elements) {
      if (element.name.text !== name || !(ts.isExportDeclaration(node) || ts.isImportDeclaration(node))) continue
      return statementsOf(source, targetOf(file, node), (element.propertyName ?? element.name).text)
    }
  }
  throw new Error(`${file} has no ${name}`)
}

const whereOf = (node: ts.Node): string => {
  const source = node.getSourceFile()
  return `${source.fileName}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
}

const declaredOf = (source: Source, node: ts.Statement): ReadonlyArray<Declared> => {
  const doc = docOf(node)
  if (isInternal(doc)) return []
  const [name = ""] = declaredBy(node)
  const service = ts.isClassDeclaration(node) ? serviceOf(node) : undefined
  const members = service ?? membersOf(source, node)
  const kind =
    service !== undefined || name === "Service"
      ? "Service"
      : (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) && /(Options|Input|Rules)$/.test(name)
        ? "Options"
        : "Data"
  return [{ node, doc, kind, members: members.filter((member) => !isInternal(member.doc)) }]
}

// --- members ----------------------------------------------------------------------------------------------------------

const toMembers = (nodes: ReadonlyArray<ts.Node & { readonly name?: ts.PropertyName | undefined }>) =>
  nodes.flatMap((node): ReadonlyArray<Member> =>
    node.name === undefined || ts.isPrivateIdentifier(node.name) || ts.isComputedPropertyName(node.name)
      ? []
      : [{ name: node.name.getText(), doc: docOf(node), node }]
  )

/** The methods of a service whose type is written in its tag. */
const serviceOf = (node: ts.ClassDeclaration): ReadonlyArray<Member> | undefined => {
  const heritage = node.heritageClauses?.[0]?.types[0]
  const type = heritage?.typeArguments?.[1] ?? (heritage && typeArgumentsIn(heritage.expression)?.[1])
  return type !== undefined && ts.isTypeLiteralNode(type) ? toMembers(type.members) : undefined
}

const typeArgumentsIn = (node: ts.Expression) => (ts.isCallExpression(node) ? node.typeArguments : undefined)

const membersOf = (source: Source, node: ts.Statement): ReadonlyArray<Member> => {
  if (ts.isInterfaceDeclaration(node)) return toMembers(node.members)
  if (ts.isTypeAliasDeclaration(node)) return unique(partsOf(source, node.type))
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.flatMap(({ initializer }) =>
      initializer === undefined || ts.isObjectLiteralExpression(initializer) ? [] : fieldsIn(source, initializer)
    )
  }
  if (!ts.isClassDeclaration(node)) return []
  const shown = node.members.filter((member) => {
    const hidden = [ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.StaticKeyword, ts.SyntaxKind.OverrideKeyword]
    return !ts.canHaveModifiers(member) || !(ts.getModifiers(member) ?? []).some(({ kind }) => hidden.includes(kind))
  })
  return [...fieldsIn(source, node.heritageClauses?.[0]?.types[0]?.expression), ...toMembers(shown)]
}

/**
 * The members of a type: those that are written in it, and those of interfaces of its module that are not public. What a
 * union or an intersection writes itself is in its signature.
 */
const partsOf = (source: Source, type: ts.TypeNode, isPart = false): ReadonlyArray<Member> => {
  if (ts.isTypeLiteralNode(type)) return isPart ? [] : toMembers(type.members)
  if (ts.isParenthesizedTypeNode(type)) return partsOf(source, type.type, true)
  if (ts.isUnionTypeNode(type) || ts.isIntersectionTypeNode(type)) {
    return type.types.flatMap((part) => partsOf(source, part, true))
  }
  if (!ts.isTypeReferenceNode(type)) return []
  const name = type.typeName.getText()
  if (name === "Data.TaggedEnum") return (type.typeArguments ?? []).flatMap((one) => partsOf(source, one))
  return type
    .getSourceFile()
    .statements.flatMap((one) =>
      ts.isInterfaceDeclaration(one) && one.name.text === name && !isExported(one) ? toMembers(one.members) : []
    )
}

/** The first of each name, but one with words if there is one. */
const unique = (members: ReadonlyArray<Member>): ReadonlyArray<Member> => {
  const found = new Map<string, Member>()
  for (const member of members) {
    const known = found.get(member.name)
    if (known === undefined || known.doc.text === "") found.set(member.name, member)
  }
  return [...found.values()]
}

/** The fields of a struct or of a class of the Schema module, and those that it spreads. */
const fieldsIn = (source: Source, node: ts.Expression | undefined): ReadonlyArray<Member> => {
  if (node === undefined) return []
  if (ts.isObjectLiteralExpression(node)) {
    return node.properties.flatMap((one) =>
      ts.isSpreadAssignment(one)
        ? ts.isIdentifier(one.expression)
          ? fieldsOf(source, one.expression)
          : []
        : toMembers([one])
    )
  }
  if (ts.isPropertyAccessExpression(node)) return fieldsIn(source, node.expression)
  if (!ts.isCallExpression(node)) return []
  const called = node.expression.getText()
  if (/^Schema\.(Struct|TaggedStruct)$/.test(called)) return node.arguments.flatMap((one) => fieldsOf(source, one))
  if (/^Schema\.(TaggedError|TaggedClass|Class)[<(]/.test(called) && ts.isCallExpression(node.expression)) {
    return node.arguments.slice(0, 2).flatMap((one) => fieldsOf(source, one))
  }
  return fieldsIn(source, node.expression)
}

/** The fields of an object, or of a constant that is one. */
const fieldsOf = (source: Source, node: ts.Expression): ReadonlyArray<Member> =>
  ts.isIdentifier(node)
    ? statementsOf(source, node.getSourceFile().fileName, node.text)
        .filter(ts.isVariableStatement)
        .flatMap(({ declarationList }) => declarationList.declarations)
        .flatMap(({ initializer }) => fieldsIn(source, initializer))
    : fieldsIn(source, node)
