// The session worker: joins a visit to the page that started it. Glue only; everything else runs without a browser.
import { PeerConnections, countsText } from "./links/rtc-remote.ts";
import { openWebSocket } from "./links/websocket.ts";
import { AwayDial } from "./session/away-dial.ts";
import type { AwayPorts } from "./session/away.ts";
import type { Command, Opening, Update } from "./session/bridge.ts";
import { bulkCipher, bulkDigest } from "./session/bulk.ts";
import { realClock } from "./session/clock.ts";
import { DeskPeers } from "./session/desk-peers.ts";
import { sha256Hasher } from "./session/hashing.ts";
import type { Met } from "./session/acquaintances.ts";
import type { PeerNews, RoomOpening } from "./session/peer-bridge.ts";
import type { PeerVisitPorts } from "./session/peer-visit.ts";
import { PickUps } from "./session/pick-ups.ts";
import { RoomPeers } from "./session/room-peers.ts";
import { PartsDatabase } from "./session/sinks/parts-database.ts";
import { Places } from "./session/sinks/places.ts";
import { Visit } from "./session/visit.ts";

/** What is used of the worker's global scope; its own type library cannot stand beside the page's. */
interface Scope {
  readonly isSecureContext: boolean;
  onmessage: ((event: MessageEvent<Command | Connections | RoomOpening>) => void) | null;
  postMessage(update: Update, transfer?: Transferable[]): void;
}

/** The first message: where the page holds peer connections for this worker. */
interface Connections {
  readonly t: "connections";
  readonly port: MessagePort;
}

const page = self as unknown as Scope;
const random = (): number => Math.random();
const randomBytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
let connections: AwayPorts | null = null;
let away: AwayDial | null = null;
let visit: Visit | null = null;
let room: RoomPeers | null = null;

page.onmessage = ({ data: command }) => {
  switch (command.t) {
    case "connections":
      connections = connectionsOver(command.port);
      away = new AwayDial(connections);
      return;
    case "open":
      return begin(command);
    case "room":
      return meet(command);
    case "wake":
      away?.wake();
      room?.wake();
      return visit?.command(command);
    case "peers":
      room?.order(command.order);
      return visit?.command(command);
    default:
      return visit?.command(command);
  }
};

function connectionsOver(port: MessagePort): AwayPorts {
  return {
    openSocket: (url) => new WebSocket(url),
    peerConnections: new PeerConnections(port, realClock),
    clock: realClock,
    random,
    randomBytes,
    log: (counts) => console.info(`ways found: ${countsText(counts)}`),
  };
}

const tellOfPeers = (news: PeerNews): void => page.postMessage({ t: "peers", news }, news.t === "download" ? [news.start.port, news.start.watch] : []);
const places = new Places({ tell: tellOfPeers, randomBytes });

const parts = new PartsDatabase(Array.from(randomBytes(16), (byte) => byte.toString(16).padStart(2, "0")).join(""));

const peerPorts: PeerVisitPorts = {
  clock: realClock,
  randomBytes,
  bulkCipher,
  digest: bulkDigest,
  hasher: sha256Hasher,
  isSecure: page.isSecureContext,
  tell: tellOfPeers,
  places,
};

function begin(opening: Opening): void {
  if (away === null || connections === null) throw new Error("the page gives the connections first");
  visit?.stop();
  visit = new Visit(opening, {
    connect: (url, waitMs) => openWebSocket(new WebSocket(url), waitMs),
    dialAway: away.dial,
    hangUp: away.hangUp,
    clock: realClock,
    random,
    randomBytes,
    bulkCipher,
    digest: bulkDigest,
    hasher: sha256Hasher,
    tell: (update) => page.postMessage(update),
    peers: new DeskPeers(opening, { ...connections, ...peerPorts }),
    pickUps: new PickUps({ clock: realClock, hasher: sha256Hasher, digest: bulkDigest, places, parts, tell: (news) => page.postMessage({ t: "shelf", news }) }),
  });
  void visit.run();
}

function meet({ edge, secret, name, kind, instance, met }: RoomOpening): void {
  if (connections === null) throw new Error("the page gives the connections first");
  const onFault = (sentence: string | null): void => peerPorts.tell({ t: "fault", sentence });
  room?.stop();
  const onMet = (known: readonly Met[]): void => peerPorts.tell({ t: "met", met: known });
  room = new RoomPeers(edge, secret, { name, kind, instance }, met, { ...connections, ...peerPorts, onFault, onMet });
}
