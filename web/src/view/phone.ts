// The phone page: one headline, one big button, the list of what is on its way, and at the bottom what can be done now.
import { html, nothing, type TemplateResult } from "lit";
import type { ItemView, Picked } from "../session/bridge.ts";
import { AwayOffer } from "./away-offer.ts";
import type { Device } from "./device.ts";
import { confirm, openTrustSheet } from "./dialogs.ts";
import { fromDrop } from "./drop-folder.ts";
import { hero } from "./hero.ts";
import { icons, mark } from "./icons.ts";
import { now, type WorkerLine } from "./line.ts";
import { LineElement } from "./light.ts";
import { fileLists } from "./lists.ts";
import { moreWays, sendGathered, sendNote } from "./more-ways.ts";
import { counted, percent } from "./numbers.ts";
import { fromPaste } from "./paste.ts";
import { carriesFiles, fromInput } from "./picking.ts";
import { Receipt } from "./receipt-list.ts";
import { SkipSame } from "./skip-same.ts";
import { relayActions } from "./relay.ts";
import type { Place } from "./route.ts";
import { maySend, phaseOf, progressOf, roadOf, type Phase, type ViewState } from "./store.ts";
import { nearbyOf, type NearbyDevices } from "./peers.ts";
import { ShelfSection } from "./shelf.ts";
import { Unfinished } from "./unfinished.ts";
import { isWorthReloading, roadWords, UNNAMED } from "./words.ts";

const LINK_WORDS = {
  connecting: "connecting…",
  lost: "not connected",
  elsewhere: "open in another tab",
  refused: "not connected",
} as const;

export interface PhoneHabits {
  readonly cameByCode: boolean;
  readonly place: Place;
  /** Where the page is a guest's sheet over the wall: how it is left. */
  readonly leave: (() => void) | null;
  /** At a meeting point: where else this device may go from here. */
  readonly elsewhere: HTMLElement | null;
}

export class PhonePage extends LineElement {
  readonly #device: Device;
  readonly #habits: PhoneHabits;
  readonly #unfinished: Unfinished;
  readonly #awayOffer: AwayOffer;
  readonly #shelf: ShelfSection;
  readonly #nearby: NearbyDevices;
  readonly #receipt: Receipt;
  readonly #skipSame: SkipSame;
  #isChoosing = false;
  #showsAll = false;
  #isOver = 0;
  #ticking = 0;

  constructor(line: WorkerLine, device: Device, habits: PhoneHabits) {
    super(line);
    this.#device = device;
    this.#habits = habits;
    this.#unfinished = new Unfinished(line, () => this.requestUpdate());
    this.#awayOffer = new AwayOffer(line, habits, () => this.requestUpdate());
    this.#shelf = new ShelfSection(line, device);
    this.#nearby = nearbyOf(line, device);
    this.#receipt = new Receipt(line, device, () => this.requestUpdate());
    this.#skipSame = new SkipSame(line, () => this.requestUpdate());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("paste", this.#pasted);
    addEventListener("dragenter", this.#dragged);
    addEventListener("dragleave", this.#left);
    addEventListener("dragover", this.#dragged);
    addEventListener("drop", this.#dropped);
    this.heard();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#tick(false);
    removeEventListener("paste", this.#pasted);
    removeEventListener("dragenter", this.#dragged);
    removeEventListener("dragleave", this.#left);
    removeEventListener("dragover", this.#dragged);
    removeEventListener("drop", this.#dropped);
  }

  protected override heard(): void {
    const { link, computer, total } = this.line.state;
    if (computer !== null) document.title = `${this.#progress()}Send to ${computer}`;
    this.#unfinished.heard();
    this.#receipt.heard();
    this.#tick(link.state === "lost" || total.state === "sending");
  }

  /** A countdown needs a clock, and so does the moment from which nothing has moved. */
  #tick(isNeeded: boolean): void {
    if (isNeeded && this.#ticking === 0) this.#ticking = window.setInterval(() => this.requestUpdate(), 1_000);
    if (isNeeded) return;
    clearInterval(this.#ticking);
    this.#ticking = 0;
  }

  /** The system's picker is open: that the page hears nothing does not mean that nobody is there. */
  get isChoosing(): boolean {
    return this.#isChoosing;
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
        ${hero(state, this.#device, now().monoMs)}
        ${this.#actions(state, phase, computer)}
        ${maySend(state) ? moreWays(phase, this.#device, computer, this.#send) : nothing}
        <div class="beside">
          ${this.#hints(phase, computer)}
          ${this.#unfinished.card(phase, computer)}
          ${this.#awayOffer.card(phase, computer)}
          ${this.#receipt.card(computer)}
          ${this.#skipSame.card(computer)}
          ${this.#list(state, computer)}
          ${this.#shelf}
          ${this.#nearby}
          ${this.#habits.elsewhere ?? nothing}
        </div>
      </main>
      <input id="files" type="file" multiple tabindex="-1" aria-hidden="true" @change=${this.#chosen} @cancel=${this.#notChosen}>
      <div class="over" aria-hidden="true"><span>${icons.up}Drop to send to ${computer}</span></div>
    </div>`;
  }

  #head(state: ViewState, computer: string): TemplateResult {
    const { link } = state;
    const road = roadOf(state);
    const words = link.state === "open" ? roadWords(link.road) : LINK_WORDS[link.state];
    const trusted = { computer, words: link.state === "open" ? link.words : null, road: road ?? "home", origin: this.#habits.place === "edge" ? "meeting point" : "home", useAway: this.#awayOffer.again } as const;
    return html`<header class="head">${mark}
      <div class="head-what"><b><bdi>${computer}</bdi></b>
        <button type="button" class="head-link" data-link=${link.state} aria-label="${words}: what that means" @click=${() => openTrustSheet(trusted)}>
          <i class="dot"></i>${link.state === "open" ? html`<span data-road=${link.road}>${words}</span>` : words}
        </button></div>
    </header>`;
  }

  #hints(phase: Phase, computer: string): TemplateResult | typeof nothing {
    const { isApple, isInsideApp } = this.#device;
    if (this.#isChoosing && isApple) {
      return hint("Your iPhone prepares videos before it hands them over. This can take minutes; leave this page open.");
    }
    if (phase !== "ready" && phase !== "connecting") return nothing;
    const better = isApple ? "Safari" : "your browser";
    if (isInsideApp) return hint(`This window belongs to another app and forgets this page. Open it in ${better}: use the menu or the compass.`);
    if (isApple && this.#habits.cameByCode) return hint("Is there a compass at the edge of this window? Tap it to open this in Safari: a scanner's window forgets this page.");
    if (this.#habits.place === "edge" && this.#habits.cameByCode && phase === "ready" && this.line.state.grant?.trust !== "guest") {
      return hint(`This page reaches ${computer} from everywhere, without a code from now on. Keep it: as a bookmark, or on your home screen.`, "hint-good");
    }
    return nothing;
  }

  #actions(state: ViewState, phase: Phase, computer: string): TemplateResult | typeof nothing {
    const choose = (label: string, isPrimary: boolean): TemplateResult =>
      html`<button type="button" class="button ${isPrimary ? "primary" : ""} send" @click=${this.#choose}>${isPrimary ? icons.up : icons.plus}<span>${label}</span></button>`;
    const isStale = state.link.state === "lost" && state.link.fault === "version";
    if (state.link.state === "elsewhere" || isStale) {
      // What were chosen here would only wait. A reload forgets what already waits, so it is offered to an empty page alone.
      const again = isStale ? "Reload" : "Use this tab"; // a new page load takes the place of an idle one
      return html`<div class="actions"><button type="button" class="button send" disabled>${icons.up}<span>Send</span></button>
        ${isOpen(state) ? nothing : html`<button type="button" class="button primary" @click=${() => location.reload()}>${icons.retry}<span>${again}</span></button>`}</div>`;
    }
    switch (phase) {
      case "refused":
        if (state.link.state !== "refused" || !isWorthReloading(state.link.reason)) return nothing;
        return html`<div class="actions"><button type="button" class="button" @click=${() => location.reload()}>${icons.retry}<span>Reload</span></button></div>`;
      case "sending":
      case "asking":
      case "preparing":
      case "stalled":
        return html`<div class="actions">
          <button type="button" class="button" @click=${() => this.line.post({ t: "pause" })}>${icons.pause}<span>Pause</span></button>${choose("Send more", false)}</div>`;
      case "asked":
      case "held":
        return relayActions(phase, (sendNow) => this.line.post({ t: "relay", sendNow }), choose("Send more", false));
      case "paused":
        return html`<div class="actions">
          <button type="button" class="button primary" @click=${() => this.line.post({ t: "resume" })}>${icons.play}<span>Resume</span></button>${choose("Send more", false)}</div>`;
      case "partly":
      case "declined":
        return html`<div class="actions">${state.total.failed > 0 || phase === "declined"
          ? html`<button type="button" class="button primary" @click=${() => this.line.post({ t: "retry" })}>${icons.retry}<span>Retry${state.total.failed > 1 ? ` all ${state.total.failed}` : ""}</span></button>` : nothing}
          ${choose("Send more", false)}</div>`;
      case "done":
        if (this.#habits.leave === null) return html`<div class="actions">${choose("Send more", true)}</div>`;
        return html`<div class="actions"><button type="button" class="button primary" @click=${this.#habits.leave}>${icons.check}<span>Done</span></button>${choose("Send more", false)}</div>`;
      default:
        return maySend(state) ? html`<div class="actions actions-first">${choose(`Send to ${computer}`, true)}</div>` : nothing;
    }
  }

  #list(state: ViewState, computer: string): TemplateResult | typeof nothing {
    const around = {
      computer,
      isApple: this.#device.isApple,
      isCut: state.link.state !== "open",
      fileOf: this.line.fileOf,
      cancel: this.#cancel,
      rest: this.#rest,
    };
    return fileLists(state, around, this.#showsAll, { cancelAll: this.#cancelAll, clear: this.#clear, showAll: this.#showAll });
  }

  readonly #cancel = (item: ItemView): void => this.line.post({ t: "cancel", item: item.id });

  readonly #rest = (item: ItemView, rests: boolean): void => this.line.post({ t: rests ? "pause" : "resume", item: item.id });

  readonly #clear = (): void => {
    this.#showsAll = false;
    this.line.post({ t: "clear" });
  };

  readonly #showAll = (): void => {
    this.#showsAll = true;
    this.requestUpdate();
  };

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
    if (this.#takesFiles) this.line.send(picked);
  };

  get #takesFiles(): boolean {
    const { state } = this.line.state.link;
    return state !== "refused" && state !== "elsewhere" && maySend(this.line.state);
  }

  readonly #pasted = (event: ClipboardEvent): void => {
    const { picked, text } = fromPaste(event);
    this.#send(picked);
    const isFree = document.querySelector("dialog[open]") === null;
    if (text !== "" && isFree && this.#takesFiles) void sendNote(this.line.state.computer ?? UNNAMED, this.#send, text);
  };

  readonly #dragged = (event: DragEvent): void => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    if (event.type !== "dragenter" || !this.#takesFiles) return;
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
    void fromDrop(event).then((found) => sendGathered(found, this.#send));
  };
}

/** Something has been chosen here and is not over. */
function isOpen({ total }: ViewState): boolean {
  return total.state === "sending" || total.state === "paused";
}

function hint(text: string, kind = ""): TemplateResult {
  return html`<p class="hint-card ${kind}">${text}</p>`;
}

customElements.define("phone-page", PhonePage);
