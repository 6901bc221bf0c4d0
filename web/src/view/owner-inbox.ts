// The inbox as a list: the newest first, each entry to show in its folder, to rename or to put in the bin.
import { html, nothing, type TemplateResult } from "lit";
import type { EntryFacts, Facts, InboxList } from "../protocol/messages.ts";
import { askName, confirm } from "./dialogs.ts";
import { icons, tray } from "./icons.ts";
import "./folded-list.ts";
import { leaf, visible } from "./names.ts";
import { ago, count, counted, size } from "./numbers.ts";
import type { Act } from "./owner.ts";
import { type HeldRow, heldRow } from "./row-focus.ts";
import { fileName } from "./rows.ts";
import { firstLink, linkOf } from "./text-note.ts";
import { folderThumb, thumb } from "./thumbs.ts";

/** Says for a moment how something went. */
export type Say = (text: string, isGood: boolean) => void;

export function inboxCard(inbox: InboxList | null, act: Act, say: Say, computer: string, nowMs: number): TemplateResult {
  const entries = inbox?.entries ?? [];
  const total = inbox?.total ?? 0;
  const row = (entry: EntryFacts): TemplateResult => entryRow(entry, act, say, computer, nowMs);
  return html`<section class="panel" aria-label="Inbox">
    <div class="panel-head"><h2>Inbox <small>${total > 0 ? count(total) : ""}</small></h2>
      <button type="button" class="quiet" @click=${() => act({ t: "open_inbox" }, "The folder is open on the computer.")}>${icons.folder}<span>Open folder</span></button></div>
    <div class="card">${entries.length === 0
      ? html`<div class="empty">${tray}<p><b>Nothing here yet.</b></p><p class="quiet-text">Scan the code with a phone, or add yours.</p></div>`
      : html`<folded-list .keyOf=${(entry: EntryFacts) => entry.name} .draw=${row} .rows=${entries}></folded-list>`}</div>
    ${inbox ? html`<p class="panel-note">${total > entries.length ? `The newest ${counted(entries.length, "entry", "entries")}. ` : ""}<code>${inbox.folder}</code></p>` : ""}
  </section>`;
}

function entryRow(entry: EntryFacts, act: Act, say: Say, computer: string, nowMs: number): TemplateResult {
  const shown = visible(leaf(entry.name));
  const facts = [entry.is_folder ? "folder" : size(entry.size), ago(entry.arrived_ms, nowMs), ...(entry.sender ? [`from ${visible(entry.sender)}`] : [])];
  return html`<li class="row" data-entry=${entry.name}>
    ${entry.is_folder ? folderThumb : thumb(entry.name, null)}
    <div class="row-what">${fileName(entry.name)}<div class="row-note">${facts.join(", ")}</div>${entry.text === undefined ? nothing : saidBlock(entry.text, entry.is_cut === true)}</div>
    <div class="row-acts">
      ${entry.text === undefined || entry.is_cut === true ? nothing : copyButton(entry.text, shown, say)}
      <button type="button" class="round" aria-label="Show ${shown} in its folder" title="Show in its folder" @click=${() => act({ t: "open_inbox", name: entry.name }, "Its folder is open on the computer.")}>${icons.folder}</button>
      <button type="button" class="round" aria-label="Rename ${shown}" title="Rename" @click=${(event: Event) => rename(entry, heldRow(event), act)}>${icons.pencil}</button>
      <button type="button" class="round" aria-label="Put ${shown} in the bin" title="Put in the bin" @click=${(event: Event) => bin(entry, heldRow(event), act, computer)}>${icons.bin}</button>
    </div>
  </li>`;
}

/** What a note says; a link in it is to be tapped, and tells its target nothing about where it was tapped. */
function saidBlock(text: string, isCut: boolean): TemplateResult {
  const link = firstLink(text);
  return html`<div class="said"><p dir="auto">${visibleLines(text)}${isCut ? "…" : ""}</p>
    ${link === null ? nothing : html`<a href=${link} target="_blank" rel="noopener noreferrer">Open the link<span class="heard-only"> ${link}</span></a>`}</div>`;
}

function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}

/** Where a page may use the clipboard: on the computer itself, or over HTTPS. */
function copyButton(text: string, shown: string, say: Say): TemplateResult | typeof nothing {
  if (!("clipboard" in navigator)) return nothing;
  const link = linkOf(text);
  const copy = (): void => {
    navigator.clipboard.writeText(link ?? text).then(
      () => say(link === null ? "The note is copied." : "The link is copied.", true),
      () => say("The browser did not allow that. Select the text and copy it.", false),
    );
  };
  return html`<button type="button" class="round" aria-label="Copy ${link === null ? "what" : "the link in"} ${shown}${link === null ? " says" : ""}" title=${link === null ? "Copy the text" : "Copy the link"} @click=${copy}>${icons.copy}</button>`;
}

async function rename(entry: EntryFacts, row: HeldRow, act: Act): Promise<void> {
  const to = await askName("Rename", "New name", leaf(entry.name), "If that name is taken, a number is added. Nothing is overwritten.");
  if (to === null) return;
  const nameIn = (facts: Facts): string => (facts.t === "done" && facts.text) || to;
  const facts = await act({ t: "rename_entry", name: entry.name, to }, (told) => `Renamed to “${visible(nameIn(told))}”.`);
  if (facts !== null) row.becomes(({ dataset }) => leaf(dataset["entry"] ?? "") === leaf(nameIn(facts)));
}

async function bin(entry: EntryFacts, row: HeldRow, act: Act, computer: string): Promise<void> {
  const name = visible(leaf(entry.name));
  const isSure = await confirm({
    title: "Put it in the bin?",
    text: `“${name}” leaves the inbox. You get it back from the bin of ${computer} until that is emptied.`,
    yes: "Put in the bin", isGrave: true,
  });
  if (isSure && (await act({ t: "bin_entry", name: entry.name }, `“${name}” is in the bin.`)) !== null) row.leaves();
}
