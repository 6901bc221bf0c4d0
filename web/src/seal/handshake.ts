/** Who is there, and keys nobody else has: a link before its seal; twin of `qrshared/seal/handshake.py`. */
//   both       opening = LV("qrshared/1", key id or empty, nonce), at once
//   initiator  Noise message 1
//   responder  Noise message 2, or a refusal = LV("qrshared/1 refused", reason)
// Feed each link message to `receive`, send what it returns, until `sealed` is there. Any error ends the link.

import { REFUSALS, type Refusal, Refused, SealError, SealMisused } from "./errors.ts";
import { KEY_ID_BYTES, ascii, deriveKeys, lv, parseLv, sameBytes } from "./keys.ts";
import { NoiseHandshake } from "./noise.ts";
import { Sealed } from "./sealed.ts";

const NONCE_BYTES = 32;
const PROTOCOL = "qrshared/1";
const REFUSED = ascii("qrshared/1 refused");
const REFUSAL_START = lv(REFUSED); // Noise message 2 starts with a random key instead: 22 equal bytes do not happen

/** How the prologue names the road: a daemon's own door, through an edge, between two browsers. */
export type RoadName = "home" | "away" | "peer";

export type State = "awaiting_opening" | "awaiting_noise" | "sealed" | "over";

/** What a responder knows about a key id: its `sessionAuth` (none: a peer without a key) and what stands for it. */
export interface Found<T> {
  readonly sessionAuth: Uint8Array | undefined;
  readonly holder: T;
}

/** For test vectors only. */
export interface FixedRandomness {
  readonly nonce?: Uint8Array;
  readonly ephemeral?: Uint8Array;
}

interface Opening {
  readonly keyId: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Every legal step; in the other states nothing may be fed. */
const NEXT: Readonly<Record<State, State | undefined>> = {
  awaiting_opening: "awaiting_noise",
  awaiting_noise: "sealed",
  sealed: undefined,
  over: undefined,
};

/** What a responder sends instead of its next message; anybody could have written it. */
export function refusalMessage(refusal: Refusal): Uint8Array {
  return lv(REFUSED, ascii(refusal));
}

/** The side that opened the link: a browser towards a daemon. The secret is a ticket's or a device's, or none. */
export class Initiator {
  state: State = "awaiting_opening";
  sealed: Sealed | undefined;
  handshakeHash: Uint8Array | undefined;
  readonly #road: RoadName;
  readonly #psk: Uint8Array | undefined;
  readonly #own: Opening;
  readonly #ephemeral: Uint8Array | undefined;
  #noise: NoiseHandshake | undefined;

  constructor(road: RoadName, secret?: Uint8Array, fixed: FixedRandomness = {}) {
    const keys = secret === undefined ? undefined : deriveKeys(secret);
    this.#road = road;
    this.#psk = keys?.sessionAuth;
    this.#own = { keyId: keys?.keyId ?? new Uint8Array(0), nonce: fixed.nonce ?? freshNonce() };
    this.#ephemeral = fixed.ephemeral;
  }

  /** The first message, sent at once. */
  opening(): Uint8Array {
    return encodeOpening(this.#own);
  }

  /** Messages to send next; throws SealError (Refused: the other side said why), and then the link must be closed. */
  receive(message: Uint8Array): Uint8Array[] {
    const before = this.state;
    const next = NEXT[before];
    if (next === undefined) throw new SealMisused(`a handshake was fed while ${before}`);
    this.state = "over"; // stays so unless the step comes to its end
    if (sameBytes(message.subarray(0, REFUSAL_START.length), REFUSAL_START)) throw new Refused(parseRefusal(message));
    const messages = before === "awaiting_opening" ? this.#meet(message) : this.#conclude(message);
    this.state = next;
    return messages;
  }

  #meet(message: Uint8Array): Uint8Array[] {
    const theirs = parseOpening(message);
    if (sameBytes(theirs.nonce, this.#own.nonce)) throw reflected();
    if (theirs.keyId.length > 0) throw new SealError("malformed", "a responder that names a key");
    this.#noise = new NoiseHandshake({
      initiator: true,
      prologue: prologue(this.#road, this.#own, theirs),
      psk: this.#psk,
      ephemeral: this.#ephemeral,
    });
    return [this.#noise.writeMessage()];
  }

  #conclude(message: Uint8Array): Uint8Array[] {
    const noise = this.#noise;
    if (noise === undefined) throw new SealMisused("an answer before the question");
    readEmpty(noise, message);
    const keys = noise.split();
    this.handshakeHash = noise.hash;
    this.sealed = new Sealed({ sending: keys.initiator, receiving: keys.responder });
    return [];
  }
}

/** The side that was called. `find` says what it knows about a key id (empty: a peer without a key). */
export class Responder<T> {
  state: State = "awaiting_opening";
  sealed: Sealed | undefined;
  handshakeHash: Uint8Array | undefined;
  refused: Refusal | undefined;
  readonly #road: RoadName;
  readonly #find: (keyId: Uint8Array) => Found<T> | Refusal;
  readonly #own: Opening;
  readonly #ephemeral: Uint8Array | undefined;
  #found: Found<T> | undefined;
  #noise: NoiseHandshake | undefined;

  constructor(road: RoadName, find: (keyId: Uint8Array) => Found<T> | Refusal, fixed: FixedRandomness = {}) {
    this.#road = road;
    this.#find = find;
    this.#own = { keyId: new Uint8Array(0), nonce: fixed.nonce ?? freshNonce() };
    this.#ephemeral = fixed.ephemeral;
  }

  /** What stands for the peer's key; only there once the link is sealed, so that nobody acts on a mere claim. */
  get found(): T {
    if (this.#found === undefined || this.sealed === undefined) throw new SealMisused("asked before the seal");
    return this.#found.holder;
  }

  /** The first message, sent at once. */
  opening(): Uint8Array {
    return encodeOpening(this.#own);
  }

  /** Messages to send next. With `refused` set: send them, then close. Throws SealError (reflected): just close. */
  receive(message: Uint8Array): Uint8Array[] {
    const before = this.state;
    const next = NEXT[before];
    if (next === undefined) throw new SealMisused(`a handshake was fed while ${before}`);
    this.state = "over";
    try {
      const messages = before === "awaiting_opening" ? this.#meet(message) : this.#answer(message);
      this.state = next;
      return messages;
    } catch (error) {
      if (!(error instanceof SealError) || error.fault === "reflected") throw error;
      this.refused = error instanceof Refused ? error.refusal : "handshake";
      return [refusalMessage(this.refused)];
    }
  }

  #meet(message: Uint8Array): Uint8Array[] {
    const theirs = parseOpening(message);
    if (sameBytes(theirs.nonce, this.#own.nonce)) throw reflected();
    const found = this.#find(theirs.keyId);
    if (typeof found === "string") throw new Refused(found);
    if ((found.sessionAuth === undefined) !== (theirs.keyId.length === 0)) {
      throw new SealMisused("a key id without its key, or a key without an id");
    }
    this.#found = found;
    this.#noise = new NoiseHandshake({
      initiator: false,
      prologue: prologue(this.#road, theirs, this.#own),
      psk: found.sessionAuth,
      ephemeral: this.#ephemeral,
    });
    return [];
  }

  #answer(message: Uint8Array): Uint8Array[] {
    const noise = this.#noise;
    if (noise === undefined) throw new SealMisused("a question before the opening");
    readEmpty(noise, message);
    const answer = noise.writeMessage();
    const keys = noise.split();
    this.handshakeHash = noise.hash;
    this.sealed = new Sealed({ sending: keys.responder, receiving: keys.initiator });
    return [answer];
  }
}

function encodeOpening(opening: Opening): Uint8Array {
  return lv(ascii(PROTOCOL), opening.keyId, opening.nonce);
}

/** Throws SealError (malformed), or Refused (version) when it is the opening of another version. */
function parseOpening(message: Uint8Array): Opening {
  const [protocol, keyId, nonce] = parseLv(message, 3);
  if (protocol === undefined || keyId === undefined || nonce === undefined) throw new SealMisused("three fields");
  const name = new TextDecoder().decode(protocol);
  if (name !== PROTOCOL) {
    if (name.startsWith("qrshared/")) throw new Refused("version");
    throw new SealError("malformed", "another protocol");
  }
  if ((keyId.length !== 0 && keyId.length !== KEY_ID_BYTES) || nonce.length !== NONCE_BYTES) {
    throw new SealError("malformed", "a key id or nonce of the wrong length");
  }
  return { keyId, nonce };
}

/** Binds road, key and both nonces: a replayed or diverted message 1 does not open (Noise section 6). */
function prologue(road: RoadName, initiator: Opening, responder: Opening): Uint8Array {
  return lv(ascii(PROTOCOL), ascii(road), initiator.keyId, initiator.nonce, responder.nonce);
}

function parseRefusal(message: Uint8Array): Refusal {
  const reason = new TextDecoder().decode(parseLv(message, 2)[1]);
  return REFUSALS.find((refusal) => refusal === reason) ?? "handshake"; // a newer peer may know reasons we do not
}

function readEmpty(noise: NoiseHandshake, message: Uint8Array): void {
  if (noise.readMessage(message).length > 0) throw new SealError("handshake", "a payload where none may be");
}

function reflected(): SealError {
  return new SealError("reflected", "our own nonce came back");
}

function freshNonce(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
}
