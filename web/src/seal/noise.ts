/** Noise NN and NNpsk0 over 25519, ChaChaPoly and SHA256; twin of `qrshared/seal/noise.py`. */
// Section numbers are those of "The Noise Protocol Framework", revision 34.

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { writeNonce } from "./cipher.ts";
import { SealError, SealMisused } from "./errors.ts";
import { ascii, sameBytes } from "./keys.ts";

const PSK_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;
const MESSAGE_BYTES_MAX = 65_535; // section 3

/** The keys after a handshake (5.2, Split), by who sends with them. */
export interface SplitKeys {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

/** Section 5.2, with the CipherState of 5.1 folded in. */
class SymmetricState {
  hash: Uint8Array;
  #chainingKey: Uint8Array;
  #key: Uint8Array | undefined;
  #counter = 0;

  constructor(protocolName: string) {
    const name = ascii(protocolName);
    // 5.2: a name of up to 32 bytes is padded with zeros, a longer one is hashed.
    this.hash = name.length <= 32 ? joinBytes(name, new Uint8Array(32 - name.length)) : sha256(name);
    this.#chainingKey = this.hash;
  }

  mixHash(part: Uint8Array): void {
    this.hash = sha256(joinBytes(this.hash, part));
  }

  mixKey(keyMaterial: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#chainingKey, keyMaterial);
    this.#chainingKey = chainingKey;
    this.#setKey(key);
  }

  mixKeyAndHash(psk: Uint8Array): void {
    const [chainingKey, part, key] = hkdf(this.#chainingKey, psk);
    this.#chainingKey = chainingKey;
    this.mixHash(part);
    this.#setKey(key);
  }

  encryptAndHash(payload: Uint8Array): Uint8Array {
    const sealed = this.#key === undefined ? payload : this.#cipher(this.#key).encrypt(payload);
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array {
    let payload = sealed;
    if (this.#key !== undefined) {
      try {
        payload = this.#cipher(this.#key).decrypt(sealed);
      } catch {
        throw failed("the other side does not know this key");
      }
    }
    this.mixHash(sealed);
    return payload;
  }

  split(): SplitKeys {
    const [initiator, responder] = hkdf(this.#chainingKey, new Uint8Array(0));
    return { initiator, responder };
  }

  #setKey(key: Uint8Array): void {
    this.#key = key;
    this.#counter = 0;
  }

  #cipher(key: Uint8Array): ReturnType<typeof chacha20poly1305> {
    const nonce = new Uint8Array(12);
    writeNonce(this.#counter, nonce);
    this.#counter += 1;
    return chacha20poly1305(key, nonce, this.hash);
  }
}

export interface NoiseChoices {
  readonly initiator: boolean;
  readonly prologue: Uint8Array;
  /** Absent: Noise_NN. */
  readonly psk?: Uint8Array | undefined;
  /** For test vectors only; otherwise the key is made afresh. */
  readonly ephemeral?: Uint8Array | undefined;
}

/**
 * One side of NN or NNpsk0 (9.4): write and read one message each, then `split`.
 *   NN:      -> e        <- e, ee
 *   NNpsk0:  -> psk, e   <- e, ee
 */
export class NoiseHandshake {
  readonly #initiator: boolean;
  readonly #psk: Uint8Array | undefined;
  readonly #private: Uint8Array;
  readonly #public: Uint8Array;
  readonly #symmetric: SymmetricState;
  #theirs: Uint8Array | undefined;

  constructor(choices: NoiseChoices) {
    const { psk } = choices;
    if (psk !== undefined && psk.length !== PSK_BYTES) throw new SealMisused(`a pre-shared key of ${psk.length} bytes`);
    this.#initiator = choices.initiator;
    this.#psk = psk;
    this.#private = choices.ephemeral ?? crypto.getRandomValues(new Uint8Array(32));
    this.#public = x25519.getPublicKey(this.#private);
    this.#symmetric = new SymmetricState(`Noise_NN${psk === undefined ? "" : "psk0"}_25519_ChaChaPoly_SHA256`);
    this.#symmetric.mixHash(choices.prologue); // 5.3, Initialize
  }

  /** The handshake hash; after the second message both sides hold the same 32 bytes (11.2, channel binding). */
  get hash(): Uint8Array {
    return this.#symmetric.hash;
  }

  /** Section 5.3, WriteMessage: the initiator's first message, or the responder's answer. */
  writeMessage(payload: Uint8Array = new Uint8Array(0)): Uint8Array {
    if (this.#initiator) this.#tokenPsk();
    this.#tokenE(this.#public);
    if (!this.#initiator) this.#tokenEe();
    return joinBytes(this.#public, this.#symmetric.encryptAndHash(payload));
  }

  /** Section 5.3, ReadMessage: returns the payload; throws SealError (handshake or reflected). */
  readMessage(message: Uint8Array): Uint8Array {
    if (message.length < PUBLIC_KEY_BYTES || message.length > MESSAGE_BYTES_MAX) throw failed("a wrong length");
    const theirs = message.slice(0, PUBLIC_KEY_BYTES);
    if (sameBytes(theirs, this.#public)) throw new SealError("reflected", "our own key came back");
    if (!this.#initiator) this.#tokenPsk();
    this.#theirs = theirs;
    this.#tokenE(theirs);
    if (this.#initiator) this.#tokenEe();
    return this.#symmetric.decryptAndHash(message.slice(PUBLIC_KEY_BYTES));
  }

  /** The two keys for everything after the handshake. */
  split(): SplitKeys {
    return this.#symmetric.split();
  }

  #tokenPsk(): void {
    if (this.#psk !== undefined) this.#symmetric.mixKeyAndHash(this.#psk);
  }

  #tokenE(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    if (this.#psk !== undefined) this.#symmetric.mixKey(publicKey); // 9.2: with a psk every "e" is mixed in as well
  }

  #tokenEe(): void {
    if (this.#theirs === undefined) throw new SealMisused("a handshake answered before it was asked");
    this.#symmetric.mixKey(sharedSecret(this.#private, this.#theirs));
  }
}

function sharedSecret(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return x25519.getSharedSecret(privateKey, publicKey);
  } catch {
    throw failed("a low-order point"); // it gives zeros, which noble refuses (RFC 7748, 6.1)
  }
}

function failed(message: string): SealError {
  return new SealError("handshake", message);
}

/** Section 4.3, HKDF with three outputs; callers that need two leave the third. */
function hkdf(chainingKey: Uint8Array, keyMaterial: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const temporary = hmac(sha256, chainingKey, keyMaterial);
  const first = hmac(sha256, temporary, Uint8Array.of(1));
  const second = hmac(sha256, temporary, joinBytes(first, Uint8Array.of(2)));
  const third = hmac(sha256, temporary, joinBytes(second, Uint8Array.of(3)));
  return [first, second, third];
}

function joinBytes(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
