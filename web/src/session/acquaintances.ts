// By what two pages know each other again: a key that came about under the seal of their first link, proven on each later one.
import { extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Hello } from "../protocol/messages.ts";
import { ascii, hkdfExpand, lv, sameBytes } from "../seal/index.ts";

export const TOKEN_BYTES = 16;

/** Whose proofs fit in a hello; the longest known give way. */
export const MET_MAX = 16;

/** Another page, and what the two know of each other. */
export interface Met {
  readonly name: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** What a link's handshake leaves, and this side's part in it. */
export interface Greeting {
  readonly hash: Uint8Array;
  readonly initiator: boolean;
}

/** What a page's hello says besides its name: half of a new key, and that it holds the keys of those it knows. */
export type Tokens = Required<Pick<Hello, "token" | "proofs">>;

/**
 * What a page says of itself proves nothing: everybody in a session's room hears it. A proof is made of the key of the two,
 * the link's own handshake and the prover's part in it, so that it is worth nothing on another link or in the other direction.
 */
export class Acquaintances {
  readonly #keys: Map<string, Uint8Array>;
  readonly #onChanged: (met: readonly Met[]) => void;

  /** `met`: whom an earlier load of this page knew. `onChanged`: what the next one may be given. */
  constructor(met: readonly Met[] = [], onChanged: (met: readonly Met[]) => void = () => undefined) {
    this.#keys = new Map(met.map(({ name, key }) => [name, key]));
    this.#onChanged = onChanged;
  }

  /** The words of the hello on this link; `token` is fresh. */
  tokens(greeting: Greeting, token: Uint8Array): Tokens {
    return { token, proofs: [...this.#keys.values()].map((key) => proof(key, greeting.hash, greeting.initiator)) };
  }

  /** Whom these proofs show; null: nobody who is known. */
  recognise({ hash, initiator }: Greeting, proofs: readonly Uint8Array[]): string | null {
    for (const [name, key] of this.#keys) {
      const expected = proof(key, hash, !initiator);
      if (proofs.some((given) => sameBytes(given, expected))) return name;
    }
    return null;
  }

  /** From now on whoever is at the other end of this link is known by that name. */
  met(name: string, { hash, initiator }: Greeting, ours: Uint8Array, theirs: Uint8Array): void {
    for (const longest of [...this.#keys.keys()].slice(0, Math.max(0, this.#keys.size + 1 - MET_MAX))) this.#keys.delete(longest);
    this.#keys.set(name, extract(sha256, initiator ? lv(ours, theirs) : lv(theirs, ours), hash));
    this.#changed();
  }

  forget(name: string): void {
    if (this.#keys.delete(name)) this.#changed();
  }

  #changed(): void {
    this.#onChanged([...this.#keys].map(([name, key]) => ({ name, key })));
  }
}

function proof(key: Uint8Array, hash: Uint8Array, byInitiator: boolean): Uint8Array {
  const root = extract(sha256, lv(key, ascii(byInitiator ? "initiator" : "responder")), hash);
  return hkdfExpand(root, "known page", TOKEN_BYTES);
}
