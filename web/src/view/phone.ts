// The phone page: one headline, one big button, the list of what is on its way, and at the bottom what can be done now.
import { html, nothing, type TemplateResult } from "lit";
import type { ItemView, Picked } from "../session/bridge.ts";
import type { Device } from "./device.ts";
import { confirm, openTrustSheet } from "./dialogs.ts";
import { hero } from "./hero.ts";
import { icons, mark } from "./icons.ts";
import { now, type WorkerLine } from "./line.ts";
import { LineElement } from "./light.ts";
import "./long-list.ts";
import { counted, percent, size } from "./numbers.ts";
import { carriesFiles, fromDrop, fromInput, fromPaste } from "./picking.ts";
import { itemRow, type RowSurroundings } from "./rows.ts";
import { phaseOf, progressOf, type Phase, type ViewState } from "./store.ts";
import { Unfinished } from "./unfinished.ts";
import { isWorthReloading, UNNAMED } from "./words.ts";

const LINK_WORDS = {
  connecting: "connecting…",
  open: "on your Wi-Fi, encrypted",
  lost: "not connected",
  elsewhere: "open in another tab",
  refused: "not connected",
} as const;

export class PhonePage extends LineElement {
  readonly #device: Device;
  readonly #cameByCode: boolean;
  readonly #unfinished: Unfinished;
  #isChoosing = false;
  #isOver = 0;
  #ticking = 0;

  constructor(line: WorkerLine, device: Device, cameByCode: boolean) {
    super(line);
    this.#device = device;
    this.#cameByCode = cameByCode;
    this.#unfinished = new Unfinished(line);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("paste", this.#pasted);
    addEventListener("dragenter", this.#dragged);
    addEventListener("dragleave", this.#left);
    addEventListener("dragover", this.#dragged);
    addEventListener("drop", this.#dropped);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#ticking);
    removeEventListener("paste", this.#pasted);
    removeEventListener("dragenter", this.#dragged);
    removeEventListener("dragleave", this.#left);
    removeEventListener("dragover", this.#dragged);
    removeEventListener("drop", this.#dropped);
  }

  protected override heard(): void {
    const { link, computer } = this.line.state;
    if (computer !== null) document.title = `${this.#progress()}Send to ${computer}`;
    this.#unfinished.heard();
    // Only a countdown needs a clock.
    if (link.state === "lost" && this.#ticking === 0) this.#ticking = window.setInterval(() => this.requestUpdate(), 1_000);
    if (link.state !== "lost") {
      clearInterval(this.#ticking);
      this.#ticking = 0;
    }
  }

  /** For the tab's title, where the page itself is not seen. */
  #progress(): string {
    const { state } = this.line;
    return state.total.state === "sending" ? `${percent(progressOf(state), 1)} %, ` : "";
  }

  protected override render(): TemplateResult {
    const { state } = this.line;
    const phase = phaseOf(state);
    const computer = state.computer ?? UNNAMED;
    return html`<div class="phone" data-phase=${phase} data-over=${this.#isOver > 0 ? "yes" : "no"}>
      ${this.#head(state, computer)}
      <main>
        ${this.#hints(phase)}
        ${hero(state, this.#device, now().monoMs)}
        ${this.#actions(state, phase, computer)}
        ${this.#unfinished.card(phase, computer)}
        ${this.#list(state, computer)}
      </main>
      <input id="files" type="file" multiple tabindex="-1" aria-hidden="true" @change=${this.#chosen} @cancel=${this.#notChosen}>
      <div class="over" aria-hidden="true"><span>${icons.up}Drop to send to ${computer}</span></div>
    </div>`;
  }

  #head(state: ViewState, computer: string): TemplateResult {
    return html`<header class="head">${mark}
      <div class="head-what"><b><bdi>${computer}</bdi></b>
        <button type="button" class="head-link" data-link=${state.link.state} @click=${() => openTrustSheet(computer)}>
          <i class="dot"></i>${LINK_WORDS[state.link.state]}<span class="heard-only">. What that means</span>
        </button></div>
    </header>`;
  }

  #hints(phase: Phase): TemplateResult | typeof nothing {
    const { isApple, isInsideApp } = this.#device;
    if (this.#isChoosing && isApple) {
      return hint("Your iPhone prepares videos before it hands them over. This can take minutes; leave this page open.");
    }
    if (phase !== "ready" && phase !== "connecting") return nothing;
    const better = isApple ? "Safari" : "your browser";
    if (isInsideApp) return hint(`This window belongs to another app and forgets this page. Open it in ${better}: use the menu or the compass.`);
    if (isApple && this.#cameByCode) return hint("Is there a compass at the edge of this window? Tap it to open this in Safari: a scanner's window forgets this page.");
    return nothing;
  }

  #actions(state: ViewState, phase: Phase, computer: string): TemplateResult | typeof nothing {
    const choose = (label: string, isPrimary: boolean): TemplateResult =>
      html`<button type="button" class="button ${isPrimary ? "primary" : ""} send" @click=${this.#choose}>${isPrimary ? icons.up : icons.plus}<span>${label}</span></button>`;
    switch (phase) {
      case "refused":
        if (state.link.state !== "refused" || !isWorthReloading(state.link.reason)) return nothing;
        return html`<div class="actions"><button type="button" class="button" @click=${() => location.reload()}>${icons.retry}<span>Reload</span></button></div>`;
      case "sending":
      case "preparing":
      case "stalled":
        return html`<div class="actions">
          <button type="button" class="button" @click=${() => this.line.post({ t: "pause" })}>${icons.pause}<span>Pause</span></button>${choose("Send more", false)}</div>`;
      case "paused":
        return html`<div class="actions">
          <button type="button" class="button primary" @click=${() => this.line.post({ t: "resume" })}>${icons.play}<span>Resume</span></button>${choose("Send more", false)}</div>`;
      case "partly":
      case "declined":
        return html`<div class="actions">${state.total.failed > 0 || phase === "declined"
          ? html`<button type="button" class="button primary" @click=${() => this.line.post({ t: "retry" })}>${icons.retry}<span>Retry${state.total.failed > 1 ? ` all ${state.total.failed}` : ""}</span></button>` : nothing}
          ${choose("Send more", false)}</div>`;
      case "done":
        return html`<div class="actions">${choose("Send more", true)}</div>`;
      default:
        return html`<div class="actions actions-first">${choose(`Send to ${computer}`, true)}</div>`;
    }
  }

  #list(state: ViewState, computer: string): TemplateResult | typeof nothing {
    const { total, items, order } = state;
    if (items.size === 0) return nothing;
    const around: RowSurroundings = {
      computer,
      isApple: this.#device.isApple,
      isCut: state.link.state !== "open",
      fileOf: (item) => this.line.fileOf(item),
      cancel: (item) => this.line.post({ t: "cancel", item: item.id }),
    };
    const rows = order.map((id) => items.get(id)).filter((item) => item !== undefined);
    const isOver = total.state === "done";
    return html`<section class="list" aria-label="Files">
      <div class="list-head"><h2>${counted(total.items, "file")}, ${size(total.bytes)}</h2>
        <button type="button" class="quiet" @click=${isOver ? () => this.line.post({ t: "clear" }) : this.#cancelAll}>${isOver ? "Clear the list" : "Cancel all"}</button></div>
      <long-list class="card" .keyOf=${keyOf} .draw=${(item: ItemView) => itemRow(item, around)} .rows=${rows}></long-list>
    </section>`;
  }

  readonly #cancelAll = async (): Promise<void> => {
    const { total } = this.line.state;
    const open = total.items - total.done;
    const isSure = open < 2 || (await confirm({
      title: "Cancel all?",
      text: `${counted(open, "file")} will not be sent.${total.done > 0 ? ` The ${counted(total.done, "file")} already there stay there.` : ""}`,
      yes: "Cancel all", no: "Go on sending", isGrave: true,
    }));
    if (isSure) this.line.post({ t: "cancel", item: null });
  };

  readonly #choose = (): void => {
    this.#isChoosing = true;
    this.querySelector<HTMLInputElement>("#files")?.click();
    this.requestUpdate();
  };

  readonly #chosen = (event: Event): void => {
    this.#notChosen();
    this.#send(fromInput(event.target as HTMLInputElement));
  };

  readonly #notChosen = (): void => {
    this.#isChoosing = false;
    this.requestUpdate();
  };

  readonly #send = (picked: readonly Picked[]): void => {
    if (this.line.state.link.state !== "refused") this.line.send(picked);
  };

  readonly #pasted = (event: ClipboardEvent): void => this.#send(fromPaste(event));

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
    void fromDrop(event).then(this.#send);
  };
}

function keyOf(item: ItemView): number {
  return item.id;
}

function hint(text: string): TemplateResult {
  return html`<p class="hint-card">${text}</p>`;
}

customElements.define("phone-page", PhonePage);
