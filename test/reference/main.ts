/** `npm run reference`: writes the pages into `reference/`, which is not kept. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { filesOf } from "./render.js"
import { pagesOf } from "./surface.js"

const root = process.cwd()
const out = path.join(root, "reference")
rmSync(out, { recursive: true, force: true })
mkdirSync(out)
const files = filesOf(pagesOf(root))
for (const { name, text } of files) writeFileSync(path.join(out, name), text)
console.log(`${files.length} pages in ${out}`)
