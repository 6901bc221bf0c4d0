// What only the owner can say: whose files may come in, and whether codes may be shown in this network.
import { html, nothing, type TemplateResult } from "lit";
import type { AskingFacts, StatusFacts } from "../protocol/messages.ts";
import { icons } from "./icons.ts";
import { visible } from "./names.ts";
import { count, counted, size } from "./numbers.ts";
import type { Act } from "./owner.ts";

export function asksCard(status: StatusFacts | null, act: Act): TemplateResult | typeof nothing {
  const asking = status?.asking ?? [];
  const isNew = status?.network?.known === false;
  if (asking.length === 0 && !isNew) return nothing;
  return html`<section class="problems asks" aria-label="Your word is needed"><ul role="list">
    ${isNew ? newNetwork(status.network.name, act) : nothing}
    ${asking.map((one) => question(one, act))}
  </ul></section>`;
}

function newNetwork(name: string, act: Act): TemplateResult {
  return html`<li data-network="new">${icons.shield}<span class="asks-what">This computer is in a network that is new to it
      (<b><bdi>${visible(name)}</bdi></b>). No code is shown here, and qrshare.local does not answer, until you agree.
      At home that is fine; in a café everybody could scan the code.</span>
    <button type="button" class="button" @click=${() => act({ t: "trust_network" }, "Codes are shown here from now on.")}><span>Show codes here</span></button></li>`;
}

function question(one: AskingFacts, act: Act): TemplateResult {
  const name = visible(one.device);
  const more = one.items - one.first.length;
  const { transfer } = one;
  return html`<li data-asking=${transfer}>${icons.shield}<span class="asks-what"><b><bdi>${name}</bdi></b> wants to send ${counted(one.items, "file")} (${size(one.bytes)}):
      ${one.first.map((item, index) => html`${index > 0 ? ", " : ""}<bdi>${visible(item.name)}</bdi> <small>${size(item.size)}</small>`)}${more > 0 ? ` and ${count(more)} more` : ""}</span>
    <button type="button" class="button" aria-label="Refuse what ${name} sends" @click=${() => act({ t: "refuse_transfer", transfer }, "Refused.")}><span>No</span></button>
    <button type="button" class="button primary" aria-label="Let in what ${name} sends" @click=${() => act({ t: "allow_transfer", transfer }, "It comes in.")}><span>Let it in</span></button></li>`;
}
