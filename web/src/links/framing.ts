// How a batch of messages becomes one frame: 1…16 × (u16 big-endian length ‖ message).
import { BATCH_MESSAGES_MAX, MESSAGE_BYTES_MAX } from "./port.ts";

const LENGTH_BYTES = 2;

/** The largest frame a batch can become: just over 1 MiB. */
export const FRAME_BYTES_MAX = BATCH_MESSAGES_MAX * (LENGTH_BYTES + MESSAGE_BYTES_MAX);

/** This program tried to send what no link may carry: a bug. */
export class UnsendableBatch extends Error {
  override readonly name = "UnsendableBatch";
}

/** The other side sent something that is not a batch of messages. */
export class MalformedFrame extends Error {
  override readonly name = "MalformedFrame";
}

/** The bytes that a frame of these messages has; throws `UnsendableBatch` for what no link may carry. */
export function frameBytes(messages: readonly Uint8Array[]): number {
  if (messages.length < 1 || messages.length > BATCH_MESSAGES_MAX) throw new UnsendableBatch(`${messages.length} messages`);
  let bytes = 0;
  for (const message of messages) {
    if (message.length < 1 || message.length > MESSAGE_BYTES_MAX) throw new UnsendableBatch(`a message of ${message.length} bytes`);
    bytes += LENGTH_BYTES + message.length;
  }
  return bytes;
}

/** Writes the frame of these messages to the beginning of `room` and gives that part of it. */
export function joinFrame(messages: readonly Uint8Array[], room: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let at = 0;
  for (const message of messages) {
    room[at] = message.length >> 8;
    room[at + 1] = message.length & 0xff;
    room.set(message, at + LENGTH_BYTES);
    at += LENGTH_BYTES + message.length;
  }
  return room.subarray(0, at);
}

/** The messages of one frame, as views of it; throws `MalformedFrame`. */
export function splitFrame(frame: Uint8Array): readonly Uint8Array[] {
  const messages: Uint8Array[] = [];
  let at = 0;
  while (at < frame.length) {
    const body = at + LENGTH_BYTES;
    const end = body + (((frame[at] ?? 0) << 8) | (frame[at + 1] ?? 0));
    if (end === body) throw new MalformedFrame("an empty message");
    if (end > frame.length) throw new MalformedFrame("a message that is cut short");
    if (messages.length === BATCH_MESSAGES_MAX) throw new MalformedFrame("too many messages");
    messages.push(frame.subarray(body, end));
    at = end;
  }
  if (messages.length === 0) throw new MalformedFrame("no message");
  return messages;
}
