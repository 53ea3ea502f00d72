/**
 * The page's CSS: light and dark, narrow and wide. Colour never says anything alone.
 */
export const style = String.raw`
:root {
  color-scheme: light dark;
  --ground: #f4f5f7; --surface: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --accent: #0550ae; --on-accent: #ffffff;
  --moved: #116329; --doubt: #7d4e00; --doubt-ground: #fff6d6; --lost: #a40e26; --wash: #eef4fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1216; --surface: #171c22; --ink: #e6edf3; --soft: #a3adb8; --line: #363d46;
    --accent: #7cb7ff; --on-accent: #0b1016;
    --moved: #5bd97a; --doubt: #eac55f; --doubt-ground: #2f2712; --lost: #ff8d8d; --wash: #1c2733;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 0.9375rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif;
}
h1, h2, h3, p, ul, ol, dl, dd { margin: 0; }
h1 { font-size: 1.25rem; }
h2 { font-size: 1.0625rem; margin-bottom: 0.5rem; overflow-wrap: anywhere; }
h3 { font-size: 0.875rem; margin: 0.9rem 0 0.35rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
[hidden] { display: none !important; }
.skip { position: absolute; left: -99rem; padding: 0.5rem 1rem; background: var(--surface); }
.skip:focus { left: 0.5rem; top: 0.5rem; z-index: 3; }
.note { color: var(--soft); font-size: 0.8125rem; }
#ledger > .note { margin-top: 0.7rem; }

header {
  display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: center; justify-content: space-between;
  padding: 0.8rem 1.25rem; background: var(--surface); border-bottom: 1px solid var(--line);
  position: sticky; top: 0; z-index: 2;
}
section, h2 { scroll-margin-top: 7rem; }
header p { color: var(--soft); }
nav { display: none; gap: 1rem; order: 3; width: 100%; }
#connection { padding-left: 1.1rem; position: relative; }
#connection::before {
  content: ""; position: absolute; left: 0; top: 0.4em; width: 0.65em; height: 0.65em; border-radius: 50%;
  background: var(--doubt);
}
#connection[data-is="live"]::before { background: var(--moved); }
#connection[data-is="lost"] { color: var(--lost); font-weight: 600; }
#connection[data-is="lost"]::before { background: var(--lost); border-radius: 0; }

main {
  display: grid; grid-template-columns: minmax(0, 1fr) 23rem; gap: 1rem; align-items: start;
  max-width: 92rem; margin: 0 auto; padding: 1rem 1.25rem 3rem;
}
.books, .tools { display: grid; gap: 1rem; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; min-width: 0; }

.sums { list-style: none; padding: 0; display: grid; gap: 0.35rem; margin-bottom: 0.75rem; }
.sums li { display: flex; flex-wrap: wrap; gap: 0.15rem 1.5rem; padding: 0.5rem 0.75rem; background: var(--wash); border-radius: 6px; }
.sums li > b { min-width: 2.5rem; }

table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 0.5rem 0.6rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-size: 0.8125rem; font-weight: 600; }
thead th:first-child { width: 28%; }
tbody th { font-weight: 600; overflow-wrap: anywhere; }
.none { color: var(--soft); }
.number { text-align: right; white-space: nowrap; }
.small { display: block; color: var(--soft); font-size: 0.8125rem; font-weight: 400; }
tr[aria-current="true"] > * { background: var(--wash); }
.state::before { content: "\25CB\00A0"; }
.state[data-is="paid"], .moved { color: var(--moved); }
.state[data-is="paid"]::before { content: "\25CF\00A0"; }
.state[data-is="failed"] { color: var(--lost); }
.state[data-is="failed"]::before { content: "\2715\00A0"; }
.state[data-is="processing"] { color: var(--doubt); }
.state[data-is="processing"]::before { content: "\25D0\00A0"; }
.state[data-is="none"] { color: var(--soft); }
.doubt { color: var(--doubt); font-weight: 600; }
.wrong { color: var(--lost); font-weight: 600; display: block; }
@keyframes changed { from { background: var(--doubt-ground); } }
tr.changed > * { animation: changed 1.2s ease-out; }

.timeline { list-style: none; padding: 0; margin: 0.75rem 0; border-left: 2px solid var(--line); }
.timeline li { position: relative; padding: 0 0 0.9rem 1.1rem; }
.timeline li::before {
  content: ""; position: absolute; left: -0.45rem; top: 0.3rem; width: 0.75rem; height: 0.75rem; border-radius: 50%;
  background: var(--surface); border: 2px solid var(--soft);
}
.timeline li[data-tone="Moved"]::before { background: var(--moved); border-color: var(--moved); }
.timeline li[data-tone="Lost"]::before { background: var(--lost); border-color: var(--lost); border-radius: 2px; }
.timeline .head { display: flex; flex-wrap: wrap; gap: 0 0.75rem; align-items: baseline; }
.timeline time { color: var(--soft); font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
.timeline dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0 0.75rem; }
.timeline dt, #settings dt { color: var(--soft); }

.fields { display: grid; grid-template-columns: 1fr 5.5rem; gap: 0.6rem; margin: 0.6rem 0; }
label { font-size: 0.8125rem; color: var(--soft); }
input {
  display: block; width: 100%; margin-top: 0.15rem; padding: 0.35rem 0.5rem; font: inherit; color: var(--ink);
  background: var(--ground); border: 1px solid var(--soft); border-radius: 5px;
}
input::placeholder { color: var(--soft); opacity: 1; }
button {
  font: inherit; color: var(--accent); background: var(--surface); border: 1px solid var(--accent); border-radius: 6px;
  padding: 0.35rem 0.8rem; cursor: pointer; min-height: 2rem;
}
button:hover { background: var(--wash); }
button:active { background: var(--accent); color: var(--on-accent); }
button.grave { color: var(--lost); border-color: var(--lost); margin-top: 0.8rem; }
#groups ul { list-style: none; padding: 0; display: grid; gap: 0.35rem; }
#groups button { width: 100%; text-align: left; padding: 0.4rem 0.7rem; border-color: var(--line); color: var(--ink); }
#groups button:hover { border-color: var(--accent); }
#groups b { display: block; color: var(--accent); font-weight: 600; }
#groups button:active, #groups button:active b, #groups button:active .small { color: var(--on-accent); }
#coming-box { background: var(--doubt-ground); border-radius: 6px; padding: 0.6rem 0.75rem; }
#coming-box h3 { margin-top: 0; }
#coming { padding-left: 1.3rem; margin-bottom: 0.5rem; overflow-wrap: anywhere; }
.news { position: sticky; top: 5rem; background: var(--surface); padding-bottom: 0.1rem; }
#said, #settled { color: var(--soft); font-size: 0.8125rem; }
#said:not(:empty) { margin-bottom: 0.4rem; }
#settings { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.15rem 0.9rem; overflow-wrap: anywhere; }

@media (max-width: 64rem) {
  main { grid-template-columns: minmax(0, 1fr); }
  nav { display: flex; }
  .news { top: 7rem; }
}
@media (max-width: 40rem) {
  main { padding: 0.6rem; gap: 0.6rem; }
  .books, .tools { gap: 0.6rem; }
  header { padding: 0.6rem 0.9rem; }
  section { padding: 0.75rem; }
  table, tbody, tbody tr, tbody th, tbody td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { border-top: 1px solid var(--line); padding: 0.5rem 0.4rem; }
  tbody th, tbody td { border: 0; padding: 0.1rem 0; }
  tbody td { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); text-align: left; white-space: normal; }
  tbody td::before { content: attr(data-label); color: var(--soft); font-size: 0.8125rem; }
  .sums li > b { width: 100%; }
  td.number { text-align: left; white-space: normal; }
}
@media (prefers-reduced-motion: reduce) { tr.changed > * { animation: none; } }
@media (forced-colors: active) { #connection::before, .timeline li::before { forced-color-adjust: none; } }
`
