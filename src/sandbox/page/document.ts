/**
 * The page's HTML, without any value: `behaviour.ts` fills it in, as text and never as HTML.
 */
export const document = String.raw`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Sandbox: the simulated provider</title>
    <link rel="icon" href="/sandbox/icon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/sandbox/page.css" />
    <script src="/sandbox/page.js" defer></script>
  </head>
  <body>
    <a class="skip" href="#faults">Skip to the faults</a>
    <header>
      <div>
        <h1>Sandbox</h1>
        <p>The simulated provider. No money moves.</p>
      </div>
      <nav aria-label="Sections">
        <a href="#ledger">Ledger</a> <a href="#faults">Faults</a> <a href="#server">This server</a>
      </nav>
      <p id="connection" role="status" data-is="waiting">Connecting</p>
    </header>
    <main>
      <noscript><p>This page needs JavaScript. The same is JSON at /sandbox/ledger.</p></noscript>
      <div class="books">
        <section id="payout" aria-labelledby="payout-title" hidden>
          <h2 id="payout-title" tabindex="-1">Timeline</h2>
          <p id="payout-facts"></p>
          <p id="settlement" hidden>
            <button type="button" id="settle-paid">Settle as paid</button>
            <button type="button" id="settle-declined">Settle as declined</button>
          </p>
          <p id="settled" role="status"></p>
          <ol id="timeline" class="timeline"></ol>
          <p><a href="#ledger" id="close">Close the timeline</a></p>
        </section>
        <section id="ledger" aria-labelledby="ledger-title">
          <h2 id="ledger-title">Ledger</h2>
          <ul id="sums" class="sums"></ul>
          <table role="table" aria-labelledby="ledger-title" aria-describedby="ledger-note">
            <thead role="rowgroup">
              <tr role="row">
                <th role="columnheader" scope="col">Payout</th>
                <th role="columnheader" scope="col">On record</th>
                <th role="columnheader" scope="col" class="number">Amount</th>
                <th role="columnheader" scope="col" class="number">Really moved</th>
                <th role="columnheader" scope="col">In doubt</th>
              </tr>
            </thead>
            <tbody id="rows" role="rowgroup"></tbody>
          </table>
          <p id="empty" hidden>No payout yet. It appears here with its first create, POST /v1/payout.</p>
          <p id="ledger-note" class="note">
            <b>On record</b> is what the provider's API answers. <b>Really moved</b> is the truth, which no client can see.
            <b>In doubt</b> is what moved, or still may, without an answer that told the client that it moved.
          </p>
        </section>
      </div>
      <div class="tools">
        <section id="faults" aria-labelledby="faults-title" tabindex="-1">
          <h2 id="faults-title">Faults</h2>
          <p class="note">Click what happens to the next create. The last group is about the next lookup.</p>
          <div class="fields">
            <label>Only for handle <input id="handle" autocomplete="off" spellcheck="false" maxlength="255" placeholder="any" /></label>
            <label>Times <input id="times" type="number" min="1" max="1000" value="1" inputmode="numeric" /></label>
          </div>
          <div class="news">
            <p id="said" role="status"></p>
            <div id="coming-box" hidden>
              <h3 id="coming-title">Still to come</h3>
              <ol id="coming" aria-labelledby="coming-title"></ol>
              <button type="button" id="clear">Remove all</button>
            </div>
          </div>
          <div id="groups"></div>
        </section>
        <section id="server" aria-labelledby="server-title">
          <h2 id="server-title">This server</h2>
          <dl id="settings"></dl>
          <button type="button" id="reset" class="grave">Forget everything</button>
        </section>
      </div>
    </main>
  </body>
</html>
`

export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0550ae"/>' +
  '<path d="M3 8h8M7.5 4.5 11 8l-3.5 3.5" fill="none" stroke="#fff" stroke-width="2"/></svg>'
