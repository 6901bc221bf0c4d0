// Reads one chosen file in big blocks, one block ahead of what is sent, and notices when it is no longer what was chosen.
import { CHUNK_BYTES_MAX } from "../protocol/limits.ts";
import type { Clock } from "./clock.ts";

/** What this needs of a browser's `File`. */
export type Readable = Pick<File, "size" | "lastModified" | "slice" | "arrayBuffer">;

/** A file is read in blocks of four frames (16 chunks each): small slices cost more per byte, and with one block ahead
 * Chromium's reads were 1 % of the time of a 1 GiB upload, so a stream reader would gain nothing. */
export const BLOCK_BYTES = 64 * CHUNK_BYTES_MAX;

/** A file that gives no byte for so long is being made by the phone (iOS converts a video when it is first read). */
export const PREPARING_S = 2;

/** This file cannot be read, or not as it was chosen. */
export class SourceFailed extends Error {
  readonly reason: "source_changed" | "source_unreadable";

  constructor(reason: "source_changed" | "source_unreadable") {
    super(reason);
    this.reason = reason;
  }
}

interface Block {
  readonly start: number;
  readonly end: number;
  readonly bytes: Promise<Uint8Array>;
}

export class Source {
  readonly #file: Readable;
  readonly #size: number;
  readonly #modified: number;
  readonly #clock: Clock;
  readonly #onPreparing: (preparing: boolean) => void;
  #current: Block | null = null;
  #next: Block | null = null;
  #answered = false;

  constructor(file: Readable, clock: Clock, onPreparing: (preparing: boolean) => void) {
    this.#file = file;
    this.#size = file.size;
    this.#modified = file.lastModified;
    this.#clock = clock;
    this.#onPreparing = onPreparing;
  }

  /** Exactly `length` bytes from `offset` on, as a view that stays valid; throws `SourceFailed`. Ask in order: it is fastest. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const block = this.#blockAt(offset);
    const end = offset + length;
    if (block.end < this.#size && this.#next?.start !== block.end) this.#next = this.#fetch(block.end);
    if (end <= block.end) return (await block.bytes).subarray(offset - block.start, end - block.start);
    const head = (await block.bytes).subarray(offset - block.start);
    const tail = await this.read(block.end, end - block.end);
    const whole = new Uint8Array(length);
    whole.set(head);
    whole.set(tail, head.length);
    return whole;
  }

  /** Begins to read before it is asked to; says how many bytes that are. A failure is heard by whoever reads. */
  warm(offset: number): number {
    const block = this.#blockAt(offset);
    return block.end - block.start;
  }

  /** Bytes read on their own, without touching what is read ahead; throws `SourceFailed`. */
  readApart(start: number, length: number): Promise<Uint8Array> {
    return this.#exactly(start, length);
  }

  /** Lets go of what was read ahead: the file rests, or is done. */
  release(): void {
    this.#current = null;
    this.#next = null;
  }

  #blockAt(offset: number): Block {
    for (const block of [this.#current, this.#next]) {
      if (block !== null && block.start <= offset && offset < block.end) {
        this.#current = block;
        return block;
      }
    }
    this.#next = null;
    this.#current = this.#fetch(offset);
    return this.#current;
  }

  #fetch(start: number): Block {
    const end = Math.min(start + BLOCK_BYTES, this.#size);
    const bytes = this.#exactly(start, end - start);
    if (!this.#answered) this.#watchFirst(bytes);
    const block: Block = { start, end, bytes };
    bytes.catch(() => this.#forget(block)); // whoever reads it hears of it; the next try reads afresh
    return block;
  }

  #forget(block: Block): void {
    if (this.#current === block) this.#current = null;
    if (this.#next === block) this.#next = null;
  }

  #watchFirst(bytes: Promise<Uint8Array>): void {
    this.#answered = true;
    let told = false;
    const takeBack = this.#clock.after(PREPARING_S, () => {
      told = true;
      this.#onPreparing(true);
    });
    const answered = (): void => {
      takeBack();
      if (told) this.#onPreparing(false);
    };
    bytes.then(answered, answered);
  }

  async #exactly(start: number, length: number): Promise<Uint8Array> {
    let bytes: Uint8Array;
    // A slice is a blob of its own, which the browser registers: for small files that cost as much as reading them.
    const wanted = start === 0 && length === this.#size ? this.#file : this.#file.slice(start, start + length);
    try {
      bytes = new Uint8Array(await wanted.arrayBuffer());
    } catch {
      throw new SourceFailed("source_unreadable"); // NotReadableError, NotFoundError: browsers do not say more
    }
    const same = this.#file.size === this.#size && this.#file.lastModified === this.#modified && bytes.length === length;
    if (!same) throw new SourceFailed("source_changed");
    return bytes;
  }
}
