/** A link after its handshake: each message sealed under its direction's key and its place in the order. */

import { type Cipher, TAG_BYTES, spoiled } from "./cipher.ts";
import { nobleCipher } from "./cipher-noble.ts";
import { SealError, SealMisused } from "./errors.ts";

export const MESSAGE_BYTES_MAX = 65_535;
export const PLAINTEXT_BYTES_MAX = MESSAGE_BYTES_MAX - TAG_BYTES;
export const MESSAGES_MAX = 2 ** 40;

/** Keys by who sends with them. */
export interface SealedKeys {
  readonly sending: Uint8Array;
  readonly receiving: Uint8Array;
}

/**
 * Seals what is sent and opens what arrives. The counters are the order: nothing may be lost, doubled or swapped.
 * After the first message that does not open, nothing opens any more.
 */
export class Sealed {
  readonly #keys: SealedKeys;
  #cipher: Cipher;
  #sent = 0;
  #received = 0;
  #spoiled = false;

  constructor(keys: SealedKeys, cipher: Cipher = nobleCipher) {
    this.#keys = keys;
    this.#cipher = cipher;
  }

  /** Goes on with another implementation of the same cipher: keys and counters stay. */
  use(cipher: Cipher): void {
    this.#cipher = cipher;
  }

  /** The next message to send: 16 bytes longer than what goes in, written to `into` if that is given. */
  seal(plaintext: Uint8Array, into: Uint8Array = new Uint8Array(plaintext.length + TAG_BYTES)): Uint8Array {
    if (plaintext.length > PLAINTEXT_BYTES_MAX) throw new SealMisused(`a message of ${plaintext.length} bytes`);
    if (into.length !== plaintext.length + TAG_BYTES) throw new SealMisused("a region of the wrong length");
    if (this.#sent >= MESSAGES_MAX) throw wornOut();
    const counter = this.#sent;
    this.#sent += 1;
    return this.#cipher.seal(this.#keys.sending, counter, plaintext, into);
  }

  /** What the peer sealed as its next message; throws SealError, and then the link must be closed. */
  open(message: Uint8Array, into?: Uint8Array): Uint8Array {
    if (this.#spoiled || message.length < TAG_BYTES || message.length > MESSAGE_BYTES_MAX) {
      this.#spoiled = true;
      throw spoiled();
    }
    if (this.#received >= MESSAGES_MAX) throw wornOut();
    const region = into ?? new Uint8Array(message.length - TAG_BYTES);
    if (region.length !== message.length - TAG_BYTES) throw new SealMisused("a region of the wrong length");
    try {
      const plaintext = this.#cipher.open(this.#keys.receiving, this.#received, message, region);
      this.#received += 1;
      return plaintext;
    } catch (error) {
      this.#spoiled = true;
      throw error;
    }
  }
}

function wornOut(): SealError {
  return new SealError("worn_out", "one key has sealed as much as it may");
}
