/** The cipher in plain JavaScript: there at once, for handshakes and small transfers. */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";

import { type Cipher, spoiled, writeNonce } from "./cipher.ts";

const nonce = new Uint8Array(12);

export const nobleCipher: Cipher = {
  seal(key, counter, plaintext, into) {
    writeNonce(counter, nonce);
    return chacha20poly1305(key, nonce).encrypt(plaintext, into);
  },

  open(key, counter, message, into) {
    writeNonce(counter, nonce);
    try {
      return chacha20poly1305(key, nonce).decrypt(message, into);
    } catch {
      throw spoiled(); // noble's only error for the right lengths is a wrong tag
    }
  },
};
