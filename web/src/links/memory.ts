// Two links in one process that still run the framing; the queue each way is bounded by bytes.
import { MalformedFrame, frameBytes, joinFrame, splitFrame } from "./framing.ts";
import { type Link, LinkClosed } from "./port.ts";

/** Bytes one direction holds before `send` waits; one batch more may be taken in. */
export const MEMORY_QUEUE_BYTES_MAX = 1 << 20;

/** Frames on their way in one direction. */
class Pipe {
  readonly frames: Uint8Array[] = [];
  heldBytes = 0;
  ended: string | null = null; // the reason: nothing more is put in
  #waiting: (() => void)[] = [];

  async put(frame: Uint8Array): Promise<void> {
    while (this.ended === null && this.heldBytes >= MEMORY_QUEUE_BYTES_MAX) await this.#change();
    if (this.ended !== null) throw new LinkClosed(this.ended);
    this.frames.push(frame);
    this.heldBytes += frame.length;
    this.#changed();
  }

  async take(): Promise<Uint8Array> {
    for (;;) {
      const frame = this.frames.shift();
      if (frame !== undefined) {
        this.heldBytes -= frame.length;
        this.#changed();
        return frame;
      }
      if (this.ended !== null) throw new LinkClosed(this.ended);
      await this.#change();
    }
  }

  /** Lets nothing more in; `drop` forgets what nobody will read any more. */
  end(reason: string, drop: boolean): void {
    this.ended ??= reason;
    if (drop) {
      this.frames.length = 0;
      this.heldBytes = 0;
    }
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** One end of `memoryLinks()`. */
export class MemoryLink implements Link {
  readonly #outgoing: Pipe;
  readonly #incoming: Pipe;

  constructor(outgoing: Pipe, incoming: Pipe) {
    this.#outgoing = outgoing;
    this.#incoming = incoming;
  }

  async send(...messages: readonly Uint8Array[]): Promise<void> {
    await this.#outgoing.put(joinFrame(messages, new Uint8Array(frameBytes(messages))));
  }

  async receive(): Promise<readonly Uint8Array[]> {
    const frame = await this.#incoming.take();
    try {
      return splitFrame(frame);
    } catch (fault) {
      if (!(fault instanceof MalformedFrame)) throw fault;
      this.close("malformed");
      throw new LinkClosed("malformed");
    }
  }

  close(reason = ""): void {
    this.#outgoing.end(reason || "done", false); // what was sent still arrives
    this.#incoming.end(reason || "done", true);
  }

  /** Puts raw bytes where a frame belongs: how tests play a hostile peer. */
  async sendFrame(frame: Uint8Array): Promise<void> {
    await this.#outgoing.put(frame);
  }
}

/** Two joined ends. */
export function memoryLinks(): [MemoryLink, MemoryLink] {
  const there = new Pipe();
  const back = new Pipe();
  return [new MemoryLink(there, back), new MemoryLink(back, there)];
}
