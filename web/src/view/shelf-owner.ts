// The shelf as its owner sees it: what waits for phones; files are put there by a drop or a choice, and taken back.
import { html, nothing, type TemplateResult } from "lit";
import type { ShelfItem } from "../protocol/messages.ts";
import type { Picked } from "../session/bridge.ts";
import { confirm } from "./dialogs.ts";
import { fromDrop } from "./drop-folder.ts";
import { icons } from "./icons.ts";
import { LineElement } from "./light.ts";
import "./folded-list.ts";
import type { WorkerLine } from "./line.ts";
import { sendGathered } from "./more-ways.ts";
import { leaf, visible } from "./names.ts";
import { count, counted, percent, size } from "./numbers.ts";
import type { Act } from "./owner.ts";
import { part } from "./part.ts";
import { carriesFiles, fromInput } from "./picking.ts";
import { fileName } from "./rows.ts";
import { takersOf } from "./shelf-takers.ts";
import { measures, takeBackNote, waitsWords } from "./shelf-words.ts";
import { progressOf } from "./store.ts";
import { folderThumb, thumb } from "./thumbs.ts";
import { reasonSentence, UNNAMED } from "./words.ts";

export class ShelfCard extends LineElement {
  readonly #act: Act;
  #isOver = 0;

  constructor(line: WorkerLine, act: Act) {
    super(line);
    this.#act = act;
  }

  protected override render(): TemplateResult {
    const { state } = this.line;
    const items = state.shelf?.items ?? [];
    const nowMs = Date.now();
    return html`<section class="panel" aria-label="Waiting for phones" @dragenter=${this.#dragged} @dragover=${this.#dragged} @dragleave=${this.#left} @drop=${this.#dropped}>
      <div class="panel-head"><h2>Waiting for phones <small>${items.length > 0 ? count(items.length) : ""}</small></h2></div>
      <div class="card">
        <button type="button" class="shelf-drop" data-over=${this.#isOver > 0 ? "yes" : "no"} @click=${() => this.querySelector<HTMLInputElement>("#shelf-files")?.click()}>${icons.plus}<span>Drop files here, or choose</span></button>
        <input id="shelf-files" type="file" multiple hidden aria-hidden="true" @change=${this.#picked}>
        ${this.#onItsWay()}
        ${items.length === 0 ? nothing : html`<folded-list .keyOf=${(item: ShelfItem) => item.item} .draw=${(item: ShelfItem) => this.#row(item, nowMs)} .rows=${items}></folded-list>`}
      </div>
      <p class="panel-note">Your own phones see what lies here, and save it with one tap. Guests do not. ${takeBackNote(items)}</p>
    </section>`;
  }

  /** What is just being put there. */
  #onItsWay(): TemplateResult | typeof nothing {
    const { state } = this.line;
    const { total, items } = state;
    if (total.state === "sending" || total.state === "paused") {
      const done = percent(progressOf(state), 1);
      return html`<div class="row"><div class="row-what"><div class="row-note">${counted(total.items - total.done - total.failed, "file")} on the way, ${done} %</div>
        <div class="bar bar-thin" role="progressbar" aria-label="Putting it there" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${done} ${part(progressOf(state))}><i></i></div></div>
        <button type="button" class="round" aria-label="Stop putting files there" @click=${() => this.line.post({ t: "cancel", item: null })}>${icons.close}</button></div>`;
    }
    const failed = [...items.values()].find(({ state: how }) => how === "failed");
    if (failed === undefined) return nothing;
    return html`<div class="row"><div class="row-what"><div class="row-note stop">${counted(total.failed, "file")} not put there. ${reasonSentence(failed.reason ?? "declined", state.computer ?? UNNAMED)}</div></div>
      <button type="button" class="quiet" @click=${() => this.line.post({ t: "retry" })}>Retry</button>
      <button type="button" class="round" aria-label="Forget what failed" @click=${() => this.line.post({ t: "clear" })}>${icons.close}</button></div>`;
  }

  #row(item: ShelfItem, nowMs: number): TemplateResult {
    const name = visible(leaf(item.name));
    return html`<li class="row" data-shelf=${item.name}>
      ${item.kind === "folder" ? folderThumb : thumb(item.name, null)}
      <div class="row-what">${fileName(item.name)}<div class="row-note">${measures(item)}, ${waitsWords(item, nowMs)}${this.#forWhom(item)}</div>${takersOf(item, this.line.state.pickUps, nowMs)}</div>
      <button type="button" class="round" aria-label="Take ${name} back" title="Take it back" @click=${() => void this.#withdraw(item)}>${icons.close}</button>
    </li>`;
  }

  #forWhom({ to }: ShelfItem): string {
    if (to === undefined) return "";
    const device = this.line.state.devices?.devices.find(({ device }) => device === to);
    return `, for ${device === undefined ? "one device" : visible(device.name)} alone`;
  }

  async #withdraw(item: ShelfItem): Promise<void> {
    const name = visible(leaf(item.name));
    const isSure = await confirm({
      title: "Take it back?",
      text: `“${name}” (${size(item.size)}) no longer waits for phones. Who has saved it keeps it.`,
      yes: "Take it back", no: "Let it wait",
    });
    if (isSure) await this.#act({ t: "withdraw", item: item.item }, (facts) => `“${name}” does not wait any more.${facts.t === "done" && facts.text ? ` It is in the inbox, as “${visible(facts.text)}”.` : ""}`);
  }

  readonly #put = (picked: readonly Picked[]): void => this.line.send(picked.map((each) => ({ ...each, isForShelf: true })));

  readonly #picked = (event: Event): void => this.#put(fromInput(event.target as HTMLInputElement));

  readonly #dragged = (event: DragEvent): void => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (event.type !== "dragenter") return;
    this.#isOver += 1;
    this.requestUpdate();
  };

  readonly #left = (): void => {
    this.#isOver = Math.max(0, this.#isOver - 1);
    this.requestUpdate();
  };

  readonly #dropped = (event: DragEvent): void => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    this.#isOver = 0;
    this.requestUpdate();
    void fromDrop(event).then((found) => sendGathered(found, this.#put));
  };
}

customElements.define("shelf-card", ShelfCard);
