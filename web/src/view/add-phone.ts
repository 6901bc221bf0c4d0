// "Add my phone": a code for one device, what is left of its time, and the moment the phone is there.
import { html, nothing, type TemplateResult } from "lit";
import type { TicketFacts } from "../protocol/messages.ts";
import { copyLink } from "./copy-link.ts";
import { openSheet } from "./dialogs.ts";
import { icons } from "./icons.ts";
import { VerbRefused, type WorkerLine } from "./line.ts";
import { LineElement } from "./light.ts";
import { visible } from "./names.ts";
import { countdown } from "./numbers.ts";
import { qrCode } from "./qr.ts";
import { EDGE_WORDS } from "./words.ts";

const LIVES = [
  { life: "once", label: "My phone", note: "One device, within 15 minutes. It may send and pick up." },
  { life: "7d", label: "For a week", note: "Works for 7 days, for sending only. Good for a printed card." },
  { life: "never", label: "Without end", note: "For sending only, for every phone that scans it. It cannot be taken back yet." },
] as const;

type Life = (typeof LIVES)[number]["life"];

const REACHES = [
  { away: false, label: "At home", note: "Opens on the same Wi-Fi as this computer." },
  { away: true, label: "From anywhere", note: "Opens on any network, over the meeting point. At home it goes straight across your Wi-Fi all the same." },
] as const;

class AddPhone extends LineElement {
  #life: Life = "once";
  #isAway = false;
  #ticket: TicketFacts | null = null;
  #problem: string | null = null;
  #known: ReadonlySet<string>;
  #ticking = 0;

  constructor(line: WorkerLine) {
    super(line);
    this.#known = this.#ids();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#ticking = window.setInterval(() => this.requestUpdate(), 1_000);
    void this.#make();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#ticking);
  }

  #ids(): ReadonlySet<string> {
    return new Set(this.line.state.devices?.devices.map(({ device }) => device));
  }

  async #make(): Promise<void> {
    const [life, away] = [this.#life, this.#isAway];
    this.#ticket = null;
    this.#problem = null;
    this.#known = this.#ids();
    this.requestUpdate();
    try {
      const facts = await this.line.ask({ t: "make_ticket", life, ...(away ? { away } : {}) });
      if (facts.t === "ticket_facts" && this.#life === life && this.#isAway === away) this.#ticket = facts;
    } catch (problem) {
      if (!(problem instanceof VerbRefused)) throw problem;
      if (this.#life === life && this.#isAway === away) this.#problem = problem.message;
    }
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    const fresh = this.line.state.devices?.devices.find(({ device }) => !this.#known.has(device));
    const note = LIVES.find(({ life }) => life === this.#life)?.note;
    return html`<div class="add-phone">
      ${fresh ? html`<div class="add-done">${icons.check}<p><b>${visible(fresh.name)} is here.</b></p><p class="quiet-text">It can send from now on, without scanning again.</p></div>` : this.#code()}
      ${this.#reaches()}
      <fieldset class="lives"><legend class="heard-only">How long the code works</legend>
        ${LIVES.map(({ life, label }) => html`<label><input type="radio" name="life" .checked=${life === this.#life} @change=${() => {
          this.#life = life;
          void this.#make();
        }}><span>${label}</span></label>`)}
      </fieldset>
      <p class="sheet-note">${note}</p>
    </div>`;
  }

  /** Without a meeting point a code works at home only, and there is nothing to choose. */
  #reaches(): TemplateResult | typeof nothing {
    const edge = this.line.state.status?.edge;
    if (edge === undefined) return nothing;
    const note = REACHES.find(({ away }) => away === this.#isAway)?.note;
    return html`<fieldset class="lives"><legend class="heard-only">Where the code works</legend>
        ${REACHES.map(({ away, label }) => html`<label><input type="radio" name="reach" .checked=${away === this.#isAway} @change=${() => {
          this.#isAway = away;
          void this.#make();
        }}><span>${label}</span></label>`)}
      </fieldset>
      <p class="sheet-note">${note}${this.#isAway && edge.state !== "connected" ? html` <b class="wait">${edge.sentence ?? EDGE_WORDS[edge.state]}</b>` : nothing}</p>`;
  }

  #code(): TemplateResult {
    if (this.#problem !== null) return html`<div class="wall-code is-covered">${icons.warn}<p>${this.#problem}</p></div>`;
    if (!this.#ticket) return html`<div class="wall-code is-covered"><span class="cover-wait" aria-hidden="true"></span></div>`;
    const left = this.#ticket.expires_ms === undefined ? null : (this.#ticket.expires_ms - Date.now()) / 1000;
    if (left !== null && left <= 0) {
      return html`<div class="wall-code is-covered"><p><b>This code is too old.</b></p><button type="button" class="button" @click=${() => this.#make()}>${icons.retry}<span>New code</span></button></div>`;
    }
    return html`<div class="wall-code">${qrCode(this.#ticket.url, "Code to scan with your phone’s camera")}</div>
      <p class="add-words">Point your phone’s camera here.${left !== null && left < 3600 ? html` <span class="quiet-text">${countdown(left)} left</span>` : nothing}</p>
      ${copyLink(() => this.#ticket?.url ?? "")}`;
  }
}

customElements.define("add-phone", AddPhone);

export function openAddPhone(line: WorkerLine): void {
  void openSheet("Add my phone", () => new AddPhone(line), "sheet-add");
}
