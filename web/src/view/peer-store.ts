// What a page knows of other devices, folded from the worker's news; whoever draws asks here, whoever decides says it here.
import type { ItemView, Picked, TotalView } from "../session/bridge.ts";
import type { Reason, TransferId } from "../protocol/messages.ts";
import type {
  IncomingView, LedgerUpdate, OutboxCommand, PeerId, PeerNews, PeerOrder, PeerView, Place,
} from "../session/peer-bridge.ts";

/** What a page received and still has to save; null once it was saved. */
export interface Received {
  readonly name: string;
  readonly blob: Blob | null;
}

export interface Incoming {
  readonly view: IncomingView;
  readonly rows: ReadonlyMap<number, ItemView>;
  readonly total: TotalView;
  /** Where the person wanted it; null while it is asked. */
  readonly place: Place["by"] | null;
  readonly received: ReadonlyMap<number, Received>;
}

export interface Sent {
  readonly rows: ReadonlyMap<number, ItemView>;
  readonly total: TotalView;
  readonly declined: Reason | null;
}

export interface Peer {
  readonly view: PeerView;
  readonly sent: Sent;
  /** The newest last. */
  readonly incoming: ReadonlyMap<TransferId, Incoming>;
}

export interface PeersState {
  readonly peers: ReadonlyMap<PeerId, Peer>;
  /** Bytes that Blobs hold which are not saved yet. */
  readonly held: number;
  /** Somebody is there and no link comes to be. */
  readonly fault: string | null;
}

const NO_TOTAL: TotalView = { state: "idle", items: 0, done: 0, failed: 0, bytes: 0, bytesDone: 0, bytesSafe: 0, rate: 0, leftS: null };

/** Offers of one device that came to nothing and still stand in the list. */
const IDLE_SHOWN_MAX = 16;

export const NOBODY: PeersState = { peers: new Map(), held: 0, fault: null };

export function foldPeers(state: PeersState, news: PeerNews): PeersState {
  switch (news.t) {
    case "peer":
      return withPeer(state, news.peer.peer, (peer) => ({ ...peer, view: news.peer }), news.peer);
    case "gone":
      return withoutPeer(state, news.peer);
    case "sent":
      return withPeer(state, news.peer, (peer) => ({ ...peer, sent: foldSent(peer.sent, news.update) }));
    case "incoming":
      return withPeer(state, news.incoming.peer, (peer) => withIncoming(peer, news.incoming.transfer, (known) => ({ ...known, view: news.incoming }), news.incoming));
    case "arriving":
      return withPeer(state, news.peer, (peer) => withIncoming(peer, news.transfer, (known) => ({ ...known, ...foldRows(known, news.update) })));
    case "received":
      return withPeer(state, news.peer, (peer) =>
        withIncoming(peer, news.transfer, (known) => ({ ...known, received: new Map(known.received).set(news.item, { name: news.name, blob: news.blob }) })));
    case "held":
      return { ...state, held: news.bytes };
    case "fault":
      return { ...state, fault: news.sentence };
    case "met": // the session's
    case "download": // the store's own
      return state;
  }
}

function withPeer(state: PeersState, id: PeerId, change: (peer: Peer) => Peer, view?: PeerView): PeersState {
  const known = state.peers.get(id) ?? (view && { view, sent: { rows: new Map(), total: NO_TOTAL, declined: null }, incoming: new Map() });
  return known === undefined ? state : { ...state, peers: new Map(state.peers).set(id, change(known)) };
}

/** What came from it stays on the screen until it is saved. */
function withoutPeer(state: PeersState, id: PeerId): PeersState {
  const known = state.peers.get(id);
  if (known === undefined || [...known.incoming.values()].some(holdsBlob)) return state;
  const peers = new Map(state.peers);
  peers.delete(id);
  return { ...state, peers };
}

const holdsBlob = ({ received }: Incoming): boolean => [...received.values()].some(({ blob }) => blob !== null);

function withIncoming(peer: Peer, id: TransferId, change: (incoming: Incoming) => Incoming, view?: IncomingView): Peer {
  const known = peer.incoming.get(id) ?? (view && { view, rows: new Map(), total: NO_TOTAL, place: null, received: new Map() });
  if (known === undefined) return peer;
  const incoming = new Map(peer.incoming).set(id, change(known));
  // Who asks and takes it back all the time must not fill the page.
  const idle = [...incoming.values()].filter(({ view: { state, done } }) => state !== "asked" && state !== "receiving" && done === 0);
  for (const { view: { transfer } } of idle.slice(0, -IDLE_SHOWN_MAX)) incoming.delete(transfer);
  return { ...peer, incoming };
}

function foldSent(sent: Sent, update: Extract<PeerNews, { t: "sent" }>["update"]): Sent {
  if (update.t === "declined") return { ...sent, declined: update.reason };
  return { ...sent, ...foldRows(sent, update) };
}

/** Rows are shared between states, as in `store.ts`: many items are not copied ten times a second. */
function foldRows(before: { readonly rows: ReadonlyMap<number, ItemView> }, update: LedgerUpdate): { rows: ReadonlyMap<number, ItemView> } | { total: TotalView } {
  if (update.t === "total") return { total: update.total };
  const rows = before.rows as Map<number, ItemView>;
  for (const row of update.changed) rows.set(row.id, row);
  for (const id of update.gone) rows.delete(id);
  return { rows };
}

/** Both ends of what a page says and hears of other devices. */
export class PeerStore {
  readonly #post: (order: PeerOrder) => void;
  readonly #onDownload: (news: Extract<PeerNews, { t: "download" }>) => void;
  readonly #listeners = new Set<() => void>();
  state: PeersState = NOBODY;

  constructor(post: (order: PeerOrder) => void, onDownload: (news: Extract<PeerNews, { t: "download" }>) => void) {
    this.#post = post;
    this.#onDownload = onDownload;
  }

  hear(news: PeerNews): void {
    if (news.t === "download") return this.#onDownload(news);
    this.state = foldPeers(this.state, news);
    if (news.t === "arriving" && news.update.t === "items") return; // their total follows at once
    if (news.t === "sent" && news.update.t === "items") return;
    this.#changed();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something that is kept elsewhere and shown with this has changed. */
  touch(): void {
    this.#changed();
  }

  meet(device: string, name: string, kind: PeerView["kind"]): void {
    this.#post({ t: "meet", device, name, kind });
  }

  /** The person has answered to what was declined: it need not be said any more. */
  outbox(peer: PeerId, command: OutboxCommand): void {
    this.#change(peer, (known) => ({ ...known, sent: { ...known.sent, declined: null } }));
    this.#post({ t: "outbox", peer, command });
  }

  send(peer: PeerId, picked: readonly Picked[]): void {
    if (picked.length > 0) this.outbox(peer, { t: "send", picked });
  }

  accept(peer: PeerId, transfer: TransferId, place: Place): void {
    this.#change(peer, (known) => withIncoming(known, transfer, (incoming) => ({ ...incoming, place: place.by })));
    this.#post({ t: "accept", peer, transfer, place });
  }

  answerRelay(peer: PeerId, sendNow: boolean): void {
    this.#post({ t: "relay", peer, sendNow });
  }

  decline(peer: PeerId, transfer: TransferId): void {
    this.#post({ t: "decline", peer, transfer });
  }

  cancel(peer: PeerId, transfer: TransferId): void {
    this.#post({ t: "cancel", peer, transfer, item: null });
  }

  /** The browser's downloads begin to copy it. */
  saving(transfer: TransferId): void {
    this.#post({ t: "saving", transfer });
  }

  /** The browser has taken this Blob: the page lets go of it. */
  saved(peer: PeerId, transfer: TransferId, item: number): void {
    const known = this.state.peers.get(peer)?.incoming.get(transfer)?.received.get(item);
    if (known?.blob == null) return;
    this.#post({ t: "saved", transfer, bytes: known.blob.size });
    this.#change(peer, (it) => withIncoming(it, transfer, (incoming) => ({ ...incoming, received: new Map(incoming.received).set(item, { name: known.name, blob: null }) })));
  }

  /** What is over leaves the list, and with it what was not saved. */
  clear(peer: PeerId): void {
    const known = this.state.peers.get(peer);
    if (known === undefined) return;
    for (const { view, received } of known.incoming.values()) for (const item of received.keys()) this.saved(peer, view.transfer, item);
    this.#change(peer, (it) => ({ ...it, incoming: new Map([...it.incoming].filter(([, { view }]) => view.state === "asked" || view.state === "receiving")) }));
    this.outbox(peer, { t: "clear" });
  }

  #change(peer: PeerId, change: (peer: Peer) => Peer): void {
    this.state = withPeer(this.state, peer, change);
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
