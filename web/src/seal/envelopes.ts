/** What peers say in a room before they have a link, so that its carrier learns nothing; twin of `seal/envelopes.py`. */
//   hello    01 ‖ LV("qrshared/1 meet", role, nonce, echo)      in clear: it holds nothing that was secret
//   sealed   02 ‖ u64 big-endian count ‖ ciphertext             under the key of whoever says it
// Keys come from the room's secret and a fresh nonce of each side: a recording opens nowhere else.

import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { TAG_BYTES, spoiled } from "./cipher.ts";
import { nobleCipher } from "./cipher-noble.ts";
import { SealError, SealMisused } from "./errors.ts";
import { ascii, lv, parseLv, sameBytes } from "./keys.ts";

export const ENVELOPE_BYTES_MAX = 48 * 1024;
const HEAD_BYTES = 9;
export const ENVELOPE_PLAINTEXT_BYTES_MAX = ENVELOPE_BYTES_MAX - HEAD_BYTES - TAG_BYTES;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;
export const MEETING_NONCE_BYTES = 32;

const HELLO = 1;
const SEALED = 2;
const MEET = ascii("qrshared/1 meet");

/** What a peer of a room is: `home` is a daemon and never initiates, `page` a browser. */
export type Role = "home" | "page";
const ROLES: readonly Role[] = ["home", "page"];

/** I am here; this is my nonce, and yours (empty while it is not known). */
export interface Hello {
  readonly role: Role;
  readonly nonce: Uint8Array;
  readonly echo: Uint8Array;
}

/** Whether it claims to be a sealed envelope; anything else is a hello or nonsense. */
export function isSealed(envelope: Uint8Array): boolean {
  return envelope[0] === SEALED;
}

export function encodeHello(hello: Hello): Uint8Array {
  const fields = lv(MEET, ascii(hello.role), hello.nonce, hello.echo);
  const envelope = new Uint8Array(1 + fields.length);
  envelope[0] = HELLO;
  envelope.set(fields, 1);
  return envelope;
}

/** Reads a hello; throws SealError (malformed) for anything else. */
export function parseHello(envelope: Uint8Array): Hello {
  if (envelope[0] !== HELLO) throw new SealError("malformed", "no hello");
  const [meet, spoken, nonce, echo] = parseLv(envelope.subarray(1), 4) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const role = ROLES.find((each) => sameBytes(ascii(each), spoken));
  if (!sameBytes(meet, MEET) || role === undefined) {
    throw new SealError("malformed", "another protocol, or nobody we know");
  }
  if (nonce.length !== MEETING_NONCE_BYTES || (echo.length !== 0 && echo.length !== MEETING_NONCE_BYTES)) {
    throw new SealError("malformed", "a nonce of the wrong length");
  }
  return { role, nonce, echo };
}

/** The two nonces of a meeting, and which of them is ours. */
export interface MeetingNonces {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
  readonly isInitiator: boolean;
}

/** One side of one meeting: seals what it says, opens what the other said. One that does not open ends nothing. */
export class Envelopes {
  readonly #mine: Uint8Array;
  readonly #theirs: Uint8Array;
  #sealed = 0;
  #highest = -1;

  /** `secret` is the room's `Keys.envelopes`. */
  constructor(secret: Uint8Array, nonces: MeetingNonces) {
    const prk = extract(sha256, lv(nonces.initiator, nonces.responder), secret);
    const initiator = expand(sha256, prk, ascii("initiator"), 32);
    const responder = expand(sha256, prk, ascii("responder"), 32);
    [this.#mine, this.#theirs] = nonces.isInitiator ? [initiator, responder] : [responder, initiator];
  }

  /** The next envelope: the same words sealed twice are two envelopes. */
  seal(plaintext: Uint8Array): Uint8Array {
    if (plaintext.length > ENVELOPE_PLAINTEXT_BYTES_MAX) {
      throw new SealMisused(`an envelope with ${plaintext.length} bytes`);
    }
    const count = this.#sealed;
    this.#sealed += 1;
    const envelope = new Uint8Array(HEAD_BYTES + plaintext.length + TAG_BYTES);
    envelope[0] = SEALED;
    new DataView(envelope.buffer).setBigUint64(1, BigInt(count));
    nobleCipher.seal(this.#mine, count, plaintext, envelope.subarray(HEAD_BYTES));
    return envelope;
  }

  /** What the other side sealed; undefined when its count is not above the highest. Throws SealError (spoiled). */
  open(envelope: Uint8Array): Uint8Array | undefined {
    const fits = envelope.length >= HEAD_BYTES + TAG_BYTES && envelope.length <= ENVELOPE_BYTES_MAX;
    if (!isSealed(envelope) || !fits) throw spoiled();
    const wide = new DataView(envelope.buffer, envelope.byteOffset).getBigUint64(1);
    if (wide > BigInt(COUNT_MAX)) throw spoiled();
    const count = Number(wide);
    if (count <= this.#highest) return undefined;
    const plaintext = new Uint8Array(envelope.length - HEAD_BYTES - TAG_BYTES);
    nobleCipher.open(this.#theirs, count, envelope.subarray(HEAD_BYTES), plaintext);
    this.#highest = count;
    return plaintext;
  }
}
