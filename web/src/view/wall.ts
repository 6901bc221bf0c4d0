// The wall: a code to scan, who it belongs to, three steps, and one sentence about what is arriving.
import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { arrivalSentence } from "./arrivals.ts";
import type { Device } from "./device.ts";
import { openSheet, openTrustSheet } from "./dialogs.ts";
import { GuestSheet } from "./guest.ts";
import { icons, landing, mark } from "./icons.ts";
import { now, type WorkerLine } from "./line.ts";
import { LineElement } from "./light.ts";
import { counted, percent } from "./numbers.ts";
import { part } from "./part.ts";
import { patience, UNTOUCHED_MS } from "./patience.ts";
import { fromDrop } from "./drop-folder.ts";
import { sendGathered } from "./more-ways.ts";
import { carriesFiles } from "./picking.ts";
import { qrCode } from "./qr.ts";
import { codeToShow, progressOf, retryIn, type ViewState } from "./store.ts";
import { first, UNNAMED, WALL_HINTS } from "./words.ts";

const NIGHT_FROM = 22;
const NIGHT_TO = 6;

const STEPS = html`<ol>
  <li><b>1</b><span>Point your phone’s camera here</span></li>
  <li><b>2</b><span>Tap Send and choose</span></li>
  <li><b>3</b><span>Done. Nothing to install</span></li>
</ol>`;

/** There is a computer and it shows no code: then nothing is said of scanning one. */
function isTurnedOff({ link, wall }: ViewState): boolean {
  return link.state === "open" && wall !== null && wall.facts.url === undefined;
}

/** Who drops files on the wall sends as a guest, over a worker of their own. */
interface Guest {
  readonly line: WorkerLine;
  readonly sheet: GuestSheet;
}

export class WallPage extends LineElement {
  readonly #device: Device;
  readonly #makeGuestLine: () => WorkerLine;
  readonly #holdsKey: () => boolean;
  #guest: Guest | null = null;
  #closedSinceMs = 0;
  #isOver = 0;
  #landed = -1;
  #landings = 0;
  #ticking = 0;

  /** `holdsKey`: this browser may send without a code. */
  constructor(line: WorkerLine, device: Device, makeGuestLine: () => WorkerLine, holdsKey: () => boolean) {
    super(line);
    this.#device = device;
    this.#makeGuestLine = makeGuestLine;
    this.#holdsKey = holdsKey;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#ticking = window.setInterval(this.#tick, 1_000); // a code goes stale without any message
    addEventListener("dragenter", this.#dragged);
    addEventListener("dragover", this.#dragged);
    addEventListener("dragleave", this.#left);
    addEventListener("drop", this.#dropped);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#ticking);
    removeEventListener("dragenter", this.#dragged);
    removeEventListener("dragover", this.#dragged);
    removeEventListener("dragleave", this.#left);
    removeEventListener("drop", this.#dropped);
  }

  protected override heard(): void {
    const { computer, wall } = this.line.state;
    if (computer !== null) document.title = isTurnedOff(this.line.state) ? computer : `Send files to ${computer}`;
    const landed = wall?.facts.arrivals.landed ?? -1;
    if (landed > this.#landed && this.#landed >= 0) this.#landings += 1;
    this.#landed = landed;
  }

  protected override render(): TemplateResult {
    const { state } = this.line;
    const computer = state.computer ?? UNNAMED;
    const hour = new Date().getHours();
    const isNight = hour >= NIGHT_FROM || hour < NIGHT_TO;
    const isOff = isTurnedOff(state);
    return html`<div class="wall" data-night=${isNight ? "yes" : "no"} data-over=${this.#isOver > 0 && !this.#guest ? "yes" : "no"}>
      <main>
        ${this.#code(state, computer)}
        <div class="wall-words">
          <div class="wall-mark">${mark}</div>
          <h1>${isOff ? nothing : "Send files to "}<bdi>${computer}</bdi></h1>
          ${isOff ? nothing : state.wall?.facts.only_own === true ? html`<p class="wall-hint" role="note" data-only-own>${icons.shield}<span>Only its own devices may send to ${computer} now.</span></p>` : STEPS}
          ${this.#hint(state)}
          ${isOff ? nothing : this.#addresses(state)}
          ${state.wall?.facts.away_url !== undefined ? html`<button type="button" class="quiet wall-away" @click=${this.#openElsewhere}>${icons.globe}<span>A phone that is not at home?</span></button>` : nothing}
        </div>
      </main>
      <footer>
        ${this.#now(state)}
        ${this.#takesFiles ? html`<button type="button" class="drop" @click=${this.#sendFromHere}>${icons.up}<span>${this.#guestWords()}</span></button>` : nothing}
        <button type="button" class="quiet wall-trust" @click=${() => openTrustSheet({ computer, words: state.link.state === "open" ? state.link.words : null }, UNTOUCHED_MS)}>${icons.lock}<span>Private on your Wi-Fi. <u>What that means</u></span></button>
      </footer>
      <div class="over" aria-hidden="true"><span>${icons.up}Drop to send to ${computer}</span></div>
    </div>`;
  }

  #code(state: ViewState, computer: string): TemplateResult {
    const code = codeToShow(state, now().monoMs);
    if (code !== null) return html`<div class="wall-code">${qrCode(code, `Code to scan with a phone’s camera, opens the page that sends to ${computer}`)}</div>`;
    const isFirst = state.wall === null && state.link.state === "connecting";
    const isOff = isTurnedOff(state);
    return html`<div class="wall-code is-covered" data-covered="yes" role="note">
      ${isFirst ? html`<span class="cover-wait" aria-hidden="true"></span><p>One moment…</p>` : html`
      ${icons.warn}
      <p><b>${isOff ? "Codes are not shown here" : `${first(computer)} does not answer`}</b></p>
      <p>${isOff ? "The owner has turned the code off here, or has not agreed to this network yet." : this.#waitWords(state)}</p>
      ${isOff ? html`<p>On that computer, <code>qrshared open</code> changes it, and <code>qrshared qr</code> shows a code.</p>` : nothing}`}
    </div>`;
  }

  /** The code for other networks: for whoever stands before this very screen. */
  readonly #openElsewhere = (): void => {
    void openSheet("A phone that is not at home", () => {
      const url = this.line.state.wall?.facts.away_url;
      return html`<div class="add-phone">${url === undefined ? html`<p class="sheet-text">There is no code for other networks at the moment: this computer is not connected to its meeting point.</p>` : html`
        <div class="wall-code" data-away-url=${url}>${qrCode(url, "Code to scan with a phone’s camera, works on any network")}</div>
        <p class="sheet-text">This one works on any network. Whoever scans it may send files here, for a quarter of an hour.</p>`}
      <p class="sheet-note">For your own phone there is a better one: <a href="/owner">the owner page</a>, “Add my phone”, “From anywhere”.</p></div>`;
    }, "sheet-question", UNTOUCHED_MS);
  };

  #waitWords(state: ViewState): string {
    if (state.link.state === "refused") return "Reload this page.";
    const seconds = retryIn(state, now().monoMs);
    return `The code comes back by itself. ${seconds > 1 ? `Trying again in ${seconds} s.` : "Trying again now."}`;
  }

  /** Only where no phone has ever arrived: what to try next, once and calmly. */
  #hint(state: ViewState): TemplateResult | typeof nothing {
    const hint = codeToShow(state, now().monoMs) === null ? undefined : state.wall?.facts.hint;
    return hint === undefined ? nothing : html`<p class="wall-hint" role="note" data-hint=${hint}>${icons.shield}<span>${WALL_HINTS[hint]}</span></p>`;
  }

  #addresses(state: ViewState): TemplateResult | typeof nothing {
    const addresses = state.wall?.facts.addresses ?? [];
    if (addresses.length === 0) return nothing;
    return html`<p class="wall-addresses">${addresses.slice(0, 3).map((address, index) => html`<span>${index === 0 ? "or open" : "or"} <code>${address}</code></span> `)}</p>`;
  }

  #now(state: ViewState): TemplateResult {
    if (state.link.state !== "open" || !state.wall) {
      return html`<div class="now" data-busy="no"><i class="dot dot-wait"></i><span>${state.link.state === "connecting" ? "Connecting…" : "Not connected"}</span></div>`;
    }
    const { arrivals } = state.wall.facts;
    const { text, isBusy } = arrivalSentence(arrivals);
    return html`<div class="now" data-busy=${isBusy ? "yes" : "no"} aria-live="polite">
      ${keyed(this.#landings, html`<span class="now-sign ${this.#landings > 0 ? "is-landing" : ""}">${landing}</span>`)}
      <span class="now-text">${isTurnedOff(state) && !isBusy ? "Nothing is on its way." : text}${isBusy ? html`<span class="bar bar-thin" role="progressbar" aria-label="Everything" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${arrivals.percent} ${part(arrivals.percent / 100)}><i></i></span>` : nothing}</span>
    </div>`;
  }

  #guestWords(): string {
    const guest = this.#guest?.line.state;
    if (guest && patience(guest.total) === null) return `You are sending, ${percent(progressOf(guest), 1)} %`;
    if (guest && guest.total.failed > 0) return `${counted(guest.total.failed, "file")} did not arrive`;
    return this.#device.kind === "laptop" ? "Drop files here, or click" : "Send from this device";
  }

  /** Who comes without a key sends by the code of the wall: where there is none, no button of theirs could work. */
  get #takesFiles(): boolean {
    return !isTurnedOff(this.line.state) || this.#guest !== null || this.#holdsKey();
  }

  readonly #sendFromHere = (): void => void this.#openGuest();

  /** One sheet at a time; closing it does not stop what is under way, and the button brings it back. */
  #openGuest(): Guest {
    const guest = this.#guest ?? this.#makeGuest();
    if (guest.sheet.isConnected) return guest;
    void openSheet("Send from this device", () => guest.sheet, "sheet-send").then(() => {
      this.#closedSinceMs = now().monoMs;
      if (patience(guest.line.state.total) !== null) this.#endGuest(guest);
      this.requestUpdate();
    });
    return guest;
  }

  #makeGuest(): Guest {
    const line = this.#makeGuestLine();
    line.subscribe(() => this.#guestHeard());
    this.#guest = { line, sheet: new GuestSheet(line, this.#device) };
    return this.#guest;
  }

  /** A guest who closed the sheet while sending stays until it is over, and a while longer when something did not arrive. */
  #guestHeard(): void {
    this.requestUpdate();
    const guest = this.#guest;
    if (!guest || guest.sheet.isConnected) return;
    const { total } = guest.line.state;
    if (patience(total) === null) this.#closedSinceMs = now().monoMs;
    else if (total.failed === 0 || now().monoMs - this.#closedSinceMs >= UNTOUCHED_MS) this.#endGuest(guest);
  }

  /** Ends the worker too: while it lives, a phone page of this origin is told that another tab is at it. */
  #endGuest(guest: Guest): void {
    guest.line.close();
    if (this.#guest === guest) this.#guest = null;
  }

  readonly #tick = (): void => this.#guestHeard();

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
    this.#isOver = 0;
    if (!carriesFiles(event) || this.#guest?.sheet.isConnected) return; // an open sheet takes the drop itself
    event.preventDefault();
    if (!this.#takesFiles) return;
    void fromDrop(event).then((found) => sendGathered(found, (picked) => this.#openGuest().line.send(picked)));
  };
}

customElements.define("wall-page", WallPage);
