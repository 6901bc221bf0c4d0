// One download in the service worker: what a session worker sends becomes a response, and nothing is said of it that the browser
// has not done. A browser may drop a download without a word, so each one stays until the browser has read all of it.
import type { Clock } from "./session/clock.ts";
import type { FromDownload, ToDownload } from "./session/sinks/download.ts";

/** Bytes that may wait here for the browser: whoever sends more has not waited for `took`. A run may be a window, which is half. */
const HELD_BYTES_MAX = 8 << 20;

/** A browser that has not asked for a download by then has dropped it. */
export const ASKED_WITHIN_S = 30;

/** For so long the last word waits: what was read is still on its way out of this worker, which a browser may stop at any time. */
export const SETTLES_S = 0.5;

export interface DownloadStreamPorts {
  readonly name: string;
  readonly size: number;
  readonly port: MessagePort;
  readonly clock: Clock;
  /** For so long the last byte waits: time for a browser, or who it asks, to refuse the download. */
  readonly refusedWithinS: number;
  /** The browser has asked for it. */
  readonly onBegun: () => void;
  readonly onOver: () => void;
}

export class DownloadStream {
  readonly #ports: DownloadStreamPorts;
  readonly #stream: ReadableStream<Uint8Array>;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  #given = 0;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #isAsked = false;
  #isWanted = false; // a reader waits
  #isWhole = false; // nothing more comes
  #lastByte: "ahead" | "settles" | "settled" = "ahead";
  #isClosed = false;
  #isOver = false;
  #takeBack: () => void;

  constructor(ports: DownloadStreamPorts) {
    this.#ports = ports;
    // Without a queue of its own, so that each `pull` is somebody who reads.
    this.#stream = new ReadableStream(
      { start: (controller) => void (this.#controller = controller), pull: () => this.#wanted(), cancel: () => this.#fail() },
      { highWaterMark: 0 },
    );
    this.#takeBack = ports.clock.after(ASKED_WITHIN_S, () => this.abort());
    ports.port.onmessage = ({ data }: MessageEvent<ToDownload>) => this.#hear(data);
  }

  /** For the one fetch of it; null for any other: two readers would have half of it each. */
  response(): Response | null {
    if (this.#isAsked || this.#isOver) return null;
    this.#isAsked = true;
    this.#takeBack();
    this.#ports.onBegun();
    const { name, size } = this.#ports;
    const written = encodeURIComponent(name).replace(/['()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
    return new Response(this.#stream, {
      headers: {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": `attachment; filename*=UTF-8''${written}`,
        "Content-Length": String(size),
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
      },
    });
  }

  /** What was written is not a file, and no more of it comes. */
  abort(): void {
    if (this.#isOver) return;
    if (!this.#isClosed) this.#controller?.error(new Error("it does not come to its end"));
    this.#fail();
  }

  #hear(message: ToDownload): void {
    if (this.#isOver) return;
    switch (message.t) {
      case "bytes":
        this.#held.push(message.bytes);
        this.#heldBytes += message.bytes.length;
        if (this.#heldBytes > HELD_BYTES_MAX || this.#given + this.#heldBytes > this.#ports.size) return this.abort();
        return this.#give();
      case "end":
        this.#isWhole = true;
        if (this.#ports.size === 0) this.#held.push(new Uint8Array()); // even nothing is a write, which a refused download does not take
        return this.#given + this.#heldBytes === this.#ports.size ? this.#give() : this.abort();
      case "abort":
        return this.abort();
    }
  }

  #wanted(): void {
    this.#isWanted = true;
    this.#give();
  }

  /** Gives who reads the next run; the end is reached when somebody wants more and there is nothing. */
  #give(): void {
    if (!this.#isWanted || this.#isClosed || this.#isOver) return;
    const next = this.#held[0];
    if (next === undefined) return this.#isWhole ? this.#close() : undefined;
    const isLast = this.#given + next.length === this.#ports.size;
    if (isLast && this.#lastByte === "settles") return;
    if (isLast && this.#lastByte === "ahead") return this.#giveAllButOne(next);
    this.#held.shift();
    this.#enqueue(next);
    if (!isLast) this.#say({ t: "took" });
  }

  /** The last byte follows later: Chromium reads a small file before it asks, and tells of a refusal only when more is written. */
  #giveAllButOne(last: Uint8Array): void {
    this.#lastByte = "settles";
    this.#takeBack = this.#ports.clock.after(this.#ports.refusedWithinS, () => {
      this.#lastByte = "settled";
      this.#give();
    });
    this.#held[0] = last.subarray(-1);
    if (last.length > 1) this.#enqueue(last.subarray(0, -1));
    if (last.length > 0) this.#say({ t: "took" });
  }

  #enqueue(bytes: Uint8Array): void {
    this.#isWanted = false;
    this.#given += bytes.length;
    this.#heldBytes -= bytes.length;
    this.#controller?.enqueue(bytes);
  }

  #close(): void {
    this.#isClosed = true;
    this.#controller?.close();
    this.#takeBack = this.#ports.clock.after(SETTLES_S, () => this.#end({ t: "ended" }));
  }

  #fail(): void {
    if (!this.#isOver) this.#end({ t: "gone" });
  }

  #end(word: FromDownload): void {
    this.#isOver = true;
    this.#takeBack();
    this.#held.length = 0;
    this.#say(word);
    this.#ports.onOver();
  }

  #say(message: FromDownload): void {
    this.#ports.port.postMessage(message);
  }
}
