/** The key schedule, and the one way fields are joined before hashing; twin of `qrshared/seal/keys.py`. */

import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { fromBase64url, toBase64url } from "../base64url.ts";
import { SealError, SealMisused } from "./errors.ts";

export const TICKET_SECRET_BYTES = 16;
export const DEVICE_SECRET_BYTES = 32;
export const KEY_ID_BYTES = 16;

const FRAGMENT = /^#?1([A-Za-z0-9_-]{22})$/;

/** All that is ever derived from one secret; only `keyId` may be seen by strangers. */
export interface Keys {
  readonly keyId: Uint8Array; // 16 bytes
  readonly sessionAuth: Uint8Array; // 32 bytes, the pre-shared key of the handshake
  readonly rendezvous: Uint8Array; // 16 bytes, the room id at an edge
  readonly envelopes: Uint8Array; // 32 bytes, seals what peers say in that room, over fresh nonces of both
}

/** Keys of a ticket's (16 bytes) or a device's (32 bytes) secret. */
export function deriveKeys(secret: Uint8Array): Keys {
  if (secret.length !== TICKET_SECRET_BYTES && secret.length !== DEVICE_SECRET_BYTES) {
    throw new SealMisused(`a secret of ${secret.length} bytes`);
  }
  const root = extract(sha256, secret, ascii("qrshared/1 root"));
  return {
    keyId: hkdfExpand(root, "key-id", KEY_ID_BYTES),
    sessionAuth: hkdfExpand(root, "session-auth", 32),
    rendezvous: hkdfExpand(root, "rendezvous", 16),
    envelopes: hkdfExpand(root, "envelopes", 32),
  };
}

/** RFC 5869, 2.3, with SHA-256. */
export function hkdfExpand(root: Uint8Array, label: string, length: number): Uint8Array {
  return expand(sha256, root, ascii(label), length);
}

/** Joins fields so that no two different lists look alike: each as u32 big-endian length, then its bytes. */
export function lv(...fields: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(fields.reduce((sum, field) => sum + 4 + field.length, 0));
  const view = new DataView(joined.buffer);
  let at = 0;
  for (const field of fields) {
    view.setUint32(at, field.length);
    joined.set(field, at + 4);
    at += 4 + field.length;
  }
  return joined;
}

/** Splits what `lv` joined into exactly `count` fields; throws SealError (malformed) if it is anything else. */
export function parseLv(message: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const fields: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    const start = at + 4;
    const end = start <= message.length ? start + view.getUint32(at) : Number.POSITIVE_INFINITY;
    if (end > message.length) throw new SealError("malformed", "a field is cut off");
    fields.push(message.slice(start, end));
    at = end;
  }
  if (at !== message.length) throw new SealError("malformed", "there is something after the last field");
  return fields;
}

/** What follows `#` in a ticket's address: a format digit and 22 characters. */
export function ticketFragment(secret: Uint8Array): string {
  if (secret.length !== TICKET_SECRET_BYTES) throw new SealMisused(`a ticket of ${secret.length} bytes`);
  return `1${toBase64url(secret)}`;
}

/** The ticket's secret, of a fragment with or without its `#`; null for anything else. */
export function asSecret(text: string): Uint8Array | null {
  const encoded = FRAGMENT.exec(text)?.[1];
  return encoded === undefined ? null : fromBase64url(encoded);
}

/** The same, of what must be one; throws SealError (fragment). */
export function secretFromFragment(text: string): Uint8Array {
  const secret = asSecret(text);
  if (secret === null) throw new SealError("fragment", "the address is not complete, or misspelt");
  return secret;
}

/** The bytes of a text that is known to be ASCII. */
export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Whether two byte strings are the same; for values that are no secrets. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
