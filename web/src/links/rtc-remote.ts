// Peer connections as a worker sees them: it drives them through a port, the main thread holds them.
import { DataChannelLink } from "./datachannel.ts";
import { LinkClosed } from "./port.ts";
import type { IceCandidate, IceServer, Port, RoadUsed, RtcOrder, RtcReport } from "./rtc-bridge.ts";

/** What is asked of a clock here; `session/clock.ts` has one. */
export interface Timer {
  /** Calls `run` once after so many seconds; the answer takes it back. */
  after(seconds: number, run: () => void): () => void;
}

/** A description goes out by then with the candidates it has; the others follow one by one. */
export const DESCRIBE_AFTER_S = 1;

/** A dead STUN server must not hold a connection back for longer. */
export const GATHER_S_MAX = 5;

/** An interrupted connection may come back by itself; one whose address is gone never does. */
export const INTERRUPTED_S_MAX = 5;

/** How many ways of its own a connection found, by ICE's names. */
export interface CandidateCounts {
  readonly host: number;
  readonly srflx: number;
  readonly relay: number;
}

/** "host 2, srflx 1, relay 1" */
export function countsText(counts: CandidateCounts): string {
  return `host ${counts.host}, srflx ${counts.srflx}, relay ${counts.relay}`;
}

/** Makes connections for one worker; all talk through one port. */
export class PeerConnections {
  readonly #port: Port;
  readonly #timer: Timer;
  readonly #live = new Map<number, PeerConnection>();
  #next = 0;

  constructor(port: Port, timer: Timer) {
    this.#port = port;
    this.#timer = timer;
    port.onmessage = (event: MessageEvent<RtcReport>) => {
      const report = event.data;
      this.#live.get(report.id)?.hear(report);
      if (report.t === "ended") this.#live.delete(report.id);
    };
  }

  /** A connection through these servers; `relayOnly` uses their TURN and nothing else. */
  open(servers: readonly IceServer[], options: { readonly relayOnly?: boolean } = {}): PeerConnection {
    const id = (this.#next += 1);
    const say = (order: RtcOrder, transfer: Transferable[] = []): void => this.#port.postMessage(order, transfer);
    const connection = new PeerConnection({ id, servers, relayOnly: options.relayOnly ?? false, timer: this.#timer, say });
    this.#live.set(id, connection);
    return connection;
  }

  /** The network changed: what is interrupted now will not come back. */
  networkChanged(): void {
    for (const connection of this.#live.values()) connection.networkChanged();
  }
}

interface Later<T> {
  readonly promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

/** `Promise.withResolvers`, which Safari has since 17.4 only. */
function later<T>(): Later<T> {
  const made: Partial<Later<T>> = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(made, { resolve, reject }));
  promise.catch(() => undefined); // nobody may be waiting when it fails; whoever asks then is told
  return Object.assign(made, { promise }) as Later<T>;
}

interface Holder {
  readonly id: number;
  readonly servers: readonly IceServer[];
  readonly relayOnly: boolean;
  readonly timer: Timer;
  readonly say: (order: RtcOrder, transfer?: Transferable[]) => void;
}

/** One WebRTC connection with its one data channel. */
export class PeerConnection {
  readonly #holder: Holder;
  readonly #link: DataChannelLink;
  readonly #counts = { host: 0, srflx: 0, relay: 0 };
  readonly #opened = later<DataChannelLink>();
  readonly #gathered = later<void>();
  readonly #described = later<string>();
  readonly #untold: IceCandidate[] = []; // not in the description
  #trickle: ((candidate: IceCandidate) => void) | null = null;
  #isDescribed = false;
  #hasGathered = false;
  #state: RTCPeerConnectionState = "new";
  #roads: ((road: RoadUsed | null) => void)[] = [];
  #stopWaiting = (): void => undefined; // for an interruption to pass

  /** Heard once, with the reason, when it is over by whichever side. */
  onEnded: (reason: string) => void = () => undefined;

  constructor(holder: Holder) {
    this.#holder = holder;
    const { id, say } = holder;
    const port = {
      send: (frame: ArrayBuffer) => say({ t: "send", id, frame }, [frame]),
      read: (bytes: number) => say({ t: "read", id, bytes }),
      close: (reason: string) => say({ t: "close", id, reason }),
    };
    this.#link = new DataChannelLink(port, (reason) => this.#over(reason));
  }

  /** An offer for the peer; throws `LinkClosed`. */
  offer(): Promise<string> {
    const { id, servers, relayOnly, say } = this.#holder;
    say({ t: "open", id, servers, relayOnly, offers: true });
    return this.#describe();
  }

  /** The answer to the peer's offer; throws `LinkClosed`, reason `offer` when the browser cannot use it. */
  answer(sdp: string): Promise<string> {
    const { id, servers, relayOnly, say } = this.#holder;
    say({ t: "open", id, servers, relayOnly, offers: false });
    say({ t: "remote", id, kind: "offer", sdp });
    return this.#describe();
  }

  /** Takes the peer's answer; a bad one ends the connection with reason `offer`. */
  accept(sdp: string): void {
    this.#holder.say({ t: "remote", id: this.#holder.id, kind: "answer", sdp });
  }

  /** Takes one of the peer's candidates; one that is no good is ignored. */
  addCandidate(candidate: IceCandidate): void {
    this.#holder.say({ t: "candidate", id: this.#holder.id, candidate });
  }

  /** Hears candidates that were not in the description, from now on; the last is empty. To be called once the description is out. */
  trickle(hear: (candidate: IceCandidate) => void): void {
    this.#trickle = hear;
    for (const candidate of this.#untold.splice(0)) hear(candidate);
  }

  /** Resolves when all own candidates are known, or after `GATHER_S_MAX`. */
  get gathered(): Promise<void> {
    return this.#gathered.promise;
  }

  get isOver(): boolean {
    return this.#link.ended !== null;
  }

  get counts(): CandidateCounts {
    return { ...this.#counts };
  }

  /** The link, once the channel is open; throws `LinkClosed`. The caller has the patience. */
  opened(): Promise<DataChannelLink> {
    return this.#opened.promise;
  }

  /** What the browser's statistics say; null when they do not. */
  road(): Promise<RoadUsed | null> {
    if (this.#link.ended !== null) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#roads.push(resolve);
      this.#holder.say({ t: "road", id: this.#holder.id });
    });
  }

  close(reason = ""): void {
    this.#link.close(reason);
  }

  /** See `PeerConnections`. */
  networkChanged(): void {
    if (this.#state === "disconnected") this.close("lost");
  }

  /** What the main thread reports of this connection. */
  hear(report: RtcReport): void {
    switch (report.t) {
      case "candidate":
        return this.#candidate(report.candidate);
      case "described":
        this.#isDescribed = true;
        return this.#described.resolve(report.sdp);
      case "state":
        return this.#changed(report.state);
      case "opened":
        return this.#opened.resolve(this.#link);
      case "sent":
        return this.#link.sent(report.bytes);
      case "arrived":
        return this.#link.arrived(report.messages);
      case "road":
        return this.#roads.shift()?.(report.road);
      case "ended":
        return this.#link.end(report.reason);
    }
  }

  async #describe(): Promise<string> {
    const { id, timer, say } = this.#holder;
    const takeBack = timer.after(GATHER_S_MAX, () => this.#candidate({ candidate: "", mid: null, line: null }));
    void this.#gathered.promise.then(takeBack);
    let hurry = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      hurry = timer.after(DESCRIBE_AFTER_S, resolve);
    });
    await Promise.race([this.#gathered.promise, late]);
    hurry();
    say({ t: "describe", id });
    return this.#described.promise;
  }

  #candidate(candidate: IceCandidate): void {
    if (this.#hasGathered) return;
    const kind = / typ (host|srflx|relay)\b/.exec(candidate.candidate)?.[1] as keyof CandidateCounts | undefined;
    if (kind !== undefined) this.#counts[kind] += 1;
    this.#hasGathered = candidate.candidate === "";
    if (this.#hasGathered) this.#gathered.resolve();
    // The end is said even when the description held everything: SDP has no word for it that all browsers write.
    if (!this.#isDescribed && !this.#hasGathered) return;
    if (this.#trickle !== null) this.#trickle(candidate);
    else this.#untold.push(candidate);
  }

  #changed(state: RTCPeerConnectionState): void {
    this.#state = state;
    this.#stopWaiting();
    if (state === "failed" || state === "closed") this.close("lost");
    else if (state === "disconnected") this.#stopWaiting = this.#holder.timer.after(INTERRUPTED_S_MAX, () => this.close("lost"));
  }

  #over(reason: string): void {
    this.#stopWaiting();
    this.#hasGathered = true;
    const closed = new LinkClosed(reason);
    this.#opened.reject(closed);
    this.#described.reject(closed);
    this.#gathered.resolve();
    for (const road of this.#roads.splice(0)) road(null);
    this.onEnded(reason);
  }
}
