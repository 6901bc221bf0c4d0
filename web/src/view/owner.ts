// The owner page: what arrives, what is in the inbox, who may send, and whether all is well.
import { html, nothing, type TemplateResult } from "lit";
import type { Facts, Verb } from "../protocol/messages.ts";
import { openAddPhone } from "./add-phone.ts";
import type { Device } from "./device.ts";
import { openTrustSheet } from "./dialogs.ts";
import { icons, mark } from "./icons.ts";
import { VerbRefused, type WorkerLine } from "./line.ts";
import { LineElement } from "./light.ts";
import { counted } from "./numbers.ts";
import { asksCard } from "./owner-asks.ts";
import { devicesCard, here } from "./owner-devices.ts";
import { OwnerDoctor } from "./owner-doctor.ts";
import { inboxCard } from "./owner-inbox.ts";
import { OwnerSettings } from "./owner-settings.ts";
import { problemsCard, statusCard } from "./owner-status.ts";
import { transfersCard } from "./owner-transfers.ts";
import { nearbyOf, type NearbyDevices } from "./peers.ts";
import { ShelfCard } from "./shelf-owner.ts";
import type { ViewState } from "./store.ts";
import { ELSEWHERE, first, refusal, UNNAMED } from "./words.ts";

const TOAST_MS = 5_000;
const CLOCK_MS = 20_000; // "5 minutes ago" goes on by itself

/** Carries out a verb and says how it went; null when it was refused, which the owner has been told. */
export type Act = (verb: Verb, said: string | ((facts: Facts) => string)) => Promise<Facts | null>;

interface Toast {
  readonly text: string;
  readonly isGood: boolean;
}

export class OwnerPage extends LineElement {
  #toast: Toast | null = null;
  #toastTimer = 0;
  #ticking = 0;

  readonly #shelf: ShelfCard;
  readonly #nearby: NearbyDevices;
  readonly #doctor: OwnerDoctor;
  readonly #settings: OwnerSettings;

  constructor(line: WorkerLine, device: Device) {
    super(line);
    this.#shelf = new ShelfCard(line, this.act);
    this.#nearby = nearbyOf(line, device);
    this.#doctor = new OwnerDoctor(line);
    this.#doctor.addEventListener("looked", () => this.requestUpdate());
    this.#settings = new OwnerSettings(line);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#ticking = window.setInterval(() => this.requestUpdate(), CLOCK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#ticking);
    clearTimeout(this.#toastTimer);
  }

  readonly act: Act = async (verb, said) => {
    try {
      const facts = await this.line.ask(verb);
      this.#say({ text: typeof said === "string" ? said : said(facts), isGood: true });
      return facts;
    } catch (problem) {
      if (!(problem instanceof VerbRefused)) throw problem;
      this.#say({ text: problem.message || "That did not work.", isGood: false });
      return null;
    }
  };

  readonly #tell = (text: string, isGood: boolean): void => this.#say({ text, isGood });

  #say(toast: Toast): void {
    this.#toast = toast;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = window.setTimeout(() => {
      this.#toast = null;
      this.requestUpdate();
    }, TOAST_MS);
    this.requestUpdate();
  }

  protected override heard(): void {
    const { computer } = this.line.state;
    if (computer !== null) document.title = `${computer}: what arrived`;
  }

  protected override render(): TemplateResult {
    const { state } = this.line;
    const computer = state.computer ?? UNNAMED;
    return html`<div class="owner" data-link=${state.link.state}>
      <header class="head">${mark}
        <div class="head-what"><b><bdi>${computer}</bdi></b>
          <button type="button" class="head-link" data-link=${state.link.state} aria-label="${this.#linkWords(state)}: what that means" @click=${() => openTrustSheet({ computer, words: state.link.state === "open" ? state.link.words : null })}><i class="dot"></i>${this.#linkWords(state)}</button></div>
        ${mayOwn(state) ? html`<button type="button" class="button primary owner-add" @click=${() => openAddPhone(this.line)}>${icons.phone}<span>Add my phone</span></button>` : nothing}
      </header>
      ${this.#body(state, computer)}
      <div class="toast" role="status" data-good=${this.#toast?.isGood === false ? "no" : "yes"}>${this.#toast ? html`<p>${this.#toast.isGood ? icons.check : icons.warn}<span>${this.#toast.text}</span></p>` : nothing}</div>
    </div>`;
  }

  #linkWords({ link, devices }: ViewState): string {
    switch (link.state) {
      case "open":
        return devices && here(devices) > 0 ? `running, ${counted(here(devices), "device")} connected` : "running";
      case "connecting":
        return "connecting…";
      case "lost":
        return "not connected, trying again by itself";
      case "elsewhere":
        return "open in another tab";
      case "refused":
        return "no access";
    }
  }

  #body(state: ViewState, computer: string): TemplateResult {
    if (state.link.state === "refused") return lockedOut(refusal(state.link.reason, computer).title);
    if (state.link.state === "open" && !mayOwn(state)) return lockedOut("This page is the owner's.");
    if (state.link.state === "elsewhere") return notice("This page is already open in another tab.", ELSEWHERE, useThisTab);
    if (!state.status && !state.inbox) {
      return state.link.state === "lost" ? notice(`${first(computer)} does not answer.`, "This page tries again by itself.") : notice("One moment…", `Asking ${computer}.`);
    }
    const act = this.act;
    const nowMs = Date.now();
    return html`<main>
      ${asksCard(state.status, act)}${problemsCard(state.status, this.#doctor.told)}
      <div class="owner-wide">${transfersCard(state.transfers, act, nowMs)}${inboxCard(state.inbox, act, this.#tell, computer, nowMs)}${this.#settings}</div>
      <div class="owner-side">${this.#shelf}${devicesCard(state.devices, act, nowMs, () => openAddPhone(this.line))}${this.#nearby}${statusCard(state.status)}${this.#doctor}</div>
    </main>`;
  }
}

function mayOwn({ grant }: ViewState): boolean {
  return grant?.rights.includes("own") ?? false;
}

function lockedOut(why: string): TemplateResult {
  return html`<main class="owner-locked"><div class="card notice">${icons.lock}
    <h1>${why}</h1>
    <p>On the computer itself, run</p><p><code class="command">qrshared open</code></p>
    <p class="quiet-text">It opens this page with a fresh code that only works there. Over SSH it prints the line to use.</p>
  </div></main>`;
}

/** A page load that is new takes the place of an idle one, which then says what this one said. */
const useThisTab = html`<button type="button" class="button primary" @click=${() => location.reload()}>${icons.retry}<span>Use this tab</span></button>`;

function notice(title: string, text: string, act: TemplateResult | typeof nothing = nothing): TemplateResult {
  return html`<main class="owner-locked"><div class="card notice"><h1>${title}</h1><p class="quiet-text">${text}</p>${act}</div></main>`;
}

customElements.define("owner-page", OwnerPage);
