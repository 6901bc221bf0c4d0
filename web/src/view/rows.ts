// One item of a batch as a row: its picture, its name with the end always visible, and how far it is.
import { html, nothing, type TemplateResult } from "lit";
import type { ItemView } from "../session/bridge.ts";
import { icons } from "./icons.ts";
import { leaf, split, visible } from "./names.ts";
import { percent, size } from "./numbers.ts";
import { part } from "./part.ts";
import { snug } from "./snug.ts";
import { folderThumb, thumb } from "./thumbs.ts";
import { unsentSentence } from "./words.ts";

export interface RowSurroundings {
  readonly computer: string;
  readonly isApple: boolean;
  readonly isCut: boolean;
  readonly fileOf: (item: ItemView) => File | null;
  readonly cancel: (item: ItemView) => void;
  /** Pauses one, or lets it go on. */
  readonly rest: (item: ItemView, rests: boolean) => void;
}

/** A name that may be cut in its middle, never at its end, and that cannot turn the text around it. */
export function fileName(name: string): TemplateResult {
  const { head, tail } = split(name);
  return html`<bdi class="name" dir="auto" title=${visible(name)}><span class="name-head" ${tail === "" ? nothing : snug(head)}>${head}</span>${tail === "" ? nothing : html`<span class="name-tail">${tail}</span>`}</bdi>`;
}

export function itemRow(item: ItemView, around: RowSurroundings): TemplateResult {
  const canCancel = item.state !== "done";
  return html`<li class="row" data-item=${item.name} data-state=${item.state}>
    ${item.kind === "folder" ? folderThumb : thumb(item.name, around.fileOf(item))}
    <div class="row-what">
      ${fileName(item.name)}
      ${item.state === "sending" && !item.preparing ? bar(item) : nothing}
      <div class="row-note">${note(item, around)}</div>
    </div>
    ${item.state === "done" ? html`<span class="row-check">${icons.check}</span>` : nothing}
    ${restButton(item, around)}
    ${canCancel ? html`<button type="button" class="round" aria-label="Cancel ${visible(leaf(item.name))}" @click=${() => around.cancel(item)}>${icons.close}</button>` : nothing}
  </li>`;
}

/** Named apart from the one Pause for everything. An empty folder has nothing to stop in the middle of. */
function restButton(item: ItemView, { rest }: RowSurroundings): TemplateResult | typeof nothing {
  if (item.state === "done" || item.state === "failed" || item.size === 0) return nothing;
  const rests = item.state === "paused";
  return html`<button type="button" class="round" aria-label="${rests ? "Resume" : "Hold back"} ${visible(leaf(item.name))}" title=${rests ? "Resume" : "Pause this one"} @click=${() => rest(item, !rests)}>${rests ? icons.play : icons.pause}</button>`;
}

function bar(item: ItemView): TemplateResult {
  const done = percent(item.done, item.size);
  return html`<div class="bar bar-thin" role="progressbar" aria-label=${visible(leaf(item.name))} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${done} ${part(item.size > 0 ? item.done / item.size : 0)}><i></i></div>`;
}

function note(item: ItemView, { computer, isApple, isCut }: RowSurroundings): TemplateResult | string {
  switch (item.state) {
    case "waiting":
      return item.kind === "folder" ? "empty folder, waiting" : `${size(item.size)}, waiting`;
    case "sending":
      if (item.preparing) return html`<span class="wait">${isApple ? "your iPhone is preparing it, this can take minutes" : "being prepared, this can take a while"}</span>`;
      if (isCut) return html`<span class="wait">waiting for ${computer}, ${size(item.done)} of ${size(item.size)}</span>`;
      return `${size(item.done)} of ${size(item.size)}`;
    case "paused":
      return html`<span class="wait">paused at ${percent(item.done, item.size)} %</span>`;
    case "done":
      return doneNote(item, computer);
    case "failed":
      return html`<span class="stop">${unsentSentence(item.reason ?? "declined", computer)}</span>`;
  }
}

function doneNote(item: ItemView, computer: string): TemplateResult {
  if (item.already === true) return html`<span class="go">already on ${computer}</span>`;
  if (item.finalName !== null && item.finalName !== item.name) {
    return html`<span class="go">safe, saved as <bdi>${visible(item.finalName)}</bdi></span>`;
  }
  return html`<span class="go">safe on ${computer}</span>`;
}
