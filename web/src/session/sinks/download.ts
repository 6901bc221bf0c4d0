// Received bytes as a download that the browser itself writes: a service worker turns what this port carries into a stream.
import type { Item } from "../../protocol/messages.ts";
import { savedPath } from "./names.ts";
import { type Lack, NOTHING_REFUSED, nothingToKeep, type Saved, type Sink, SinkFailed, type Sinks } from "./port.ts";

/** Session worker → service worker. */
export type ToDownload =
  | { readonly t: "bytes"; readonly bytes: Uint8Array }
  | { readonly t: "end" }
  | { readonly t: "abort" };

/** Service worker → session worker. `took`: the browser has asked for more; `gone`: it, or the person, ended the download. */
export type FromDownload = { readonly t: "took" } | { readonly t: "ended" } | { readonly t: "gone" };

/** What the page hands on so that a download begins. */
export interface DownloadStart {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly port: MessagePort;
}

export interface DownloadPorts {
  readonly start: (download: DownloadStart) => void;
  readonly randomBytes: (count: number) => Uint8Array;
}

export class DownloadSinks implements Sinks {
  readonly #ports: DownloadPorts;

  constructor(ports: DownloadPorts) {
    this.#ports = ports;
  }

  refused(): ReadonlyMap<number, Lack> {
    return NOTHING_REFUSED;
  }

  forget(): void {}

  /** A download has no folders: of a path only the last part is its name. */
  async open(item: Item): Promise<Sink> {
    if (item.kind === "folder") return nothingToKeep(savedPath(item.name).join("/"));
    const id = Array.from(this.#ports.randomBytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
    const name = savedPath(item.name).at(-1) ?? "";
    const { port1, port2 } = new MessageChannel();
    const sink = new DownloadSink(port1, name);
    this.#ports.start({ id, name, size: item.size, port: port2 });
    return sink;
  }
}

class DownloadSink implements Sink {
  readonly #port: MessagePort;
  readonly #name: string;
  #isGone = false;
  #heard: ((message: FromDownload) => void) | null = null;

  constructor(port: MessagePort, name: string) {
    this.#port = port;
    this.#name = name;
    port.onmessage = ({ data }: MessageEvent<FromDownload>) => {
      if (data.t === "gone") this.#isGone = true;
      this.#heard?.(data);
    };
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
    this.#port.close();
    if (said.t !== "ended") throw new SinkFailed("declined");
    return { name: this.#name, blob: null };
  }

  async discard(): Promise<void> {
    this.#port.postMessage({ t: "abort" } satisfies ToDownload);
    this.#heard?.({ t: "gone" });
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
