/** The port to ChaCha20-Poly1305 as Noise uses it: a counter for a nonce, no associated data once sealed. */

import { SealError } from "./errors.ts";

export const KEY_BYTES = 32;
export const TAG_BYTES = 16;

/** One implementation; it keeps no state that a caller could notice, so it can be exchanged between two messages. */
export interface Cipher {
  /** Seals into `into` (plaintext's length + 16 bytes; may be a region of a larger buffer) and returns it. */
  seal(key: Uint8Array, counter: number, plaintext: Uint8Array, into: Uint8Array): Uint8Array;
  /** Opens into `into` (message's length - 16 bytes) and returns it; throws `spoiled` if a bit is wrong. */
  open(key: Uint8Array, counter: number, message: Uint8Array, into: Uint8Array): Uint8Array;
}

/** Noise 12.3: 32 zero bits, then the counter little-endian. */
export function writeNonce(counter: number, nonce: Uint8Array): void {
  const view = new DataView(nonce.buffer, nonce.byteOffset, 12);
  view.setUint32(0, 0);
  view.setUint32(4, counter >>> 0, true);
  view.setUint32(8, Math.floor(counter / 2 ** 32), true);
}

/** The error of a message that did not open. */
export function spoiled(): SealError {
  return new SealError("spoiled", "a message was changed, lost or repeated on its way");
}
