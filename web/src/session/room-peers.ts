// Other devices in a session's room at an edge, with no daemon anywhere: whoever has the session's code is met.
import { type AwayLink, type AwayPorts, EdgeLine } from "./away.ts";
import { sentenceOf } from "./desk-peers.ts";
import type { PeerOrder } from "./peer-bridge.ts";
import { PeerLink, type Self } from "./peer-link.ts";
import type { PeerVisitPorts } from "./peer-visit.ts";
import { Peers } from "./peers.ts";
import type { AwayFault } from "./roads.ts";

export type RoomPeersPorts = PeerVisitPorts & AwayPorts & {
  /** No link came to be with somebody who is there; null: one did. */
  readonly onFault: (sentence: string | null) => void;
};

export class RoomPeers {
  readonly #secret: Uint8Array;
  readonly #self: Self;
  readonly #ports: RoomPeersPorts;
  readonly #peers: Peers;
  readonly #line: EdgeLine;
  readonly #leave: () => void;

  /** Joins at once. Lost links come back by themselves: the line sees to that. */
  constructor(edge: string, secret: Uint8Array, self: Self, ports: RoomPeersPorts) {
    this.#secret = secret;
    this.#self = self;
    this.#ports = ports;
    this.#peers = new Peers(ports, () => undefined);
    this.#line = new EdgeLine(edge, ports);
    this.#leave = this.#line.meetPages(secret, {
      onPeer: (link) => void this.#met(link),
      onFault: (fault: AwayFault) => ports.onFault(sentenceOf(fault, "The other device")),
    });
  }

  order(order: PeerOrder): void {
    if (order.t !== "meet") this.#peers.order(order); // here everybody is met unasked
  }

  wake(): void {
    this.#line.wake();
    this.#peers.wake();
  }

  stop(): void {
    this.#peers.stop();
    this.#leave();
    this.#line.close();
  }

  async #met(away: AwayLink): Promise<void> {
    const link = await PeerLink.open(away, this.#secret, this.#self, this.#ports.clock);
    if (link === null) return;
    this.#ports.onFault(null);
    // One random number a page load: the same one is the same page, over another link.
    const { instance, name, kind } = link.hello;
    await this.#peers.visit(`page-${instance}`, { name, kind }).use(link);
  }
}
