// Received bytes as Blob parts, until the person saves them: for pages that may not write files, with the room they have.
// Parts that outlive the page lie on the disk; all others in memory, or where the browser moves them.
import type { Item } from "../../protocol/messages.ts";
import { savedPath } from "./names.ts";
import { type Keeping, PART_BYTES } from "./parts.ts";
import { type Kept, type Lack, nothingToKeep, readBack, type Saved, type Sink, SinkFailed, type Sinks } from "./port.ts";

/** The room all received Blobs of one page load share; what was saved gives its room back. */
export class Room {
  readonly #onChange: (held: number) => void;
  #held = 0;

  constructor(onChange: (held: number) => void) {
    this.#onChange = onChange;
  }

  get held(): number {
    return this.#held;
  }

  take(bytes: number): void {
    this.#held += bytes;
    this.#onChange(this.#held);
  }

  give(bytes: number): void {
    this.take(-bytes);
  }
}

/** Which of these items would not fit any more, in their order; the same answer before a person accepts and after. */
export function tooLarge(items: readonly Pick<Item, "size">[], limit: number, held: number): ReadonlyMap<number, Lack> {
  const refused = new Map<number, Lack>();
  let free = Math.max(0, limit - held);
  for (const [index, { size }] of items.entries()) {
    if (size <= free) free -= size;
    else refused.set(index, { needed: size, free });
  }
  return refused;
}

/** Where parts of one thing outlive the page. */
export interface Outliving {
  readonly open: () => Promise<Keeping | null>;
  /** There is no room for them (any more): what comes from now on goes with the page. */
  readonly onFull: () => void;
}

export class MemorySinks implements Sinks {
  readonly #limit: number;
  readonly #room: Room;
  readonly #outliving: Outliving | null;
  readonly #reserved = new Map<number, number>(); // bytes by item, until it is finished or forgotten

  /** `outliving`: only for a transfer of one file. */
  constructor(limit: number, room: Room, outliving: Outliving | null = null) {
    this.#limit = limit;
    this.#room = room;
    this.#outliving = outliving;
  }

  get keeps(): boolean {
    return this.#outliving !== null;
  }

  /** Takes the room for what is not refused. */
  refused(items: readonly Item[]): ReadonlyMap<number, Lack> {
    const refused = tooLarge(items, this.#limit, this.#room.held);
    for (const [index, { size }] of items.entries()) if (!refused.has(index)) this.#reserved.set(index, size);
    this.#room.take([...this.#reserved.values()].reduce((sum, size) => sum + size, 0));
    return refused;
  }

  /** What is finished keeps its room until the page says that it was saved. */
  async open(item: Item, index: number): Promise<Sink> {
    if (item.kind === "folder") return nothingToKeep(savedPath(item.name).join("/"));
    const onFinished = (): void => void this.#reserved.delete(index);
    const onFull = this.#outliving?.onFull ?? ((): void => undefined);
    const keeping = (await this.#outliving?.open()) ?? null;
    const parts = keeping?.parts ?? [];
    const isMore = parts.reduce((sum, { size }) => sum + size, 0) > item.size; // whatever that is, it is something else
    if (keeping === null) onFull();
    else if (isMore) await keeping.drop();
    const onShrunk = (bytes: number): void => {
      this.#room.give((this.#reserved.get(index) ?? bytes) - bytes);
      this.#reserved.set(index, bytes);
    };
    return new MemorySink(item, keeping, isMore ? [] : parts, { onFinished, onFull, onShrunk });
  }

  forget(index: number): void {
    this.#room.give(this.#reserved.get(index) ?? 0);
    this.#reserved.delete(index);
  }
}

interface MemorySinkPorts {
  readonly onShrunk: (bytes: number) => void;
  readonly onFinished: () => void;
  readonly onFull: () => void;
}

/** A part counts only after a byte of it was read back. */
class MemorySink implements Sink {
  readonly kept?: Kept;
  #item: Item;
  readonly #ports: MemorySinkPorts;
  #keeping: Keeping | null;
  #parts: Blob[]; // that outlive the page
  #fresh: Blob[] = []; // behind them, in memory
  #freshBytes = 0;

  /** `parts`: what is left of an earlier page load. */
  constructor(item: Item, keeping: Keeping | null, parts: readonly Blob[], ports: MemorySinkPorts) {
    this.#item = item;
    this.#ports = ports;
    this.#keeping = keeping;
    this.#parts = [...parts];
    if (keeping !== null && this.#parts.length > 0) this.kept = { content: new Blob(this.#parts), drop: () => this.#drop(keeping) };
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    const blob = new Blob([...parts] as Uint8Array<ArrayBuffer>[]); // decoded messages are never shared memory
    this.#fresh.push(blob);
    this.#freshBytes += blob.size;
    if (this.#keeping === null || this.#freshBytes < PART_BYTES) return readBack(blob);
    const kept = await this.#keeping.add(new Blob(this.#fresh));
    if (kept === null) return this.#goOn();
    this.#parts.push(kept);
    this.#fresh = [];
    this.#freshBytes = 0;
  }

  /** As a page that keeps nothing. */
  async #goOn(): Promise<void> {
    this.#keeping = null;
    this.#ports.onFull();
    for (const blob of this.#fresh) await readBack(blob);
  }

  shrink(bytes: number): void {
    this.#item = { ...this.#item, size: bytes };
    this.#ports.onShrunk(bytes);
  }

  async finish(): Promise<Saved> {
    const blob = new Blob([...this.#parts, ...this.#fresh], { type: "application/octet-stream" }); // never a type that a browser would show
    if (blob.size !== this.#item.size) throw new SinkFailed("no_space");
    for (const part of this.#parts) await readBack(part); // a browser in need of room throws away what pages have stored
    if (blob.size > 0) await readBack(blob);
    this.#forget();
    this.#ports.onFinished();
    return { name: savedPath(this.#item.name).join("/"), blob };
  }

  async discard(): Promise<void> {
    this.#forget();
  }

  async #drop(keeping: Keeping): Promise<void> {
    this.#forget();
    await keeping.drop();
  }

  #forget(): void {
    this.#parts = [];
    this.#fresh = [];
    this.#freshBytes = 0;
  }
}
