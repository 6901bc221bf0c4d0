// Pages and a home that meet at an edge double and connect over a fake network: everything but the browser is real.
import { RtcHost } from "../../src/links/rtc-host.ts";
import { type CandidateCounts, type PeerConnection, PeerConnections } from "../../src/links/rtc-remote.ts";
import type { AwayPorts } from "../../src/session/away-link.ts";
import { Conversation } from "../../src/session/conversation.ts";
import { roomId } from "../../src/session/room.ts";
import { SignalClient } from "../../src/signaling/client.ts";
import { fromBase64url, toBase64url } from "../../src/base64url.ts";
import { Meeting } from "../../src/signaling/meeting.ts";
import type { IceServer, MeetingMessage } from "../../src/signaling/messages.ts";
import type { Link } from "../../src/links/port.ts";
import type { EdgeDouble } from "./edge-double.ts";
import type { FakeNetwork } from "./fake-rtc.ts";
import { ManualClock } from "./manual-clock.ts";

/** Where everybody of one test lives. */
export class World {
  readonly clock = new ManualClock();
  readonly network: FakeNetwork;
  readonly edge: EdgeDouble;
  readonly counts: CandidateCounts[] = [];
  readonly #closes: (() => void)[] = [];

  constructor(network: FakeNetwork, edge: EdgeDouble) {
    this.network = network;
    this.edge = edge;
  }

  /** What one page, or one home, has of the world. */
  ports(): AwayPorts & { readonly peerConnections: PeerConnections } {
    const { port1, port2 } = new MessageChannel();
    const host = new RtcHost(port1, this.network.make);
    this.#closes.push(() => {
      host.close();
      port2.close();
    });
    return {
      openSocket: this.edge.open,
      peerConnections: new PeerConnections(port2, this.clock),
      clock: this.clock,
      random: () => 0.5,
      randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
      log: (counts) => this.counts.push(counts),
    };
  }

  /** Lets time pass until it is so; gives the seconds that took. */
  async until(holds: () => boolean, withinS = 60): Promise<number> {
    const start = this.clock.now();
    while (!holds()) {
      if (this.clock.now() - start > withinS) throw new Error(`it never came true in ${withinS} s`);
      await this.clock.advance(0.1);
    }
    return this.clock.now() - start;
  }

  /** What a promise comes to, with time passing meanwhile. */
  async outcome<T>(promise: Promise<T>, withinS = 60): Promise<{ value?: T; error?: Error; tookS: number }> {
    let outcome: { value?: T; error?: Error } | null = null;
    promise.then(
      (value) => (outcome = { value }),
      (error: Error) => (outcome = { error }),
    );
    const tookS = await this.until(() => outcome !== null, withinS);
    return { ...(outcome as unknown as { value?: T; error?: Error }), tookS };
  }

  close(): void {
    for (const close of this.#closes) close();
  }
}

/** A daemon in its room, as `qrshared/remote` behaves. */
export class HomeDouble {
  readonly heard: MeetingMessage[] = [];
  readonly links: Link[] = [];
  servers: readonly IceServer[] = [];
  /** What it says to a call instead of helping. */
  refuses: "busy" | null = null;
  isMute = false;
  readonly client: SignalClient;
  readonly #talks = new Map<string, Conversation>();
  readonly #ports: ReturnType<World["ports"]>;
  readonly #secret: Uint8Array;
  readonly #room: string;
  readonly #connections = new Map<string, PeerConnection>(); // by peer

  constructor(world: World, secret: Uint8Array) {
    this.#ports = world.ports();
    this.#secret = secret;
    this.#room = roomId(secret);
    this.client = new SignalClient("wss://edge.example", this.#ports, (event) => {
      if (event.t === "relayed" && event.room === this.#room) this.#take(event.peer, event.blob);
      if (event.t === "left") this.#talks.delete(event.peer);
      if (event.t === "disconnected") this.#talks.clear(); // it will be somebody new to the others, and they to it
    });
    this.client.join(this.#room);
  }

  #take(peer: string, text: string): void {
    const blob = fromBase64url(text);
    if (blob === null || this.isMute) return;
    let talk = this.#talks.get(peer);
    if (talk === undefined) {
      talk = new Conversation(new Meeting(this.#secret, "home", this.#ports.clock.now() * 1000), {
        clock: this.#ports.clock,
        send: (said) => this.client.relay(this.#room, peer, toBase64url(said)),
        hear: (event) => event.t === "heard" && void this.#answer(peer, event.message),
      });
      this.#talks.set(peer, talk);
    }
    talk.receive(blob);
  }

  async #answer(peer: string, message: MeetingMessage): Promise<void> {
    this.heard.push(message);
    const talk = this.#talks.get(peer);
    if (message.t === "call") {
      talk?.say({ t: "servers", attempt: message.attempt, servers: this.servers });
    } else if (message.t === "failed") this.#connections.get(peer)?.close("lost");
    else if (message.t === "offer" && this.refuses !== null) talk?.say({ t: "failed", attempt: message.attempt, reason: this.refuses });
    else if (message.t === "offer") {
      this.#connections.get(peer)?.close("lost");
      const connection = this.#ports.peerConnections.open(this.servers);
      this.#connections.set(peer, connection);
      talk?.say({ t: "answer", attempt: message.attempt, sdp: await connection.answer(message.sdp) });
      this.links.push(await connection.opened().catch(() => new Promise<never>(() => undefined)));
    }
  }
}
