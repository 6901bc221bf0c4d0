// The main thread's side of a worker's peer connections: it holds what browsers have here only, and moves bytes without copying.
import { MalformedFrame, splitFrame } from "./framing.ts";
import { BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX } from "./port.ts";
import {
  CHANNEL_LABEL,
  type IceCandidate,
  type IceServer,
  type Port,
  RECEIVING_BYTES_MAX,
  type RoadUsed,
  type RtcOrder,
  type RtcReport,
} from "./rtc-bridge.ts";

/** Connections of one worker at a time, those that are closing among them. */
export const CONNECTIONS_MAX = 8;

/** What the browser may hold unsent: Chromium throws at 16 MiB, and what waits here can still be closed at once. */
export const BUFFERED_BYTES_MAX = 1 << 20;
const BUFFERED_BYTES_LOW = 256 << 10;

/** A data channel cannot be told to stop: a peer that sends more than this unread is cut. */
export const UNREAD_BYTES_MAX = 64 << 20;

/** How long a close waits for what was sent before it. */
const CLOSE_WAIT_MS = 5_000;

const REASON_CHARACTERS_MAX = 123;

export type MakeConnection = (configuration: RTCConfiguration) => RTCPeerConnection;

/** Holds the connections of one worker. Whoever ends the worker closes this too: a port does not say that its other end is gone. */
export class RtcHost {
  readonly #port: Port;
  readonly #make: MakeConnection;
  readonly #live = new Map<number, Hosted>();

  constructor(port: Port, make: MakeConnection = (configuration) => new RTCPeerConnection(configuration)) {
    this.#port = port;
    this.#make = make;
    port.onmessage = (event: MessageEvent<RtcOrder>) => this.#take(event.data);
  }

  /** Ends everything at once. */
  close(): void {
    for (const hosted of this.#live.values()) hosted.drop("going_away");
    this.#port.close();
  }

  /**
   * The page is going, perhaps to come back: says so to everybody while there is still time for a word. Without it they
   * would wait through a silence. A worker that lives on hears that its connections are over.
   */
  leave(): void {
    for (const hosted of [...this.#live.values()]) hosted.leave();
  }

  #take(order: RtcOrder): void {
    if (order.t === "open") return this.#open(order);
    const hosted = this.#live.get(order.id);
    if (hosted !== undefined) hosted.take(order);
    else if (order.t === "close") this.#report({ t: "ended", id: order.id, reason: order.reason });
  }

  #open(order: RtcOrder & { readonly t: "open" }): void {
    const { id } = order;
    if (this.#live.size >= CONNECTIONS_MAX) return this.#report({ t: "ended", id, reason: "busy" });
    let connection: RTCPeerConnection;
    try {
      connection = this.#make(configurationOf(order.servers, order.relayOnly));
    } catch {
      return this.#report({ t: "ended", id, reason: "servers" }); // an address that this browser does not take
    }
    const report = (said: RtcReport, transfer?: Transferable[]): void => {
      if (said.t === "ended") this.#live.delete(id);
      this.#report(said, transfer);
    };
    this.#live.set(id, new Hosted(id, connection, report, order.offers));
  }

  #report(report: RtcReport, transfer: Transferable[] = []): void {
    this.#port.postMessage(report, transfer);
  }
}

function configurationOf(servers: readonly IceServer[], relayOnly: boolean): RTCConfiguration {
  const iceServers = servers.map((server): RTCIceServer => ({ ...server, urls: [...server.urls] }));
  return { iceServers, iceTransportPolicy: relayOnly ? "relay" : "all" };
}

type Report = (report: RtcReport, transfer?: Transferable[]) => void;

/** One connection and its channel. */
class Hosted {
  readonly #id: number;
  readonly #connection: RTCPeerConnection;
  readonly #report: Report;
  #turn: Promise<void> = Promise.resolve(); // descriptions and candidates one after the other
  #channel: RTCDataChannel | null = null;
  #hasOpened = false;
  #sending: Uint8Array<ArrayBuffer>[] = [];
  #unread: ArrayBuffer[] = [];
  #unreadBytes = 0;
  #givenBytes = 0; // the worker has them and has not read them
  #said: string | null = null; // the peer's last word
  #closing: string | null = null;
  #isOver = false;
  #giveUp: ReturnType<typeof setTimeout> | undefined;

  constructor(id: number, connection: RTCPeerConnection, report: Report, offers: boolean) {
    this.#id = id;
    this.#connection = connection;
    this.#report = report;
    connection.onicecandidate = ({ candidate }) => report({ t: "candidate", id, candidate: told(candidate) });
    connection.onconnectionstatechange = () => report({ t: "state", id, state: connection.connectionState });
    connection.ondatachannel = ({ channel }) => (this.#channel === null && isOurs(channel) ? this.#use(channel) : channel.close());
    if (!offers) return;
    this.#use(connection.createDataChannel(CHANNEL_LABEL, { ordered: true }));
    this.#inTurn(async () => connection.setLocalDescription(await connection.createOffer()));
  }

  take(order: Exclude<RtcOrder, { t: "open" }>): void {
    const id = this.#id;
    switch (order.t) {
      case "remote":
        return this.#inTurn(() => this.#describePeer(order.kind, order.sdp));
      case "describe":
        return this.#inTurn(async () => this.#report({ t: "described", id, sdp: this.#connection.localDescription?.sdp ?? "" }));
      case "candidate":
        return this.#inTurn(() => this.#addCandidate(order.candidate));
      case "road":
        void roadOf(this.#connection).then((road) => this.#report({ t: "road", id, road }));
        return;
      case "send":
        return this.#send(order.frame);
      case "read":
        this.#givenBytes -= order.bytes;
        return this.#give();
      case "close":
        return this.#close(order.reason);
    }
  }

  /** Ends it at once, whatever waits. */
  drop(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#giveUp);
    this.#sending = [];
    this.#connection.close();
    if (this.#closing === null) while (this.#unread.length > 0) this.#giveBatch(); // what came before the end is still read
    this.#report({ t: "ended", id: this.#id, reason });
  }

  /** The same, with a word for the peer. */
  leave(): void {
    try {
      if (!this.#isOver && this.#closing === null && this.#channel?.readyState === "open") this.#channel.send("going_away");
    } catch {
      // What waits unsent is too much for the browser: the end without the word is told as well.
    }
    this.drop("going_away");
  }

  #inTurn(work: () => Promise<void>): void {
    // A description that the browser refuses is the end; a link has no use for half a negotiation.
    this.#turn = this.#turn.then(() => (this.#isOver ? undefined : work())).catch(() => this.drop("offer"));
  }

  async #describePeer(kind: "offer" | "answer", sdp: string): Promise<void> {
    await this.#connection.setRemoteDescription({ type: kind, sdp });
    if (kind === "offer") await this.#connection.setLocalDescription(await this.#connection.createAnswer());
  }

  async #addCandidate({ candidate, mid, line }: IceCandidate): Promise<void> {
    // An empty one needs a line or a mid in every browser; only the first has one here.
    const place = mid === null && line === null ? { sdpMLineIndex: 0 } : { sdpMid: mid, sdpMLineIndex: line };
    await this.#connection.addIceCandidate({ candidate, ...place }).catch(() => undefined);
  }

  #use(channel: RTCDataChannel): void {
    this.#channel = channel;
    channel.binaryType = "arraybuffer"; // Firefox begins with "blob"
    channel.bufferedAmountLowThreshold = BUFFERED_BYTES_LOW;
    channel.onbufferedamountlow = () => this.#pump();
    channel.onmessage = ({ data }) => this.#arrived(data);
    channel.onclose = () => this.drop(this.#closing ?? this.#said ?? "lost");
    channel.onopen = () => this.#opened();
    if (channel.readyState === "open") this.#opened();
  }

  #opened(): void {
    if (this.#hasOpened || this.#isOver) return;
    this.#hasOpened = true;
    // 0 stands for no limit, null for a browser that does not say.
    const most = this.#connection.sctp?.maxMessageSize ?? 0;
    if (most !== 0 && most < MESSAGE_BYTES_MAX) return this.drop("too_big");
    this.#report({ t: "opened", id: this.#id });
  }

  #send(frame: ArrayBuffer): void {
    if (this.#isOver || this.#closing !== null || this.#said !== null) return;
    try {
      this.#sending.push(...(splitFrame(new Uint8Array(frame)) as Uint8Array<ArrayBuffer>[]));
    } catch (fault) {
      if (!(fault instanceof MalformedFrame)) throw fault;
      return this.drop("malformed");
    }
    this.#pump();
  }

  /** Hands over what the browser takes. */
  #pump(): void {
    const channel = this.#channel;
    if (this.#isOver || channel === null || channel.readyState !== "open") return;
    let bytes = 0;
    try {
      while (channel.bufferedAmount < BUFFERED_BYTES_MAX) {
        const message = this.#sending.shift();
        if (message === undefined) break;
        channel.send(message);
        bytes += FRAMED_LENGTH_BYTES + message.length;
      }
    } catch {
      return this.drop("lost"); // it closed under our hands
    }
    if (bytes > 0) this.#report({ t: "sent", id: this.#id, bytes });
    if (this.#closing !== null) this.#finish(channel);
  }

  #arrived(message: unknown): void {
    if (this.#isOver || this.#closing !== null || this.#said !== null) return;
    this.#opened();
    if (typeof message === "string") return this.#goodbye(printable(message));
    if (!(message instanceof ArrayBuffer) || message.byteLength === 0) return this.#close("malformed");
    if (message.byteLength > MESSAGE_BYTES_MAX) return this.#close("too_big");
    this.#unread.push(message);
    this.#unreadBytes += message.byteLength;
    if (this.#unreadBytes > UNREAD_BYTES_MAX) return this.#close("slow");
    this.#give();
  }

  /** The peer's last word: it closes, and reads nothing more. */
  #goodbye(reason: string): void {
    if (this.#said !== null) return;
    this.#said = reason || "done";
    this.#sending = [];
    const said = this.#said;
    this.#giveUp = setTimeout(() => this.drop(said), CLOSE_WAIT_MS);
    this.#channel?.close();
  }

  /** Gives the worker what it may have. */
  #give(): void {
    while (this.#unread.length > 0 && this.#givenBytes < RECEIVING_BYTES_MAX) this.#giveBatch();
  }

  #giveBatch(): void {
    const messages = this.#unread.splice(0, BATCH_MESSAGES_MAX);
    const bytes = messages.reduce((sum, message) => sum + message.byteLength, 0);
    this.#unreadBytes -= bytes;
    this.#givenBytes += bytes;
    this.#report({ t: "arrived", id: this.#id, messages }, messages);
  }

  #close(reason: string): void {
    if (this.#isOver || this.#closing !== null) return;
    this.#closing = reason;
    this.#unread = [];
    if (this.#channel?.readyState !== "open") return this.drop(reason);
    clearTimeout(this.#giveUp);
    this.#giveUp = setTimeout(() => this.drop(reason), CLOSE_WAIT_MS);
    this.#pump();
  }

  /** A text is the last word: why the link ends. */
  #finish(channel: RTCDataChannel): void {
    if (this.#sending.length > 0 || channel.readyState !== "open") return;
    channel.send(printable(this.#closing ?? ""));
    channel.close();
  }
}

/** What framing adds to each message. */
const FRAMED_LENGTH_BYTES = 2;

function isOurs(channel: RTCDataChannel): boolean {
  return channel.label === CHANNEL_LABEL && channel.ordered && channel.maxRetransmits === null && channel.maxPacketLifeTime === null;
}

function told(candidate: RTCIceCandidate | null): IceCandidate {
  return { candidate: candidate?.candidate ?? "", mid: candidate?.sdpMid ?? null, line: candidate?.sdpMLineIndex ?? null };
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "").slice(0, REASON_CHARACTERS_MAX);
}

/** Which pair the browser uses; the browsers spell it in three ways. */
async function roadOf(connection: RTCPeerConnection): Promise<RoadUsed | null> {
  const stats = new Map<string, Record<string, unknown>>();
  try {
    (await connection.getStats()).forEach((entry: Record<string, unknown>, id: string) => stats.set(id, entry));
  } catch {
    return null;
  }
  const all = [...stats.values()];
  const named = all.find((entry) => entry["type"] === "transport")?.["selectedCandidatePairId"];
  const pairs = all.filter((entry) => entry["type"] === "candidate-pair");
  const pair =
    stats.get(String(named)) ??
    pairs.find((entry) => entry["selected"] === true) ?? // Firefox
    pairs.find((entry) => entry["nominated"] === true && entry["state"] === "succeeded");
  if (pair === undefined) return null;
  const ends = [pair["localCandidateId"], pair["remoteCandidateId"]].map((id) => stats.get(String(id))?.["candidateType"]);
  return ends.includes("relay") ? "relay" : "direct";
}
