// Turns messages into plaintexts and back, strictly; `qrshared/protocol/codec.py` is the twin.
import { CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, DEFLATED_HEADER_BYTES, PLAINTEXT_BYTES_MAX, WHOLE_MAX } from "./limits.ts";
import type { Chunk, Message, TransferId } from "./messages.ts";
import { WrongValue } from "./shapes.ts";
import { jsonMessage } from "./wire.ts";
import type { JsonMessage } from "./wire.ts";

export type { JsonMessage } from "./wire.ts";

/** The other side says something this one does not understand; `message` says which field, never what was in it. */
export class ProtocolError extends Error {
  readonly reason = "protocol";
}

/** The verb of an `ask` with this `id` cannot be read: that one is refused, the link goes on. */
export class WrongAsk extends ProtocolError {
  readonly id: number;

  constructor(id: number, message: string) {
    super(message);
    this.id = id;
  }
}

const CHUNK_MARK = 1;
const DEFLATED_MARK = 2;
const OBJECT_MARK = 0x7b; // {
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();

/** Reads one plaintext; throws `ProtocolError` for anything `WIRE.md` does not allow. A chunk's content is a view. */
export function decode(plaintext: Uint8Array): Message {
  if (plaintext[0] === CHUNK_MARK) return decodeChunk(plaintext);
  // Legal only after an accept that says `deflate`; who says it asks `isDeflated` first, for browsers inflate with a wait in between.
  if (plaintext[0] === DEFLATED_MARK) throw new ProtocolError("a deflated chunk, to which this page never agreed");
  if (plaintext[0] !== OBJECT_MARK || plaintext.length > PLAINTEXT_BYTES_MAX) {
    throw new ProtocolError("neither an object nor a chunk, or too long");
  }
  let json: string;
  try {
    json = utf8.decode(plaintext);
  } catch {
    throw new ProtocolError("not UTF-8");
  }
  return decodeJson(json);
}

/** A deflated chunk before anybody has looked into it. */
export interface DeflatedChunk extends Omit<Chunk, "content" | "deflated"> {
  readonly length: number;
  readonly deflated: Uint8Array;
}

export function isDeflated(plaintext: Uint8Array): boolean {
  return plaintext[0] === DEFLATED_MARK;
}

/** Reads what stands before the bytes of a deflated chunk; throws `ProtocolError`. */
export function decodeDeflated(plaintext: Uint8Array): DeflatedChunk {
  if (plaintext.length <= DEFLATED_HEADER_BYTES || plaintext.length > PLAINTEXT_BYTES_MAX) {
    throw new ProtocolError("deflated chunk without content, or with too much");
  }
  const length = new DataView(plaintext.buffer, plaintext.byteOffset, DEFLATED_HEADER_BYTES).getUint32(CHUNK_HEADER_BYTES);
  return { ...readHeader(plaintext, length), length, deflated: plaintext.subarray(DEFLATED_HEADER_BYTES) };
}

/** Reads one message written as JSON. */
export function decodeJson(json: string): JsonMessage {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new ProtocolError("not JSON");
  }
  try {
    return jsonMessage.read(parsed);
  } catch (error) {
    if (!(error instanceof WrongValue)) throw error;
    const asked = askedBy(parsed);
    throw asked === undefined ? new ProtocolError(error.message) : new WrongAsk(asked, error.message);
  }
}

/** The number of an `ask`, if it is one and has one. */
function askedBy(parsed: unknown): number | undefined {
  if (typeof parsed !== "object" || parsed === null || !("t" in parsed) || parsed.t !== "ask") return undefined;
  if (!("id" in parsed) || typeof parsed.id !== "number" || !Number.isInteger(parsed.id)) return undefined;
  return parsed.id >= 0 && parsed.id <= WHOLE_MAX ? parsed.id : undefined;
}

/** Writes one message as a plaintext; throws `RangeError` (our fault) when it fits in no sealed message. */
export function encode(message: Message): Uint8Array {
  if (message.t === "chunk") return encodeChunk(message);
  const plaintext = toUtf8.encode(encodeJson(message));
  if (plaintext.length > PLAINTEXT_BYTES_MAX) throw new RangeError(`a ${message.t} message of ${plaintext.length} bytes`);
  return plaintext;
}

/** Writes one message other than a chunk as JSON on one line. */
export function encodeJson(message: JsonMessage): string {
  return JSON.stringify(jsonMessage.write(message));
}

function encodeChunk(chunk: Chunk): Uint8Array {
  const plaintext = new Uint8Array(chunkBytes(chunk));
  writeChunk(plaintext, chunk);
  return plaintext;
}

/** How long a chunk's plaintext is. */
export function chunkBytes({ content, deflated }: Chunk): number {
  return deflated === undefined ? CHUNK_HEADER_BYTES + content.length : DEFLATED_HEADER_BYTES + deflated.length;
}

/** Writes a whole chunk into a plaintext of `chunkBytes`: what seals it next need not copy it once more. */
export function writeChunk(plaintext: Uint8Array, { transfer, item, offset, content, deflated }: Chunk): void {
  if (deflated === undefined) {
    plaintext.set(content, CHUNK_HEADER_BYTES);
    return writeChunkHeader(plaintext, transfer, item, offset);
  }
  const length = content.length;
  if (length < 1 || length > CHUNK_BYTES_MAX || deflated.length === 0) throw new RangeError(`a deflated chunk of ${length} bytes`);
  writeHeader(plaintext, DEFLATED_MARK, transfer, item, offset);
  new DataView(plaintext.buffer, plaintext.byteOffset, DEFLATED_HEADER_BYTES).setUint32(CHUNK_HEADER_BYTES, length);
  plaintext.set(deflated, DEFLATED_HEADER_BYTES);
}

/**
 * Writes the first `CHUNK_HEADER_BYTES` of a chunk whose content already stands (or will stand) behind them, up to the
 * end of `plaintext`: what reads a file straight into the buffer that is sealed next.
 */
export function writeChunkHeader(plaintext: Uint8Array, transfer: TransferId, item: number, offset: number): void {
  const length = plaintext.length - CHUNK_HEADER_BYTES;
  if (length < 1 || length > CHUNK_BYTES_MAX) throw new RangeError(`a chunk of ${length} bytes`);
  writeHeader(plaintext, CHUNK_MARK, transfer, item, offset);
}

function writeHeader(plaintext: Uint8Array, mark: number, transfer: TransferId, item: number, offset: number): void {
  plaintext[0] = mark;
  for (let i = 0; i < 16; i++) plaintext[1 + i] = Number.parseInt(transfer.slice(2 * i, 2 * i + 2), 16);
  const view = new DataView(plaintext.buffer, plaintext.byteOffset, CHUNK_HEADER_BYTES);
  view.setUint32(17, item);
  view.setUint32(21, Math.floor(offset / 2 ** 32));
  view.setUint32(25, offset % 2 ** 32);
}

function decodeChunk(plaintext: Uint8Array): Chunk {
  const length = plaintext.length - CHUNK_HEADER_BYTES;
  return { ...readHeader(plaintext, length), content: plaintext.subarray(CHUNK_HEADER_BYTES) };
}

/** What every chunk says of itself; `length` is what it holds, or what is to come out of it. */
function readHeader(plaintext: Uint8Array, length: number): Omit<Chunk, "content" | "deflated"> {
  if (length < 1 || length > CHUNK_BYTES_MAX) throw new ProtocolError("chunk without content, or with too much");
  const view = new DataView(plaintext.buffer, plaintext.byteOffset, CHUNK_HEADER_BYTES);
  const offset = view.getUint32(21) * 2 ** 32 + view.getUint32(25);
  if (offset > WHOLE_MAX - length) throw new ProtocolError("chunk beyond the largest size");
  let transfer = "";
  for (let i = 1; i < 17; i++) transfer += HEX[plaintext[i] ?? 0];
  return { t: "chunk", transfer, item: view.getUint32(17), offset };
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
