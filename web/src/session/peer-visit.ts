// This page's dealings with one other page, over as many links as it takes: both may send, each asks before it takes.
import type { Cipher } from "../seal/index.ts";
import type { TotalView } from "./bridge.ts";
import type { Clock } from "./clock.ts";
import { Inbound, type Load } from "./inbound.ts";
import { Outbox } from "./outbox.ts";
import type { OutboxCommand, PeerId, PeerNews, PeerState, PeerView } from "./peer-bridge.ts";
import type { PeerLink } from "./peer-link.ts";
import type { Digest } from "./proof.ts";
import { RelayAsk } from "./relay-ask.ts";
import type { Ended, SessionMessage } from "./session.ts";
import type { Places } from "./sinks/places.ts";
import type { Sinks } from "./sinks/port.ts";
import type { Hasher } from "./taking.ts";

export interface PeerVisitPorts {
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly bulkCipher: () => Promise<Cipher | null>;
  readonly digest: () => Promise<Digest>;
  readonly hasher: () => Hasher;
  /** Whether nobody on the way can have altered this page: only then do comparison words say anything. */
  readonly isSecure: boolean;
  readonly tell: (news: PeerNews) => void;
  /** Where what is received goes; one for all that a page load receives. */
  readonly places?: Places;
  /** What all devices together have asked here and not been answered. */
  readonly load?: () => Load;
}

export type Known = Pick<PeerView, "name" | "kind">;

export class PeerVisit {
  readonly peer: PeerId;
  readonly #ports: PeerVisitPorts;
  readonly #onAway: (visit: PeerVisit) => void;
  readonly #outbox: Outbox;
  readonly #inbound: Inbound;
  readonly #unanswered = new Set<string>();
  readonly #relay = new RelayAsk();
  #link: PeerLink | null = null;
  #instance: number | null = null;
  #cipher: Cipher | null = null;
  #view: Known & Pick<PeerView, "link" | "road" | "relay">;
  #toGo = 0;
  #hasSent = false;
  #askAbove: number | undefined;

  /** `onAway`: there is no link, because the last one was lost or because something is to be done. */
  constructor(peer: PeerId, known: Known, ports: PeerVisitPorts, onAway: (visit: PeerVisit) => void) {
    this.peer = peer;
    this.#ports = ports;
    this.#onAway = onAway;
    this.#view = { ...known, link: { state: "meeting" }, road: null, relay: { question: "none", bytes: 0 } };
    const { clock, randomBytes, digest, hasher, tell, load } = ports;
    this.#outbox = new Outbox({
      clock, randomBytes, digest, onBulk: () => void this.#hurry(), continues: [],
      tell: (update) => {
        if (update.t === "total") this.#counted(update.total);
        if (update.t === "items" || update.t === "total" || update.t === "declined") tell({ t: "sent", peer, update });
      },
    });
    this.#inbound = new Inbound({ peer, clock, hasher, tell, ...(load === undefined ? {} : { load }) });
    this.#show();
  }

  get name(): string {
    return this.#view.name;
  }

  get isLinked(): boolean {
    return this.#link !== null;
  }

  /** Whether this is the page that is linked, or there is none: of two tabs that show the same proof only one may be. */
  isOpenTo(instance: number): boolean {
    return this.#link === null || this.#instance === instance;
  }

  /** Something is on its way, or asked. */
  get isBusy(): boolean {
    return this.#toGo > 0 || this.#inbound.isOpen;
  }

  /** There was something to send, or something was offered. */
  get hasExchanged(): boolean {
    return this.#hasSent || !this.#inbound.isEmpty;
  }

  /** A person here wants what is open: files were chosen to be sent, or accepted. */
  get isAgreed(): boolean {
    return this.#toGo > 0 || this.#inbound.isAgreed;
  }

  get load(): Load {
    return this.#inbound.load;
  }

  /** Beyond so many bytes through a relay the person is asked; undefined: nobody said so. */
  askAbove(bytes: number | undefined): void {
    this.#askAbove = bytes;
  }

  answerRelay(sendNow: boolean): void {
    this.#relay.answered(sendNow);
    this.#askOfRelay();
  }

  /** As it stands while there is no link. */
  show(link: PeerState, known: Known = this.#view): void {
    this.#view = { ...this.#view, ...known, link: this.#link === null ? link : this.#view.link };
    this.#show();
  }

  send(command: OutboxCommand): void {
    this.#outbox.command(command);
    if (command.t === "send") {
      this.#toGo += command.picked.length;
      this.#hasSent = true;
    }
    this.#askOfRelay();
    if (this.#link === null && this.isBusy) this.#onAway(this);
  }

  accept(transfer: string, sinks: Sinks): void {
    void this.#hurry();
    this.#inbound.accept(transfer, sinks);
  }

  decline(transfer: string): void {
    this.#inbound.decline(transfer);
  }

  cancel(transfer: string, item: number | null): void {
    this.#inbound.cancel(transfer, item);
  }

  /** This page is visible or online again. */
  wake(): void {
    this.#link?.session.wake();
  }

  /** Uses a link until it ends; it takes the place of an older one. */
  async use(link: PeerLink): Promise<Ended> {
    if (this.#link !== null) this.#leave();
    if (this.#instance !== null && this.#instance !== link.hello.instance) this.#inbound.beganAnew();
    this.#instance = link.hello.instance;
    this.#link = link;
    if (this.#cipher !== null) link.use(this.#cipher);
    const { session, away } = link;
    const words = this.#ports.isSecure ? link.words : null;
    this.#view = { ...this.#view, link: { state: "open", words } };
    away.onRoad = (road) => {
      if (this.#link === link) this.#on(road);
    };
    this.#on(away.road());
    this.#inbound.attach(session);
    this.#outbox.attach({
      post: (...messages) => {
        for (const message of messages) if (message.t === "propose") this.#unanswered.add(message.transfer);
        session.post(...messages);
        this.#show();
      },
      chunksReady: () => session.chunksReady(),
    });
    const ended = await link.run({
      chunks: (most) => (this.#link === link ? this.#outbox.chunks(most) : []),
      receive: (message) => {
        if (this.#link === link) this.#receive(message);
      },
    });
    if (this.#link === link) {
      this.#leave();
      this.#onAway(this);
    }
    return ended;
  }

  /** Says goodbye. */
  stop(): void {
    this.#link?.session.end("done");
  }

  #leave(): void {
    const link = this.#link;
    this.#link = null;
    link?.session.leave();
    this.#outbox.detach();
    this.#inbound.detach();
    this.#unanswered.clear();
    this.#view = { ...this.#view, link: { state: "away" } };
    this.#on(null);
  }

  #on(road: PeerView["road"]): void {
    this.#view = { ...this.#view, road };
    this.#relay.on(road, this.#askAbove);
    this.#askOfRelay();
    this.#show();
  }

  #counted({ items, done, failed }: TotalView): void {
    this.#toGo = items - done - failed;
    this.#askOfRelay();
  }

  /** What is much for a relay waits until the person has said what to do. */
  #askOfRelay(): void {
    this.#relay.has(this.#outbox.toGo);
    const { question, toGo: bytes } = this.#relay;
    this.#outbox.hold(question !== "none");
    if (question === this.#view.relay.question && (question === "none" || bytes === this.#view.relay.bytes)) return;
    this.#view = { ...this.#view, relay: { question, bytes } };
    this.#show();
  }

  #receive(message: SessionMessage): void {
    if (!("transfer" in message)) return; // two pages have no desk
    if (this.#inbound.receive(message)) return;
    this.#outbox.receive(message);
    if (this.#unanswered.delete(message.transfer)) this.#show();
  }

  /** Much is on its way: this link and later ones seal and open faster as soon as they can. */
  async #hurry(): Promise<void> {
    this.#cipher ??= await this.#ports.bulkCipher();
    if (this.#cipher !== null) this.#link?.use(this.#cipher);
  }

  #show(): void {
    this.#ports.tell({ t: "peer", peer: { peer: this.peer, ...this.#view, unanswered: this.#unanswered.size } });
  }
}
