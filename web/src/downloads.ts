// Downloads that the browser writes to disk while they arrive: the page's side of the service worker, on secure origins only.
import type { DownloadStart } from "./session/sinks/download.ts";

/** Page → service worker. With `open` come two ports: the session worker's, and one for the answer. */
export type ToServiceWorker =
  | { readonly t: "open"; readonly id: string; readonly name: string; readonly size: number }
  | { readonly t: "alive"; readonly ids: readonly string[] }
  | { readonly t: "gone"; readonly ids: readonly string[] };

export type FromServiceWorker = { readonly t: "ready" };

const SCRIPT = "/sw.js";
const SCOPE = "/save/";
const ALIVE_EVERY_MS = 10_000; // a service worker that hears nothing for half a minute is stopped

/** A frame is only the way to a download; it is taken away long after the browser has begun it. */
const FRAME_STAYS_MS = 60_000;

/** Safari's downloads ask the network past the service worker; everybody else's go through it. */
function isSafari(): boolean {
  return /Safari\//.test(navigator.userAgent) && !/Chrom(e|ium)\/|Android/.test(navigator.userAgent);
}

export class Downloads {
  #registration: Promise<ServiceWorkerRegistration | null> | null = null;
  readonly #ids = new Set<string>();
  #ticking = 0;

  /** Whether this page can have downloads; asked once, remembered. */
  async arePossible(): Promise<boolean> {
    this.#registration ??= register();
    return (await this.#registration) !== null;
  }

  /** Begins a download whose bytes come through its port. */
  async start({ id, name, size, port }: DownloadStart): Promise<void> {
    const worker = (await (this.#registration ??= register()))?.active;
    if (!worker) return port.postMessage({ t: "gone" });
    const { port1, port2 } = new MessageChannel();
    const isReady = new Promise((resolve) => (port1.onmessage = resolve));
    worker.postMessage({ t: "open", id, name, size } satisfies ToServiceWorker, [port, port2]);
    await isReady;
    port1.close();
    this.#keepAlive(id);
    const frame = document.createElement("iframe");
    frame.hidden = true;
    frame.src = `${SCOPE}${id}`;
    document.body.append(frame);
    setTimeout(() => frame.remove(), FRAME_STAYS_MS);
  }

  #keepAlive(id: string): void {
    this.#ids.add(id);
    if (this.#ticking !== 0) return;
    const say = async (t: "alive" | "gone"): Promise<void> => {
      const worker = (await this.#registration)?.active;
      worker?.postMessage({ t, ids: [...this.#ids] } satisfies ToServiceWorker);
    };
    this.#ticking = window.setInterval(() => void say("alive"), ALIVE_EVERY_MS);
    addEventListener("pagehide", (event) => {
      if (!event.persisted) void say("gone");
    });
  }
}

async function register(): Promise<ServiceWorkerRegistration | null> {
  if (!("serviceWorker" in navigator) || isSafari()) return null;
  try {
    const registration = await navigator.serviceWorker.register(SCRIPT, { scope: SCOPE });
    const worker = registration.active ?? registration.installing ?? registration.waiting;
    if (!worker) return null;
    while (worker.state !== "activated") {
      if (worker.state === "redundant") return null;
      await new Promise((resolve) => worker.addEventListener("statechange", resolve, { once: true }));
    }
    return registration;
  } catch {
    return null; // a private window, a browser that forbids it, an older program at the other end
  }
}
