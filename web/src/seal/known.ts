// How a computer shows a browser that it holds a key which that browser made for it earlier, and tells nobody else.
import { extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, hkdfExpand, lv } from "./keys.ts";

const KNOWN_PROOF_BYTES = 16;

/** Of the responder, on this link alone; to whoever does not hold `key` it is noise, and tells it from no other. */
export function knownProof(key: Uint8Array, handshakeHash: Uint8Array): Uint8Array {
  return hkdfExpand(extract(sha256, lv(key, ascii("responder")), handshakeHash), "known computer", KNOWN_PROOF_BYTES);
}
