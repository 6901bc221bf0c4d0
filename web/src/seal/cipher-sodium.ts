/** The cipher in WebAssembly, twice as fast: loaded when bulk comes, in the Worker (CSP `wasm-unsafe-eval`). */

import { type Cipher, KEY_BYTES, TAG_BYTES, spoiled, writeNonce } from "./cipher.ts";

const MESSAGE_BYTES_MAX = 65_535;

/** The compiled library under the wrappers, which would allocate and copy five times for each message. */
interface Compiled {
  readonly HEAPU8: Uint8Array; // another one after the memory grew: never keep it
  _malloc(bytes: number): number;
  _crypto_aead_chacha20poly1305_ietf_encrypt(
    into: number, intoLength: number, plaintext: number, plaintextBytes: number, plaintextBytesHigh: number,
    associated: number, associatedBytes: number, associatedBytesHigh: number,
    secretNonce: number, nonce: number, key: number,
  ): number;
  _crypto_aead_chacha20poly1305_ietf_decrypt(
    into: number, intoLength: number, secretNonce: number,
    message: number, messageBytes: number, messageBytesHigh: number,
    associated: number, associatedBytes: number, associatedBytesHigh: number,
    nonce: number, key: number,
  ): number;
}

let loading: Promise<Cipher> | undefined;

/** Loads the library once; fails (and may be asked again) where WebAssembly is forbidden or the file does not come. */
export function loadSodiumCipher(): Promise<Cipher> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<Cipher> {
  const { default: sodium } = await import("libsodium-wrappers");
  await sodium.ready;
  if (!("libsodium" in sodium)) throw new Error("this build of libsodium hides its memory");
  return new SodiumCipher(sodium.libsodium as Compiled);
}

/** One copy into the library's memory, sealed in place, one copy out. */
class SodiumCipher implements Cipher {
  readonly #compiled: Compiled;
  readonly #buffer: number;
  readonly #nonce: number;
  readonly #key: number;

  constructor(compiled: Compiled) {
    this.#compiled = compiled;
    this.#buffer = compiled._malloc(MESSAGE_BYTES_MAX);
    this.#nonce = compiled._malloc(12);
    this.#key = compiled._malloc(KEY_BYTES);
  }

  seal(key: Uint8Array, counter: number, plaintext: Uint8Array, into: Uint8Array): Uint8Array {
    const buffer = this.#buffer;
    this.#load(key, counter, plaintext);
    this.#compiled._crypto_aead_chacha20poly1305_ietf_encrypt(
      buffer, 0, buffer, plaintext.length, 0, 0, 0, 0, 0, this.#nonce, this.#key,
    );
    return this.#unload(plaintext.length + TAG_BYTES, into);
  }

  open(key: Uint8Array, counter: number, message: Uint8Array, into: Uint8Array): Uint8Array {
    const buffer = this.#buffer;
    this.#load(key, counter, message);
    const fault = this.#compiled._crypto_aead_chacha20poly1305_ietf_decrypt(
      buffer, 0, 0, buffer, message.length, 0, 0, 0, 0, this.#nonce, this.#key,
    );
    if (fault !== 0) throw spoiled();
    return this.#unload(message.length - TAG_BYTES, into);
  }

  #load(key: Uint8Array, counter: number, bytes: Uint8Array): void {
    const heap = this.#compiled.HEAPU8;
    heap.set(bytes, this.#buffer);
    heap.set(key, this.#key);
    writeNonce(counter, heap.subarray(this.#nonce, this.#nonce + 12));
  }

  #unload(bytes: number, into: Uint8Array): Uint8Array {
    into.set(this.#compiled.HEAPU8.subarray(this.#buffer, this.#buffer + bytes));
    return into;
  }
}
