// Other devices in a session's room at an edge, with no daemon anywhere: whoever has the session's code is met.
import { toBase64url } from "../base64url.ts";
import { Acquaintances, type Met, TOKEN_BYTES } from "./acquaintances.ts";
import { type AwayLink, type AwayPorts, EdgeLine } from "./away.ts";
import { sentenceOf } from "./desk-peers.ts";
import type { PeerId, PeerOrder } from "./peer-bridge.ts";
import { PeerLink, type Self } from "./peer-link.ts";
import type { PeerVisitPorts } from "./peer-visit.ts";
import { Peers } from "./peers.ts";
import type { AwayFault } from "./roads.ts";

const NAME_BYTES = 9;

export type RoomPeersPorts = PeerVisitPorts & AwayPorts & {
  /** No link came to be with somebody who is there; null: one did. */
  readonly onFault: (sentence: string | null) => void;
  /** Whom this page knows by now. */
  readonly onMet: (met: readonly Met[]) => void;
};

export class RoomPeers {
  readonly #secret: Uint8Array;
  readonly #self: Self;
  readonly #ports: RoomPeersPorts;
  readonly #peers: Peers;
  readonly #line: EdgeLine;
  readonly #leave: () => void;
  readonly #known: Acquaintances;

  /** Joins at once. Lost links come back by themselves: the line sees to that. `met`: whom an earlier load of this page knew. */
  constructor(edge: string, secret: Uint8Array, self: Self, met: readonly Met[], ports: RoomPeersPorts) {
    this.#known = new Acquaintances(met, ports.onMet);
    this.#secret = secret;
    this.#self = self;
    this.#ports = ports;
    this.#peers = new Peers(ports, () => undefined, (peer) => this.#known.forget(peer));
    this.#line = new EdgeLine(edge, ports);
    this.#leave = this.#line.meetPages(secret, {
      onPeer: (link) => void this.#meet(link),
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

  async #meet(away: AwayLink): Promise<void> {
    const { clock, randomBytes, onFault } = this.#ports;
    const link = await PeerLink.open(away, this.#secret, this.#self, clock, (greeting) => this.#known.tokens(greeting, randomBytes(TOKEN_BYTES)));
    if (link === null) return;
    onFault(null);
    const { hello, greeting, token } = link;
    const shown = this.#known.recognise(greeting, hello.proofs ?? []);
    const known = shown !== null && (this.#peers.find(shown)?.isOpenTo(hello.instance) ?? true) ? shown : null;
    if (known === null && !this.#peers.makeRoom()) return link.session.leave();
    const peer = known ?? this.#newcomer();
    if (known === null && hello.token !== undefined) this.#known.met(peer, greeting, token, hello.token);
    await this.#peers.visit(peer, { name: hello.name, kind: hello.kind }).use(link);
  }

  /** Not by the number it says of itself: everybody in the room hears that, and could say it, too. */
  #newcomer(): PeerId {
    return `page-${toBase64url(this.#ports.randomBytes(NAME_BYTES))}`;
  }
}
