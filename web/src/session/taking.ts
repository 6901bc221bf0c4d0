// One item's bytes on their way into its sink: in order, a run at a time, hashed as they go.
import type { Item, Reason } from "../protocol/messages.ts";
import { PROOF_BLOCK_BYTES } from "../protocol/limits.ts";
import { Blocks } from "./blocks.ts";
import type { Clock } from "./clock.ts";
import type { Digest } from "./proof.ts";
import { type Saved, type Sink, SinkFailed, type Sinks } from "./sinks/port.ts";

/** Bytes that are worth a write of their own; fewer wait a moment for more. */
const RUN_BYTES = 256 * 1024;
const RUN_WAIT_S = 0.25;

/** SHA-256 in steps. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** In hex; the last call. */
  end(): string;
}

export interface TakingPorts {
  readonly clock: Clock;
  readonly hasher: () => Hasher;
  /** So many bytes of the item are kept. */
  readonly onTaken: (offset: number) => void;
  readonly onFinished: (saved: Saved, sha256: string) => void;
  readonly onFailed: (reason: Reason) => void;
}

export class Taking {
  readonly #item: Item;
  readonly #index: number;
  readonly #sinks: Sinks;
  readonly #ports: TakingPorts;
  #hasher: Hasher;
  #blocks: Blocks | null = null; // while what an earlier page load has left is not proven
  #startsOver = false;
  #starts = 0;
  #sink: Promise<Sink> | null = null;
  #queued: Uint8Array[] = [];
  #queuedBytes = 0;
  #written = 0;
  #isWhole = false;
  #isWriting = false; // or finishing
  #isHeld = false;
  #isOver = false;
  #takeBack: (() => void) | null = null;

  constructor(item: Item, index: number, sinks: Sinks, ports: TakingPorts) {
    this.#item = item;
    this.#index = index;
    this.#sinks = sinks;
    this.#ports = ports;
    this.#hasher = ports.hasher();
  }

  /** The next bytes; they stay the caller's promise until `onTaken` says so. */
  take(content: Uint8Array): void {
    this.#blocks?.add(content);
    this.#queued.push(content);
    this.#queuedBytes += content.length;
    if (this.#queuedBytes >= RUN_BYTES) return this.#write();
    this.#takeBack ??= this.#ports.clock.after(RUN_WAIT_S, () => this.#write());
  }

  /** No more bytes come: what is queued is written, then the item is finished. */
  whole(): void {
    this.#isWhole = true;
    this.#write();
  }

  /** What comes waits unwritten, or is written now. */
  hold(isHeld: boolean): void {
    const goesOn = this.#isHeld && !isHeld;
    this.#isHeld = isHeld;
    if (goesOn && (this.#isWhole || this.#startsOver || this.#queuedBytes > 0)) this.#write();
  }

  /** Reads what an earlier page load has left, before anything else happens; gives how far that goes. */
  async takeUp(digest: Digest): Promise<number> {
    this.#isWriting = true;
    const sink = await (this.#sink ??= this.#sinks.open(this.#item, this.#index));
    if (sink.kept !== undefined) {
      try {
        await this.#read(sink.kept.content, (this.#blocks = new Blocks(digest)));
      } catch (error) {
        if (!(error instanceof DOMException)) throw error; // else the browser has lost some of it
        await sink.kept.drop();
        this.#begin();
      }
    }
    this.#isWriting = false;
    return this.#written;
  }

  async #read(kept: Blob, blocks: Blocks): Promise<void> {
    for (let at = 0; at < kept.size && !this.#isOver; at += PROOF_BLOCK_BYTES) {
      const block = new Uint8Array(await kept.slice(at, at + PROOF_BLOCK_BYTES).arrayBuffer());
      if (block.length !== Math.min(PROOF_BLOCK_BYTES, kept.size - at)) throw new DOMException("", "NotReadableError");
      this.#hasher.update(block);
      blocks.add(block);
      this.#written += block.length;
    }
  }

  /** A proof of all that has arrived is asked for. */
  awaitProof(): void {
    this.#blocks?.mark();
  }

  /** Whether these are the digests of what is here. */
  isSame(first: number, digests: readonly Uint8Array[], offset: number): boolean {
    return this.#blocks?.areSame(first, digests, offset) ?? false;
  }

  /** It is proven. */
  trust(): void {
    this.#blocks = null;
  }

  /** What was left is something else: all of it goes, and the item begins anew. */
  startOver(): void {
    this.#begin();
    this.#startsOver = true;
    this.#write();
  }

  #begin(): void {
    this.#starts += 1;
    this.#queued = [];
    this.#queuedBytes = 0;
    this.#written = 0;
    this.#isWhole = false;
    this.#blocks = null;
    this.#hasher = this.#ports.hasher();
  }

  /** Nothing of it shall stay. */
  discard(): void {
    if (this.#isOver) return;
    this.#end();
    void this.#sink?.then((sink) => sink.discard(), () => undefined); // one that never opened has left nothing
  }

  #write(): void {
    this.#takeBack?.();
    this.#takeBack = null;
    if (this.#isWriting || this.#isOver || this.#isHeld) return;
    this.#isWriting = true;
    void this.#work().catch((error: unknown) => {
      this.discard();
      if (!(error instanceof SinkFailed)) throw error;
      this.#ports.onFailed(error.reason);
    });
  }

  async #work(): Promise<void> {
    this.#sink ??= this.#sinks.open(this.#item, this.#index);
    const sink = await this.#sink;
    while ((this.#startsOver || this.#queuedBytes > 0) && !this.#isOver && !this.#isHeld) {
      if (this.#startsOver) {
        this.#startsOver = false;
        await sink.kept?.drop();
        continue;
      }
      const start = this.#starts;
      const run = this.#queued;
      const bytes = this.#queuedBytes;
      this.#queued = [];
      this.#queuedBytes = 0;
      for (const part of run) this.#hasher.update(part);
      await sink.write(run);
      if (this.#isOver) return;
      if (start !== this.#starts) continue; // written behind what is dropped next
      this.#written += bytes;
      this.#ports.onTaken(this.#written);
    }
    if (!this.#isWhole || this.#isOver || this.#isHeld) {
      this.#isWriting = false;
      return;
    }
    const saved = await sink.finish();
    if (this.#isOver) return;
    this.#end();
    this.#ports.onFinished(saved, this.#hasher.end());
  }

  #end(): void {
    this.#isOver = true;
    this.#takeBack?.();
    this.#queued = [];
    this.#queuedBytes = 0;
  }
}
