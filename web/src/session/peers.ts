// The other devices of this page load: one visit each, and what the person decides about them.
import type { PeerId, PeerNews, PeerOrder, Place } from "./peer-bridge.ts";
import { type Known, PeerVisit, type PeerVisitPorts } from "./peer-visit.ts";
import { DownloadSinks } from "./sinks/download.ts";
import { FileSinks, FolderSinks } from "./sinks/files.ts";
import { MemorySinks, Room } from "./sinks/memory.ts";
import type { Sinks } from "./sinks/port.ts";

export class Peers {
  readonly #ports: PeerVisitPorts;
  readonly #onAway: (visit: PeerVisit) => void;
  readonly #visits = new Map<PeerId, PeerVisit>();
  readonly #room: Room;
  #askAbove: number | undefined;

  constructor(ports: PeerVisitPorts, onAway: (visit: PeerVisit) => void) {
    this.#ports = ports;
    this.#onAway = onAway;
    this.#room = new Room((bytes) => this.#tell({ t: "held", bytes }));
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
    if (order.t === "saved") return this.#room.give(order.bytes);
    const visit = this.#visits.get(order.peer);
    switch (order.t) {
      case "outbox":
        return visit?.send(order.command);
      case "relay":
        return visit?.answerRelay(order.sendNow);
      case "accept":
        return visit?.accept(order.transfer, this.#sinks(order.place));
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

  #sinks(place: Place): Sinks {
    switch (place.by) {
      case "file":
        return new FileSinks(place.handle);
      case "folder":
        return new FolderSinks(place.handle);
      case "download":
        return new DownloadSinks({ start: (start) => this.#tell({ t: "download", start }), randomBytes: this.#ports.randomBytes });
      case "memory":
        return new MemorySinks(place.limit, this.#room);
    }
  }

  #tell(news: PeerNews): void {
    this.#ports.tell(news);
  }
}
