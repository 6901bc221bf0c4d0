// An edge in one process, as `qrshared/signaling/WIRE.md` describes it, with the things that go wrong as switches.
import type { SignalSocket } from "../../src/signaling/client.ts";
import type { FromEdge, ToEdge } from "../../src/signaling/edge-wire.ts";

type Said = Readonly<Record<string, unknown>> & { readonly t: FromEdge["t"] };

export class EdgeDouble {
  readonly sockets: SocketDouble[] = [];
  readonly urls: string[] = [];
  readonly #members = new Map<string, Map<string, SocketDouble>>(); // room → peer → socket
  #peers = 0;
  /** What a new socket hears first; null: nothing. */
  greeting: object | null = { t: "welcome", version: 1 };
  isReachable = true;
  /** Changes an envelope on its way; null drops it. */
  carry = (blob: string, _from: SocketDouble): string | null => blob;
  /** What it answers to `turn`. */
  turn: readonly object[] | null = null;
  turnsAsked = 0;

  readonly open = (url: string): SignalSocket => {
    this.urls.push(url);
    const socket = new SocketDouble((message) => this.#take(socket, message), () => this.#gone(socket));
    this.sockets.push(socket);
    setImmediate(() => {
      if (!this.isReachable) return socket.cut();
      socket.readyState = 1;
      if (this.greeting !== null) socket.hear(this.greeting);
    });
    return socket as unknown as SignalSocket;
  };

  /** The sockets that are open now. */
  get live(): SocketDouble[] {
    return this.sockets.filter((socket) => socket.readyState === 1);
  }

  members(room: string): number {
    return this.#members.get(room)?.size ?? 0;
  }

  #take(socket: SocketDouble, said: ToEdge): void {
    socket.said.push(said);
    switch (said.t) {
      case "join":
        for (const room of said.rooms) this.#join(socket, room);
        return;
      case "leave":
        for (const room of said.rooms) this.#leave(socket, room);
        return;
      case "relay": {
        const from = [...(this.#members.get(said.room) ?? [])].find(([, member]) => member === socket)?.[0];
        const blob = this.carry(said.blob, socket);
        if (from !== undefined && blob !== null) {
          this.#members.get(said.room)?.get(said.to)?.hear({ t: "relayed", room: said.room, peer: from, seq: said.seq, blob });
        }
        return;
      }
      case "turn":
        this.turnsAsked += 1;
        socket.hear(this.turn === null ? { t: "refuse", reason: "turn", room: said.room } : { t: "servers", room: said.room, servers: this.turn, until_ms: 0 });
        return;
      case "ping":
        return socket.hear({ t: "pong" });
      case "pong":
        return;
    }
  }

  #join(socket: SocketDouble, room: string): void {
    const members = this.#members.get(room) ?? new Map<string, SocketDouble>();
    this.#members.set(room, members);
    members.set(`peer${String((this.#peers += 1)).padStart(4, "0")}`, socket);
    for (const [you, member] of members) {
      member.hear({ t: "joined", present: [{ room, you, peers: [...members.keys()].filter((peer) => peer !== you) }] });
    }
  }

  #leave(socket: SocketDouble, room: string): void {
    const members = this.#members.get(room);
    for (const [peer, member] of [...(members ?? [])]) {
      if (member !== socket) continue;
      members?.delete(peer);
      for (const other of members?.values() ?? []) other.hear({ t: "left", room, peer });
    }
  }

  #gone(socket: SocketDouble): void {
    for (const room of this.#members.keys()) this.#leave(socket, room);
  }
}

/** The page's end of a socket. */
export class SocketDouble {
  readyState = 0;
  readonly said: ToEdge[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: object) => void) | null = null;
  onerror: (() => void) | null = null;
  /** The edge neither hears nor says anything any more: a phone that slept. */
  isDead = false;
  readonly #take: (said: ToEdge) => void;
  readonly #gone: () => void;

  constructor(take: (said: ToEdge) => void, gone: () => void) {
    this.#take = take;
    this.#gone = gone;
  }

  send(text: string): void {
    if (this.isDead) return;
    const said = JSON.parse(text) as ToEdge;
    setImmediate(() => this.readyState === 1 && this.#take(said));
  }

  close(): void {
    this.readyState = 3;
    this.#gone();
  }

  hear(said: Said | object): void {
    this.hearText(JSON.stringify(said));
  }

  hearText(data: unknown): void {
    setImmediate(() => !this.isDead && this.onmessage?.({ data }));
  }

  /** The connection breaks. */
  cut(): void {
    this.readyState = 3;
    this.#gone();
    this.onclose?.({});
  }
}
