// The other devices of this page load: one visit each, and what the person decides about them.
import { loadOf } from "./inbound.ts";
import type { PeerId, PeerOrder } from "./peer-bridge.ts";
import { type Known, PeerVisit, type PeerVisitPorts } from "./peer-visit.ts";
import { Places } from "./sinks/places.ts";

/** Devices that a session's room may bring here; more are met once others have gone. */
export const VISITS_MAX = 16;

export class Peers {
  readonly #ports: PeerVisitPorts;
  readonly #onAway: (visit: PeerVisit) => void;
  readonly #onForgotten: (peer: PeerId) => void;
  readonly #visits = new Map<PeerId, PeerVisit>();
  readonly #places: Places;
  #askAbove: number | undefined;

  constructor(ports: PeerVisitPorts, onAway: (visit: PeerVisit) => void, onForgotten: (peer: PeerId) => void = () => undefined) {
    this.#ports = { ...ports, load: () => loadOf([...this.#visits.values()].map((visit) => visit.load)) };
    this.#onAway = onAway;
    this.#onForgotten = onForgotten;
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

  /** Whether one more may come; who is not there is forgotten for it, and most of all who left nothing behind. */
  makeRoom(): boolean {
    if (this.#visits.size < VISITS_MAX) return true;
    const gone = [...this.#visits.values()].filter((visit) => !visit.isLinked);
    const least = gone.find((visit) => !visit.hasExchanged) ?? gone.find((visit) => !visit.isBusy) ?? gone.find((visit) => !visit.isAgreed);
    if (least === undefined) return false;
    this.#visits.delete(least.peer);
    this.#onForgotten(least.peer);
    this.#ports.tell({ t: "gone", peer: least.peer });
    return true;
  }

  /** See `PeerVisit`; for those that come, too. */
  askAbove(bytes: number | undefined): void {
    this.#askAbove = bytes;
    for (const visit of this.#visits.values()) visit.askAbove(bytes);
  }

  order(order: Exclude<PeerOrder, { t: "meet" }>): void {
    if (order.t === "saving") return; // nothing of other devices outlives the page
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
