// One transfer on its way out: asks the pure `Sender` what comes next, reads it ahead and hands it over as chunks.
import { CHUNK_BYTES_MAX } from "../protocol/limits.ts";
import type { Chunk, Message } from "../protocol/messages.ts";
import type { SenderEvent } from "../transfers/events.ts";
import type { Read, Sender } from "../transfers/sender.ts";
import type { Clock } from "./clock.ts";
import { type Digest, proofOf } from "./proof.ts";
import { type Readable, Source, SourceFailed } from "./reading.ts";
import { browserDeflate, type Deflate, Squeezer } from "./squeeze.ts";

/**
 * One frame's worth of content: half a megabyte keeps eight frames of a window under way, where one megabyte kept four
 * and stood still half the time (150 against 110 MB/s).
 */
const FRAME_BYTES = 8 * CHUNK_BYTES_MAX;

/** What is claimed at once, read or not. What is claimed closes the window. */
const CLAIMED_BYTES = 2 * FRAME_BYTES;

/** Reads that are claimed at once, for small files. */
const READS_MAX = 32;

/** The files that come next are opened before their turn: a phone takes its time over each. */
const AHEAD_FILES_MAX = 32;
const AHEAD_BYTES_MAX = 8 << 20;

/** What a transfer needs of its surroundings. */
export interface OutgoingPorts {
  readonly clock: Clock;
  readonly digest: () => Promise<Digest>;
  readonly onPreparing: (item: number, preparing: boolean) => void;
  /** Something happened that no message has said: a file could not be read. */
  readonly onEvents: (events: readonly SenderEvent[]) => void;
  /** Chunks can be taken, or the sender has something to say. */
  readonly onReady: () => void;
  readonly post: (messages: readonly Message[]) => void;
}

interface Pending {
  readonly read: Read;
  bytes: Uint8Array | null; // null while it is being read
  deflated: readonly (Uint8Array | null)[]; // for each chunk of them that is worth it
  taken: number;
}

export class Outgoing {
  readonly sender: Sender;
  readonly #files: readonly Readable[];
  readonly #ports: OutgoingPorts;
  readonly #squeezer: Squeezer;
  readonly #sources = new Map<number, Source>();
  /** Items of which bytes are on their way. */
  readonly moving = new Set<number>();
  #pending: Pending[] = [];
  #links = 0; // a proof that was wanted on an earlier link is not sent on this one

  constructor(sender: Sender, files: readonly Readable[], ports: OutgoingPorts, deflate: Deflate = browserDeflate) {
    this.sender = sender;
    this.#files = files;
    this.#ports = ports;
    this.#squeezer = new Squeezer(deflate);
  }

  /** The link is gone: what was read but not taken is forgotten; the next accept says where to go on. */
  detach(): void {
    this.sender.detached();
    this.#pending = [];
    this.#links += 1;
  }

  /** Adds chunks that can go out now until `chunks` has `most`, or a frame is full. */
  take(most: number, chunks: Chunk[]): void {
    this.#fill();
    const blocked = new Set<number>(); // an item's bytes go in order; a slow file holds up nobody else
    const spent = new Set<Pending>();
    let bytes = 0;
    for (const pending of this.#pending) {
      if (chunks.length >= most || bytes >= FRAME_BYTES) break;
      const { item, length } = pending.read;
      const before = pending.taken;
      if (pending.bytes === null || blocked.has(item)) blocked.add(item);
      else if (!this.#cut(pending, pending.bytes, most, chunks) || pending.taken === length) spent.add(pending);
      else blocked.add(item);
      bytes += pending.taken - before;
    }
    if (spent.size === 0) return;
    this.#pending = this.#pending.filter((pending) => !spent.has(pending));
    this.#fill();
  }

  /** What an event means for files and reads; the rest of it is the screen's. */
  heed(event: SenderEvent): void {
    switch (event.t) {
      case "item_done":
      case "item_failed":
      case "item_cancelled":
        return this.#close(event.item);
      case "rewound":
        this.#pending = this.#pending.filter((pending) => pending.read.item !== event.item);
        return;
      case "proof_wanted":
        void this.#prove(event.item, event.offset);
        return;
      case "over":
        this.#pending = [];
        this.#sources.clear();
        this.moving.clear();
        return;
      default:
        return;
    }
  }

  /** Cuts a run off one read; false when these bytes are not wanted any more. */
  #cut(pending: Pending, bytes: Uint8Array, most: number, chunks: Chunk[]): boolean {
    const { item, turn, length } = pending.read;
    const offset = pending.read.offset + pending.taken;
    const run = Math.min(length - pending.taken, (most - chunks.length) * CHUNK_BYTES_MAX);
    if (!this.sender.sent({ item, turn, offset, length: run })) return false;
    for (let at = 0; at < run; at += CHUNK_BYTES_MAX) {
      const start = pending.taken + at;
      const content = bytes.subarray(start, Math.min(start + CHUNK_BYTES_MAX, pending.taken + run));
      const deflated = pending.deflated[start / CHUNK_BYTES_MAX]; // reads are cut at whole chunks
      chunks.push({ t: "chunk", transfer: this.sender.transfer, item, offset: offset + at, content, ...(deflated ? { deflated } : {}) });
    }
    pending.taken += run;
    if (offset + run === this.#files[item]?.size) this.#sources.get(item)?.release();
    return true;
  }

  #fill(): void {
    let claimed = this.#pending.reduce((sum, { read }) => sum + read.length, 0);
    let last = -1;
    while (this.#pending.length < READS_MAX && claimed < CLAIMED_BYTES) {
      const read = this.sender.nextRead(FRAME_BYTES);
      if (read === null) break;
      claimed += read.length;
      last = read.item;
      const pending: Pending = { read, bytes: null, deflated: [], taken: 0 };
      this.#pending.push(pending);
      this.moving.add(read.item);
      void this.#read(pending);
    }
    if (last >= 0) this.#openAhead(last + 1);
  }

  #openAhead(first: number): void {
    let bytes = 0;
    for (let item = first; item < first + AHEAD_FILES_MAX && item < this.#files.length && bytes < AHEAD_BYTES_MAX; item += 1) {
      const left = (this.#files[item]?.size ?? 0) - this.sender.done(item);
      if (this.sender.state(item) !== "waiting" || left === 0) continue;
      bytes += this.#source(item).warm(this.sender.done(item));
    }
  }

  async #read(pending: Pending): Promise<void> {
    const { item, offset, length } = pending.read;
    try {
      const bytes = await this.#source(item).read(offset, length);
      if (this.sender.mayDeflate) pending.deflated = await this.#squeezer.squeeze(item, this.sender.items[item]?.name ?? "", bytes);
      pending.bytes = bytes;
      this.#ports.onReady();
    } catch (error) {
      if (this.#pending.includes(pending)) this.#unreadable(item, error);
    }
  }

  async #prove(item: number, offset: number): Promise<void> {
    const link = this.#links;
    try {
      for await (const { first, digests } of proofOf(this.#source(item), offset, await this.#ports.digest())) {
        if (link !== this.#links) return;
        this.#ports.post(this.sender.proved(item, first, digests));
      }
    } catch (error) {
      if (link === this.#links) this.#unreadable(item, error);
    }
  }

  #unreadable(item: number, error: unknown): void {
    if (!(error instanceof SourceFailed)) throw error;
    this.#ports.onEvents(this.sender.failItem(item, error.reason));
  }

  #close(item: number): void {
    this.#pending = this.#pending.filter((pending) => pending.read.item !== item);
    this.#sources.delete(item);
    this.moving.delete(item);
  }

  #source(item: number): Source {
    let source = this.#sources.get(item);
    if (source === undefined) {
      const file = this.#files[item];
      if (file === undefined) throw new RangeError(`no file for item ${item}`);
      source = new Source(file, this.#ports.clock, (preparing) => this.#ports.onPreparing(item, preparing));
      this.#sources.set(item, source);
    }
    return source;
  }
}
