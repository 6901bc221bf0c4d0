// Who picks up one thing of the shelf, and who did, as its owner sees it: a line for each device.
import { html, nothing, type TemplateResult } from "lit";
import type { OfferState, PickUpFacts, PickUpList, ShelfItem } from "../protocol/messages.ts";
import { visible } from "./names.ts";
import { ago, count, percent, size } from "./numbers.ts";
import { part } from "./part.ts";

/** Devices that one row names; how many more there are is said. */
const SHOWN_MAX = 4;

type Tone = "quiet" | "go" | "wait" | "stop";

interface Said {
  readonly tone: Tone;
  readonly text: (who: string, taker: PickUpFacts) => string;
}

/** A browser that has it all is told from a program that proves it is on a disk: where its person keeps it nobody knows. */
const SAID: Readonly<Record<OfferState, Said>> = {
  waiting: { tone: "wait", text: (who) => `${who} has asked for it; it goes on when ${who} is back` },
  moving: { tone: "quiet", text: (who, { bytes_done, bytes }) => `${who}: ${size(bytes_done)} of ${size(bytes)}` },
  paused: { tone: "wait", text: (who, { bytes_done, bytes }) => `${who} has paused it at ${size(bytes_done)} of ${size(bytes)}` },
  done: { tone: "go", text: (who) => `safe on ${who}` },
  handed_over: { tone: "go", text: (who) => `handed to ${who}` },
  failed: { tone: "stop", text: (who) => `${who} did not get it` },
  withdrawn: { tone: "quiet", text: (who) => `taken back before ${who} had it` },
};

/** As a sentence; when it ended stands at its end. */
export function takerWords(taker: PickUpFacts, nowMs: number): string {
  const when = taker.at_ms === undefined ? "" : `, ${ago(taker.at_ms, nowMs)}`;
  return `${SAID[taker.state].text(visible(taker.device), taker)}${when}`;
}

export function takersOf(item: ShelfItem, list: PickUpList | null, nowMs: number): TemplateResult | typeof nothing {
  const all = list?.pick_ups.filter((each) => each.item === item.item) ?? [];
  if (all.length === 0) return nothing;
  const more = all.length - SHOWN_MAX;
  return html`<ul role="list" aria-label="Who has it">${all.slice(0, SHOWN_MAX).map((taker) => line(taker, nowMs))}
    ${more > 0 ? html`<li class="row-note">and ${count(more)} more</li>` : nothing}</ul>`;
}

function line(taker: PickUpFacts, nowMs: number): TemplateResult {
  const { tone } = SAID[taker.state];
  const share = taker.bytes > 0 ? taker.bytes_done / taker.bytes : 0;
  return html`<li class="row-note" data-taker=${taker.device} data-state=${taker.state}><span class=${tone === "quiet" ? "" : tone}>${takerWords(taker, nowMs)}</span>
    ${taker.state === "moving" ? html`<div class="bar bar-thin" role="progressbar" aria-label="To ${visible(taker.device)}" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent(share, 1)} ${part(share)}><i></i></div>` : nothing}</li>`;
}
