// The service worker: turns what a session worker sends into a download that the browser itself writes to disk. It keeps nothing
// and answers nothing else; its scope is /save/, so that no page is ever loaded through it.
import { DownloadStream } from "./download-stream.ts";
import type { FromServiceWorker, ToServiceWorker } from "./downloads.ts";
import { realClock } from "./session/clock.ts";

/** What is used of the global scope; its own type library cannot stand beside the page's. */
interface Scope {
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", hear: (event: Extendable) => void): void;
  addEventListener(type: "message", hear: (event: Extendable & MessageEvent<ToServiceWorker>) => void): void;
  addEventListener(type: "fetch", hear: (event: Extendable & { readonly request: Request; respondWith(response: Response): void }) => void): void;
}

interface Extendable {
  waitUntil(promise: Promise<unknown>): void;
}

/** A page that has not said for so long that it is there has gone; in the background its clock may beat once a minute only. */
const GONE_AFTER_S = 150;
const LOOK_EVERY_MS = 10_000;

interface Download {
  readonly stream: DownloadStream;
  heardAtS: number;
}

const scope = self as unknown as Scope;
const downloads = new Map<string, Download>();

function open({ id, name, size, refusedWithinS }: Extract<ToServiceWorker, { readonly t: "open" }>, port: MessagePort, answer: MessagePort): void {
  const say = (message: FromServiceWorker): void => answer.postMessage(message);
  const onOver = (): void => {
    downloads.delete(id);
    say({ t: "over" });
  };
  const stream = new DownloadStream({ name, size, port, clock: realClock, refusedWithinS, onBegun: () => say({ t: "begun" }), onOver });
  downloads.set(id, { stream, heardAtS: realClock.now() });
  say({ t: "ready" });
}

function hear(message: ToServiceWorker, [port, other]: readonly MessagePort[]): void {
  if (message.t === "open") {
    if (port !== undefined && other !== undefined) open(message, port, other);
    return;
  }
  for (const id of message.ids) {
    const download = downloads.get(id);
    if (message.t === "gone") download?.stream.abort();
    else if (download !== undefined) download.heardAtS = realClock.now();
  }
  // A browser that has stopped this worker meanwhile has started it without what it knew.
  if (message.t === "alive") port?.postMessage({ t: "known", ids: message.ids.filter((id) => downloads.has(id)) } satisfies FromServiceWorker);
}

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("message", (event) => hear(event.data, event.ports));
scope.addEventListener("fetch", (event) => {
  const id = /^\/save\/([0-9a-f]{32})$/.exec(new URL(event.request.url).pathname)?.[1];
  event.respondWith(downloads.get(id ?? "")?.stream.response() ?? new Response("This download is over.\n", { status: 404 }));
});

setInterval(() => {
  for (const { stream, heardAtS } of downloads.values()) if (realClock.now() - heardAtS > GONE_AFTER_S) stream.abort();
}, LOOK_EVERY_MS);
