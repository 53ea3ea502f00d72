/**
 * The tree, as data: what may import what, what may not be written, and what every public module has. A rule that is
 * broken on purpose is listed here with its reason, and an exception that is no longer needed fails as well.
 */
import { assert, describe, it } from "@effect/vitest"
import { BillwerkConfig } from "effect-billwerk-payouts"
import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import ts from "typescript"

const root = path.resolve(import.meta.dirname, "..")

/**
 * The folders, and the modules beside them, from the bottom up. A module may import from its own folder and from those before it
 * in this list.
 */
const order: ReadonlyArray<string> = [
  "domain",
  "host",
  "policy",
  "Telemetry.ts",
  "provider",
  "undici",
  "webhook",
  "execution",
  "Payouts.ts",
  "table",
  "batch",
  "reconciliation",
  "durable",
  "sandbox",
  "index.ts",
  "cli"
]

/** What the domain may import of Effect: data, and nothing that runs, waits or looks at a clock. */
const data = new Set(
  [
    "Array Brand Data DateTime Duration Either Encoding Equal Equivalence Function Hash HashMap HashSet Inspectable Match",
    "Option Order ParseResult Pipeable Predicate Record Redacted Schema SchemaAST String Struct Types"
  ]
    .join(" ")
    .split(" ")
    .map((name) => `effect/${name}`)
)

/** What needs Node. The core, which is what `index.ts` reaches, runs wherever Effect does. */
const onNode =
  /^(undici\/|sandbox\/SandboxServer\.ts|durable\/(PostgresEngine|SqliteConnections|SqliteFile|SqliteOwner)\.ts|cli\/)/

/** Only programs that are started run an effect, and only with `runMain`. */
const mains = /^cli\/(build|payout)\.ts$/

const linesMax = 350
const functionLinesMax = 60
/**
 * A check that is switched off, for one line: the live clock's own timer is started where its fiber would cost too much, and a
 * request is frozen where it is made.
 */
const switchedOff: ReadonlyMap<string, string> = new Map([
  ["domain/PayoutRequest.ts", "// @effect-diagnostics-next-line overriddenSchemaConstructor:off"],
  ["host/deadline.ts", "// @effect-diagnostics-next-line globalTimers:off"]
])

/** Longer, and why. */
const long: ReadonlyMap<string, string> = new Map([
  ["domain/PayoutError.ts", "one class a category, with its message: the table of errors in one place"],
  ["durable/Outbox.ts", "all that a host does with the outbox: each function with what it promises"],
  ["durable/PayoutWorkflow.ts", "all that can be done with a durable payout: each function with what it promises"],
  ["Payouts.ts", "the whole service: each method with what it promises"],
  ["sandbox/SandboxWebhooks.ts", "the service, what receives its webhooks, and each option with what it means"],
  ["sandbox/Script.ts", "one constructor a fault, with its documentation"]
])

/** Exported declarations of public modules without a category of their own, and why. */
const uncategorised: ReadonlyMap<string, string> = new Map()

/** The provider's snake_case words that are values, not names of fields: error states, and transaction errors. */
const values = new Set(
  [
    "hard_declined soft_declined processing_error",
    "acquirer_authentication_error acquirer_communication_error acquirer_configuration_error acquirer_error",
    "acquirer_integration_error acquirer_rejected_error authorization_amount_exceeded authorization_expired",
    "authorization_voided credit_card_expired credit_card_lost_or_stolen credit_card_suspected_fraud",
    "declined_by_acquirer insufficient_funds sca_required settle_blocked",
    "visa_dk visa_elec china_union_pay first_data thailand_kbank",
    "fraud_block refund_amount_too_high risk_filter_block",
    // Words that the provider has never said.
    "unheard_of payout_settled payout_failed"
  ]
    .join(" ")
    .split(" ")
)

/** The columns of the durable engine's tables, which its rows are read by. */
const columns = new Set("deliver_at entity_id entity_type message_id request_id".split(" "))

/** Texts outside the two `wire.ts` that say a field name of the provider, each with its module, and why. */
const fieldNames: ReadonlyMap<string, string> = new Map([
  [
    "provider/Verdict.ts: it failed with error_state ",
    "a sentence for a person, who looks for it in the documentation"
  ],
  ["reconciliation/fromText.ts: customer_handle", "a column of a file that may name it as the provider does"],
  ["durable/Outbox.ts: payout_outbox", "the name of a table of the host's"],
  ["durable/SqliteConnections.ts: PRAGMA journal_mode = WAL", "SQLite's own word"],
  ["cli/TableScenarios.ts: fails it with an error_state that is not documented", "a sentence for a person"]
])

// --- package.json -----------------------------------------------------------------------------------------------------

interface Manifest {
  readonly name: string
  readonly version: string
  readonly type: string
  readonly sideEffects: boolean
  readonly exports: Record<string, string | Record<string, string>>
  readonly dependencies?: Record<string, string>
  readonly peerDependencies: Record<string, string>
  readonly peerDependenciesMeta: Record<string, { readonly optional?: boolean }>
  readonly devDependencies: Record<string, string>
}

function json(name: string) {
  return JSON.parse(readFileSync(path.join(root, name), "utf8"))
}

function targets(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(manifest.exports).map(([subpath, entry]) => [
      subpath,
      typeof entry === "string" ? entry : (entry["default"] ?? "").replace(/^\.\/dist\//, "").replace(/\.js$/, ".ts")
    ])
  )
}

const manifest: Manifest = json("package.json")

// --- the tree ---------------------------------------------------------------------------------------------------------

interface Import {
  readonly specifier: string
  readonly isTypeOnly: boolean
}

interface Module {
  /** Relative to `src`. */
  readonly name: string
  readonly source: ts.SourceFile
  readonly imports: ReadonlyArray<Import>
}

const src = path.join(root, "src")

const read = (name: string): Module => {
  const text = readFileSync(path.join(src, name), "utf8")
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true)
  const imports: Array<Import> = []
  walk(source, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier === undefined || !ts.isStringLiteral(node.moduleSpecifier)) return
      const isTypeOnly = ts.isImportDeclaration(node) ? node.importClause?.isTypeOnly === true : node.isTypeOnly
      imports.push({ specifier: node.moduleSpecifier.text, isTypeOnly })
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      imports.push({
        specifier: argument && ts.isStringLiteralLike(argument) ? argument.text : "a computed import",
        isTypeOnly: false
      })
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      imports.push({ specifier: node.argument.literal.getText().slice(1, -1), isTypeOnly: true })
    }
  })
  return { name, source, imports }
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

const modules: ReadonlyMap<string, Module> = new Map(
  readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => [name, read(name)] as const)
)

const isRelative = (specifier: string): boolean => specifier.startsWith(".")

const target = (from: string, specifier: string): string =>
  path.posix.join(path.posix.dirname(from), specifier).replace(/\.js$/, ".ts")

/** The modules of this tree that a module imports. */
const inside = ({ imports, name }: Module): ReadonlyArray<string> =>
  imports.filter(({ specifier }) => isRelative(specifier)).map(({ specifier }) => target(name, specifier))

const level = (name: string): number => order.indexOf(name.split("/")[0] ?? "")

const reachable = (from: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const queue = [from]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const module = modules.get(next)
    if (found.has(next) || module === undefined) continue
    found.add(next)
    queue.push(...inside(module))
  }
  return found
}

const core = reachable("index.ts")

/** Every finding of a rule, over all modules: none is expected, and all of them are shown. */
const none = (find: (module: Module, report: (what: string, node?: ts.Node) => void) => void) => {
  const found: Array<string> = []
  for (const module of modules.values()) {
    find(module, (what, node) => {
      const line = node === undefined ? "" : `:${module.source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`
      found.push(`src/${module.name}${line}: ${what}`)
    })
  }
  assert.deepStrictEqual(found, [])
}

/** As `none`, for every node of every module. */
const noNode = (what: (node: ts.Node, module: Module) => string | undefined) =>
  none((module, report) =>
    walk(module.source, (node) => {
      const found = what(node, module)
      if (found !== undefined) report(found, node)
    })
  )

describe("The tree", () => {
  it("is the one that the rules are about", () => {
    for (const name of ["index.ts", "domain/PayoutRequest.ts", "provider/wire.ts", "Payouts.ts"]) {
      assert.isTrue(modules.has(name), name)
      if (name !== "index.ts") assert.isTrue(core.has(name), `${name} is reached from index.ts`)
    }
    assert.isTrue(modules.has("sandbox/Sandbox.ts"))
    assert.isAtLeast(core.size, 30)
  })

  it("has a place for every module", () =>
    none(({ name }, report) => (level(name) === -1 ? report("is in no room") : undefined)))

  it("has no import of what is not there", () =>
    none((module, report) => {
      for (const name of inside(module)) if (!modules.has(name)) report(`imports ${name}, which does not exist`)
    }))

  it("points down: no module imports from a layer above its own", () =>
    none((module, report) => {
      for (const name of inside(module)) {
        if (level(name) > level(module.name)) report(`imports ${name}, which is above it`)
      }
    }))

  it("has no cycles, not even of types", () => {
    const done = new Set<string>()
    const visit = (name: string, trail: ReadonlyArray<string>): void => {
      assert.notInclude(trail, name, `a cycle: ${[...trail, name].join(" -> ")}`)
      const module = modules.get(name)
      if (done.has(name) || module === undefined) return
      for (const next of inside(module)) visit(next, [...trail, name])
      done.add(name)
    }
    for (const name of modules.keys()) visit(name, [])
  })

  it("keeps the provider's wire out of the sight of all but the provider's room, the webhooks and the sandbox", () => {
    const importers = [...modules.values()].filter((module) => inside(module).includes("provider/wire.ts"))
    for (const { name } of importers) assert.match(name, /^(provider|webhook|sandbox)\//)
  })

  it("keeps the sandbox out of the sight of what it is to test", () =>
    none((module, report) => {
      if (/^(sandbox|cli)\//.test(module.name)) return
      for (const name of inside(module)) if (name.startsWith("sandbox/")) report(`imports ${name}`)
    }))

  it(`has no module of more than ${linesMax} lines, but those with a reason`, () => {
    none(({ name, source }, report) => {
      const lines = source.getLineAndCharacterOfPosition(source.end).line
      if (lines > linesMax && !long.has(name)) report(`has ${lines} lines`)
      if (lines <= linesMax && long.has(name)) report("is no longer long: take it off the list")
    })
    for (const name of long.keys()) assert.isTrue(modules.has(name), `${name} exists`)
  })

  it(`has no function of more than ${functionLinesMax} lines`, () =>
    none(({ source }, report) => {
      const lineOf = (position: number) => source.getLineAndCharacterOfPosition(position).line + 1
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && lineOf(node.end) - lineOf(node.getStart(source)) >= functionLinesMax) {
          report(`has a long function in line ${lineOf(node.getStart(source))}`)
        }
        ts.forEachChild(node, visit)
      }
      visit(source)
    }))
})

describe("Imports from outside", () => {
  const outside = ({ imports }: Module) => imports.filter(({ specifier }) => !isRelative(specifier))

  it("of the domain are Effect's data modules, and nothing of platform, time or effects", () =>
    none((module, report) => {
      if (!module.name.startsWith("domain/")) return
      for (const { specifier } of outside(module)) if (!data.has(specifier)) report(`imports ${specifier}`)
      for (const name of inside(module)) if (!name.startsWith("domain/")) report(`imports ${name}`)
    }))

  it("of the core are effect and @effect/platform, and nothing of Node", () =>
    none((module, report) => {
      if (!core.has(module.name)) return
      for (const { specifier } of outside(module)) {
        if (!/^(effect|@effect\/platform)\//.test(specifier)) report(`imports ${specifier}`)
      }
    }))

  it("need Node only where that is known", () =>
    none((module, report) => {
      if (onNode.test(module.name)) return
      for (const { specifier } of outside(module)) {
        if (/^node:|^undici$|platform-node|^@effect\/cli/.test(specifier)) report(`imports ${specifier}`)
      }
    }))

  it("are deep, so that a bundle has only what is used", () =>
    none((module, report) => {
      for (const { specifier } of outside(module)) {
        if (/^(effect|@effect\/[^/]+)$/.test(specifier)) report(`imports the whole of ${specifier}`)
      }
    }))

  it("are of packages that are installed with this one, or only by whoever starts its programs", () => {
    const { devDependencies, peerDependencies } = manifest
    none((module, report) => {
      const known = module.name.startsWith("cli/") ? { ...devDependencies, ...peerDependencies } : peerDependencies
      for (const { specifier } of outside(module)) {
        const name = specifier
          .split("/")
          .slice(0, specifier.startsWith("@") ? 2 : 1)
          .join("/")
        if (!specifier.startsWith("node:") && !Object.hasOwn(known, name)) report(`imports ${specifier}`)
      }
    })
  })

  it("name the file that they mean, as Node needs it", () =>
    none((module, report) => {
      for (const { specifier } of module.imports) {
        if (isRelative(specifier) && !specifier.endsWith(".js")) report(`imports ${specifier}`)
      }
    }))
})

const text = (node: ts.Node): string => node.getText().replace(/\s+/g, "")

describe("The source", () => {
  it("has no casts, but `as const`", () =>
    noNode((node) => {
      if (ts.isTypeAssertionExpression(node)) return "a cast"
      return ts.isAsExpression(node) && node.type.getText() !== "const" ? "a cast" : undefined
    }))

  it("has no any", () => noNode((node) => (node.kind === ts.SyntaxKind.AnyKeyword ? "any" : undefined)))

  it("has no claim that a value is there", () =>
    noNode((node) =>
      ts.isNonNullExpression(node) || (ts.isPropertyDeclaration(node) && node.exclamationToken !== undefined)
        ? "a non-null assertion"
        : undefined
    ))

  it("switches no check off, outside of examples", () =>
    none(({ name, source }, report) => {
      const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, source.text)
      for (let token = scanner.scan(); token !== ts.SyntaxKind.EndOfFileToken; token = scanner.scan()) {
        const isComment =
          token === ts.SyntaxKind.SingleLineCommentTrivia || token === ts.SyntaxKind.MultiLineCommentTrivia
        const comment = scanner.getTokenText()
        if (!isComment || comment.startsWith("/**") || switchedOff.get(name) === comment) continue
        if (/@ts-(ignore|expect-error|nocheck)|@effect-diagnostics|eslint-disable/.test(comment)) report(comment)
      }
    }))

  it("runs no effect, but in the programs that are started, and there with runMain", () =>
    noNode((node, { name }) => {
      if (!ts.isPropertyAccessExpression(node)) return undefined
      const call = text(node)
      if (
        /^(Effect|Runtime|ManagedRuntime|Micro|Stream|FiberHandle|FiberSet)\.(unsafe)?run(Promise|Sync|Fork|Callback)/i.test(
          call
        )
      ) {
        return call
      }
      return /(^|\.)runMain$/.test(call) && !mains.test(name) ? call : undefined
    }))

  /** Whether a name is a parameter or a variable of a function around it: Effect's `Console` is often called `console`. */
  const isOwn = (node: ts.Node, name: string | undefined): boolean => {
    for (let around: ts.Node = node; !ts.isSourceFile(around); around = around.parent) {
      const declared = ts.isFunctionLike(around)
        ? around.parameters
        : ts.isBlock(around)
          ? around.statements.filter(ts.isVariableStatement).flatMap((one) => [...one.declarationList.declarations])
          : []
      if (declared.some((one) => one.name.getText() === name)) return true
    }
    return false
  }

  it("takes time, chance, surroundings and output from Effect", () => {
    const ambient =
      /^(globalThis\.)?(Date\.(now|parse|UTC)|Math\.random|performance\.now|process\.(env|hrtime|exit|stdout|stderr|argv)|crypto\.(randomUUID|getRandomValues)|console\.\w+)$/
    const globals = new Set(["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch", "require", "eval"])
    return noNode((node, { name }) => {
      if (ts.isPropertyAccessExpression(node) && ambient.test(text(node)) && !isOwn(node, text(node).split(".")[0])) {
        return mains.test(name) && text(node) === "process.argv" ? undefined : text(node)
      }
      if (ts.isNewExpression(node) && text(node.expression) === "Date") return "new Date"
      if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return undefined
      const { text: called } = node.expression
      if (name === "host/deadline.ts" && called === "setTimeout") return undefined // for the live clock only
      return globals.has(called) ? called : undefined
    })
  })

  it("throws nothing: what fails is in the type", () =>
    noNode((node) => (ts.isThrowStatement(node) || ts.isTryStatement(node) ? text(node).slice(0, 60) : undefined)))

  it("says the provider's field names in the two halves of the wire only", () => {
    const seen = new Set<string>()
    noNode((node, { name }) => {
      // Column names of the engine's tables are no field names of the provider.
      if (/^((provider|sandbox)\/(wire|accountWire)|durable\/((Sqlite|Postgres)Inbox|migrate))\.ts$/.test(name))
        return undefined
      const isWord = ts.isIdentifier(node) || ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node)
      if (!isWord) return undefined
      // Neither a part of a dotted name, such as OpenTelemetry's, nor a key or a reference, such as ca_0123.
      const found = node.text.match(/(?<![\w.])(?!(?:ca|ct|priv)_)[a-z][a-z0-9]*(_[a-z0-9]+)+\b/g) ?? []
      const isColumn = (word: string) => name === "durable/engineRows.ts" && columns.has(word)
      const unknown = found.filter((word) => !values.has(word) && !isColumn(word))
      const listed = `${name}: ${node.text}`
      if (unknown.length > 0) seen.add(listed)
      return unknown.length === 0 || fieldNames.has(listed) ? undefined : unknown.join(", ")
    })
    for (const listed of fieldNames.keys()) assert.isTrue(seen.has(listed), `${listed} is still needed`)
  })
})

describe("A public module", () => {
  const publicNames = new Set([...targets().values()].filter((name) => name.endsWith(".ts")))
  const noPublic = (find: (module: Module, report: (what: string, node?: ts.Node) => void) => void) =>
    none((module, report) => (publicNames.has(module.name) ? find(module, report) : undefined))

  it("begins with a header of one to three sentences", () =>
    none(({ source }, report) => {
      // Its first paragraph: what follows may be a table.
      const header = /^\/\*\*\n([^]*?)(?:\n \*(?=\n)|\*\/)/
        .exec(source.text)?.[1]
        // Behind it may be a table, which a test reads.
        ?.replace(/ \*\n \* A statement is the worst[^]*$/, "")
        ?.replace(/^ \* ?/gm, "")
        .replace(/\s+/g, " ")
        .trim()
      if (header === undefined || !/^\S[^]*\.$/.test(header) || /(^| )@\w/.test(header)) report("has no header")
      else if (header.split(/[.!?](?= [A-Z`])/).length > 4) report("has a header of more than four sentences")
    }))

  const exported = (node: ts.Node): boolean =>
    ts.canHaveModifiers(node) &&
    ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true

  /** Whether a value of the type may be the empty object: each of its fields is optional. */
  const isOptional = (type: ts.TypeNode | undefined, module: Module): boolean => {
    if (type === undefined) return false
    if (ts.isTypeLiteralNode(type)) return hasOnlyOptional(type.members)
    if (ts.isIntersectionTypeNode(type)) return type.types.every((part) => isOptional(part, module))
    if (!ts.isTypeReferenceNode(type)) return false
    const [name = "", ...within] = text(type.typeName).split(".").reverse()
    if (name === "Partial") return true
    const home = within[0] === undefined ? module : imported(module, within[0])
    const declared = home?.source.statements.find(
      (node) => (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) && node.name.text === name
    )
    if (home === undefined || declared === undefined) return false
    return ts.isInterfaceDeclaration(declared)
      ? declared.heritageClauses === undefined && hasOnlyOptional(declared.members)
      : ts.isTypeAliasDeclaration(declared) && isOptional(declared.type, home)
  }

  const hasOnlyOptional = (members: ReadonlyArray<ts.TypeElement>): boolean =>
    members.every(({ questionToken }) => questionToken !== undefined)

  /** The module of this tree that a module imports as a namespace. */
  const imported = ({ name, source }: Module, namespace: string): Module | undefined => {
    for (const node of source.statements) {
      if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) continue
      const bindings = node.importClause?.namedBindings
      if (bindings !== undefined && ts.isNamespaceImport(bindings) && bindings.name.text === namespace) {
        return modules.get(target(name, node.moduleSpecifier.text))
      }
    }
    return undefined
  }

  it("has a constant layer and one `With` options, where every option is optional", () =>
    none((module, report) => {
      const layers = new Map(
        module.source.statements
          .filter(ts.isVariableStatement)
          .filter(exported)
          .flatMap(({ declarationList }) =>
            declarationList.declarations.map((one) => [one.name.getText(), one] as const)
          )
          .filter(([name]) => /^layer([A-Z]|$)/.test(name))
      )
      const isFunction = (name: string): boolean => {
        const made = layers.get(name)?.initializer
        return made !== undefined && ts.isArrowFunction(made)
      }
      for (const [name, { initializer }] of layers) {
        if (initializer === undefined || !ts.isArrowFunction(initializer)) continue
        const constant = name.replace(/With$/, "")
        const [parameter] = initializer.parameters
        const isSilent = parameter?.questionToken !== undefined || parameter?.initializer !== undefined
        const pair = `make ${constant} a constant, and ${constant}With take the options`
        if (isSilent) report(`${name} is called without options: ${pair}`, parameter)
        else if (name === constant && isOptional(parameter?.type, module)) {
          report(`${name} has only optional options: ${pair}`, parameter)
        }
        if (name !== constant && (!layers.has(constant) || isFunction(constant))) report(`${constant} is no constant`)
      }
    }))

  const nameOf = (node: ts.Statement): string => {
    if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText()).join()
    const isNamed = ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isModuleDeclaration(node)
    if (isNamed || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return node.name?.text ?? "?"
    return node.getText().slice(0, 40)
  }

  it("says the category of everything that it exports", () => {
    const used = new Set<string>()
    noPublic(({ name, source }, report) => {
      for (const node of source.statements.filter(exported)) {
        const declared = nameOf(node)
        const tags = ts.getJSDocTags(node).map(({ tagName }) => tagName.text)
        if (tags.includes("category") || tags.includes("internal")) continue
        const key = `${name} ${declared}`
        if (uncategorised.has(key)) used.add(key)
        else report(`${declared} has no @category`, node)
      }
    })
    assert.deepStrictEqual([...uncategorised.keys()], [...used], "every exception is still needed")
  })
})

describe("package.json", () => {
  it("has a source for every export, and a line of types before that of code", () => {
    for (const [subpath, source] of targets()) {
      if (subpath === "./package.json") continue
      assert.isTrue(modules.has(source), `${subpath} is made from src/${source}`)
      const entry = manifest.exports[subpath]
      assert(typeof entry === "object")
      assert.deepStrictEqual(Object.keys(entry), ["types", "default"])
      assert.strictEqual(entry["types"], entry["default"]?.replace(/\.js$/, ".d.ts"))
    }
  })

  /** What a module exports as namespaces, by their names. */
  const namespaces = (name: string) =>
    (modules.get(name)?.source.statements ?? []).map((node) => {
      assert(ts.isExportDeclaration(node) && node.exportClause !== undefined && ts.isNamespaceExport(node.exportClause))
      assert(node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier))
      const source = target(name, node.moduleSpecifier.text)
      assert.strictEqual(path.posix.basename(source), `${node.exportClause.name.text}.ts`)
      return source
    })

  it("has a path of its own for each production module that can be used alone, and for what needs more packages", () => {
    const alone = new Set(namespaces("index.ts"))
    const heavy = [
      "undici/UndiciTransport.ts",
      "durable/Outbox.ts",
      "durable/PayoutWorkflow.ts",
      "provider/SharedRequestLimits.ts"
    ]
    const engines = ["durable/PostgresEngine.ts", "durable/SqliteEngine.ts", "durable/Unfinished.ts"]
    const subpaths = [...targets()].filter(([subpath]) => !/^\.(\/(package\.json|testing.*))?$/.test(subpath))
    for (const [subpath, source] of subpaths) {
      assert.strictEqual(path.posix.basename(source), `${subpath.slice(2)}.ts`)
      assert.isTrue(alone.has(source) || heavy.includes(source) || engines.includes(source), subpath)
    }
    for (const source of [...heavy, ...engines]) assert.isTrue([...targets().values()].includes(source), source)
    assert.strictEqual(targets().get("."), "index.ts")
    assert.isAtMost(targets().size, 27)
  })

  it("has the sandbox apart, which the main entry does not load", () => {
    assert.strictEqual(targets().get("./testing"), "sandbox/index.ts")
    assert.strictEqual(targets().get("./testing/server"), "sandbox/SandboxServer.ts")
    for (const source of namespaces("sandbox/index.ts")) assert.match(source, /^sandbox\//)
    assert.deepStrictEqual(
      [...core].filter((name) => name.startsWith("sandbox/")),
      []
    )
  })

  it("is for Effect 3, beside one copy of Effect that the host brings", () => {
    const optional = {
      "@effect/cluster": "^0.60.0",
      "@effect/experimental": "^0.61.0",
      "@effect/platform-node": "^0.108.0",
      "@effect/rpc": "^0.76.0",
      "@effect/sql": "^0.52.0",
      "@effect/sql-libsql": "^0.42.0",
      "@effect/sql-pg": "^0.53.0",
      "@effect/workflow": "^0.19.0",
      "@libsql/client": "^0.12.0",
      pg: "^8.16.0",
      undici: "^7.10.0 || ^8.0.0"
    }
    assert.deepStrictEqual(manifest.peerDependencies, {
      effect: "^3.22.0",
      "@effect/platform": "^0.97.0",
      ...optional
    })
    assert.deepStrictEqual(
      manifest.peerDependenciesMeta,
      Object.fromEntries(Object.keys(optional).map((name) => [name, { optional: true }]))
    )
    assert.isUndefined(manifest.dependencies)
  })

  it("tests with versions that its own ranges allow", () => {
    for (const [name, range] of Object.entries(manifest.peerDependencies)) {
      const installed: { version: string } = json(`node_modules/${name}/package.json`)
      const [major = "", minor = ""] = range.replace("^", "").split(".")
      // What calls itself stable may be newer, and is not tested with each of its versions; but Effect is.
      const tested = ["pg", "undici"].includes(name) ? `${major}.` : `${major}.${minor}.`
      assert.isTrue(installed.version.startsWith(tested), `${name} ${installed.version} is ${range}`)
    }
  })

  it("lets a bundler drop what is not used, and is ESM only", () => {
    assert.strictEqual(manifest.sideEffects, false)
    assert.strictEqual(manifest.type, "module")
  })

  it("has the version that the client says to the provider", () => {
    assert.strictEqual(BillwerkConfig.userAgentDefault, `${manifest.name}/${manifest.version}`)
  })
})
