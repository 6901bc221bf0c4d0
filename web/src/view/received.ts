// What another device sent here: how far it is, what was saved, and a Save button for what the page holds in memory.
import { html, nothing, type TemplateResult } from "lit";
import type { ItemView } from "../session/bridge.ts";
import { icons } from "./icons.ts";
import "./long-list.ts";
import { leaf, visible } from "./names.ts";
import { percent, size } from "./numbers.ts";
import { part } from "./part.ts";
import type { Incoming, Peer, PeerStore } from "./peer-store.ts";
import { incomingNote } from "./peer-words.ts";
import { fileName } from "./rows.ts";
import { thumb } from "./thumbs.ts";
import { reasonSentence } from "./words.ts";

/** A browser has begun to copy a Blob long before; then its address is taken back and the page lets go of it. */
const REVOKE_AFTER_MS = 40_000;

/** Browsers take downloads one after the other; all at once some are lost. */
const NEXT_SAVE_MS = 400;

export interface ReceivedActs {
  readonly store: PeerStore;
  readonly answer: (transfer: string) => void;
  readonly changed: () => void;
  /** Several downloads in a row: iPhones take only the last. */
  readonly savesAll: boolean;
}

/** Blobs whose saving has begun; a set, because a Blob is its own name. */
const saving = new WeakSet<Blob>();

export function receivedBlock(peer: Peer, incoming: Incoming, acts: ReceivedActs): TemplateResult | typeof nothing {
  const { view, total } = incoming;
  const { text, tone } = incomingNote(incoming, peer.view.link.state === "open", unsavedOf(incoming).length);
  const { store } = acts;
  return html`<div class="peer-part" data-incoming=${view.state}>
    <div class="peer-line"><p class="row-note" aria-live=${view.state === "receiving" ? "off" : "polite"}><span data-tone=${tone} class=${tone === "quiet" ? "" : tone}>${text}</span></p>
      ${view.state === "asked" ? html`<button type="button" class="quiet" @click=${() => acts.answer(view.transfer)}>Answer</button>` : nothing}
      ${view.state === "receiving" ? html`<button type="button" class="round" aria-label="Stop receiving" @click=${() => store.cancel(view.peer, view.transfer)}>${icons.close}</button>` : nothing}
    </div>
    ${view.state === "receiving" ? html`<div class="bar bar-thin" role="progressbar" aria-label="Receiving" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent(total.bytesDone, total.bytes)} ${part(total.bytes > 0 ? total.bytesDone / total.bytes : 0)}><i></i></div>` : nothing}
    ${list(incoming, acts)}
  </div>`;
}

function list(incoming: Incoming, acts: ReceivedActs): TemplateResult | typeof nothing {
  const { view, rows } = incoming;
  if (view.state === "asked" || view.state === "declined") return nothing;
  const over = [...rows.values()].filter(({ state }) => state === "done" || state === "failed");
  if (over.length === 0) return nothing;
  const unsaved = unsavedOf(incoming);
  return html`${unsaved.length > 1 && acts.savesAll ? html`<button type="button" class="button save-all" @click=${() => void saveAll(incoming, acts)}>Save all ${unsaved.length}</button>` : nothing}
    <long-list .keyOf=${(row: ItemView) => row.id} .draw=${(row: ItemView) => receivedRow(row, incoming, acts)} .rows=${over}></long-list>`;
}

/** Here it is this browser that could not keep it. */
function failureWords(reason: ItemView["reason"], { place }: Incoming): string {
  if (reason === "no_space") return "too large for this browser";
  return reason === "declined" && place === "download" ? "not taken by your browser" : reasonSentence(reason ?? "declined", "the other device");
}

function receivedRow(row: ItemView, incoming: Incoming, acts: ReceivedActs): TemplateResult {
  const blob = incoming.received.get(row.id)?.blob ?? null;
  const name = row.finalName ?? row.name;
  const isUnsaved = blob !== null && !saving.has(blob);
  const note = row.state === "failed" ? html`<span class="stop">${failureWords(row.reason, incoming)}</span>`
    : isUnsaved ? `${size(row.size)}, arrived` : html`<span class="go">${size(row.size)}, saved</span>`;
  return html`<li class="row row-received" data-received=${name} data-saved=${row.state === "done" && !isUnsaved ? "yes" : "no"}>
    ${thumb(name, null)}<div class="row-what">${fileName(name)}<div class="row-note">${note}</div></div>
    ${isUnsaved ? html`<button type="button" class="button save" aria-label="Save ${visible(leaf(name))}" @click=${() => save(row.id, incoming, acts)}>Save</button>`
      : row.state === "done" ? html`<span class="row-check">${icons.check}</span>` : nothing}
  </li>`;
}

export function unsavedOf({ received }: Pick<Incoming, "received">): readonly number[] {
  return [...received].filter(([, { blob }]) => blob !== null && !saving.has(blob)).map(([item]) => item);
}

/** Whether closing the page now would lose something. */
export function holdsUnsaved(store: PeerStore): boolean {
  return [...store.state.peers.values()].some(({ incoming }) => [...incoming.values()].some((each) => each.view.state === "receiving" || unsavedOf(each).length > 0));
}

/** Hands one to the browser's downloads; once. */
export function save(item: number, { view, received }: Incoming, { store, changed }: Pick<ReceivedActs, "store" | "changed">): void {
  const { name, blob } = received.get(item) ?? { name: "", blob: null };
  if (blob === null || saving.has(blob)) return;
  saving.add(blob);
  store.saving(view.transfer);
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = leaf(name);
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  changed();
  setTimeout(() => {
    URL.revokeObjectURL(url);
    store.saved(view.peer, view.transfer, item);
  }, REVOKE_AFTER_MS);
}

export async function saveAll(incoming: Incoming, acts: Pick<ReceivedActs, "store" | "changed">): Promise<void> {
  for (const item of unsavedOf(incoming)) {
    save(item, incoming, acts);
    await new Promise((resolve) => setTimeout(resolve, NEXT_SAVE_MS));
  }
}
