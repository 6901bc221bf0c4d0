// Digests of what is here of an item, block by block, for as long as its sender has not proven that it is the same.
import { PROOF_BLOCK_BYTES } from "../protocol/limits.ts";
import type { Digest } from "./proof.ts";

export class Blocks {
  readonly #digest: Digest;
  readonly #whole: Uint8Array[] = [];
  readonly #last = new Uint8Array(PROOF_BLOCK_BYTES); // the block that is not whole yet
  #lastBytes = 0;
  #marked: { readonly offset: number; readonly digest: Uint8Array } = { offset: 0, digest: new Uint8Array() };

  constructor(digest: Digest) {
    this.#digest = digest;
  }

  /** The next bytes. */
  add(content: Uint8Array): void {
    for (let at = 0; at < content.length; ) {
      const piece = content.subarray(at, at + PROOF_BLOCK_BYTES - this.#lastBytes);
      this.#last.set(piece, this.#lastBytes);
      this.#lastBytes += piece.length;
      at += piece.length;
      if (this.#lastBytes < PROOF_BLOCK_BYTES) return;
      this.#whole.push(this.#digest(this.#last));
      this.#lastBytes = 0;
    }
  }

  /** A proof of all that is here now is asked for; more may come meanwhile. */
  mark(): void {
    const offset = this.#whole.length * PROOF_BLOCK_BYTES + this.#lastBytes;
    this.#marked = { offset, digest: this.#digest(this.#last.subarray(0, this.#lastBytes)) };
  }

  /** Whether these are the digests of the blocks from number `first` on; the last one ends at `offset`. */
  areSame(first: number, digests: readonly Uint8Array[], offset: number): boolean {
    return digests.every((theirs, n) => {
      const end = Math.min((first + n + 1) * PROOF_BLOCK_BYTES, offset);
      const ours = end % PROOF_BLOCK_BYTES === 0 ? this.#whole[first + n] : end === this.#marked.offset ? this.#marked.digest : undefined;
      return ours?.length === theirs.length && ours.every((byte, at) => byte === theirs[at]);
    });
  }
}
