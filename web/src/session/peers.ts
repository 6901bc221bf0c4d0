// The other devices of this page load: one visit each, and what the person decides about them.
import type { PeerId, PeerOrder } from "./peer-bridge.ts";
import { type Known, PeerVisit, type PeerVisitPorts } from "./peer-visit.ts";
import { Places } from "./sinks/places.ts";

export class Peers {
  readonly #ports: PeerVisitPorts;
  readonly #onAway: (visit: PeerVisit) => void;
  readonly #visits = new Map<PeerId, PeerVisit>();
  readonly #places: Places;
  #askAbove: number | undefined;

  constructor(ports: PeerVisitPorts, onAway: (visit: PeerVisit) => void) {
    this.#ports = ports;
    this.#onAway = onAway;
    this.#places = ports.places ?? new Places(ports);
  }

  find(peer: PeerId): PeerVisit | undefined {
    return this.#visits.get(peer);
  }

  /** The visit with this device, begun when there is none. */
  visit(peer: PeerId, known: Known): PeerVisit {
    const found = this.#visits.get(peer);
    if (found !== undefined) return found;
    const visit = new PeerVisit(peer, known, this.#ports, this.#onAway);
    visit.askAbove(this.#askAbove);
    this.#visits.set(peer, visit);
    return visit;
  }

  /** See `PeerVisit`; for those that come, too. */
  askAbove(bytes: number | undefined): void {
    this.#askAbove = bytes;
    for (const visit of this.#visits.values()) visit.askAbove(bytes);
  }

  order(order: Exclude<PeerOrder, { t: "meet" }>): void {
    if (order.t === "saved") return this.#places.saved(order.bytes);
    const visit = this.#visits.get(order.peer);
    switch (order.t) {
      case "outbox":
        return visit?.send(order.command);
      case "relay":
        return visit?.answerRelay(order.sendNow);
      case "accept":
        return visit?.accept(order.transfer, this.#places.sinks(order.place));
      case "decline":
        return visit?.decline(order.transfer);
      case "cancel":
        return visit?.cancel(order.transfer, order.item);
    }
  }

  wake(): void {
    for (const visit of this.#visits.values()) visit.wake();
  }

  stop(): void {
    for (const visit of this.#visits.values()) visit.stop();
  }
}
