// Whether all is well: problems as sentences, room on the disk, and the addresses this computer can be reached at.
import { html, nothing, type TemplateResult } from "lit";
import type { RelayFacts, StatusFacts } from "../protocol/messages.ts";
import { icons } from "./icons.ts";
import { isLoopback } from "./loopback.ts";
import { size } from "./numbers.ts";
import { addressWords, EDGE_WORDS } from "./words.ts";

/** `told` are those that stand elsewhere on the page, with more beside them. */
export function problemsCard(status: StatusFacts | null, told: ReadonlySet<string> = new Set()): TemplateResult | typeof nothing {
  const problems = (status?.problems ?? []).filter((problem) => !told.has(problem));
  if (problems.length === 0) return nothing;
  return html`<section class="problems" aria-label="Problems"><ul role="list">${problems.map((problem) => html`<li>${icons.warn}<span>${withCommands(problem)}</span></li>`)}</ul></section>`;
}

export function statusCard(status: StatusFacts | null): TemplateResult | typeof nothing {
  if (!status) return nothing;
  const [best] = status.addresses;
  return html`<section class="panel" aria-label="This computer">
    <div class="panel-head"><h2>This computer</h2></div>
    <dl class="card facts">
      <div><dt>Room left</dt><dd>${size(status.free_bytes)}</dd></div>
      ${status.urls.length > 0 ? html`<div><dt>Open on a screen</dt><dd>${[...new Set(status.urls)].map((url) => html`<a href=${url} target="_blank" rel="noreferrer">${url.replace(/^https?:\/\//, "").replace(/\/$/, "")}</a>`)}</dd></div>` : nothing}
      ${best ? html`<div><dt>In the code</dt><dd><code>${best.address}</code></dd></div>
        <div class="facts-more"><details><summary>Details</summary>
          <p class="quiet-text">The addresses of this computer. The first is the one in the codes.</p>
          <ul role="list">${status.addresses.map((found) => html`<li><code>${found.address}</code><small>${addressWords(found.why)} (${found.interface})</small></li>`)}</ul></details></div>` : nothing}
      ${awayFacts(status)}
      <div><dt>Program</dt><dd>qrshared ${status.version}</dd></div>
    </dl>
  </section>`;
}

/** How phones elsewhere reach this computer, and what that has cost this month. */
function awayFacts({ edge, relay }: StatusFacts): TemplateResult | typeof nothing {
  if (edge === undefined) {
    return html`<div class="facts-more"><details data-away="none"><summary>Away from home: not set up</summary>
      <p class="quiet-text">Phones reach this computer on its own network, and nothing leaves that. To reach it from elsewhere, too, it needs a meeting point: see “Meeting point” in Settings.</p></details></div>`;
  }
  const words = html`<span class=${edge.state === "connected" ? "go" : "wait"} data-edge=${edge.state}>${EDGE_WORDS[edge.state]}</span>`;
  return html`<div><dt>Away from home</dt><dd>${words}<small>${host(edge.url)}${isLoopback(host(edge.url)) ? ", for this computer only" : nothing}</small></dd>
      ${edge.sentence === undefined ? nothing : html`<p class="facts-note">${withCommands(edge.sentence)}</p>`}</div>
    <div><dt>Through the relay</dt>${relayFacts(relay)}</div>`;
}

/** Whose relay there is, and how much went through it: somebody pays for it. */
function relayFacts(relay: RelayFacts | undefined): TemplateResult {
  if (relay === undefined || (relay.turn === "none" && relay.borrowed !== true)) {
    return html`<dd data-relay="none">there is none<small>some networks allow no other way</small></dd>`;
  }
  const whose = relay.borrowed === true ? ", lent by the meeting point, as much as that allows" : nothing;
  return html`<dd data-relay=${relay.borrowed === true ? "borrowed" : "own"}>${size(relay.bytes)}<small>in ${month(relay.month)}${whose}</small></dd>`;
}

function host(url: string): string {
  return url.replace(/^[a-z]+:\/\//, "").replace(/\/.*$/, "");
}

/** `2026-11` as a person writes it. */
function month(text: string): string {
  const when = new Date(`${text}-15T00:00:00Z`);
  return Number.isNaN(when.getTime()) ? text : when.toLocaleDateString("en", { month: "long", year: "numeric" });
}

/** What stands between backticks is a command to copy. */
function withCommands(sentence: string): readonly (string | TemplateResult)[] {
  return sentence.split("`").map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece));
}
