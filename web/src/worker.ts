// The session worker: joins a visit to the page that started it. Glue only; everything else runs without a browser.
import { openWebSocket } from "./links/websocket.ts";
import type { Command, Update } from "./session/bridge.ts";
import { bulkCipher, bulkDigest } from "./session/bulk.ts";
import { realClock } from "./session/clock.ts";
import { Unreached } from "./session/roads.ts";
import { Visit } from "./session/visit.ts";

/** What is used of the worker's global scope; its own type library cannot stand beside the page's. */
interface Scope {
  onmessage: ((event: MessageEvent<Command>) => void) | null;
  postMessage(update: Update): void;
}

const page = self as unknown as Scope;
let visit: Visit | null = null;

page.onmessage = ({ data: command }) => {
  if (command.t !== "open") return visit?.command(command);
  visit?.stop();
  visit = new Visit(command, {
    connect: (url, waitMs) => openWebSocket(new WebSocket(url), waitMs),
    dialAway: () => Promise.reject(new Unreached("no_edge")),
    clock: realClock,
    random: () => Math.random(),
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    bulkCipher,
    digest: bulkDigest,
    tell: (update) => page.postMessage(update),
  });
  void visit.run();
};
