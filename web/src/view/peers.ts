// Devices nearby: each is a button that sends to it; beneath it stands what goes there and what came from it.
import { html, nothing, type TemplateResult } from "lit";
import type { Kind } from "../protocol/messages.ts";
import type { Device } from "./device.ts";
import { icons } from "./icons.ts";
import { Questions } from "./incoming.ts";
import { LightElement, perFrame } from "./light.ts";
import type { WorkerLine } from "./line.ts";
import { visible } from "./names.ts";
import { percent } from "./numbers.ts";
import { part } from "./part.ts";
import type { Peer, PeerStore } from "./peer-store.ts";
import { isolated, sendNote } from "./peer-words.ts";
import { fromInput } from "./picking.ts";
import { askAtUnload } from "./leaving.ts";
import { holdsUnsaved, receivedBlock, type ReceivedActs } from "./received.ts";

/** One that is near, met already or not. */
export interface Near {
  readonly device: string;
  readonly name: string;
  readonly kind: Kind;
}

const ICONS: Readonly<Record<Kind, TemplateResult>> = {
  phone: icons.phone, tablet: icons.tablet, laptop: icons.laptop, computer: icons.computer, wall: icons.tablet, command: icons.computer,
};

const ROAD_WORDS = { direct: "straight across, encrypted", relay: "through a relay, encrypted" } as const;

export interface PeersHabits {
  readonly heading: string;
  /** Who else is near; whoever was met is shown in any case. */
  readonly near: () => readonly Near[];
  readonly isApple: boolean;
  /** Nobody can be sent to: only what came and is not saved yet is shown. */
  readonly isOut?: () => boolean;
  /** Tells when `near` has changed. */
  readonly subscribe: (listener: () => void) => () => void;
}

export class NearbyDevices extends LightElement {
  readonly #store: PeerStore;
  readonly #questions: Questions;
  readonly #habits: PeersHabits;
  #sendsTo: string | null = null;
  #stops: (() => void)[] = [];

  constructor(store: PeerStore, questions: Questions, habits: PeersHabits) {
    super();
    this.#store = store;
    this.#questions = questions;
    this.#habits = habits;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const draw = perFrame(() => this.requestUpdate());
    this.#stops = [this.#store.subscribe(draw), this.#habits.subscribe(draw)];
    addEventListener("beforeunload", this.#leaving);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const stop of this.#stops) stop();
    removeEventListener("beforeunload", this.#leaving);
  }

  /** Whether there is anything to show. */
  get isEmpty(): boolean {
    return this.#all().length === 0;
  }

  #all(): readonly Near[] {
    const near = this.#habits.near();
    const known = new Set(near.map(({ device }) => device));
    const met = [...this.#store.state.peers.values()].filter((peer) => !known.has(peer.view.peer) && (this.#habits.isOut?.() === true ? peer.incoming.size > 0 : isWorthShowing(peer)));
    return [...near, ...met.map(({ view }) => ({ device: view.peer, name: view.name, kind: view.kind }))];
  }

  protected override render(): TemplateResult | typeof nothing {
    const all = this.#all();
    if (all.length === 0) return nothing;
    return html`<section class="nearby" aria-label=${this.#habits.heading}>
      <div class="list-head"><h2>${this.#habits.heading}</h2></div>
      <ul role="list" class="card">${all.map((near) => this.#device(near, this.#store.state.peers.get(near.device) ?? null))}</ul>
      <input id="peer-files" type="file" multiple tabindex="-1" aria-hidden="true" @change=${this.#chosen}>
    </section>`;
  }

  #device(near: Near, peer: Peer | null): TemplateResult {
    const { text, tone } = sendNote(peer);
    const road = peer?.view.link.state === "open" ? (peer.view.road ?? "direct") : null;
    return html`<li class="peer" data-link=${peer?.view.link.state ?? "none"}>
      <button type="button" class="peer-button" data-peer=${near.name} @click=${() => this.#choose(near)}>
        <span class="thumb thumb-device" data-online=${road === null ? "no" : "yes"} aria-hidden="true">${ICONS[near.kind]}</span>
        <span class="row-what"><bdi class="peer-name">${visible(near.name)}</bdi>
          <span class="row-note" aria-live=${peer?.sent.total.state === "sending" && peer.view.unanswered === 0 ? "off" : "polite"}><span data-tone=${tone} class=${tone === "quiet" ? "" : tone}>${text}</span></span>
          ${road === null ? nothing : html`<span class="peer-road" data-road=${road}>${ROAD_WORDS[road]}</span>`}</span>
        <span class="peer-go">${icons.up}</span>
      </button>
      ${peer === null ? nothing : this.#details(peer)}
    </li>`;
  }

  #details(peer: Peer): TemplateResult | typeof nothing {
    const { view, sent, incoming } = peer;
    const { total } = sent;
    const isSending = total.state === "sending" || total.state === "paused";
    const isOver = !isSending && (total.items > 0 || [...incoming.values()].some(({ view: { state } }) => state !== "asked" && state !== "receiving"));
    const acts: ReceivedActs = {
      store: this.#store, answer: (transfer) => this.#questions.ask(transfer), changed: () => this.requestUpdate(), savesAll: !this.#habits.isApple,
    };
    return html`
      ${view.relay.question === "none" ? nothing : html`<div class="peer-part peer-acts">
        <button type="button" class="quiet" @click=${() => this.#store.answerRelay(view.peer, true)}>${icons.up}Send now</button>
        ${view.relay.question === "asked" ? html`<button type="button" class="quiet" @click=${() => this.#store.answerRelay(view.peer, false)}>Wait</button>` : nothing}</div>`}
      ${isSending ? html`<div class="peer-part peer-line"><div class="bar bar-thin" role="progressbar" aria-label="Sending to ${isolated(view.name)}" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent(total.bytesDone, total.bytes)} ${part(total.bytes > 0 ? total.bytesDone / total.bytes : 0)}><i></i></div>
        <button type="button" class="round" aria-label="Cancel sending to ${isolated(view.name)}" @click=${() => this.#store.outbox(view.peer, { t: "cancel", item: null })}>${icons.close}</button></div>` : nothing}
      ${[...incoming.values()].map((each) => receivedBlock(peer, each, acts))}
      ${isOver ? html`<div class="peer-part peer-acts">
        ${total.failed > 0 ? html`<button type="button" class="quiet" @click=${() => this.#store.outbox(view.peer, { t: "retry" })}>${icons.retry}Send again</button>` : nothing}
        <button type="button" class="quiet" @click=${() => this.#store.clear(view.peer)}>Clear</button></div>` : nothing}`;
  }

  #choose({ device, name, kind }: Near): void {
    this.#sendsTo = device;
    this.#store.meet(device, name, kind); // the link is made while the person chooses
    this.querySelector<HTMLInputElement>("#peer-files")?.click();
  }

  readonly #chosen = (event: Event): void => {
    const picked = fromInput(event.target as HTMLInputElement);
    if (this.#sendsTo !== null) this.#store.send(this.#sendsTo, picked);
  };

  readonly #leaving = (event: BeforeUnloadEvent): void => {
    if (holdsUnsaved(this.#store)) askAtUnload(event);
  };
}

/** Beside a computer at home: who else is near it, as it says. */
export function nearbyOf(line: WorkerLine, { isApple }: Pick<Device, "isApple">): NearbyDevices {
  return new NearbyDevices(line.peers, new Questions(line.peers), {
    heading: "Nearby",
    near: () => line.state.nearby?.peers ?? [],
    isApple,
    isOut: () => line.state.link.state === "refused",
    subscribe: (listener) => line.subscribe(listener),
  });
}

/** One that is neither near nor busy, and with which nothing has been exchanged, is not shown. */
function isWorthShowing({ view, sent, incoming }: Peer): boolean {
  return view.link.state === "open" || sent.total.items > 0 || incoming.size > 0;
}

customElements.define("nearby-devices", NearbyDevices);
