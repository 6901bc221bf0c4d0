// A link over a WebRTC data channel that another thread holds: frames are given away, messages come in, credits keep both bounded.
import { frameBytes, joinFrame } from "./framing.ts";
import { BATCH_MESSAGES_MAX, type Link, LinkClosed } from "./port.ts";
import { SENDING_BYTES_MAX } from "./rtc-bridge.ts";

/** What a link says to whoever holds its channel. */
export interface ChannelPort {
  /** Takes the frame over; answered by `sent` with its bytes. */
  send(frame: ArrayBuffer): void;
  /** So many bytes of messages were read. */
  read(bytes: number): void;
  /** Sends what was given, then the reason, and closes. */
  close(reason: string): void;
}

export class DataChannelLink implements Link {
  readonly #port: ChannelPort;
  readonly #onEnded: (reason: string) => void;
  #unread: Uint8Array[] = [];
  #sendingBytes = 0;
  #ended: string | null = null;
  #wakeReader: (() => void) | null = null;
  #wakeSender: (() => void) | null = null;

  /** `onEnded` hears the reason once, whichever side ended the link. */
  constructor(port: ChannelPort, onEnded: (reason: string) => void) {
    this.#port = port;
    this.#onEnded = onEnded;
  }

  get ended(): string | null {
    return this.#ended;
  }

  async send(...messages: readonly Uint8Array[]): Promise<void> {
    const bytes = frameBytes(messages);
    while (this.#ended === null && this.#sendingBytes + bytes > SENDING_BYTES_MAX) {
      await new Promise<void>((resolve) => {
        this.#wakeSender = resolve;
      });
    }
    if (this.#ended !== null) throw new LinkClosed(this.#ended);
    const frame = joinFrame(messages, new Uint8Array(bytes)).buffer;
    this.#sendingBytes += bytes;
    this.#port.send(frame);
  }

  async receive(): Promise<readonly Uint8Array[]> {
    for (;;) {
      if (this.#unread.length > 0) {
        const batch = this.#unread.splice(0, BATCH_MESSAGES_MAX);
        this.#port.read(batch.reduce((sum, message) => sum + message.length, 0));
        return batch;
      }
      if (this.#ended !== null) throw new LinkClosed(this.#ended);
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  close(reason = ""): void {
    if (this.#ended !== null) return;
    this.#unread = [];
    this.#port.close(reason || "done");
    this.end(reason || "done");
  }

  /** The channel's holder: so many framed bytes are on their way. */
  sent(bytes: number): void {
    this.#sendingBytes -= bytes;
    this.#wakeSender?.();
    this.#wakeSender = null;
  }

  /** The channel's holder: these came. */
  arrived(messages: readonly ArrayBuffer[]): void {
    if (this.#ended !== null) return;
    for (const message of messages) this.#unread.push(new Uint8Array(message));
    this.#wakeReader?.();
    this.#wakeReader = null;
  }

  /** The channel's holder: it is over. The first reason is the one everybody hears; what came before it can still be read. */
  end(reason: string): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.#wakeReader?.();
    this.#wakeSender?.();
    this.#onEnded(reason);
  }
}
