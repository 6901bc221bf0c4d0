// Sheets and questions, all of them <dialog>: Escape closes, focus stays inside and comes back.
import { html, nothing, render, type TemplateResult } from "lit";
import type { RoadInUse } from "../protocol/messages.ts";
import { icons } from "./icons.ts";
import { whole } from "./whole.ts";
import { trustSheet, type Origin } from "./words.ts";

/** Opens a modal sheet over the page, for `staysMs` at most; the promise resolves with what closed it (`""` for Escape or the cross). */
export function openSheet(title: string, body: (close: (value: string) => void) => TemplateResult | HTMLElement, kind: string = "", staysMs: number | null = null): Promise<string> {
  const dialog = document.createElement("dialog");
  dialog.className = `sheet ${kind}`;
  dialog.tabIndex = -1;
  dialog.setAttribute("aria-label", title);
  const close = (value: string): void => dialog.close(value);
  render(
    html`<header class="sheet-head"><h2>${whole(title)}</h2><button type="button" class="round" aria-label="Close" @click=${() => close("")}>${icons.close}</button></header>
      <div class="sheet-body">${body(close)}</div>`,
    dialog,
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close(""); // the backdrop
  });
  document.body.append(dialog);
  dialog.showModal();
  (dialog.querySelector<HTMLElement>("[autofocus]") ?? dialog).focus(); // else the cross would get it
  const timer = staysMs === null ? 0 : window.setTimeout(close, staysMs, "");
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      clearTimeout(timer);
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

export interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly no?: string;
  readonly isGrave?: boolean;
  /** Nobody here asked for it: a tap that was meant for what was there before is no answer. */
  readonly isSudden?: boolean;
}

/** So long a question that came by itself takes no yes. */
export const SETTLES_MS = 500;

/** Resolves true only for the button that says yes. */
export async function confirm({ title, text, yes, no = "Keep it", isGrave = false, isSudden = false }: Question): Promise<boolean> {
  const answer = openSheet(title, (close) => html`<p class="sheet-text">${whole(text)}</p>
    <div class="sheet-actions">
      <button type="button" class="button" autofocus @click=${() => close("")}>${no}</button>
      <button type="button" class=${isGrave ? "button grave" : "button primary"} data-yes @click=${() => close("yes")}>${yes}</button>
    </div>`, "sheet-question");
  if (isSudden) settle([...document.querySelectorAll<HTMLButtonElement>("[data-yes]")].at(-1));
  const value = await answer;
  return value === "yes";
}

function settle(button: HTMLButtonElement | undefined): void {
  if (button === undefined) return;
  button.disabled = true;
  setTimeout(() => (button.disabled = false), SETTLES_MS);
}

/** Asks for a name; null when the answer is to leave it, or the same name. */
export async function askName(title: string, label: string, now: string, note: string = ""): Promise<string | null> {
  let name = now;
  const value = await openSheet(title, (close) => html`<form class="sheet-form" @submit=${(event: SubmitEvent) => {
      event.preventDefault();
      close("yes");
    }}>
    <label>${label}<input type="text" autofocus required maxlength="200" autocomplete="off" spellcheck="false" dir="auto" .value=${now}
      @focus=${(event: FocusEvent) => selectStem(event.target as HTMLInputElement)}
      @input=${(event: InputEvent) => (name = (event.target as HTMLInputElement).value)}></label>
    ${note === "" ? nothing : html`<p class="sheet-note">${note}</p>`}
    <div class="sheet-actions"><button type="button" class="button" @click=${() => close("")}>Leave it</button><button class="button primary">Rename</button></div>
  </form>`, "sheet-question");
  const answer = name.trim();
  return value === "yes" && answer !== "" && answer !== now ? answer : null;
}

/** Selects the name without its extension, as file managers do. */
function selectStem(input: HTMLInputElement): void {
  const dot = input.value.lastIndexOf(".");
  input.setSelectionRange(0, dot > 0 ? dot : input.value.length);
}

/** What the trust sheet is about: who is at the other end, and how the page and its bytes travel. */
export interface Trusted {
  readonly computer: string;
  readonly words: string | null;
  readonly road?: RoadInUse;
  readonly origin?: Origin;
  /** Opens the page that works from elsewhere; null where there is none. */
  readonly useAway?: (() => void) | null;
}

export function openTrustSheet({ computer, words, road = "home", origin = "home", useAway = null }: Trusted, staysMs: number | null = null): void {
  void openSheet("What that means", (close) => html`<dl class="trust">${trustSheet(computer, words, road, origin).map(
    (point) => html`<dt>${whole(point.title)}</dt><dd>${whole(point.more)}</dd>`,
  )}</dl>
  ${useAway === null ? nothing : html`<div class="sheet-actions"><button type="button" class="button" @click=${() => {
      close("");
      useAway();
    }}>${icons.globe}<span>Use it away from home too</span></button></div>`}`, "", staysMs);
}
