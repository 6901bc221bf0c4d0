// The service worker: turns what a session worker sends into a download that the browser itself writes to disk. It keeps nothing
// and answers nothing else; its scope is /save/, so that no page is ever loaded through it.
import type { FromDownload, ToDownload } from "./session/sinks/download.ts";
import type { FromServiceWorker, ToServiceWorker } from "./downloads.ts";

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

/** Bytes that may wait here for the browser's disk. */
const WAITING_BYTES_MAX = 1 << 20;

/** A page that has not said for so long that it is there has gone; in the background its clock may beat once a minute only. */
const GONE_AFTER_MS = 150_000;
const LOOK_EVERY_MS = 10_000;

const scope = self as unknown as Scope;
const downloads = new Map<string, Download>();

class Download {
  readonly #name: string;
  readonly #size: number;
  readonly #port: MessagePort;
  readonly #onOver: () => void;
  readonly #stream: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #owed = 0; // runs of bytes that were not said to be taken yet
  heardAtMs = Date.now();

  constructor(name: string, size: number, port: MessagePort, onOver: () => void) {
    this.#name = name;
    this.#size = size;
    this.#port = port;
    this.#onOver = onOver;
    const waiting: QueuingStrategy<Uint8Array> = new ByteLengthQueuingStrategy({ highWaterMark: WAITING_BYTES_MAX });
    this.#stream = new ReadableStream(
      { start: (controller) => void (this.#controller = controller), pull: () => this.#took(), cancel: () => this.#gone() },
      waiting,
    );
    port.onmessage = ({ data }: MessageEvent<ToDownload>) => this.#hear(data);
  }

  response(): Response {
    const name = encodeURIComponent(this.#name).replace(/['()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
    return new Response(this.#stream, {
      headers: {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": `attachment; filename*=UTF-8''${name}`,
        "Content-Length": String(this.#size),
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
      },
    });
  }

  /** The page is not there any more: what was written is not a file. */
  abort(): void {
    if (this.#controller === null) return;
    this.#controller.error(new Error("the page that received it has gone"));
    this.#over();
  }

  #hear(message: ToDownload): void {
    if (this.#controller === null) return;
    switch (message.t) {
      case "bytes":
        this.#owed += 1;
        this.#controller.enqueue(message.bytes);
        if ((this.#controller.desiredSize ?? 0) > 0) this.#took();
        return;
      case "end":
        this.#controller.close();
        this.#say({ t: "ended" });
        return this.#over();
      case "abort":
        return this.abort();
    }
  }

  #took(): void {
    for (; this.#owed > 0; this.#owed -= 1) this.#say({ t: "took" });
  }

  #gone(): void {
    this.#say({ t: "gone" });
    this.#over();
  }

  #over(): void {
    this.#controller = null;
    this.#onOver();
  }

  #say(message: FromDownload): void {
    this.#port.postMessage(message);
  }
}

function hear(message: ToServiceWorker, ports: readonly MessagePort[]): void {
  switch (message.t) {
    case "open": {
      const [port, answer] = ports;
      if (port === undefined || answer === undefined) return;
      downloads.set(message.id, new Download(message.name, message.size, port, () => downloads.delete(message.id)));
      return answer.postMessage({ t: "ready" } satisfies FromServiceWorker);
    }
    case "alive":
      for (const id of message.ids) {
        const download = downloads.get(id);
        if (download !== undefined) download.heardAtMs = Date.now();
      }
      return;
    case "gone":
      for (const id of message.ids) downloads.get(id)?.abort();
  }
}

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("message", (event) => hear(event.data, event.ports));
scope.addEventListener("fetch", (event) => {
  const id = /^\/save\/([0-9a-f]{32})$/.exec(new URL(event.request.url).pathname)?.[1];
  event.respondWith(downloads.get(id ?? "")?.response() ?? new Response("This download is over.\n", { status: 404 }));
});

setInterval(() => {
  for (const download of downloads.values()) if (Date.now() - download.heardAtMs > GONE_AFTER_MS) download.abort();
}, LOOK_EVERY_MS);
