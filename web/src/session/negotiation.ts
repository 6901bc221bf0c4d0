// How two sides of a meeting come to a link: attempts, each a new peer connection; the second through a relay only.
import { type Link, LinkClosed } from "../links/port.ts";
import type { IceCandidate } from "../links/rtc-bridge.ts";
import type { PeerConnection } from "../links/rtc-remote.ts";
import { ATTEMPTS_MAX, FAIL_REASONS, type FailReason, type MeetingMessage } from "../signaling/messages.ts";
import type { AwayLink, AwayPorts, IceServer, RoadUsed } from "./away-link.ts";
import type { Clock } from "./clock.ts";
import { Late, within } from "./patience.ts";
import { type AwayFault, Unreached } from "./roads.ts";

/** What was gathered on both sides must have led to each other by then. */
export const OPEN_S_MAX = 15;

/** The other side gathers for 5 s at most before it answers; an envelope that was lost is said again. */
const ANSWER_S_MAX = 10;

/** A responder waits for both of the initiator's tries. */
const RESPOND_S_MAX = 30;

/** When the statistics are asked for the road: ICE may still change its mind in the first seconds, and later when networks change. */
const ROAD_LOOK_S = [0, 1, 3, 6];
const ROAD_LOOK_EVERY_S = 10;
const FIRST_LOOK_S_MAX = 1;

export interface NegotiationPorts extends Pick<AwayPorts, "peerConnections" | "clock" | "log"> {
  /** Says it to the other side. */
  readonly say: (message: MeetingMessage) => void;
  /** What helps in this attempt. */
  readonly help: (attempt: number) => Promise<readonly IceServer[]>;
}

interface Made {
  readonly attempt: number;
  readonly initiator: boolean;
}

export class Negotiation {
  readonly #peer: AwayLink["peer"];
  readonly #ports: NegotiationPorts;
  #attempt = 0;
  #connection: PeerConnection | null = null;
  #onAnswer: ((sdp: string) => void) | null = null;
  #early: (MeetingMessage & { readonly t: "candidate" })[] = []; // came while help was asked for
  #hasLink = false; // over the present connection
  #isOver: AwayFault | null = null;

  /** Hears links that the other side began. */
  onLink: (link: AwayLink) => void = () => undefined;

  /** Hears why a link ended, whichever side began it. */
  onLost: (reason: string) => void = () => undefined;

  constructor(peer: AwayLink["peer"], ports: NegotiationPorts) {
    this.#peer = peer;
    this.#ports = ports;
  }

  /** A connection is being made, and may still open without another word. */
  get isOpening(): boolean {
    return this.#connection !== null && !this.#connection.isOver && !this.#hasLink;
  }

  /** A new link, begun by this side; throws `Unreached`. */
  async connect(): Promise<AwayLink> {
    const direct = await this.#try(false);
    if (direct.link !== null) return direct.link;
    if (!direct.hasRelay) throw new Unreached("no_way");
    const relayed = await this.#try(true);
    if (relayed.link === null) throw new Unreached("no_way");
    return relayed.link;
  }

  /** Takes what the other side said. */
  hear(message: MeetingMessage): void {
    if (message.t === "offer") return void this.#respond(message.attempt, message.sdp);
    if (!("attempt" in message) || message.attempt !== this.#attempt) return;
    if (message.t === "answer") this.#answered(message.sdp);
    else if (message.t === "candidate" && this.#connection === null) this.#early.push(message);
    else if (message.t === "candidate") this.#connection?.addCandidate(placed(message));
    else if (message.t === "failed") this.#connection?.close(message.reason === "busy" ? "busy" : "lost");
  }

  /** Nothing more is heard or said. What is open stays, and so does what both sides know enough of to open it. */
  end(fault: AwayFault): void {
    this.#isOver ??= fault;
    if (this.#onAnswer !== null) this.#connection?.close("lost");
  }

  /** The same, and what is being opened ends. */
  abort(): void {
    this.#isOver ??= "no_way";
    if (!this.#hasLink) this.#connection?.close("done");
  }

  #answered(sdp: string): void {
    this.#onAnswer?.(sdp);
    this.#onAnswer = null;
  }

  async #try(relayOnly: boolean): Promise<{ link: AwayLink | null; hasRelay: boolean }> {
    if (this.#attempt >= ATTEMPTS_MAX) throw new Unreached("no_way");
    const attempt = (this.#attempt += 1);
    const servers = await this.#ports.help(attempt);
    const hasRelay = servers.some(isRelay);
    this.#mustGoOn(attempt);
    const connection = this.#open(servers, relayOnly);
    try {
      await this.#offer(connection, attempt);
      const link = await within(this.#ports.clock, OPEN_S_MAX, connection.opened());
      return { link: await this.#made(connection, link, { attempt, initiator: true }), hasRelay };
    } catch (error) {
      if (!(error instanceof Late) && !(error instanceof LinkClosed)) throw error;
      connection.close("lost");
      if (error instanceof LinkClosed && error.reason === "busy") throw new Unreached("busy");
      this.#mustGoOn(attempt);
      this.#ports.say({ t: "failed", attempt, reason: "ice" });
      return { link: null, hasRelay };
    } finally {
      this.#onAnswer = null;
    }
  }

  /** Resolves once both sides have said all, or have had the time to. */
  async #offer(connection: PeerConnection, attempt: number): Promise<void> {
    const answered = new Promise<string>((resolve) => {
      this.#onAnswer = resolve;
    });
    const sdp = await connection.offer();
    this.#ports.say({ t: "offer", attempt, sdp });
    this.#trickle(connection, attempt);
    // An ended connection rejects `opened`, so nobody waits for an answer that it could not use.
    const isOver = connection.opened().then(() => answered);
    connection.accept(await within(this.#ports.clock, ANSWER_S_MAX, Promise.race([answered, isOver])));
    await Promise.race([connection.gathered, connection.opened()]); // what already works need not wait for a STUN server that is gone
  }

  async #respond(attempt: number, sdp: string): Promise<void> {
    if (attempt <= this.#attempt) return;
    this.#attempt = attempt;
    this.#connection?.close("lost");
    this.#connection = null;
    this.#early = [];
    const servers = await this.#ports.help(attempt);
    if (attempt !== this.#attempt || this.#isOver !== null) return;
    const connection = this.#open(servers, false);
    try {
      const answer = connection.answer(sdp);
      for (const message of this.#early.splice(0)) connection.addCandidate(placed(message));
      this.#ports.say({ t: "answer", attempt, sdp: await answer });
      this.#trickle(connection, attempt);
      const link = await within(this.#ports.clock, RESPOND_S_MAX, connection.opened());
      this.onLink(await this.#made(connection, link, { attempt, initiator: false }));
    } catch (error) {
      if (!(error instanceof Late) && !(error instanceof LinkClosed)) throw error;
      connection.close("lost");
      if (attempt === this.#attempt) this.#ports.say({ t: "failed", attempt, reason: reasonOf(error) });
    }
  }

  #open(servers: readonly IceServer[], relayOnly: boolean): PeerConnection {
    this.#connection?.close("lost");
    const connection = this.#ports.peerConnections.open(servers, { relayOnly });
    void connection.gathered.then(() => this.#ports.log(connection.counts));
    this.#connection = connection;
    this.#hasLink = false;
    return connection;
  }

  #trickle(connection: PeerConnection, attempt: number): void {
    connection.trickle(({ candidate, mid, line }) => {
      if (attempt !== this.#attempt || this.#isOver !== null) return;
      this.#ports.say({ t: "candidate", attempt, candidate, ...(mid === null ? {} : { mid }), ...(line === null ? {} : { line }) });
    });
  }

  async #made(connection: PeerConnection, link: Link, { attempt, initiator }: Made): Promise<AwayLink> {
    const tellPeer = (road: RoadUsed): void => {
      if (initiator && attempt === this.#attempt && this.#isOver === null) this.#ports.say({ t: "road", attempt, road });
    };
    this.#hasLink = true;
    connection.onEnded = (reason) => this.onLost(reason);
    const made = new OpenLink(connection, link, { peer: this.#peer, initiator }, this.#ports.clock, tellPeer);
    await made.looked(); // before anybody asks how much may go there
    return made;
  }

  #mustGoOn(attempt: number): void {
    if (this.#isOver !== null) throw new Unreached(this.#isOver);
    if (attempt !== this.#attempt) throw new Unreached("no_way");
  }
}

/** An open connection; it looks at its road now and then. */
class OpenLink implements AwayLink {
  readonly link: Link;
  readonly peer: AwayLink["peer"];
  readonly initiator: boolean;
  readonly #connection: PeerConnection;
  readonly #clock: Clock;
  readonly #tellPeer: (road: RoadUsed) => void;
  #road: RoadUsed | null = null;
  #looks = 0;
  readonly #first: Promise<void>;

  onRoad: (road: RoadUsed) => void = () => undefined;

  constructor(
    connection: PeerConnection,
    link: Link,
    known: Pick<AwayLink, "peer" | "initiator">,
    clock: Clock,
    tellPeer: (road: RoadUsed) => void,
  ) {
    this.#connection = connection;
    this.link = link;
    this.peer = known.peer;
    this.initiator = known.initiator;
    this.#clock = clock;
    this.#tellPeer = tellPeer;
    this.#first = this.#look();
  }

  /** Resolves when the statistics were asked once, or take too long. */
  async looked(): Promise<void> {
    await within(this.#clock, FIRST_LOOK_S_MAX, this.#first).catch(() => undefined);
  }

  road(): RoadUsed | null {
    return this.#road;
  }

  close(): void {
    this.link.close();
  }

  async #look(): Promise<void> {
    const road = await this.#connection.road();
    if (road !== null && road !== this.#road) {
      this.#road = road;
      this.#tellPeer(road);
      this.onRoad(road);
    }
    if (this.#connection.isOver) return;
    this.#looks += 1;
    this.#clock.after(ROAD_LOOK_S[this.#looks] ?? ROAD_LOOK_EVERY_S, () => void this.#look());
  }
}

export function isRelay(server: IceServer): boolean {
  return server.urls.some((url) => /^turns?:/i.test(url));
}

function placed(message: MeetingMessage & { readonly t: "candidate" }): IceCandidate {
  return { candidate: message.candidate, mid: message.mid ?? null, line: message.line ?? null };
}

function reasonOf(error: Late | LinkClosed): FailReason {
  const reason = error instanceof LinkClosed ? error.reason : "lost";
  return FAIL_REASONS.find((known) => known === reason) ?? "ice";
}
