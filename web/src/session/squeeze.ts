// Deflates chunks where that pays: decided for each item by a sample of it, each chunk on its own, before it is sealed.
import { CHUNK_BYTES_MAX } from "../protocol/limits.ts";

/**
 * A chunk that does not become at least so much smaller goes as it is. Less than the daemon asks for: a browser cannot be
 * told to deflate quickly, and with 200 Mbit/s a log (0.27) took 0.83 of the time and a table of
 * digits (0.46) 1.54.
 */
export const PAYS_BELOW = 0.33;

/** Shorter items fit in a packet or two anyway. */
export const ITEM_BYTES_LEAST = 2_048;

/** By their endings: what is compressed already. */
const NEVER = new Set(
  ("7z aac apk avi avif br bz2 cbr cbz deb dmg docx epub flac gif gz heic heif ipa jar jpeg jpg jxl lz4 m4a m4v mkv mov mp3 mp4 mpg odt ogg opus png " +
    "pptx rar rpm tgz webm webp whl wma wmv woff woff2 xlsx xz zip zst").split(" "),
);

/** Raw DEFLATE (RFC 1951) of some bytes; null where it cannot be had. */
export type Deflate = (bytes: Uint8Array) => Promise<Uint8Array | null>;

/** What a browser brings along: all of today do, in workers and on insecure origins too. */
export const browserDeflate: Deflate = async (bytes) => {
  if (typeof CompressionStream === "undefined") return null;
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    return null; // an old browser that knows the class and not this format
  }
};

/** Decides and deflates for one transfer. */
export class Squeezer {
  readonly #deflate: Deflate;
  readonly #pays = new Map<number, boolean>();

  constructor(deflate: Deflate) {
    this.#deflate = deflate;
  }

  /** For each chunk of these bytes what goes out in its place, or null where it goes out as it is. */
  async squeeze(item: number, name: string, bytes: Uint8Array): Promise<readonly (Uint8Array | null)[]> {
    const pays = this.#pays.get(item) ?? mayPay(name, bytes.length);
    if (!pays) {
      this.#pays.set(item, false);
      return [];
    }
    const first = await this.#smaller(bytes.subarray(0, CHUNK_BYTES_MAX));
    // The sample: what does not shrink at its beginning is not tried again.
    if (!this.#pays.has(item)) this.#pays.set(item, first !== null);
    if (this.#pays.get(item) !== true) return [];
    const rest: Promise<Uint8Array | null>[] = [];
    for (let at = CHUNK_BYTES_MAX; at < bytes.length; at += CHUNK_BYTES_MAX) rest.push(this.#smaller(bytes.subarray(at, at + CHUNK_BYTES_MAX)));
    return [first, ...(await Promise.all(rest))];
  }

  async #smaller(chunk: Uint8Array): Promise<Uint8Array | null> {
    const deflated = await this.#deflate(chunk);
    return deflated !== null && deflated.length < chunk.length * PAYS_BELOW ? deflated : null;
  }
}

function mayPay(name: string, bytes: number): boolean {
  const ending = /\.([^./]+)$/.exec(name.toLowerCase())?.[1] ?? "";
  return bytes >= ITEM_BYTES_LEAST && !NEVER.has(ending);
}
