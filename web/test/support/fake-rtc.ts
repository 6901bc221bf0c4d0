// Peer connections in one process: what a browser's do, as far as `rtc-host.ts` asks them. The "network" is a switch.

type Listener<E> = ((event: E) => void) | null;

/** Everything that two fakes need to find each other, and what goes wrong between them. */
export class FakeNetwork {
  readonly #sides = new Map<string, FakePeerConnection>();
  readonly made: FakePeerConnection[] = [];
  #next = 0;
  /** Whether a pair finds a way; `relayed`: at least one of the two has a TURN server. */
  reaches = (_relayed: boolean): boolean => true;
  /** Connections that are to wait until a test runs them; null: none wait. */
  held: (() => void)[] | null = null;
  /** Gathering takes forever: a STUN server that is gone. */
  isGatheringStuck = false;

  readonly make = (configuration: RTCConfiguration): RTCPeerConnection => {
    const connection = new FakePeerConnection(this, `side-${(this.#next += 1)}`, configuration);
    this.#sides.set(connection.name, connection);
    this.made.push(connection);
    return connection as unknown as RTCPeerConnection;
  };

  side(name: string): FakePeerConnection | undefined {
    return this.#sides.get(name);
  }
}

export class FakePeerConnection {
  readonly name: string;
  readonly configuration: RTCConfiguration;
  readonly #network: FakeNetwork;
  connectionState: RTCPeerConnectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  sctp = { maxMessageSize: 262_144 };
  onicecandidate: Listener<{ candidate: { candidate: string; sdpMid: string; sdpMLineIndex: number } | null }> = null;
  onconnectionstatechange: (() => void) | null = null;
  ondatachannel: Listener<{ channel: FakeChannel }> = null;
  readonly candidates: string[] = [];
  channel: FakeChannel | null = null;
  #peer: FakePeerConnection | null = null;
  isClosed = false;

  constructor(network: FakeNetwork, name: string, configuration: RTCConfiguration) {
    this.#network = network;
    this.name = name;
    this.configuration = configuration;
  }

  get hasRelay(): boolean {
    return (this.configuration.iceServers ?? []).some((server) => [server.urls].flat().some((url) => url.startsWith("turn")));
  }

  createDataChannel(label: string): FakeChannel {
    this.channel = new FakeChannel(label);
    return this.channel;
  }

  createOffer = (): Promise<{ type: string; sdp: string }> => Promise.resolve({ type: "offer", sdp: this.name });
  createAnswer = (): Promise<{ type: string; sdp: string }> => Promise.resolve({ type: "answer", sdp: this.name });

  async setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    this.localDescription = description;
    setImmediate(() => this.#gather());
    if (description.type !== "answer") return;
    if (this.#network.held !== null) this.#network.held.push(() => this.#connect());
    else setImmediate(() => this.#connect());
  }

  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    const peer = this.#network.side(description.sdp);
    if (peer === undefined) throw new Error("no description");
    this.#peer = peer;
  }

  async addIceCandidate({ candidate }: { candidate: string }): Promise<void> {
    if (candidate === "bad") throw new Error("no candidate");
    this.candidates.push(candidate);
  }

  async getStats(): Promise<Map<string, object>> {
    const type = this.configuration.iceTransportPolicy === "relay" ? "relay" : "host";
    return new Map<string, object>([
      ["t", { type: "transport", selectedCandidatePairId: "p" }],
      ["p", { type: "candidate-pair", localCandidateId: "l", remoteCandidateId: "r" }],
      ["l", { type: "local-candidate", candidateType: type }],
      ["r", { type: "remote-candidate", candidateType: "srflx" }],
    ]);
  }

  /** Shows another state, as the network has it. */
  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.connectionState = "closed";
    const channel = this.channel;
    this.channel = null;
    if (channel !== null) {
      channel.onclose = null; // a connection that is closed by its own side fires nothing
      channel.close();
    }
  }

  #gather(): void {
    const kinds = this.configuration.iceTransportPolicy === "relay" ? ["relay"] : ["host", "srflx", ...(this.hasRelay ? ["relay"] : [])];
    for (const kind of kinds) {
      const candidate = `candidate:1 1 udp 1 192.0.2.1 9 typ ${kind}`;
      this.onicecandidate?.({ candidate: { candidate, sdpMid: "0", sdpMLineIndex: 0 } });
    }
    if (!this.#network.isGatheringStuck) this.onicecandidate?.({ candidate: null });
  }

  #connect(): void {
    const peer = this.#peer;
    if (peer?.channel === null || peer === null || this.isClosed || peer.isClosed) return;
    const isRelayed = (side: FakePeerConnection): boolean => side.hasRelay && side.configuration.iceTransportPolicy === "relay";
    if (!this.#network.reaches(isRelayed(this) || isRelayed(peer))) return;
    this.channel = new FakeChannel(peer.channel.label);
    this.channel.join(peer.channel);
    for (const side of [this, peer]) side.become("connected");
    this.ondatachannel?.({ channel: this.channel });
    for (const side of [this, peer]) side.channel?.open();
  }
}

/** Ordered messages that take a turn of the event loop, with a buffer that drains as they go. */
export class FakeChannel {
  readonly label: string;
  readonly ordered = true;
  readonly maxRetransmits = null;
  readonly maxPacketLifeTime = null;
  binaryType = "blob";
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  readyState: RTCDataChannelState = "connecting";
  onopen: (() => void) | null = null;
  onmessage: Listener<{ data: unknown }> = null;
  onclose: (() => void) | null = null;
  onbufferedamountlow: (() => void) | null = null;
  #far: FakeChannel | null = null;

  constructor(label: string) {
    this.label = label;
  }

  join(far: FakeChannel): void {
    this.#far = far;
    far.#far = this;
  }

  open(): void {
    if (this.readyState !== "connecting") return;
    this.readyState = "open";
    this.onopen?.();
  }

  send(message: Uint8Array | string): void {
    if (this.readyState !== "open") throw new Error("not open");
    const bytes = message.length;
    if (this.bufferedAmount + bytes > 16 << 20) throw new Error("full");
    this.bufferedAmount += bytes;
    const data = typeof message === "string" ? message : message.slice().buffer;
    setImmediate(() => {
      const wasHigh = this.bufferedAmount > this.bufferedAmountLowThreshold;
      this.bufferedAmount -= bytes;
      this.#far?.onmessage?.({ data });
      if (wasHigh && this.bufferedAmount <= this.bufferedAmountLowThreshold) this.onbufferedamountlow?.();
    });
  }

  /** What was sent still arrives. */
  close(): void {
    if (this.readyState === "closing" || this.readyState === "closed") return;
    this.readyState = "closing";
    setImmediate(() => {
      this.#ended();
      if (this.#far !== null) this.#far.#ended();
    });
  }

  #ended(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.onclose?.();
  }
}
