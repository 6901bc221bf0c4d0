// One thing of the shelf as a row: what it is, how far it is, and what can be done with it now.
import { html, nothing, type TemplateResult } from "lit";
import type { ShelfItem } from "../protocol/messages.ts";
import type { HoldingLimit } from "../session/sinks/limits.ts";
import { icons } from "./icons.ts";
import { leaf, visible } from "./names.ts";
import { percent, size } from "./numbers.ts";
import { part } from "./part.ts";
import type { Incoming } from "./peer-store.ts";
import { fileName } from "./rows.ts";
import type { Standing } from "./shelf-store.ts";
import { measures, shelfNote, takenWords } from "./shelf-words.ts";
import { folderThumb, thumb } from "./thumbs.ts";

export interface ShelfRowFacts {
  readonly standing: Standing;
  readonly computer: string;
  readonly isZipped: boolean;
  /** The limit it is beyond; null where it fits. */
  readonly tooLargeFor: HoldingLimit | null;
  readonly plainSaid: string | null;
  /** The computer does not answer now: nothing can be asked of it. */
  readonly isAway: boolean;
  /** Null while nothing is being chosen. */
  readonly isChosen: boolean | null;
}

export interface ShelfRowActs {
  readonly save: () => void;
  readonly handOver: (incoming: Incoming) => void;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly stop: () => void;
  /** Null where there is no plain download: not at home. */
  readonly plain: (() => void) | null;
  readonly choose: () => void;
}

export function shelfRow(item: ShelfItem, facts: ShelfRowFacts, acts: ShelfRowActs): TemplateResult {
  const { standing, computer, isChosen } = facts;
  const { state } = standing;
  const isTooLarge = facts.tooLargeFor !== null && (state === "waits" || state === "failed");
  const said = shelfNote(item, standing, computer, facts.isZipped);
  const { text, tone } = facts.isAway && state === "waits" ? { ...said, text: `${said.text}, when ${computer} is back` } : said;
  const taken = facts.plainSaid === null ? item.taken : undefined;
  const isServed = taken === "handed_over" || taken === "moving"; // there is nothing to be done here now
  const plainWords = taken === "handed_over" || taken === "waiting" || taken === "failed" ? "Save again, not encrypted on this Wi-Fi" : "Save, not encrypted on this Wi-Fi";
  const isMoving = state === "moving" || state === "paused" || state === "cut";
  const note = isTooLarge ? tooLargeNote(item, facts, acts.plain !== null) : html`<span data-tone=${tone} class=${tone === "quiet" ? "" : tone}>${text}</span>`;
  const name = visible(leaf(item.name));
  return html`<li class="row row-shelf" data-shelf=${item.name} data-state=${state} data-away=${facts.isAway ? "yes" : "no"}>
    ${isChosen === null ? (item.kind === "folder" ? folderThumb : thumb(item.name, null)) : html`<label class="shelf-tick"><input type="checkbox" aria-label="Choose ${name}" .checked=${isChosen} @change=${acts.choose}></label>`}
    <div class="row-what">${fileName(item.name)}
      ${isMoving ? bar(name, item.size, standing.bytesDone) : nothing}
      <div class="row-note" aria-live=${state === "moving" ? "off" : "polite"}>${note}</div></div>
    ${isTooLarge ? nothing : html`<div class="row-acts">${controls(name, facts, acts)}</div>`}
    ${isTooLarge && acts.plain !== null ? html`<button type="button" class=${isServed ? "quiet shelf-plain" : "button shelf-plain"} ?disabled=${facts.isAway} aria-label="${plainWords}: ${name}" @click=${acts.plain}>${plainWords}</button>` : nothing}
  </li>`;
}

function tooLargeNote(item: ShelfItem, { tooLargeFor, plainSaid }: ShelfRowFacts, isHome: boolean): TemplateResult {
  if (plainSaid !== null) return html`<span class="wait">${plainSaid}</span>`;
  const had = takenWords(item, Date.now());
  if (had !== null) return html`<span class=${had.tone}>${had.text}</span>`;
  return html`${measures(item)}. ${tooLargeFor?.whose} can hold ${size(tooLargeFor?.bytes ?? 0)} at once. ${isHome ? "It can be downloaded without encryption: whoever listens on this Wi-Fi can read it then." : "At home it can be downloaded all the same."}`;
}

function bar(name: string, bytes: number, done: number): TemplateResult {
  return html`<div class="bar bar-thin" role="progressbar" aria-label=${name} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent(done, bytes)} ${part(bytes > 0 ? done / bytes : 0)}><i></i></div>`;
}

function controls(name: string, { standing: { state, incoming }, isChosen, isAway }: ShelfRowFacts, acts: ShelfRowActs): TemplateResult | typeof nothing {
  const stop = html`<button type="button" class="round" aria-label="Stop saving ${name}" @click=${acts.stop}>${icons.close}</button>`;
  switch (state) {
    case "waits":
      return isChosen === null ? html`<button type="button" class="button save" aria-label="Save ${name}" ?disabled=${isAway} @click=${acts.save}>Save</button>` : nothing;
    case "queued":
    case "cut":
      return stop;
    case "moving":
      return html`<button type="button" class="round" aria-label="Pause ${name}" @click=${acts.pause}>${icons.pause}</button>${stop}`;
    case "paused":
      return html`<button type="button" class="button save" aria-label="Resume ${name}" @click=${acts.resume}>Resume</button>${stop}`;
    case "arrived":
      return incoming === null ? nothing : html`<button type="button" class="button primary save" aria-label="Save ${name}" @click=${() => acts.handOver(incoming)}>Save</button>`;
    case "saved":
      return html`<span class="row-check">${icons.check}</span><button type="button" class="quiet" aria-label="Save again: ${name}" ?disabled=${isAway} @click=${acts.save}>Save again</button>`;
    case "partly":
    case "failed":
      return html`<button type="button" class="button save" aria-label="Save again: ${name}" ?disabled=${isAway} @click=${acts.save}>Save again</button>`;
  }
}
