// A link over the browser's WebSocket; each frame is one binary WebSocket message.
import { FRAME_BYTES_MAX, MalformedFrame, frameBytes, joinFrame, splitFrame } from "./framing.ts";
import { type Link, LinkClosed } from "./port.ts";

/** `send` waits while the browser holds this many unsent bytes: a WebSocket has no brake of its own. */
export const BUFFERED_BYTES_MAX = 4 << 20;

/** A WebSocket cannot be told to stop reading either: a peer that sends more than this unread is cut. */
export const UNREAD_BYTES_MAX = 64 << 20;

/** No event says that the buffer has drained; at 100 MB/s it holds 40 ms of work. */
const DRAIN_POLL_MS = 5;

/** A socket that is not open by then will not open: a phone that slept may keep a dead attempt for minutes. */
export const OPEN_WAIT_MS = 8_000;

// A page may close with 1000 and 4000-4999 only (WebSockets API, close()); the reason travels as text beside the code.
const DONE_CODE = 1000;
const OTHER_REASON_CODE = 4000;
const REASON_CHARACTERS_MAX = 123; // RFC 6455 5.5: a control frame holds 125 bytes, two of them the code
const REASONS = new Map<number, string>([
  [1000, "done"],
  [1001, "going_away"],
  [1002, "malformed"],
  [1003, "not_binary"],
  [1008, "refused"],
  [1009, "too_big"],
]);

/** What this adapter needs of a WebSocket, so that tests may bring another one. */
export type Socket = Pick<
  WebSocket,
  "binaryType" | "bufferedAmount" | "readyState" | "send" | "close" | "onopen" | "onmessage" | "onclose" | "onerror"
>;

const OPEN = 1;

export class WebSocketLink implements Link {
  readonly #socket: Socket;
  // WebSocket.send() copies, so one room serves every frame. Sealing straight into it would save one more copy: 1 % at 570 MB/s.
  readonly #frame = new Uint8Array(FRAME_BYTES_MAX);
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #ended: string | null = null;
  #wake: (() => void) | null = null;

  /** Takes over an open socket. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.#arrived(event.data);
    socket.onclose = (event) => this.#end(closeReason(event.code, event.reason));
    socket.onerror = () => this.#end("lost");
  }

  async send(...messages: readonly Uint8Array[]): Promise<void> {
    const bytes = frameBytes(messages);
    while (this.#ended === null && this.#socket.bufferedAmount + bytes > BUFFERED_BYTES_MAX) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    if (this.#ended !== null) throw new LinkClosed(this.#ended);
    // A socket that is closing takes bytes and says nothing; the close event comes later.
    if (this.#socket.readyState !== OPEN) throw new LinkClosed("lost");
    this.#socket.send(joinFrame(messages, this.#frame));
  }

  async receive(): Promise<readonly Uint8Array[]> {
    for (;;) {
      const frame = this.#unread.shift();
      if (frame !== undefined) {
        this.#unreadBytes -= frame.length;
        return this.#split(frame);
      }
      if (this.#ended !== null) throw new LinkClosed(this.#ended);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(reason = ""): void {
    if (this.#ended !== null) return;
    this.#unread = [];
    this.#unreadBytes = 0;
    this.#end(reason || "done");
    const known = reason === "" || reason === "done";
    this.#socket.close(known ? DONE_CODE : OTHER_REASON_CODE, known ? "" : printable(reason));
  }

  #arrived(data: unknown): void {
    if (this.#ended !== null) return;
    if (!(data instanceof ArrayBuffer)) return this.close("not_binary");
    this.#unreadBytes += data.byteLength;
    if (this.#unreadBytes > UNREAD_BYTES_MAX) return this.close("slow");
    this.#unread.push(new Uint8Array(data));
    this.#waken();
  }

  #split(frame: Uint8Array): readonly Uint8Array[] {
    try {
      return splitFrame(frame);
    } catch (fault) {
      if (!(fault instanceof MalformedFrame)) throw fault;
      this.close("malformed");
      throw new LinkClosed("malformed");
    }
  }

  /** Remembers the first reason; it is the one everybody hears. */
  #end(reason: string): void {
    this.#ended ??= reason;
    this.#waken();
  }

  #waken(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

/** Waits until the socket is open; throws `LinkClosed` when it does not come to that. */
export function openWebSocket(socket: Socket, waitMs: number = OPEN_WAIT_MS): Promise<WebSocketLink> {
  return new Promise((resolve, reject) => {
    const giveUp = (reason: string): void => {
      clearTimeout(late);
      reject(new LinkClosed(reason));
    };
    const late = setTimeout(() => {
      giveUp("lost");
      socket.close();
    }, waitMs);
    socket.onerror = () => giveUp("lost");
    socket.onclose = (event) => giveUp(closeReason(event.code, event.reason));
    socket.onopen = () => {
      clearTimeout(late);
      resolve(new WebSocketLink(socket));
    };
  });
}

/** The reason behind a close frame; its text was written by the peer, so it is cut to printable ASCII. */
function closeReason(code: number, text: string): string {
  const said = printable(text);
  return said !== "" ? said : (REASONS.get(code) ?? "lost");
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "").slice(0, REASON_CHARACTERS_MAX);
}
