// The session worker: joins a visit to the page that started it. Glue only; everything else runs without a browser.
import { PeerConnections, countsText } from "./links/rtc-remote.ts";
import { openWebSocket } from "./links/websocket.ts";
import { AwayDial } from "./session/away-dial.ts";
import type { Command, Opening, Update } from "./session/bridge.ts";
import { bulkCipher, bulkDigest } from "./session/bulk.ts";
import { realClock } from "./session/clock.ts";
import { Visit } from "./session/visit.ts";

/** What is used of the worker's global scope; its own type library cannot stand beside the page's. */
interface Scope {
  onmessage: ((event: MessageEvent<Command | Connections>) => void) | null;
  postMessage(update: Update): void;
}

/** The first message: where the page holds peer connections for this worker. */
interface Connections {
  readonly t: "connections";
  readonly port: MessagePort;
}

const page = self as unknown as Scope;
const random = (): number => Math.random();
const randomBytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
let away: AwayDial | null = null;
let visit: Visit | null = null;

page.onmessage = ({ data: command }) => {
  switch (command.t) {
    case "connections":
      away = awayOver(command.port);
      return;
    case "open":
      return begin(command);
    case "wake":
      away?.wake();
      return visit?.command(command);
    default:
      return visit?.command(command);
  }
};

function awayOver(port: MessagePort): AwayDial {
  return new AwayDial({
    openSocket: (url) => new WebSocket(url),
    peerConnections: new PeerConnections(port, realClock),
    clock: realClock,
    random,
    randomBytes,
    log: (counts) => console.info(`ways found: ${countsText(counts)}`),
  });
}

function begin(opening: Opening): void {
  if (away === null) throw new Error("the page gives the connections first");
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
    tell: (update) => page.postMessage(update),
  });
  void visit.run();
}
