// Received bytes as a download that the browser itself writes: a service worker turns what this port carries into a stream.
import type { Item } from "../../protocol/messages.ts";
import { FreePaths } from "./free-paths.ts";
import { savedPath } from "./names.ts";
import { type Lack, NOTHING_REFUSED, nothingToKeep, type Saved, type Sink, SinkFailed, type Sinks } from "./port.ts";

/** Session worker → service worker. */
export type ToDownload =
  | { readonly t: "bytes"; readonly bytes: Uint8Array }
  | { readonly t: "end" }
  | { readonly t: "abort" };

/**
 * Service worker → session worker. `took`: the browser has read it; `ended`: it has read all; `gone`: it, or the person, ended the
 * download, or would not begin it.
 */
export type FromDownload = { readonly t: "took" } | { readonly t: "ended" } | { readonly t: "gone" };

/** Page → session worker: who carried the download has lost it, and cannot say so itself. */
export interface FromPage {
  readonly t: "lost";
}

/** What the page hands on so that a download begins. */
export interface DownloadStart {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly port: MessagePort;
  /** The page's own, for a service worker that was stopped. */
  readonly watch: MessagePort;
}

export interface DownloadPorts {
  readonly start: (download: DownloadStart) => void;
  readonly randomBytes: (count: number) => Uint8Array;
}

export class DownloadSinks implements Sinks {
  readonly #ports: DownloadPorts;
  readonly #free = new FreePaths();

  constructor(ports: DownloadPorts) {
    this.#ports = ports;
  }

  refused(): ReadonlyMap<number, Lack> {
    return NOTHING_REFUSED;
  }

  forget(): void {}

  /** A download has no folders: of a path only the last part is its name, and no two of a transfer have the same one. */
  async open(item: Item): Promise<Sink> {
    if (item.kind === "folder") return nothingToKeep(savedPath(item.name).join("/"));
    const id = Array.from(this.#ports.randomBytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const name = this.#free.of(savedPath(item.name).at(-1) ?? "");
    const carried = new MessageChannel();
    const watched = new MessageChannel();
    const sink = new DownloadSink(carried.port1, watched.port1, name);
    this.#ports.start({ id, name, size: item.size, port: carried.port2, watch: watched.port2 });
    return sink;
  }
}

class DownloadSink implements Sink {
  readonly #port: MessagePort;
  readonly #watch: MessagePort;
  readonly #name: string;
  #isGone = false;
  #heard: ((message: FromDownload) => void) | null = null;

  constructor(port: MessagePort, watch: MessagePort, name: string) {
    this.#port = port;
    this.#watch = watch;
    this.#name = name;
    port.onmessage = ({ data }: MessageEvent<FromDownload>) => this.#hear(data);
    watch.onmessage = () => this.#hear({ t: "gone" });
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    const bytes = joined(parts);
    const answer = this.#answer();
    if (!this.#isGone) this.#port.postMessage({ t: "bytes", bytes } satisfies ToDownload, [bytes.buffer]);
    if ((await answer).t !== "took") throw new SinkFailed("declined"); // ended in the browser's own list of downloads
  }

  async finish(): Promise<Saved> {
    const answer = this.#answer();
    if (!this.#isGone) this.#port.postMessage({ t: "end" } satisfies ToDownload);
    const said = await answer;
    this.#close();
    if (said.t !== "ended") throw new SinkFailed("declined");
    return { name: this.#name, blob: null };
  }

  async discard(): Promise<void> {
    this.#port.postMessage({ t: "abort" } satisfies ToDownload);
    this.#hear({ t: "gone" });
    this.#watch.close();
  }

  #hear(message: FromDownload): void {
    if (message.t === "gone") this.#isGone = true;
    this.#heard?.(message);
  }

  #close(): void {
    this.#port.close();
    this.#watch.close();
  }

  #answer(): Promise<FromDownload> {
    if (this.#isGone) return Promise.resolve({ t: "gone" });
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }
}

/** A copy that may be given away: chunks are views of a whole message. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
