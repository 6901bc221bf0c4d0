// Received bytes as Blob parts, until the person saves them: for pages that may not write files, with the room they have.
import type { Item } from "../../protocol/messages.ts";
import { type Lack, nothingToKeep, type Saved, type Sink, SinkFailed, type Sinks } from "./port.ts";
import { savedPath } from "./names.ts";

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

export class MemorySinks implements Sinks {
  readonly #limit: number;
  readonly #room: Room;
  readonly #reserved = new Map<number, number>(); // bytes by item, until it is finished or forgotten

  constructor(limit: number, room: Room) {
    this.#limit = limit;
    this.#room = room;
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
    return new MemorySink(item, () => this.#reserved.delete(index));
  }

  forget(index: number): void {
    this.#room.give(this.#reserved.get(index) ?? 0);
    this.#reserved.delete(index);
  }
}

/** A part counts only after a byte of it was read back: a browser without room makes a Blob all the same, and it is empty. */
class MemorySink implements Sink {
  readonly #item: Item;
  readonly #onFinished: () => void;
  #parts: Blob[] = [];

  constructor(item: Item, onFinished: () => void) {
    this.#item = item;
    this.#onFinished = onFinished;
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    const blob = new Blob([...parts] as Uint8Array<ArrayBuffer>[]); // decoded messages are never shared memory
    await readBack(blob);
    this.#parts.push(blob);
  }

  async finish(): Promise<Saved> {
    const blob = new Blob(this.#parts, { type: "application/octet-stream" }); // never a type that a browser would show
    if (blob.size !== this.#item.size) throw new SinkFailed("no_space");
    if (blob.size > 0) await readBack(blob);
    this.#parts = [];
    this.#onFinished();
    return { name: savedPath(this.#item.name).join("/"), blob };
  }

  async discard(): Promise<void> {
    this.#parts = [];
  }
}

async function readBack(blob: Blob): Promise<void> {
  const byte = await blob.slice(blob.size - 1).arrayBuffer().catch(() => null);
  if (byte?.byteLength !== 1) throw new SinkFailed("no_space");
}
