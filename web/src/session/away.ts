// Roads that WebRTC carries: over the edge towards home, between pages in a room, and between pages that the daemon introduces.
import { SignalClient, type SignalEvent } from "../signaling/client.ts";
import { Meeting, type MeetingEvent } from "../signaling/meeting.ts";
import { type AwayLink, type AwayPorts, type IceServer, PUBLIC_STUN, stunOf } from "./away-link.ts";
import { Backoff } from "./backoff.ts";
import { Conversation } from "./conversation.ts";
import { CALL_S_MAX, HomeCall, faultOf } from "./home-call.ts";
import { Negotiation } from "./negotiation.ts";
import { Room, type RoomOwner, type TurnKept, roomId } from "./room.ts";
import { type AwayFault, Unreached } from "./roads.ts";

export type { AwayLink, AwayPorts, Connections, IceServer, RoadUsed } from "./away-link.ts";
export { PUBLIC_STUN } from "./away-link.ts";

/** An edge that has not been reached by then is none for this call; the line itself goes on trying. */
const EDGE_S_MAX = 10;

/** What a link ended with that is worth another one. */
const LOST: ReadonlySet<string> = new Set(["lost", "slow", "going_away"]);

/** Who meets the pages of a room. */
export interface PagesOwner {
  /** A link with another page; later another one with the same page, when the first was lost. */
  readonly onPeer: (link: AwayLink) => void;
  /** No link came to be with one who is there. */
  readonly onFault?: (fault: AwayFault) => void;
  /** What helps besides the edge's own TURN. */
  readonly servers?: readonly IceServer[];
}

/** One socket to one edge, for all rooms of this page. */
export class EdgeLine {
  readonly #ports: AwayPorts;
  readonly #client: SignalClient;
  readonly #rooms = new Map<string, { readonly room: Room; readonly close: () => void }>();
  readonly #calls = new Set<HomeCall>();
  readonly #turnKept: TurnKept = new Map();
  #hasTurn = false;
  #stun: readonly IceServer[] = PUBLIC_STUN;

  constructor(edge: string, ports: AwayPorts) {
    this.#ports = ports;
    this.#client = new SignalClient(edge, ports, (event) => this.#hear(event));
  }

  /**
   * A link to the computer that knows this secret; throws `Unreached`, or `LinkClosed` after `signal` or `close`.
   * `relayless`: over no relay of this side's. A link of an earlier call stays.
   */
  call(secret: Uint8Array, signal?: AbortSignal, relayless = false): Promise<AwayLink> {
    this.#leave(roomId(secret)); // a fresh id for a fresh meeting
    const call = new HomeCall(secret, this.#roomPorts(), this.#turnKept, relayless);
    const { room } = call;
    const over = (): void => {
      this.#calls.delete(call);
      if (this.#rooms.get(room.id)?.room === room) this.#leave(room.id);
    };
    call.onOver = over;
    this.#calls.add(call);
    this.#rooms.set(room.id, { room, close: () => call.drop() });
    if (!this.#client.isConnected) {
      this.#client.wake();
      this.#ports.clock.after(EDGE_S_MAX, () => this.#client.isConnected || call.fail(new Unreached("no_edge")));
    }
    if (signal?.aborted) call.drop();
    signal?.addEventListener("abort", () => call.drop(), { once: true });
    return call.answered;
  }

  /** Each other page in this secret's room becomes a link, until the answer is called. */
  meetPages(secret: Uint8Array, owner: PagesOwner): () => void {
    this.#leave(roomId(secret));
    const pages = new PagesRoom(owner, this.#ports, (own) => new Room(secret, this.#roomPorts(), this.#turnKept, own));
    this.#rooms.set(pages.room.id, { room: pages.room, close: () => pages.close() });
    return () => {
      if (this.#rooms.get(pages.room.id)?.room === pages.room) this.#leave(pages.room.id);
    };
  }

  /** The page is visible or online again. */
  wake(): void {
    this.#client.wake();
    this.#ports.peerConnections.networkChanged();
  }

  /** Ends calls and meetings. Links that are open stay. */
  close(): void {
    for (const id of [...this.#rooms.keys()]) this.#leave(id);
    this.#client.close();
  }

  #roomPorts() {
    return { ...this.#ports, client: this.#client, hasTurn: () => this.#hasTurn, stun: () => this.#stun };
  }

  #leave(id: string): void {
    const open = this.#rooms.get(id);
    if (open === undefined) return;
    this.#rooms.delete(id);
    open.close();
    open.room.leave();
  }

  #hear(event: SignalEvent): void {
    if (event.t === "connected") [this.#hasTurn, this.#stun] = [event.turn, event.stun === null ? PUBLIC_STUN : stunOf(event.stun)];
    else if (event.t === "disconnected") this.#disconnected(event.fault);
    else if (event.t === "joined" || (event.t === "refuse" && event.room === null)) {
      for (const { room } of [...this.#rooms.values()]) room.hear(event);
    } else if (event.room !== null) this.#rooms.get(event.room)?.room.hear(event);
  }

  #disconnected(fault: "not_an_edge" | "other_version" | null): void {
    if (fault === null) return;
    for (const call of [...this.#calls]) call.fail(new Unreached(fault === "other_version" ? "version" : "no_edge"));
  }
}

/** A room where browsers meet. */
class PagesRoom implements RoomOwner {
  readonly room: Room;
  readonly #owner: PagesOwner;
  readonly #ports: AwayPorts;
  readonly #others = new Map<string, { readonly negotiation: Negotiation; readonly backoff: Backoff }>();

  constructor(owner: PagesOwner, ports: AwayPorts, join: (own: RoomOwner) => Room) {
    this.#owner = owner;
    this.#ports = ports;
    this.room = join(this);
  }

  present(): void {
    // Whoever is there is met by the room itself.
  }

  heard(peer: string, talk: Conversation, event: MeetingEvent): void {
    if (event.t === "verified" && talk.meeting.peerRole === "page") this.#begin(peer, talk);
    else if (event.t === "heard") this.#others.get(peer)?.negotiation.hear(event.message);
    else if (event.t === "over") this.gone(peer);
  }

  /** What is open with it stays: the edge may be gone, not the other page. */
  gone(peer: string): void {
    this.#others.get(peer)?.negotiation.end("nobody");
    this.#others.delete(peer);
  }

  refused(): void {
    this.#owner.onFault?.("busy");
  }

  close(): void {
    for (const { negotiation } of this.#others.values()) negotiation.abort();
    this.#others.clear();
  }

  #begin(peer: string, talk: Conversation): void {
    const { isInitiator } = talk.meeting;
    const negotiation = new Negotiation("page", {
      ...this.#ports,
      say: (message) => talk.say(message),
      help: async () => [...(this.#owner.servers ?? this.room.stun), ...(await this.room.turn(peer))],
    });
    this.#others.set(peer, { negotiation, backoff: new Backoff(this.#ports.random) });
    negotiation.onLink = (link) => this.#owner.onPeer(link);
    if (!isInitiator) return;
    negotiation.onLost = (reason) => LOST.has(reason) && this.#later(peer, (backoff) => backoff.afterLoss());
    void this.#connect(peer);
  }

  #later(peer: string, wait: (backoff: Backoff) => number): void {
    const other = this.#others.get(peer);
    if (other !== undefined) this.#ports.clock.after(wait(other.backoff), () => void this.#connect(peer));
  }

  async #connect(peer: string): Promise<void> {
    const other = this.#others.get(peer);
    if (other === undefined) return;
    try {
      this.#owner.onPeer(await other.negotiation.connect());
    } catch (error) {
      if (!(error instanceof Unreached)) throw error;
      if (this.#others.get(peer) !== other) return;
      this.#owner.onFault?.(error.fault);
      this.#later(peer, (backoff) => backoff.afterRefusal()); // a network may come back, and the other page is still there
    }
  }
}

/** The same meeting with one page, carried by the daemon's desk. */
export class DeskLine {
  /** The link; throws `Unreached`. */
  readonly opened: Promise<AwayLink>;
  readonly #negotiation: Negotiation;
  readonly #talk: Conversation;
  #fail: (fault: AwayFault) => void = () => undefined;

  constructor(secret: Uint8Array, servers: readonly IceServer[], sendBlob: (blob: Uint8Array) => void, ports: Omit<AwayPorts, "openSocket">) {
    this.#talk = new Conversation(new Meeting(secret, "page", ports.clock.now() * 1000), {
      clock: ports.clock,
      send: sendBlob,
      hear: (event) => this.#hear(event),
    });
    this.#negotiation = new Negotiation("page", {
      ...ports,
      say: (message) => this.#talk.say(message),
      help: () => Promise.resolve(servers),
    });
    this.opened = new Promise((resolve, reject) => {
      const takeBack = ports.clock.after(CALL_S_MAX, () => this.#fail(this.#talk.meeting.state === "verified" ? "no_way" : "silent"));
      this.#fail = (fault) => {
        takeBack();
        this.#negotiation.abort();
        reject(new Unreached(fault));
      };
      this.#negotiation.onLink = (link) => {
        takeBack();
        resolve(link);
      };
    });
    this.opened.catch(() => undefined); // whoever asks is told
  }

  /** What the other page said. */
  receive(blob: Uint8Array): void {
    this.#talk.receive(blob);
  }

  /** Ends the meeting. A link that is open stays. */
  close(): void {
    this.#talk.close();
    this.#fail("nobody");
  }

  #hear(event: MeetingEvent): void {
    if (event.t === "heard") this.#negotiation.hear(event.message);
    else if (event.t === "over") this.#over(faultOf(event.reason));
    else if (event.t === "verified" && this.#talk.meeting.isInitiator) {
      this.#negotiation.connect().then(this.#negotiation.onLink, (error: unknown) => {
        if (!(error instanceof Unreached)) throw error;
        this.#fail(error.fault);
      });
    }
  }

  #over(fault: AwayFault): void {
    this.#negotiation.end(fault);
    if (!this.#negotiation.isOpening) this.#fail(fault);
  }
}
