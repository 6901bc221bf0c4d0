// What only the owner can say: whose files may come in, and whether codes may be shown in this network.
import { html, nothing, type TemplateResult } from "lit";
import type { AskingFacts, StatusFacts } from "../protocol/messages.ts";
import { icons } from "./icons.ts";
import { leaf, sortOf, visible } from "./names.ts";
import { ago, count, counted, size } from "./numbers.ts";
import type { Act } from "./owner.ts";
import { fileName } from "./rows.ts";
import { Settled } from "./settled.ts";

const NETWORK = "network";

/** Of the page's one list: which of its questions a tap can be meant for. */
const settled = new Settled();

export function asksCard(status: StatusFacts | null, act: Act): TemplateResult | typeof nothing {
  const asking = status?.asking ?? [];
  const isNew = status?.network?.known === false;
  settled.see([...(isNew ? [NETWORK] : []), ...asking.map((one) => one.question)], performance.now());
  if (asking.length === 0 && !isNew) return nothing;
  return html`<section class="problems asks" aria-label="Your word is needed"><ul role="list">
    ${isNew ? newNetwork(status.network.name, act) : nothing}
    ${asking.map((one) => question(one, act))}
  </ul></section>`;
}

/** The answer to a question that could be read. */
function answered(id: string, say: () => void): () => void {
  return () => {
    if (settled.has(id, performance.now())) say();
  };
}

function newNetwork(name: string, act: Act): TemplateResult {
  return html`<li class="ask" data-network="new"><div class="ask-words">${icons.globe}<span>This computer is in a network that is new to it
      (<b><bdi>${visible(name)}</bdi></b>). No code is shown here, and qrshare.local does not answer, until you agree.
      At home that is fine; in a café everybody could scan the code.</span></div>
    <div class="ask-acts"><button type="button" class="button primary" @click=${answered(NETWORK, () => act({ t: "trust_network" }, "Codes are shown here from now on."))}><span>Show codes here</span></button></div></li>`;
}

function question(one: AskingFacts, act: Act): TemplateResult {
  const name = visible(one.device);
  const more = one.items - one.first.length;
  const { question } = one;
  return html`<li class="ask" data-asking=${question}><div class="ask-words">${icons.shield}<div>
      <span><b>A guest</b> (<bdi>${name}</bdi>${one.since_ms === undefined ? nothing : html`, first seen ${ago(one.since_ms, Date.now())}`}) wants to send ${askedWords(one)} (${size(one.bytes)})</span>
      ${one.away === true ? html`<small class="ask-away">Its page is closed or asleep now. What you allow comes when it is back; after a reload the files must be chosen there once more.</small>` : nothing}
      <ul class="ask-items" role="list">${one.first.map((item) => html`<li>${fileName(item.name)} <small>${size(item.size)}</small></li>`)}${more > 0 ? html`<li><small>and ${count(more)} more</small></li>` : nothing}</ul></div></div>
    <div class="ask-acts"><button type="button" class="button" aria-label="Refuse what ${name} sends" @click=${answered(question, () => act({ t: "refuse_transfer", question }, one.away === true ? "Refused." : `Refused. ${name} is told.`))}><span>Refuse</span></button>
    <button type="button" class="button primary" aria-label="Allow what ${name} sends" @click=${answered(question, () => act({ t: "allow_transfer", question }, one.away === true ? `Allowed. It comes when ${name} is back.` : "It comes in."))}><span>Allow</span></button></div></li>`;
}

/** "3 photos" where that is all they are, else "3 files". */
function askedWords({ items, first }: AskingFacts): string {
  const sorts = first.length === items ? new Set(first.map((item) => sortOf(leaf(item.name)))) : new Set();
  const [only] = sorts;
  return counted(items, sorts.size === 1 && (only === "photo" || only === "video") ? only : "file");
}
