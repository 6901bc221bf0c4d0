// Hashes the beginning of a chosen file in blocks, so that a receiver may trust what it kept of an earlier visit.
import { PROOF_BLOCK_BYTES } from "../protocol/limits.ts";
import type { Source } from "./reading.ts";

/** BLAKE2b-256. */
export type Digest = (bytes: Uint8Array) => Uint8Array;

/** Digests told together: 512 MiB of file under each message. */
const DIGESTS_AT_ONCE = 64;

export interface Proven {
  readonly first: number;
  readonly digests: readonly Uint8Array[];
}

/** The digests of the first `offset` bytes, block by block; the last block ends at `offset`. Throws `SourceFailed`. */
export async function* proofOf(source: Source, offset: number, digest: Digest): AsyncGenerator<Proven, void, undefined> {
  let digests: Uint8Array[] = [];
  let first = 0;
  for (let start = 0; start < offset; start += PROOF_BLOCK_BYTES) {
    const length = Math.min(PROOF_BLOCK_BYTES, offset - start);
    digests.push(digest(await source.readApart(start, length)));
    if (digests.length === DIGESTS_AT_ONCE) {
      yield { first, digests };
      first += digests.length;
      digests = [];
    }
  }
  if (digests.length > 0) yield { first, digests };
}
