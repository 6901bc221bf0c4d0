// A note or a link written on the page: it becomes a small text file, a link with a title line above it.
import { html, nothing, render, type TemplateResult } from "lit";
import type { Picked } from "../session/bridge.ts";
import { openSheet } from "./dialogs.ts";
import { stamp } from "./paste.ts";

/** What a text may have, in UTF-8 (`WIRE.md` 3.2). */
export const TEXT_BYTES_MAX = 64 * 1024;

const LINK = /^https?:\/\/[^\s/]+\S*$/i;
const LINK_INSIDE = /\bhttps?:\/\/[^\s/<>"'][^\s<>"']*/i;

/** The link that a text is, alone or beneath one title line; null where it is more, or none. */
export function linkOf(text: string): string | null {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const last = lines.at(-1) ?? "";
  return lines.length <= 2 && LINK.test(last) ? last : null;
}

/** Somewhere in it. */
export function firstLink(text: string): string | null {
  return linkOf(text) ?? LINK_INSIDE.exec(text)?.[0] ?? null;
}

/** The file that carries it; null for nothing but blanks. */
export function noteFile(text: string, at: Date = new Date()): Picked | null {
  const said = text.replaceAll("\r\n", "\n").trim();
  if (said === "") return null;
  const link = linkOf(said);
  const host = link === null ? null : hostOf(link);
  const content = host !== null && link === said ? `${host}\n${link}\n` : `${said}\n`;
  const path = `${host === null ? "Note" : `Link ${host}`} ${stamp(at)}.txt`;
  return { file: new File([content], path, { type: "text/plain", lastModified: at.getTime() }), path, kind: "text" };
}

export function isTooLong(text: string): boolean {
  return text.length > TEXT_BYTES_MAX / 4 && new TextEncoder().encode(text).length > TEXT_BYTES_MAX - 200; // a title line may come above
}

/** What was written and not sent, for when the sheet is opened again. */
let draft = "";

/** Asks for a note; null when it was left. `text` is what is pasted already. */
export async function askNote(computer: string, text: string = ""): Promise<Picked | null> {
  if (text !== "") draft = text;
  const place = document.createElement("div");
  const value = await openSheet("Send a note or link", (close) => {
    draw(place, computer, close);
    return place;
  }, "sheet-note-form");
  if (value !== "yes") return null;
  const note = noteFile(draft);
  draft = "";
  return note;
}

function draw(place: HTMLElement, computer: string, close: (value: string) => void): void {
  const wrote = (event: InputEvent): void => {
    draft = (event.target as HTMLTextAreaElement).value;
    draw(place, computer, close);
  };
  render(form(computer, wrote, close), place);
}

function form(computer: string, wrote: (event: InputEvent) => void, close: (value: string) => void): TemplateResult {
  const isLong = isTooLong(draft);
  const canSend = draft.trim() !== "" && !isLong;
  const send = (event: Event): void => {
    event.preventDefault();
    if (canSend) close("yes");
  };
  const keyed = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
  };
  return html`<form class="sheet-form" @submit=${send}>
    <label>Text or link<textarea autofocus rows="5" dir="auto" spellcheck="false" autocapitalize="sentences" .value=${draft} @input=${wrote} @keydown=${keyed}></textarea></label>
    <p class=${isLong ? "sheet-note stop" : "sheet-note"}>${isLong ? "This is too long for a note. Send it as a file." : html`It lands on <bdi>${computer}</bdi> as a small text file${linkOf(draft.trim()) === null ? nothing : ", with the link ready to open"}.`}</p>
    <div class="sheet-actions"><button type="button" class="button" @click=${() => close("")}>Leave it</button><button class="button primary" ?disabled=${!canSend}>Send it</button></div>
  </form>`;
}

function hostOf(link: string): string | null {
  try {
    return new URL(link).hostname.replace(/^www\./, "").slice(0, 60) || null;
  } catch {
    return null;
  }
}
