// One room at the edge: a conversation with each who is there, and what the edge itself has to give.
import { deriveKeys } from "../seal/index.ts";
import type { SignalClient, SignalEvent } from "../signaling/client.ts";
import { fromBase64url, toBase64url } from "../base64url.ts";
import { Meeting, type MeetingEvent } from "../signaling/meeting.ts";
import type { IceServer } from "./away-link.ts";
import type { Clock } from "./clock.ts";
import { Conversation } from "./conversation.ts";

/** Conversations of a room: an honest edge lets eight peers in, and some have just left. */
export const TALKS_MAX = 16;

/** How long a connection waits for the edge's own TURN. */
const TURN_S_MAX = 2;

/** The edge answers once a minute and room; what it gave last is good for ten. */
const TURN_AGAIN_S = 60;

export interface RoomPorts {
  readonly client: SignalClient;
  readonly clock: Clock;
  /** The edge said that it hands out TURN. */
  readonly hasTurn: () => boolean;
  /** Who tells a public address, as this edge says. */
  readonly stun: () => readonly IceServer[];
}

export interface RoomOwner {
  /** Who is here now besides oneself. */
  present(peers: number): void;
  /** Of a meeting with one of them. */
  heard(peer: string, talk: Conversation, event: MeetingEvent): void;
  /** This one is gone, or cannot be reached under that id any more. */
  gone(peer: string): void;
  /** The edge lets nobody in here. */
  refused(): void;
}

/** TURN of an edge, by room: it outlives a leave and a join. */
export type TurnKept = Map<string, { readonly servers: readonly IceServer[]; readonly at: number }>;

export function roomId(secret: Uint8Array): string {
  return toBase64url(deriveKeys(secret).rendezvous);
}

export class Room {
  readonly id: string;
  readonly #secret: Uint8Array;
  readonly #ports: RoomPorts;
  readonly #kept: TurnKept;
  readonly #owner: RoomOwner;
  readonly #talks = new Map<string, Conversation>();
  #you: string | null = null;
  #onTurn: ((servers: readonly IceServer[]) => void)[] = [];

  /** Joins. */
  constructor(secret: Uint8Array, ports: RoomPorts, kept: TurnKept, owner: RoomOwner) {
    this.id = roomId(secret);
    this.#secret = secret;
    this.#ports = ports;
    this.#kept = kept;
    this.#owner = owner;
    ports.client.join(this.id);
  }

  get talks(): Iterable<Conversation> {
    return this.#talks.values();
  }

  hear(event: SignalEvent): void {
    switch (event.t) {
      case "joined":
        for (const { room, you, peers } of event.present) if (room === this.id) this.#joined(you, peers);
        return;
      case "left":
        return this.#left(event.peer);
      case "relayed": {
        const blob = fromBase64url(event.blob);
        if (blob !== null) this.#talks.get(event.peer)?.receive(blob);
        return;
      }
      case "servers":
        this.#kept.set(this.id, { servers: event.servers, at: this.#ports.clock.now() });
        return this.#turned(event.servers);
      case "refuse":
        return event.reason === "turn" ? this.#turned([]) : this.#owner.refused();
      case "connected":
      case "disconnected":
        return;
    }
  }

  /** Where nobody at home says whom to ask. */
  get stun(): readonly IceServer[] {
    return this.#ports.stun();
  }

  /** The edge's own TURN servers towards this peer; none when it has none, or does not say so in time. */
  async turn(peer: string): Promise<readonly IceServer[]> {
    const { client, clock, hasTurn } = this.#ports;
    if (!hasTurn()) return [];
    const kept = this.#kept.get(this.id);
    if (kept !== undefined && clock.now() - kept.at < TURN_AGAIN_S) return kept.servers;
    return new Promise((resolve) => {
      const takeBack = clock.after(TURN_S_MAX, () => resolve([]));
      this.#onTurn.push((servers) => {
        takeBack();
        resolve(servers);
      });
      if (this.#onTurn.length === 1) client.askTurn(this.id, peer);
    });
  }

  leave(): void {
    for (const talk of this.#talks.values()) talk.close();
    this.#talks.clear();
    this.#ports.client.leave(this.id);
    this.#turned([]);
  }

  #joined(you: string, peers: readonly string[]): void {
    // A new id of our own, after a cut: to the others we are somebody new, and so must they be to us.
    if (this.#you !== null && this.#you !== you) for (const peer of [...this.#talks.keys()]) this.#left(peer);
    this.#you = you;
    for (const peer of peers) if (!this.#talks.has(peer)) this.#meet(peer);
    this.#owner.present(peers.length);
  }

  #left(peer: string): void {
    const talk = this.#talks.get(peer);
    if (talk === undefined) return;
    this.#talks.delete(peer);
    talk.close();
    this.#owner.gone(peer);
  }

  #meet(peer: string): void {
    const { client, clock } = this.#ports;
    for (const [known, { meeting }] of this.#talks) if (meeting.state === "over") this.#talks.delete(known);
    if (this.#talks.size >= TALKS_MAX) return;
    const talk: Conversation = new Conversation(new Meeting(this.#secret, "page", clock.now() * 1000), {
      clock,
      send: (blob) => client.relay(this.id, peer, toBase64url(blob)),
      hear: (event) => this.#owner.heard(peer, talk, event),
    });
    this.#talks.set(peer, talk);
  }

  #turned(servers: readonly IceServer[]): void {
    for (const tell of this.#onTurn.splice(0)) tell(servers);
  }
}
