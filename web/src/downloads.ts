// Downloads that the browser writes to disk while they arrive: the page's side of the service worker, on secure origins only.
import { ASKED_WITHIN_S } from "./download-stream.ts";
import type { DownloadStart, FromPage } from "./session/sinks/download.ts";

/** Page → service worker. With `open` come two ports: the session worker's, and one for the answers; with `alive` one for its answer. */
export type ToServiceWorker =
  | { readonly t: "open"; readonly id: string; readonly name: string; readonly size: number; readonly refusedWithinS: number }
  | { readonly t: "alive"; readonly ids: readonly string[] }
  | { readonly t: "gone"; readonly ids: readonly string[] };

/** `begun`: the browser has asked for the download; `over`: it has all of it, or will not; `known`: these are still under way. */
export type FromServiceWorker = { readonly t: "ready" } | { readonly t: "begun" } | { readonly t: "over" } | { readonly t: "known"; readonly ids: readonly string[] };

const SCRIPT = "/sw.js";
const SCOPE = "/save/";

/** A service worker that hears nothing for half a minute is stopped; one that was stopped all the same is found out so soon. */
const ALIVE_EVERY_MS = 5_000;

/** Longer than a service worker waits for the browser: by then it has answered, or it was stopped. */
const BEGUN_WITHIN_MS = (ASKED_WITHIN_S + 10) * 1_000;

/** Until a browser has refused what nobody needs to be asked about. */
const REFUSED_AT_ONCE_S = 0.5;

/** Chromium asks before a second download that no tap began. It asks once: who says no later than this is told a little too much. */
const ANSWERED_WITHIN_S = 5;

/** A frame is only the way to a download; it is taken away long after the browser has begun it. */
const FRAME_STAYS_MS = 60_000;

function asksBeforeSeveral(): boolean {
  return /Chrom(e|ium)\//.test(navigator.userAgent);
}

/** Safari's downloads ask the network past the service worker; everybody else's go through it. */
function isSafari(): boolean {
  return /Safari\//.test(navigator.userAgent) && !/Chrom(e|ium)\/|Android/.test(navigator.userAgent);
}

export class Downloads {
  #registration: Promise<ServiceWorkerRegistration | null> | null = null;
  readonly #underWay = new Map<string, MessagePort>(); // by id, with the port that says that it has failed
  readonly #missing = new Set<string>(); // unknown to the service worker when it was asked last
  #before: Promise<unknown> = Promise.resolve();
  #ticking = 0;
  #isFirst = true;

  /** Whether this page can have downloads; asked once, remembered. */
  async arePossible(): Promise<boolean> {
    this.#registration ??= register();
    return (await this.#registration) !== null;
  }

  /** Begins a download whose bytes come through its port, when the browser has begun the one before: of many at once it drops some. */
  start(download: DownloadStart): void {
    this.#before = this.#before.then(() => this.#begin(download));
  }

  async #begin({ id, name, size, port, watch }: DownloadStart): Promise<void> {
    this.#underWay.set(id, watch);
    this.#keepAlive();
    const worker = (await (this.#registration ??= register()))?.active;
    if (!worker) return this.#failed(id);
    const { port1: answers, port2 } = new MessageChannel();
    const hasBegun = new Promise<boolean>((resolve) => {
      setTimeout(() => resolve(false), BEGUN_WITHIN_MS);
      answers.onmessage = ({ data }: MessageEvent<FromServiceWorker>) => {
        if (data.t === "ready") showTheWay(id);
        if (data.t === "begun") resolve(true);
        if (data.t !== "over") return;
        this.#over(id);
        answers.close();
        resolve(true); // whatever there was to say, it has said itself
      };
    });
    const refusedWithinS = this.#isFirst || !asksBeforeSeveral() ? REFUSED_AT_ONCE_S : ANSWERED_WITHIN_S;
    this.#isFirst = false;
    worker.postMessage({ t: "open", id, name, size, refusedWithinS } satisfies ToServiceWorker, [port, port2]);
    if (!(await hasBegun)) this.#failed(id);
  }

  #over(id: string): void {
    this.#missing.delete(id);
    this.#underWay.get(id)?.close();
    this.#underWay.delete(id);
  }

  #failed(id: string): void {
    this.#underWay.get(id)?.postMessage({ t: "lost" } satisfies FromPage);
    this.#over(id);
  }

  #keepAlive(): void {
    if (this.#ticking !== 0) return;
    this.#ticking = window.setInterval(() => void this.#askWhatIsKnown(), ALIVE_EVERY_MS);
    addEventListener("pagehide", (event) => {
      if (!event.persisted) void this.#say("gone", []);
    });
  }

  /** Says that this page is there. What the service worker does not know twice was lost with its memory: nobody else would tell. */
  async #askWhatIsKnown(): Promise<void> {
    if (this.#underWay.size === 0) return;
    const { port1: answers, port2 } = new MessageChannel();
    answers.onmessage = ({ data }: MessageEvent<FromServiceWorker>) => {
      answers.close();
      if (data.t !== "known") return;
      for (const id of asked) {
        if (data.ids.includes(id)) this.#missing.delete(id);
        else if (this.#missing.has(id)) this.#failed(id);
        else if (this.#underWay.has(id)) this.#missing.add(id); // or what says that it is over is on its way
      }
    };
    const asked = [...this.#underWay.keys()];
    await this.#say("alive", [port2]);
  }

  async #say(t: "alive" | "gone", ports: MessagePort[]): Promise<void> {
    const worker = (await this.#registration)?.active;
    worker?.postMessage({ t, ids: [...this.#underWay.keys()] } satisfies ToServiceWorker, ports);
  }
}

/** A frame that the browser leads to the download, and that stays empty. */
function showTheWay(id: string): void {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.src = `${SCOPE}${id}`;
  document.body.append(frame);
  setTimeout(() => frame.remove(), FRAME_STAYS_MS);
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
