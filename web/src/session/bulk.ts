// libsodium for those who have much to send: loaded once, in the Worker, and done without where it cannot be had.
import { blake2b } from "@noble/hashes/blake2.js";
import type { Cipher } from "../seal/index.ts";
import type { Digest } from "./proof.ts";

const DIGEST_BYTES = 32;

/** The faster cipher, or null: WebAssembly may be forbidden, or the file may not come. */
export async function bulkCipher(): Promise<Cipher | null> {
  try {
    const { loadSodiumCipher } = await import("../seal/cipher-sodium.ts");
    return await loadSodiumCipher();
  } catch {
    return null;
  }
}

/** BLAKE2b-256, by libsodium where it can be had. */
export async function bulkDigest(): Promise<Digest> {
  try {
    const { default: sodium } = await import("libsodium-wrappers");
    await sodium.ready;
    return (bytes) => sodium.crypto_generichash(DIGEST_BYTES, bytes, null);
  } catch {
    return (bytes) => blake2b(bytes, { dkLen: DIGEST_BYTES });
  }
}
