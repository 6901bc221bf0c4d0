// Other devices that the daemon introduces: it carries the words by which two pages come to a link of their own.
import type { Answer, Ask, DeviceId, Envelope, Introduce, Refuse } from "../protocol/messages.ts";
import { type AwayPorts, DeskLine } from "./away.ts";
import type { PeerOrder } from "./peer-bridge.ts";
import { PeerLink, type Self } from "./peer-link.ts";
import type { PeerVisit, PeerVisitPorts } from "./peer-visit.ts";
import { Peers } from "./peers.ts";
import { type AwayFault, Unreached } from "./roads.ts";

/** Questions of this page's own; those of the person count from 1 (`WorkerLine.ask`). */
const FIRST_ASK = 2 ** 40;

/** After a link was lost: who asked for it before asks again at once, the other one later, so that they do not both. */
const ASKER_AGAIN_S = 1;
const OTHER_AGAIN_S = 8;

/** An introduction that has led to nothing by then will not. */
const MEETING_S_MAX = 45;

/** Nobody waits at a device that does not come back for so long. */
const TRIES_MAX = 20;

export type DeskPeersPorts = PeerVisitPorts & Omit<AwayPorts, "openSocket">;

type Post = (message: Ask | Envelope) => void;

interface Seeking {
  readonly device: DeviceId;
  /** The person has just asked for it. */
  isTapped: boolean;
  isAsker: boolean;
  /** Introductions that are under way; while there are any, nobody is asked for another. */
  meetings: number;
  tries: number;
  takeBack: () => void;
}

export class DeskPeers {
  readonly #self: Self;
  readonly #ports: DeskPeersPorts;
  readonly #peers: Peers;
  readonly #lines = new Map<string, DeskLine>(); // by meeting
  readonly #asked = new Map<number, DeviceId>();
  readonly #seeking = new Map<DeviceId, Seeking>();
  #asks = FIRST_ASK;
  #post: Post | null = null;

  constructor({ name, kind, instance }: Self, ports: DeskPeersPorts) {
    this.#self = { name, kind, instance };
    this.#ports = ports;
    this.#peers = new Peers(ports, (visit) => this.#seekLater(visit));
  }

  /** `askBytes`: beyond so much through the owner's relay the person is asked. */
  attach(post: Post, askBytes?: number): void {
    this.#post = post;
    this.#peers.askAbove(askBytes);
    for (const { device } of this.#seeking.values()) if (this.#isWanted(device)) this.#seek(device);
  }

  /** Links that are open stay: the daemon is not on them. */
  detach(): void {
    this.#post = null;
    this.#asked.clear();
  }

  order(order: PeerOrder): void {
    if (order.t !== "meet") return this.#peers.order(order);
    const { device, name, kind } = order;
    const visit = this.#peers.visit(device, { name, kind });
    if (visit.isLinked) return;
    Object.assign(this.#seekingOf(device), { isTapped: true, isAsker: true, tries: 0 });
    if (this.#isWanted(device)) this.#seek(device);
  }

  /** Takes the answer to a question of its own; false for anybody else's. */
  answered(message: Answer | Refuse): boolean {
    const device = this.#asked.get(message.id);
    if (device === undefined) return message.id >= FIRST_ASK;
    this.#asked.delete(message.id);
    if (message.t === "refuse") this.#failed(device, message.sentence || sentenceOf("nobody", this.#nameOf(device)));
    return true;
  }

  envelope({ meeting, blob }: Envelope): void {
    this.#lines.get(meeting)?.receive(blob);
  }

  introduce({ meeting, device, name, kind, secret, servers }: Introduce): void {
    const visit = this.#peers.visit(device, { name, kind });
    visit.show({ state: "meeting" }, { name, kind });
    const line = new DeskLine(secret, servers ?? [], (blob) => this.#post?.({ t: "envelope", meeting, blob }), this.#ports);
    this.#lines.set(meeting, line);
    this.#seekingOf(device).meetings += 1;
    void this.#meet(visit, line, secret).finally(() => {
      line.close();
      this.#lines.delete(meeting);
    });
  }

  wake(): void {
    this.#peers.wake();
    for (const { device } of this.#seeking.values()) if (this.#isWanted(device)) this.#seek(device);
  }

  stop(): void {
    for (const { takeBack } of this.#seeking.values()) takeBack();
    for (const line of this.#lines.values()) line.close();
    this.#peers.stop();
  }

  async #meet(visit: PeerVisit, line: DeskLine, secret: Uint8Array): Promise<void> {
    let link: PeerLink | null;
    try {
      link = await PeerLink.open(await line.opened, secret, this.#self, this.#ports.clock);
      if (link === null) throw new Unreached("spoiled");
    } catch (error) {
      if (!(error instanceof Unreached)) throw error;
      return this.#unreached(visit, error.fault);
    } finally {
      this.#seekingOf(visit.peer).meetings -= 1;
    }
    this.#rest(visit.peer);
    this.#seekingOf(visit.peer).tries = 0;
    await visit.use(link);
  }

  #unreached(visit: PeerVisit, fault: AwayFault): void {
    if (visit.isLinked) return;
    if (visit.isBusy && this.#seekingOf(visit.peer).tries < TRIES_MAX) return this.#seekLater(visit);
    this.#failed(visit.peer, sentenceOf(fault, this.#nameOf(visit.peer)));
  }

  #failed(device: DeviceId, sentence: string): void {
    this.#rest(device);
    const visit = this.#peers.find(device);
    visit?.show({ state: "failed", sentence });
    if (visit?.isBusy === true) this.#seekLater(visit);
  }

  /** While something is open with it, a device without a link is sought. */
  #seekLater(visit: PeerVisit): void {
    const seeking = this.#seekingOf(visit.peer);
    seeking.takeBack();
    // Two who tapped each other would meet twice in the same moment, and again.
    const waitS = (seeking.isAsker ? ASKER_AGAIN_S + seeking.tries : OTHER_AGAIN_S) * (0.5 + this.#ports.random());
    seeking.takeBack = this.#ports.clock.after(waitS, () => {
      if (this.#isWanted(visit.peer)) this.#seek(visit.peer);
    });
  }

  #isWanted(device: DeviceId): boolean {
    const visit = this.#peers.find(device);
    const { isTapped, meetings, tries } = this.#seekingOf(device);
    return visit !== undefined && !visit.isLinked && meetings === 0 && (isTapped || visit.isBusy) && tries < TRIES_MAX;
  }

  #seek(device: DeviceId): void {
    const visit = this.#peers.find(device);
    if (this.#post === null || visit === undefined || visit.isLinked) return;
    const seeking = this.#seekingOf(device);
    seeking.tries += 1;
    seeking.takeBack();
    seeking.takeBack = this.#ports.clock.after(MEETING_S_MAX, () => this.#unreached(visit, "silent"));
    visit.show({ state: "meeting" });
    this.#asks += 1;
    this.#asked.set(this.#asks, device);
    this.#post({ t: "ask", id: this.#asks, verb: { t: "meet", device } });
  }

  #rest(device: DeviceId): void {
    const seeking = this.#seekingOf(device);
    seeking.takeBack();
    seeking.isTapped = false;
  }

  #seekingOf(device: DeviceId): Seeking {
    const found = this.#seeking.get(device) ?? { device, isTapped: false, isAsker: false, meetings: 0, tries: 0, takeBack: () => undefined };
    this.#seeking.set(device, found);
    return found;
  }

  #nameOf(device: DeviceId): string {
    return this.#peers.find(device)?.name ?? "The other device";
  }
}

export function sentenceOf(fault: AwayFault, name: string): string {
  switch (fault) {
    case "spoiled":
      return "Something on the way changed what was said. Try another network.";
    case "no_way":
      return `No connection to ${name} came to be: the networks between do not let one through.`;
    case "version":
      return `${name} has another version of this page. Reload both.`;
    case "busy":
      return `${name} is busy. Try again in a minute.`;
    case "no_edge":
    case "nobody":
    case "silent":
      return `${name} does not answer. Is this page still open there?`;
  }
}
