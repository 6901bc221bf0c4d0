// What is on its way into this computer, and the last batches that ended.
import { html, nothing, type TemplateResult } from "lit";
import type { TransferFacts, TransferList, TransferState } from "../protocol/messages.ts";
import { confirm } from "./dialogs.ts";
import { icons } from "./icons.ts";
import { visible } from "./names.ts";
import { ago, count, counted, duration, percent, rate, size } from "./numbers.ts";
import type { Act } from "./owner.ts";
import { part } from "./part.ts";

const ENDED_SHOWN = 4;

const ENDED: Readonly<Record<TransferState, (transfer: TransferFacts) => TemplateResult>> = {
  arriving: () => html``,
  asking: () => html``,
  paused: () => html``,
  waiting: () => html``,
  done: ({ items_done }) => html`<span class="go">${counted(items_done, "file")}, all safe</span>`,
  failed: ({ items_done, items }) => html`<span class="stop">${count(items_done)} of ${count(items)} arrived</span>`,
  cancelled: ({ items_done, items }) => html`<span class="wait">stopped, ${count(items_done)} of ${count(items)} arrived</span>`,
};

const GOES_ON: ReadonlySet<TransferState> = new Set(["arriving", "asking", "paused", "waiting"]);

export function transfersCard(list: TransferList | null, act: Act, nowMs: number): TemplateResult {
  const all = list?.transfers ?? [];
  const moving = all.filter(({ state }) => GOES_ON.has(state));
  const ended = all.filter(({ state }) => !GOES_ON.has(state)).slice(0, ENDED_SHOWN);
  return html`${panel("Arriving", moving.map((transfer) => movingRow(transfer, act)))}
    ${panel("Arrived lately", ended.map((transfer) => endedRow(transfer, nowMs)))}`;
}

function panel(title: string, rows: readonly TemplateResult[]): TemplateResult | typeof nothing {
  if (rows.length === 0) return nothing;
  return html`<section class="panel" aria-label=${title}>
    <div class="panel-head"><h2>${title}</h2></div>
    <div class="card"><ul role="list">${rows}</ul></div>
  </section>`;
}

function endedRow(transfer: TransferFacts, nowMs: number): TemplateResult {
  return html`<li class="row row-slim"><div class="row-what"><bdi class="name">${visible(transfer.device)}</bdi></div>
    <div class="row-note">${ENDED[transfer.state](transfer)}, ${ago(transfer.started_ms, nowMs)}</div></li>`;
}

function movingRow(transfer: TransferFacts, act: Act): TemplateResult {
  const name = visible(transfer.device);
  const share = transfer.bytes > 0 ? transfer.bytes_done / transfer.bytes : 0;
  const done = percent(share, 1);
  return html`<li class="row arriving" data-transfer=${transfer.transfer}>
    <span class="arriving-number">${count(done)}<small>%</small></span>
    <div class="row-what"><bdi class="name">${name}</bdi>
      <div class="bar" role="progressbar" aria-label="From ${name}" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${done} ${part(share)}><i></i></div>
      <div class="row-note">${stateNote(transfer)}</div></div>
    <button type="button" class="round" aria-label="Stop what ${name} sends" title="Stop" @click=${() => stop(transfer, act)}>${icons.close}</button>
  </li>`;
}

function stateNote(transfer: TransferFacts): TemplateResult {
  const name = visible(transfer.device);
  switch (transfer.state) {
    case "waiting":
      return html`<span class="wait">interrupted at ${size(transfer.bytes_done)}; it goes on when ${name} is back</span>`;
    case "paused":
      return html`<span class="wait">${name} paused it at ${size(transfer.bytes_done)}</span>`;
    case "asking":
      return html`<span class="wait">${counted(transfer.items, "file")}, ${size(transfer.bytes)}: waits for your word</span>`;
    default:
      return html`${movingNote(transfer)}`;
  }
}

function movingNote(transfer: TransferFacts): string {
  const left = transfer.left_s === undefined ? "" : `, ${duration(transfer.left_s)} left`;
  const speed = transfer.rate > 0 ? `, ${rate(transfer.rate)}` : "";
  return `${count(transfer.items_done)} of ${count(transfer.items)}${speed}${left}`;
}

async function stop(transfer: TransferFacts, act: Act): Promise<void> {
  const name = visible(transfer.device);
  const isSure = await confirm({
    title: "Stop it?",
    text: `What ${name} has not finished sending is thrown away. The ${counted(transfer.items_done, "file")} already here stay.`,
    yes: "Stop it", no: "Let it go on", isGrave: true,
  });
  if (isSure) await act({ t: "stop_transfer", transfer: transfer.transfer }, "Stopped.");
}
