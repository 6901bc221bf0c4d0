// The line a page keeps to its edge: one socket for all its rooms, which comes back after every cut at a random moment.
import type { Clock } from "../session/clock.ts";
import { EDGE_VERSION, type FromEdge, NotFromAnEdge, ROOMS_MAX, type ToEdge, readFromEdge } from "./edge-wire.ts";

const RETRY_FIRST_S = 1;
const RETRY_FACTOR = 1.6;
const RETRY_LAST_S = 60;

/** A connection that lasted so long was a good one: the waits begin anew. */
const STEADY_S = 20;

/** From the first packet to the edge's first word. */
const CONNECT_S = 15;

/** The edge asks every 22 s; when nothing came for so long we ask, and after twice that it is gone. */
const ASK_AFTER_S = 30;

/** After `wake` the edge must show life by then: a phone that slept often holds a dead socket. */
const WAKE_PROOF_S = 4;

/** What is used of a WebSocket. */
export type SignalSocket = Pick<WebSocket, "readyState" | "send" | "close" | "onopen" | "onmessage" | "onclose" | "onerror">;

/** Why waiting will hardly help. */
export type EdgeFault = "not_an_edge" | "other_version";

/** Everything that the line tells its owner. */
export type SignalEvent =
  | { readonly t: "connected"; readonly turn: boolean; readonly stun: readonly string[] | null } // `turn`: this edge hands out TURN
  | { readonly t: "disconnected"; readonly retryInS: number; readonly fault: EdgeFault | null }
  | Exclude<FromEdge, { t: "welcome" | "moved" | "ping" | "pong" }>;

export interface SignalPorts {
  readonly openSocket: (url: string) => SignalSocket;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

const OPEN = 1;

/** Where an edge listens: `http` and `ws` forms mean the same, and so do `https` and `wss`. */
export function signalUrl(edge: string): string {
  const url = new URL(edge);
  url.protocol = url.protocol === "https:" || url.protocol === "wss:" ? "wss:" : "ws:";
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith("/signal") ? path : `${path}/signal`;
  url.search = "";
  url.hash = "";
  return url.href;
}

export class SignalClient {
  readonly #url: string;
  readonly #ports: SignalPorts;
  readonly #hear: (event: SignalEvent) => void;
  readonly #rooms = new Set<string>();
  #socket: SignalSocket | null = null;
  #isWelcome = false;
  #hasMoved = false;
  #isIdle = false; // nobody needs the edge
  #isClosed = false;
  #attempt = 0;
  #since = 0; // of this socket
  #seq = 0;
  #takeBack = (): void => undefined; // whatever waits: a retry, or silence

  /** Connects at once. `hear` is never called from within a call to this object's verbs. */
  constructor(edge: string, ports: SignalPorts, hear: (event: SignalEvent) => void) {
    this.#url = signalUrl(edge);
    this.#ports = ports;
    this.#hear = hear;
    this.#connect();
  }

  get isConnected(): boolean {
    return this.#isWelcome;
  }

  /** Be in these rooms, now and after every cut. */
  join(...rooms: readonly string[]): void {
    for (const room of rooms) this.#rooms.add(room);
    this.#say({ t: "join", rooms });
    if (this.#isIdle) this.wake();
  }

  leave(...rooms: readonly string[]): void {
    for (const room of rooms) this.#rooms.delete(room);
    this.#say({ t: "leave", rooms });
  }

  /** Hands an envelope over; nobody promises that it arrives. */
  relay(room: string, to: string, blob: string): void {
    this.#seq += 1;
    this.#say({ t: "relay", room, to, seq: this.#seq, blob });
  }

  /** Asks for TURN servers towards a peer with whom envelopes went both ways; answered by `servers` or `refuse`. */
  askTurn(room: string, to: string): void {
    this.#say({ t: "turn", room, to });
  }

  /** The page is visible or online again: try now, or see soon whether the edge is still there. */
  wake(): void {
    if (this.#isClosed) return;
    if (this.#socket === null) {
      if (this.#rooms.size === 0) return;
      this.#isIdle = false;
      this.#takeBack();
      this.#attempt = 0;
      this.#connect();
    } else if (this.#isWelcome) {
      this.#say({ t: "ping" });
      this.#expect(WAKE_PROOF_S, () => this.#lost(null));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#takeBack();
    this.#drop();
  }

  #connect(): void {
    let socket: SignalSocket;
    try {
      socket = this.#ports.openSocket(this.#url);
    } catch {
      return this.#expect(0, () => this.#wait(null)); // the content policy of this page, or a port that browsers refuse
    }
    this.#socket = socket;
    this.#since = this.#ports.clock.now();
    socket.onmessage = ({ data }) => this.#heard(data);
    socket.onclose = () => this.#lost(null);
    socket.onerror = () => undefined; // its close follows
    this.#expect(CONNECT_S, () => this.#lost(null));
  }

  #heard(data: unknown): void {
    let said: FromEdge | null;
    try {
      said = readFromEdge(data);
    } catch (error) {
      if (!(error instanceof NotFromAnEdge)) throw error;
      return this.#lost("not_an_edge");
    }
    if (!this.#isWelcome) return this.#welcome(said);
    this.#listen();
    if (said === null) return; // a newer edge's word
    switch (said.t) {
      case "welcome":
      case "pong":
        return;
      case "ping":
        return this.#say({ t: "pong" });
      case "moved":
        this.#hasMoved = true; // it closes the socket soon; what peers opened between themselves is not touched
        return;
      default:
        return this.#hear(said);
    }
  }

  #welcome(said: FromEdge | null): void {
    if (said?.t !== "welcome") return this.#lost("not_an_edge");
    if (said.version !== EDGE_VERSION) return this.#lost("other_version");
    this.#isWelcome = true;
    this.#listen();
    this.#hear({ t: "connected", turn: said.turn, stun: said.stun });
    const rooms = [...this.#rooms];
    for (let at = 0; at < rooms.length; at += ROOMS_MAX) this.#say({ t: "join", rooms: rooms.slice(at, at + ROOMS_MAX) });
  }

  /** A silent edge is asked once. */
  #listen(): void {
    this.#expect(ASK_AFTER_S, () => {
      this.#say({ t: "ping" });
      this.#expect(ASK_AFTER_S, () => this.#lost(null));
    });
  }

  #lost(fault: EdgeFault | null): void {
    if (this.#isClosed) return;
    // A replica that goes has spread its goodbyes itself.
    const wasGood = this.#isWelcome && (this.#hasMoved || this.#ports.clock.now() - this.#since >= STEADY_S);
    if (wasGood) this.#attempt = 0;
    this.#drop();
    this.#wait(fault);
  }

  #wait(fault: EdgeFault | null): void {
    const retryInS = this.#ports.random() * Math.min(RETRY_LAST_S, RETRY_FIRST_S * RETRY_FACTOR ** this.#attempt);
    this.#attempt += 1;
    // An edge drops whoever joins nothing: without a room there is no need to come back.
    this.#isIdle = this.#rooms.size === 0;
    this.#expect(retryInS, () => this.#isIdle || this.#connect());
    this.#hear({ t: "disconnected", retryInS, fault });
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isWelcome = false;
    this.#hasMoved = false;
    if (socket === null) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #expect(seconds: number, run: () => void): void {
    this.#takeBack();
    this.#takeBack = this.#ports.clock.after(seconds, run);
  }

  #say(message: ToEdge): void {
    const socket = this.#socket;
    if (socket !== null && this.#isWelcome && socket.readyState === OPEN) socket.send(JSON.stringify(message));
  }
}
