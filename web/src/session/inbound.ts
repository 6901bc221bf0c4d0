// Everything another device offers to this page: each proposal is asked, nothing is taken before a person said yes.
import { ITEMS_MAX, MANIFEST_BYTES_MAX } from "../protocol/limits.ts";
import type { Chunk, Message, Propose, TransferId, TransferMessage } from "../protocol/messages.ts";
import { Incoming, type IncomingPorts } from "./incoming.ts";
import type { Wire } from "./outbox-ports.ts";
import type { PeerId, PeerNews } from "./peer-bridge.ts";
import type { Sinks } from "./sinks/port.ts";

/** What to do with a proposal: take it there, decline it, ask the person, say nothing yet, or say that the person paused it. */
export type Verdict = Sinks | "decline" | "ask" | "later" | "paused";

/** Questions to the person that one device, and all together, may have open; more would only be noise. */
const ASKED_MAX = 8;
const ASKED_IN_ALL_MAX = 16;

/** What the lists in those questions may weigh: one device has room for the longest that the wire allows, and two do together. */
const ENTRY_WEIGHT = 64; // beside its name
const LISTS_MAX = MANIFEST_BYTES_MAX + ITEMS_MAX * ENTRY_WEIGHT;
const LISTS_IN_ALL_MAX = 2 * LISTS_MAX;

/** What was asked here and not answered: how many questions, and how much their lists weigh. */
export interface Load {
  readonly questions: number;
  readonly lists: number;
}

export function loadOf(loads: readonly Load[]): Load {
  return loads.reduce((sum, { questions, lists }) => ({ questions: sum.questions + questions, lists: sum.lists + lists }), { questions: 0, lists: 0 });
}

/** Transfers that are over and still answer the same proposal with what they know. */
const REMEMBERED_MAX = 64;

export interface InboundPorts extends Pick<IncomingPorts, "clock" | "hasher" | "digest"> {
  readonly peer: PeerId;
  readonly tell: (news: PeerNews) => void;
  /** Asked of each proposal once it is whole; without it the person is asked. */
  readonly judge?: (incoming: Incoming) => Verdict;
  /** The same of all devices together. */
  readonly load?: () => Load;
}

export class Inbound {
  readonly #ports: InboundPorts;
  readonly #transfers = new Map<TransferId, Incoming>();
  readonly #weights = new Map<TransferId, number>(); // of the lists that wait for an answer
  #wire: Pick<Wire, "post"> | null = null;

  constructor(ports: InboundPorts) {
    this.#ports = ports;
  }

  /** Something is asked or on its way. */
  get isOpen(): boolean {
    return [...this.#transfers.values()].some((incoming) => !incoming.isOver);
  }

  /** Nothing was ever offered. */
  get isEmpty(): boolean {
    return this.#transfers.size === 0;
  }

  /** Something that a person wanted is on its way. */
  get isAgreed(): boolean {
    return [...this.#transfers.values()].some(({ state }) => state === "receiving");
  }

  get load(): Load {
    const asked = [...this.#transfers.values()].filter(({ state }) => state === "asked");
    return { questions: asked.length, lists: asked.reduce((sum, { transfer }) => sum + (this.#weights.get(transfer) ?? 0), 0) };
  }

  attach(wire: Pick<Wire, "post">): void {
    this.#wire = wire;
  }

  detach(): void {
    this.#wire = null;
    for (const incoming of this.#transfers.values()) incoming.detach();
  }

  /** The page at the other end was loaded anew: what it was sending is nowhere any more. */
  beganAnew(): void {
    for (const incoming of this.#transfers.values()) incoming.abandon();
  }

  /** Takes a message about a transfer that comes here; false when it is about another. */
  receive(message: TransferMessage): boolean {
    const known = this.#transfers.get(message.transfer);
    if (known === undefined && message.t !== "propose") return false;
    if (message.t === "propose" && !this.#takes(message, known)) {
      if (!message.more) this.#post([{ t: "decline", transfer: message.transfer, reason: "busy" }]);
      return true;
    }
    (known ?? this.#incoming(message.transfer)).receive(message);
    return true;
  }

  /** Whether there is room for this page of a list; a list that has outgrown it is dropped. */
  #takes(page: Propose, known: Incoming | undefined): boolean {
    if (known === undefined) return !this.#isFull && page.first === 0 && this.#hasRoomFor(page);
    if (known.state !== "asked" || this.#hasRoomFor(page)) return true;
    if (known.items.length > 0) known.decline("busy");
    this.#drop(page.transfer);
    return false;
  }

  accept(transfer: TransferId, sinks: Sinks): void {
    this.#transfers.get(transfer)?.accept(sinks);
  }

  /** The newest that is so. */
  find(isSought: (incoming: Incoming) => boolean): Incoming | undefined {
    return [...this.#transfers.values()].findLast(isSought);
  }

  /** Takes nothing more of it for now, or goes on. */
  hold(transfer: TransferId, isHeld: boolean): void {
    this.#transfers.get(transfer)?.hold(isHeld);
  }

  decline(transfer: TransferId): void {
    this.#transfers.get(transfer)?.decline();
  }

  cancel(transfer: TransferId, item: number | null): void {
    this.#transfers.get(transfer)?.cancel(item);
  }

  get #isFull(): boolean {
    return this.load.questions >= ASKED_MAX || this.#loadOfAll.questions >= ASKED_IN_ALL_MAX;
  }

  get #loadOfAll(): Load {
    return this.#ports.load?.() ?? this.load;
  }

  /** Counts a page of a list that is asked. */
  #hasRoomFor({ transfer, first, items }: Propose): boolean {
    const before = this.#weights.get(transfer) ?? 0;
    const page = items.reduce((sum, { name }) => sum + name.length + ENTRY_WEIGHT, 0);
    const weight = (first === 0 ? 0 : before) + page;
    const added = weight - before;
    if (this.load.lists + added > LISTS_MAX || this.#loadOfAll.lists + added > LISTS_IN_ALL_MAX) return false;
    this.#weights.set(transfer, weight);
    return true;
  }

  #incoming(transfer: TransferId): Incoming {
    const { peer, clock, hasher, digest, tell } = this.#ports;
    const incoming = new Incoming(transfer, {
      clock,
      hasher,
      ...(digest === undefined ? {} : { digest }),
      post: (messages) => this.#post(messages),
      onChange: (changed) => this.#changed(changed),
      onRows: (update) => tell({ t: "arriving", peer, transfer, update }),
      onSaved: (item, { name, blob }) => {
        if (blob !== null) tell({ t: "received", peer, transfer, item, name, blob });
      },
    });
    this.#transfers.set(transfer, incoming);
    const over = [...this.#transfers.values()].filter(({ isOver }) => isOver);
    for (const old of over.slice(0, -REMEMBERED_MAX)) this.#drop(old.transfer);
    return incoming;
  }

  #drop(transfer: TransferId): void {
    this.#transfers.delete(transfer);
    this.#weights.delete(transfer);
  }

  #changed(incoming: Incoming): void {
    if (incoming.state !== "asked") this.#weights.delete(incoming.transfer);
    const verdict = incoming.state === "asked" ? (this.#ports.judge?.(incoming) ?? "ask") : "ask";
    if (verdict === "ask") this.#show(incoming);
    else if (verdict === "later") return;
    else if (verdict === "paused") incoming.pauseUnanswered();
    else if (verdict === "decline") incoming.decline();
    else incoming.accept(verdict);
  }

  #show(incoming: Incoming): void {
    const { transfer, state, reason, items, done, failed, isHeld } = incoming;
    const sizes = state === "asked" ? items.map(({ size }) => size) : [];
    const bytes = items.reduce((sum, { size }) => sum + size, 0);
    this.#ports.tell({ t: "incoming", incoming: { peer: this.#ports.peer, transfer, state, items: items.length, bytes, done, failed, sizes, reason, ...(isHeld ? { isHeld } : {}) } });
  }

  #post(messages: readonly Message[]): void {
    const words = messages.filter((message): message is Exclude<Message, Chunk> => message.t !== "chunk");
    if (words.length > 0) this.#wire?.post(...words);
  }
}
