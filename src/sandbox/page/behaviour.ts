/**
 * The page's script. What came from requests becomes text nodes, and never HTML.
 */
export const behaviour = String.raw`"use strict"

const byId = (id) => document.getElementById(id)

// --- elements ---

const element = (name, attributes, ...children) => {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes ?? {})) if (value !== undefined) made.setAttribute(key, value)
  made.append(...children.filter((child) => child !== undefined && child !== ""))
  return made
}

const money = (amount, currency) => {
  if (amount === undefined) return ""
  if (currency === undefined) return amount + " minor units"
  try {
    const format = new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "code" })
    return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits)
  } catch {
    return amount + " minor units of " + currency
  }
}

const timeOf = (iso) => {
  const date = new Date(iso)
  return date.toLocaleTimeString("en-GB") + "." + String(date.getMilliseconds()).padStart(3, "0")
}

const lasting = (millis) => (millis < 1000 ? millis + " ms" : (millis / 1000).toFixed(1) + " s")

// --- the ledger ---

const rows = new Map()
let isFirst = true

const cellsOf = (row) => [
  element("td", { role: "cell", "data-label": "On record" },
    element("span", {},
      element("span", { class: "state", "data-is": row.state ?? "none" }, row.state ?? "not on record"))),
  element("td", { role: "cell", "data-label": "Amount", class: "number" }, money(row.amount, row.currency)),
  element("td", { role: "cell", "data-label": "Really moved", class: "number" },
    element("span", {},
      element("span", { class: row.moved > 0 ? "moved" : "" }, money(row.moved, row.currency)),
      row.movements > 1 ? element("span", { class: "wrong" }, "moved " + row.movements + " times") : "")),
  row.doubts.length === 0
    ? element("td", { role: "cell", "data-label": "In doubt", class: "none" }, "none")
    : element("td", { role: "cell", "data-label": "In doubt" },
        element("span", {},
          element("span", { class: "doubt" }, money(row.inDoubt, row.currency)),
          ...row.doubts.map((says) => element("span", { class: "small" }, says))))
]

const headOf = (row) => {
  const asked = row.creates + (row.creates === 1 ? " create, " : " creates, ") +
    row.lookups + (row.lookups === 1 ? " lookup" : " lookups")
  const name = row.handle === "<redacted>"
    ? element("span", {}, row.handle)
    : element("a", { href: "#payout=" + encodeURIComponent(row.handle) }, row.handle)
  return element("th", { role: "rowheader", scope: "row" }, name, element("span", { class: "small" }, asked))
}

// A row keeps its element, and so the focus, for as long as it is shown.
const fillRow = (kept, row) => {
  const says = JSON.stringify(row)
  if (kept.says === says) return
  const focused = kept.line.contains(document.activeElement)
  kept.line.replaceChildren(headOf(row), ...cellsOf(row))
  if (focused) kept.line.querySelector("a")?.focus({ preventScroll: true })
  kept.line.classList.remove("changed")
  if (!isFirst) {
    void kept.line.offsetWidth
    kept.line.classList.add("changed")
  }
  kept.says = says
}

const showRows = (shown) => {
  const body = byId("rows")
  const handles = new Set(shown.map(({ handle }) => handle))
  for (const [handle, kept] of rows) {
    if (handles.has(handle)) continue
    kept.line.remove()
    rows.delete(handle)
  }
  shown.forEach((row, index) => {
    const kept = rows.get(row.handle) ?? { line: element("tr", { role: "row" }), says: undefined }
    rows.set(row.handle, kept)
    fillRow(kept, row)
    if (body.children[index] !== kept.line) body.insertBefore(kept.line, body.children[index] ?? null)
  })
  isFirst = false
  markCurrent()
}

const markCurrent = () => {
  for (const [handle, { line }] of rows) line.toggleAttribute("aria-current", false)
  const kept = rows.get(selected())
  if (kept !== undefined) kept.line.setAttribute("aria-current", "true")
}

const showSums = (sums) =>
  byId("sums").replaceChildren(
    ...sums.map(({ currency, inDoubt, moved, onRecord }) =>
      element("li", {},
        element("b", {}, currency),
        element("span", {}, "paid on record " + money(onRecord, currency)),
        element("span", {}, "really moved " + money(moved, currency)),
        element("span", { class: inDoubt > 0 ? "doubt" : "" }, "in doubt " + money(inDoubt, currency)))))

const showComing = (coming) => {
  byId("coming-box").hidden = coming.length === 0
  byId("coming").replaceChildren(
    ...coming.map(({ handle, left, title }) =>
      element("li", {}, title + (left > 1 ? ", " + left + " times" : "") + (handle === undefined ? "" : ", for " + handle))))
}

const show = (seen) => {
  showRows(seen.rows)
  showSums(seen.sums)
  showComing(seen.coming)
  byId("empty").hidden = seen.payouts > 0
  byId("ledger-title").textContent = seen.payouts > seen.rows.length
    ? "Ledger: the latest " + seen.rows.length + " of " + seen.payouts + " payouts"
    : "Ledger"
  void showPayout()
}

// --- the timeline ---

const selected = () => {
  const found = /^#payout=(.+)$/.exec(location.hash)
  if (found === null) return undefined
  try {
    return decodeURIComponent(found[1])
  } catch {
    return undefined
  }
}

let timelineSays = ""

const entryOf = (entry, first) => {
  const since = Date.parse(entry.at) - first
  return element("li", { "data-tone": entry.tone },
    element("div", { class: "head" },
      element("b", {}, entry.title),
      element("span", {}, money(entry.amount, entry.currency)),
      element("time", { datetime: entry.at },
        timeOf(entry.at) + (since > 0 ? ", " + lasting(since) + " after the first" : "")),
      entry.took > 0 ? element("span", { class: "small" }, "took " + lasting(entry.took)) : ""),
    element("dl", {}, ...entry.lines.flatMap(([label, text]) => [element("dt", {}, label), element("dd", {}, text)])))
}

const showPayout = async () => {
  const handle = selected()
  markCurrent()
  byId("payout").hidden = handle === undefined
  if (handle === undefined) return
  const answer = await fetch("/sandbox/payout?handle=" + encodeURIComponent(handle)).catch(() => undefined)
  if (answer === undefined || selected() !== handle) return
  byId("payout-title").textContent = "Timeline of " + handle
  if (!answer.ok) {
    timelineSays = ""
    byId("payout-facts").textContent = "There is no such payout."
    byId("settlement").hidden = true
    byId("timeline").replaceChildren()
    return
  }
  const { row, timeline } = await answer.json()
  if (selected() !== handle) return
  byId("payout-facts").textContent = [
    row.state === undefined ? "Not on record" : "On record: " + row.state,
    "really moved: " + money(row.moved, row.currency),
    ...(row.doubts.length === 0 ? [] : ["in doubt: " + money(row.inDoubt, row.currency)])
  ].join("; ") + "."
  byId("settlement").hidden = row.state !== "processing"
  const says = handle + JSON.stringify(timeline)
  if (says === timelineSays) return
  timelineSays = says
  const first = timeline.length === 0 ? 0 : Date.parse(timeline[0].at)
  byId("timeline").replaceChildren(...timeline.map((entry) => entryOf(entry, first)))
}

addEventListener("hashchange", async () => {
  say("", "settled")
  await showPayout()
  if (selected() !== undefined) byId("payout-title").focus()
})

// --- what a person does ---

const send = async (method, path, body) => {
  const answer = await fetch(path, {
    method,
    headers: { "content-type": "application/json" },
    body: method === "POST" ? JSON.stringify(body ?? {}) : undefined
  }).catch(() => undefined)
  if (answer === undefined) return "The server does not answer."
  return answer.ok ? undefined : "Refused: " + (await answer.json()).error + "."
}

const say = (text, where = "said") => {
  byId(where).textContent = text
}

const scriptFault = async ({ name, title }) => {
  const handle = byId("handle").value.trim()
  const times = Number(byId("times").value)
  if (!Number.isInteger(times) || times < 1 || times > 1000) {
    say("Times must be a whole number from 1 to 1000. Nothing was scripted.")
    byId("times").focus()
    return
  }
  const wrong = await send("POST", "/sandbox/faults", { fault: name, times, ...(handle === "" ? {} : { handle }) })
  say(wrong ?? "Scripted: " + title + ".")
}

const settle = async (as) =>
  say((await send("POST", "/sandbox/settle", { handle: selected(), as })) ?? "Settled.", "settled")

byId("settle-paid").addEventListener("click", () => settle("paid"))
byId("settle-declined").addEventListener("click", () => settle("declined"))
byId("clear").addEventListener("click", async () => {
  say((await send("DELETE", "/sandbox/faults")) ?? "No fault is left.")
  byId("faults").focus()
})
byId("reset").addEventListener("click", async () => {
  if (!confirm("Forget all payouts, exchanges and faults?")) return
  say((await send("POST", "/sandbox/reset")) ?? "Everything is forgotten.")
})

const showFaults = (faults) => {
  const groups = new Map()
  for (const fault of faults) groups.set(fault.group, [...(groups.get(fault.group) ?? []), fault])
  byId("groups").replaceChildren(
    ...[...groups].flatMap(([group, own]) => [
      element("h3", {}, group),
      element("ul", {}, ...own.map((fault) => {
        const button = element("button", { type: "button", "data-fault": fault.name },
          element("b", {}, fault.title), element("span", { class: "small" }, fault.says))
        button.addEventListener("click", () => scriptFault(fault))
        return element("li", {}, button)
      }))
    ]))
}

const showSettings = (settings) =>
  byId("settings").replaceChildren(
    ...settings.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]))

// --- live ---

const connection = (is, says) => {
  const shown = byId("connection")
  if (shown.dataset.is === is) return
  shown.dataset.is = is
  shown.textContent = says
}

const start = async () => {
  const read = async (path) => (await fetch(path)).json()
  showFaults(await read("/sandbox/faults"))
  showSettings(await read("/sandbox/settings"))
}

void start()

const events = new EventSource("/sandbox/events")
events.addEventListener("message", ({ data }) => {
  connection("live", "Live")
  show(JSON.parse(data))
})
events.addEventListener("error", () => connection("lost", "Connection lost. Trying again."))
`
