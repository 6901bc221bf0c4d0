// What a meeting point shows to a device that no computer knows: a session's code for another device, and then that device.
import { html, nothing, type TemplateResult } from "lit";
import { connectHome } from "./connect-home.ts";
import { copyLink } from "./copy-link.ts";
import type { Device } from "./device.ts";
import { confirm, openSheet } from "./dialogs.ts";
import { icons, mark } from "./icons.ts";
import { Questions } from "./incoming.ts";
import { LightElement } from "./light.ts";
import { Homes } from "./homes.ts";
import type { Keyring } from "./keyring.ts";
import { beginSession, type MeetingSession } from "./meeting-session.ts";
import type { Peer, PeerStore } from "./peer-store.ts";
import { isolated } from "./peer-words.ts";
import { NearbyDevices } from "./peers.ts";
import { qrCode } from "./qr.ts";
import { holdsUnsaved } from "./received.ts";

const CODE_LABEL = "A code for the other device";

export class MeetPage extends LightElement {
  readonly #store: PeerStore;
  readonly #session: MeetingSession;
  readonly #wake: () => void;
  readonly #devices: NearbyDevices;
  readonly #homes: Homes | null;
  #stop = (): void => undefined;

  /** `keys`: of the computers that this device knows here. */
  constructor(store: PeerStore, session: MeetingSession, { isApple }: Device, keys: Keyring, wake: () => void) {
    super();
    this.#store = store;
    this.#session = session;
    this.#wake = wake;
    this.#homes = keys.hasComputer || keys.others.length > 0 ? new Homes(keys, { isMeeting: true, mayLeave: this.#mayLeave, subscribe: () => () => undefined }) : null;
    this.#devices = new NearbyDevices(store, new Questions(store), { heading: "In this session", near: () => [], isApple, subscribe: () => () => undefined });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.title = "Send between two devices";
    this.#stop = this.#store.subscribe(() => this.requestUpdate());
    document.addEventListener("visibilitychange", this.#awake);
    addEventListener("online", this.#awake);
    addEventListener("pageshow", this.#awake);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
    document.removeEventListener("visibilitychange", this.#awake);
    removeEventListener("online", this.#awake);
    removeEventListener("pageshow", this.#awake);
  }

  readonly #awake = (): void => {
    if (document.visibilityState === "visible") this.#wake();
  };

  get #linked(): readonly Peer[] {
    return [...this.#store.state.peers.values()].filter(({ view }) => view.link.state === "open");
  }

  protected override render(): TemplateResult {
    const linked = this.#linked;
    const isMet = !this.#devices.isEmpty;
    const words = linked.length > 0 ? "connected, encrypted" : "waiting for the other device…";
    return html`<div class="phone meet" data-phase=${isMet ? "met" : "alone"}>
      <header class="head">${mark}<div class="head-what"><b>Send between two devices</b>
        <button type="button" class="head-link" data-link=${linked.length > 0 ? "open" : "connecting"} aria-label="${words}: what that means" @click=${this.#explain}><i class="dot"></i>${words}</button></div>
      </header>
      <main>
        <section class="hero" data-phase="ready">
          ${isMet || this.#session.isGuest ? nothing : this.#code()}
          <div role="status" data-total="0" data-done="0" data-failed="0"><h1 class="hero-title">${this.#title(linked)}</h1></div>
          <p class="hero-more">${this.#more(linked)}</p>
          ${this.#session.isDamaged && linked.length === 0 ? html`<p class="meet-fault">The link that brought you here is damaged: a part of it got lost. Ask for it once more, or show this code to the other device.</p>` : nothing}
          ${this.#store.state.fault !== null && linked.length === 0 ? html`<p class="meet-fault" aria-live="polite">${this.#store.state.fault}</p>` : nothing}
        </section>
        ${this.#devices}
        <div class="meet-acts">
          ${isMet || this.#session.isGuest ? html`<button type="button" class="quiet" @click=${this.#showCode}>${icons.plus}Show the code</button>` : nothing}
          <button type="button" class="quiet" @click=${this.#newSession}>${icons.retry}New session</button>
        </div>
        ${this.#homes ?? (isMet ? nothing : connectHome())}
      </main>
    </div>`;
  }

  #code(): TemplateResult {
    return html`<div class="wall-code" data-url=${this.#session.url}>${qrCode(this.#session.url, CODE_LABEL)}</div>${copyLink(() => this.#session.url)}`;
  }

  #title(linked: readonly Peer[]): string {
    const [first] = linked;
    if (linked.length > 1) return `${linked.length} devices are here.`;
    if (first !== undefined) return `${isolated(first.view.name)} is here.`;
    return this.#session.isGuest ? "Looking for the other device…" : "Scan this with the other device.";
  }

  #more(linked: readonly Peer[]): string {
    if (linked.length > 1) return "Tap one to send it files. Each may send to you, too.";
    if (linked.length > 0) return "Tap it to send files. It may send to you, too.";
    if (this.#session.isGuest) return "Leave this page open on both.";
    return "Its camera opens this page there. Then both can send, straight to each other.";
  }

  readonly #showCode = (): void => {
    void openSheet("Scan this with the other device", () => html`<div class="add-phone">${this.#code()}</div>`);
  };

  get #isUsed(): boolean {
    return this.#linked.length > 0 || holdsUnsaved(this.#store);
  }

  readonly #mayLeave = async (): Promise<boolean> => !this.#isUsed || confirm({
    title: "Leave this session?", text: "The devices here are left, and what is not saved is gone.", yes: "Leave it", no: "Stay here", isGrave: true,
  });

  readonly #newSession = async (): Promise<void> => {
    const isSure = !this.#isUsed || (await confirm({
      title: "Begin a new session?", text: "The devices here are left, and what is not saved is gone.", yes: "New session", no: "Stay here", isGrave: true,
    }));
    if (isSure) beginSession();
  };

  readonly #explain = (): void => {
    const words = this.#linked.flatMap(({ view }) => (view.link.state === "open" && view.link.words !== null ? [{ name: view.name, words: view.link.words }] : []));
    void openSheet("What that means", () => html`<dl class="trust">
      <dt>Straight to each other</dt><dd>The meeting point introduces the devices and never sees a file or a name. Where the networks between let nothing through, a relay may carry what is encrypted.</dd>
      <dt>Only who has the code</dt><dd>Whoever scans it can send to you, and you are asked each time. Begin a new session to be alone again.</dd>
      ${words.map(({ name, words: four }) => html`<dt>Compare with <bdi>${isolated(name)}</bdi> if you like</dt>
        <dd><p class="words-to-compare">${four}</p>Where the other device shows the same four, nobody stands between.</dd>`)}
      <dt>What it cannot promise</dt><dd>This page itself comes from the meeting point. Whoever runs it could alter the page, so use one that you or somebody you trust runs.</dd>
    </dl>`);
  };
}

customElements.define("meet-page", MeetPage);
