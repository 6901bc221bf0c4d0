// "Anna's phone wants to send you 3 files": the question, asked over the page, one at a time, and taken back when it is.
import { html, nothing, type TemplateResult } from "lit";
import type { ItemView } from "../session/bridge.ts";
import { openSheet, SETTLES_MS } from "./dialogs.ts";
import { LightElement } from "./light.ts";
import { size } from "./numbers.ts";
import type { Incoming, Peer, PeerStore } from "./peer-store.ts";
import { question } from "./peer-words.ts";
import { choosePlace, keepingHere, refusedHere, type Keeping } from "./place.ts";
import { fileName } from "./rows.ts";
import { thumb } from "./thumbs.ts";

const NAMES_SHOWN = 5;

/** A private window may hold less than the limit says, and a page cannot tell. */
const LARGE_BYTES = 400_000_000;

interface Asked {
  readonly peer: Peer;
  readonly incoming: Incoming;
}

/** What is asked and not answered, the oldest first. */
export function asked(store: PeerStore): readonly Asked[] {
  return [...store.state.peers.values()].flatMap((peer) =>
    [...peer.incoming.values()].filter(({ view }) => view.state === "asked").map((incoming) => ({ peer, incoming })));
}

/** Opens the question whenever there is one; a sheet that was closed without an answer leaves it to the list. */
export class Questions {
  readonly #store: PeerStore;
  readonly #left = new Set<string>();
  #open: { readonly transfer: string; readonly close: () => void } | null = null;

  constructor(store: PeerStore) {
    this.#store = store;
    store.subscribe(() => this.#look());
  }

  /** Asks again what was left open. */
  ask(transfer: string): void {
    this.#left.delete(transfer);
    this.#look();
  }

  #look(): void {
    const all = asked(this.#store);
    if (this.#open !== null && !all.some(({ incoming }) => incoming.view.transfer === this.#open?.transfer)) this.#open.close();
    if (this.#open !== null) return;
    const next = all.find(({ incoming }) => !this.#left.has(incoming.view.transfer));
    if (next !== undefined) void this.#ask(next);
  }

  async #ask({ peer, incoming }: Asked): Promise<void> {
    const { transfer } = incoming.view;
    this.#open = { transfer, close: () => undefined };
    const keeping = await keepingHere();
    if (!asked(this.#store).some((each) => each.incoming.view.transfer === transfer)) {
      this.#open = null;
      return this.#look();
    }
    const answer = await openSheet(question(peer.view.name, incoming), (close) => {
      this.#open = { transfer, close: () => close("") };
      return new IncomingQuestion(this.#store, peer.view.peer, transfer, keeping, close);
    }, "sheet-incoming");
    this.#open = null;
    if (answer === "") this.#left.add(transfer);
    this.#look();
  }
}

class IncomingQuestion extends LightElement {
  readonly #store: PeerStore;
  readonly #peer: string;
  readonly #transfer: string;
  readonly #keeping: Keeping;
  readonly #close: (value: string) => void;
  #stop = (): void => undefined;
  #shown = "";
  #settling = 0;

  constructor(store: PeerStore, peer: string, transfer: string, keeping: Keeping, close: (value: string) => void) {
    super();
    this.#store = store;
    this.#peer = peer;
    this.#transfer = transfer;
    this.#keeping = keeping;
    this.#close = close;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = this.#store.subscribe(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
    clearTimeout(this.#settling);
  }

  /** Whether what is asked has stood there long enough: a tap that was meant for something else must not be a yes. */
  #hasSettled(shown: string): boolean {
    if (shown !== this.#shown) {
      this.#shown = shown;
      clearTimeout(this.#settling);
      this.#settling = window.setTimeout(() => {
        this.#settling = 0;
        this.requestUpdate();
      }, SETTLES_MS);
    }
    return this.#settling === 0;
  }

  get #incoming(): Incoming | undefined {
    return this.#store.state.peers.get(this.#peer)?.incoming.get(this.#transfer);
  }

  protected override render(): TemplateResult | typeof nothing {
    const incoming = this.#incoming;
    if (incoming === undefined) return nothing;
    const { view, rows } = incoming;
    const refused = refusedHere(this.#keeping, view.sizes, this.#store.state.held);
    const shown = [...rows.values()].slice(0, NAMES_SHOWN);
    const isSettled = this.#hasSettled(JSON.stringify([view.items, view.bytes, refused.size, shown.map(({ name, size: bytes }) => [name, bytes])]));
    const isHopeless = view.sizes.length > 0 && refused.size === view.sizes.length;
    return html`<ul role="list" class="asked">${shown.map((row) => this.#row(row, refused.has(row.id)))}
      ${view.items > shown.length && shown.length > 0 ? html`<li class="asked-more">and ${view.items - shown.length} more</li>` : nothing}</ul>
      ${this.#limit(refused.size, view.items, view.bytes)}
      <div class="sheet-actions">
        <button type="button" class="button" @click=${this.#decline}>Decline</button>
        <button type="button" class="button primary" ?disabled=${isHopeless || !isSettled} @click=${this.#accept}>Accept</button>
      </div>`;
  }

  #row({ name, size: bytes }: ItemView, isRefused: boolean): TemplateResult {
    return html`<li class="row row-asked">${thumb(name, null)}<div class="row-what">${fileName(name)}
      <div class="row-note">${size(bytes)}${isRefused ? html`, <span class="stop">too large for this browser</span>` : nothing}</div></div></li>`;
  }

  /** Said before anything moves. */
  #limit(refused: number, items: number, bytes: number): TemplateResult | typeof nothing {
    const { by, limit } = this.#keeping;
    if (by !== "memory") return nothing;
    const isNear = refused > 0 || bytes > LARGE_BYTES;
    if (!isNear) return html`<p class="sheet-note">You save them when they have arrived.</p>`;
    const what = refused === items ? "That is too large for it." : refused > 0 ? `${refused} of ${items} will not come.` : "In a private window it may be less, about 500 MB.";
    return html`<p class="sheet-note" data-limit=${limit.bytes}>${limit.whose} can hold ${size(limit.bytes)} until it is saved. ${what}</p>`;
  }

  readonly #accept = async (): Promise<void> => {
    const incoming = this.#incoming;
    if (incoming === undefined) return;
    const place = await choosePlace(this.#keeping, incoming.view.items, incoming.rows.get(0)?.name ?? "");
    if (place === null) return;
    this.#close("accepted");
    this.#store.accept(this.#peer, this.#transfer, place);
  };

  readonly #decline = (): void => {
    this.#close("declined");
    this.#store.decline(this.#peer, this.#transfer);
  };
}

customElements.define("incoming-question", IncomingQuestion);
