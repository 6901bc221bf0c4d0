// A WebSocket server just large enough to stand at the other end of a `WebSocketLink` in tests (RFC 6455).
import { createHash } from "node:crypto";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Socket } from "../../src/links/websocket.ts";

const CONTINUE = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;

/** The server's end of one WebSocket, with the face of a browser's. */
export class ServerSocket implements Socket {
  binaryType: BinaryType = "arraybuffer";
  readyState: 0 | 1 | 2 | 3 = 1;
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  readonly stream: Duplex;
  #held = Buffer.alloc(0);
  #parts: Buffer[] = [];

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on("data", (bytes: Buffer) => this.#feed(bytes));
    stream.on("close", () => this.#closed(1006, ""));
    stream.on("error", () => undefined); // a test that drops a socket does it on purpose
  }

  get bufferedAmount(): number {
    return this.stream.writableLength;
  }

  send(data: Parameters<Socket["send"]>[0]): void {
    if (typeof data === "string") this.#write(TEXT, Buffer.from(data));
    else if (ArrayBuffer.isView(data)) this.#write(BINARY, Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }

  close(code = 1000, reason = ""): void {
    if (this.readyState !== 1) return;
    this.readyState = 2;
    this.#write(CLOSE, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));
    this.stream.end();
  }

  #write(opcode: number, payload: Buffer): void {
    const head = payload.length < 126 ? Buffer.from([payload.length]) : Buffer.alloc(payload.length < 65_536 ? 3 : 9);
    if (head.length === 3) head.writeUInt16BE(payload.length, 1);
    if (head.length === 9) head.writeBigUInt64BE(BigInt(payload.length), 1);
    if (head.length > 1) head[0] = head.length === 3 ? 126 : 127;
    this.stream.write(Buffer.concat([Buffer.from([0x80 | opcode]), head, payload]));
  }

  #feed(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes]);
    for (;;) {
      const held = this.#held;
      if (held.length < 2) return;
      const short = held.readUInt8(1) & 0x7f;
      const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
      const body = 2 + lengthBytes + 4; // a client's frames are masked
      if (held.length < body) return;
      const length = lengthBytes === 0 ? short : held.readUIntBE(lengthBytes === 8 ? 4 : 2, lengthBytes === 8 ? 6 : 2);
      if (held.length < body + length) return;
      const mask = held.subarray(body - 4, body);
      const payload = Buffer.from(held.subarray(body, body + length));
      for (let at = 0; at < length; at += 1) payload[at] = (payload[at] ?? 0) ^ (mask[at & 3] ?? 0);
      this.#held = held.subarray(body + length);
      this.#frame(held.readUInt8(0), payload);
    }
  }

  #frame(first: number, payload: Buffer): void {
    const opcode = first & 0x0f;
    if (opcode === CLOSE) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.close(code === 1005 ? 1000 : code, payload.subarray(2).toString());
      return this.#closed(code, payload.subarray(2).toString());
    }
    if (opcode !== CONTINUE && opcode !== TEXT && opcode !== BINARY) return;
    this.#parts.push(payload);
    if ((first & 0x80) === 0) return;
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    const data = new Uint8Array(whole).buffer;
    this.#to(this.onmessage, new MessageEvent("message", { data }));
  }

  #closed(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#to(this.onclose, Object.assign(new Event("close"), { code, reason, wasClean: code !== 1006 }));
  }

  /** The browser's handler types want `this` to be a WebSocket; ours has its face. */
  #to<E extends Event>(handler: ((this: WebSocket, event: E) => unknown) | null, event: E): void {
    if (handler !== null) Reflect.apply(handler, this, [event]);
  }
}

/** A server on a free loopback port; `next` is the server's end of the next socket that opens. */
export class WebSocketServer {
  readonly #server: Server = createServer((_, response) => response.writeHead(404).end());
  readonly #sockets = new Set<Duplex>();
  #waiting: ((socket: ServerSocket) => void)[] = [];

  async listen(): Promise<void> {
    this.#server.on("upgrade", (request, stream: Duplex) => {
      const key = `${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash("sha1").update(key).digest("base64");
      stream.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
      this.#sockets.add(stream);
      stream.on("close", () => this.#sockets.delete(stream));
      const far = new ServerSocket(stream);
      for (const tell of this.#waiting.splice(0)) tell(far);
    });
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/link`;
  }

  next(): Promise<ServerSocket> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    for (const stream of this.#sockets) stream.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
