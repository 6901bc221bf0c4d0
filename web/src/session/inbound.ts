// Everything another device offers to this page: each proposal is asked, nothing is taken before a person said yes.
import type { Chunk, Message, TransferId, TransferMessage } from "../protocol/messages.ts";
import { Incoming, type IncomingPorts } from "./incoming.ts";
import type { Wire } from "./outbox.ts";
import type { PeerId, PeerNews } from "./peer-bridge.ts";
import type { Sinks } from "./sinks/port.ts";

/** What to do with a proposal: take it there, decline it, or ask the person. */
export type Verdict = Sinks | "decline" | "ask";

/** Questions to the person that one device may have open; more would only be noise. */
const ASKED_MAX = 8;

/** Transfers that are over and still answer the same proposal with what they know. */
const REMEMBERED_MAX = 64;

export interface InboundPorts extends Pick<IncomingPorts, "clock" | "hasher"> {
  readonly peer: PeerId;
  readonly tell: (news: PeerNews) => void;
  /** Asked of each proposal once it is whole; without it the person is asked. */
  readonly judge?: (incoming: Incoming) => Verdict;
}

export class Inbound {
  readonly #ports: InboundPorts;
  readonly #transfers = new Map<TransferId, Incoming>();
  #wire: Pick<Wire, "post"> | null = null;

  constructor(ports: InboundPorts) {
    this.#ports = ports;
  }

  /** Something is asked or on its way. */
  get isOpen(): boolean {
    return [...this.#transfers.values()].some((incoming) => !incoming.isOver);
  }

  attach(wire: Pick<Wire, "post">): void {
    this.#wire = wire;
  }

  detach(): void {
    this.#wire = null;
    for (const incoming of this.#transfers.values()) incoming.detach();
  }

  /** Takes a message about a transfer that comes here; false when it is about another. */
  receive(message: TransferMessage): boolean {
    const known = this.#transfers.get(message.transfer);
    if (known === undefined && message.t !== "propose") return false;
    if (known === undefined && this.#isFull) {
      if (message.t === "propose" && !message.more) this.#post([{ t: "decline", transfer: message.transfer, reason: "busy" }]);
      return true;
    }
    (known ?? this.#incoming(message.transfer)).receive(message);
    return true;
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
    return [...this.#transfers.values()].filter(({ state }) => state === "asked").length >= ASKED_MAX;
  }

  #incoming(transfer: TransferId): Incoming {
    const { peer, clock, hasher, tell } = this.#ports;
    const incoming = new Incoming(transfer, {
      clock,
      hasher,
      post: (messages) => this.#post(messages),
      onChange: (changed) => this.#changed(changed),
      onRows: (update) => tell({ t: "arriving", peer, transfer, update }),
      onSaved: (item, { name, blob }) => {
        if (blob !== null) tell({ t: "received", peer, transfer, item, name, blob });
      },
    });
    this.#transfers.set(transfer, incoming);
    const over = [...this.#transfers.values()].filter(({ isOver }) => isOver);
    for (const old of over.slice(0, -REMEMBERED_MAX)) this.#transfers.delete(old.transfer);
    return incoming;
  }

  #changed(incoming: Incoming): void {
    const verdict = incoming.state === "asked" ? (this.#ports.judge?.(incoming) ?? "ask") : "ask";
    if (verdict === "ask") this.#show(incoming);
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
