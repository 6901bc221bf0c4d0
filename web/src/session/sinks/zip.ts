// A folder as one zip file, for browsers that may not write a tree: stored, not compressed, written while it arrives (APPNOTE 6.3.10).
import type { Item, Reason } from "../../protocol/messages.ts";
import { FreePaths } from "./free-paths.ts";
import { savedName } from "./names.ts";
import { type Lack, NOTHING_REFUSED, type Saved, type Sink, SinkFailed, type Sinks } from "./port.ts";

const SMALL_MAX = 0xffff_ffff;
const COUNT_MAX = 0xffff;
const LARGE = 0xffff_ffff; // "look into the zip64 extra field"
const UTF8_NAMES = 1 << 11;
const SUMS_FOLLOW = 1 << 3; // a data descriptor behind the content

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const LOCAL_EXTRA_BYTES = 20;
const CENTRAL_EXTRA_BYTES = 28;
const END_BYTES = 22;
const LARGE_END_BYTES = 56 + 20;

interface Entry {
  readonly name: Uint8Array;
  readonly isFolder: boolean;
  readonly when: number; // MS-DOS date and time
  readonly offset: number;
  size: number;
  crc: number;
}

/** An item that is whole, and who waits to hear so. The last of them hears of the whole zip: what it has to say depends on that. */
interface Whole {
  readonly entry: Entry;
  readonly name: string;
  readonly resolve: (saved: Saved) => void;
  readonly reject: (problem: unknown) => void;
}

/**
 * Items come one after the other, as their sender reads them. One that does not come whole is left out; some of its bytes may
 * be written by then, but the list at the end, by which programs read a zip, does not know them. Where the exact size was
 * said before (a download has a length, and is torn if it is shorter) nothing is kept instead, and neither is anything after a
 * write that failed: how much of it is in the file, nobody knows.
 */
export class ZipSinks implements Sinks {
  readonly #name: string;
  readonly #inner: Sinks;
  #names: readonly Uint8Array[] = [];
  readonly #entries: Entry[] = [];
  #at = 0;
  #isLarge = false;
  #bytes = 0;
  readonly #isExact: boolean;
  readonly #turns = new Map<number, () => void>(); // of items that have begun: what lets the next one begin
  readonly #settled = new Set<number>();
  #holder: Whole | null = null;
  #broken: Reason | null = null;
  #file: Promise<Sink> | null = null;
  #before: Promise<unknown> = Promise.resolve();

  /** `inner`: where the one file goes; `isExact`: it cannot become smaller than it was said to be. */
  constructor(name: string, inner: Sinks, isExact: boolean) {
    this.#isExact = isExact;
    this.#name = `${savedName(name)}.zip`;
    this.#inner = inner;
  }

  refused(items: readonly Item[]): ReadonlyMap<number, Lack> {
    const free = new FreePaths();
    const names = items.map(({ name, kind }) => new TextEncoder().encode(kind === "folder" ? `${free.of(name)}/` : free.of(name)));
    this.#names = names; // as they were counted: who comes first, or not at all, must not change them
    const content = items.reduce((sum, { size }) => sum + size, 0);
    const upper = names.reduce((sum, name) => sum + 2 * name.length + 160, content);
    this.#isLarge = upper >= SMALL_MAX || items.length > COUNT_MAX;
    this.#bytes = content + this.#endBytes + items.reduce((sum, item, index) => sum + this.#frameBytes(names[index]?.length ?? 0, item.kind === "folder"), 0);
    const [lack] = this.#inner.refused([{ name: this.#name, size: this.#bytes }]).values();
    return lack === undefined ? NOTHING_REFUSED : new Map(items.map((_, index) => [index, lack]));
  }

  async open(item: Item, index: number): Promise<Sink> {
    const before = this.#before;
    this.#before = new Promise<void>((resolve) => this.#turns.set(index, resolve));
    await before;
    try {
      return await this.#entry(item, index);
    } catch (error) {
      this.#settle(index, null);
      throw error;
    }
  }

  /** One that has begun is left out when it is discarded. */
  forget(index: number): void {
    if (this.#isComplete) return;
    if (this.#isExact) this.#break("short");
    else if (!this.#turns.has(index)) this.#settle(index, null);
  }

  drop(): void {
    this.#break("declined");
  }

  get #isComplete(): boolean {
    return this.#settled.size === this.#names.length;
  }

  async #entry(item: Item, index: number): Promise<Sink> {
    const isFolder = item.kind === "folder";
    const entry: Entry = { name: this.#names[index] ?? new Uint8Array(), isFolder, when: dosTime(item.modified_ms), offset: this.#at, size: 0, crc: 0 };
    await this.#say(this.#local(entry));
    let writing: Promise<unknown> = Promise.resolve();
    return {
      write: async (parts) => {
        for (const part of parts) {
          entry.crc = crc32(part, entry.crc);
          entry.size += part.length;
        }
        await (writing = this.#say(...parts));
      },
      finish: async () => {
        if (!isFolder) await this.#say(this.#descriptor(entry));
        return new Promise((resolve, reject) => this.#settle(index, { entry, name: item.name, resolve, reject }));
      },
      discard: async () => {
        if (this.#isExact) this.#break("short");
        await writing.catch(() => undefined); // the next one begins behind it
        this.#settle(index, null);
      },
    };
  }

  /** The only way in which an item comes to its end, whole or left out (`null`): the next one begins; behind the last one the zip is closed. */
  #settle(index: number, whole: Whole | null): void {
    this.#turns.get(index)?.();
    if (this.#broken !== null) return whole?.reject(new SinkFailed(this.#broken));
    if (this.#settled.has(index)) return;
    this.#settled.add(index);
    if (whole !== null) {
      this.#entries.push(whole.entry);
      this.#tellHolder();
      this.#holder = whole;
    }
    if (!this.#isComplete) return this.#isExact ? this.#tellHolder() : undefined;
    const holder = this.#holder;
    this.#holder = null;
    if (holder === null) this.#break("declined"); // there is nothing in it
    else this.#close().then(holder.resolve, holder.reject);
  }

  /** Another one says what becomes of the zip. */
  #tellHolder(): void {
    this.#holder?.resolve({ name: this.#holder.name, blob: null });
    this.#holder = null;
  }

  async #close(): Promise<Saved> {
    for (const each of this.#entries) await this.#say(this.#central(each));
    await this.#say(this.#end());
    const file = await this.#whole();
    file.shrink?.(this.#at);
    return file.finish();
  }

  #whole(): Promise<Sink> {
    return (this.#file ??= this.#inner.open({ name: this.#name, size: this.#bytes }, 0));
  }

  async #say(...parts: readonly Uint8Array[]): Promise<void> {
    if (this.#broken !== null) throw new SinkFailed(this.#broken);
    try {
      const file = await this.#whole();
      for (const part of parts) this.#at += part.length;
      await file.write(parts);
    } catch (error) {
      this.#break(error instanceof SinkFailed ? error.reason : "disk_error");
      throw error;
    }
    if (this.#broken !== null) throw new SinkFailed(this.#broken); // meanwhile
  }

  #break(reason: Reason): void {
    if (this.#broken !== null) return;
    this.#broken = reason;
    for (const next of this.#turns.values()) next(); // to hear the same
    this.#holder?.reject(new SinkFailed(reason));
    this.#holder = null;
    this.#inner.forget(0);
    void this.#file?.then((file) => file.discard(), () => undefined);
  }

  #frameBytes(name: number, isFolder: boolean): number {
    const extra = this.#isLarge ? LOCAL_EXTRA_BYTES + CENTRAL_EXTRA_BYTES : 0;
    return LOCAL_BYTES + CENTRAL_BYTES + 2 * name + extra + (isFolder ? 0 : this.#isLarge ? 24 : 16);
  }

  get #endBytes(): number {
    return END_BYTES + (this.#isLarge ? LARGE_END_BYTES : 0);
  }

  #local({ name, isFolder, when }: Entry): Uint8Array {
    const header = new Fields().u32(0x04034b50).u16(this.#version).u16(isFolder ? UTF8_NAMES : UTF8_NAMES | SUMS_FOLLOW).u16(0).u32(when).u32(0);
    const sizes = this.#isLarge ? LARGE : 0;
    header.u32(sizes).u32(sizes).u16(name.length).u16(this.#isLarge ? LOCAL_EXTRA_BYTES : 0).bytes(name);
    return (this.#isLarge ? header.u16(1).u16(16).u64(0).u64(0) : header).done();
  }

  #descriptor({ crc, size }: Entry): Uint8Array {
    const sums = new Fields().u32(0x08074b50).u32(crc);
    return (this.#isLarge ? sums.u64(size).u64(size) : sums.u32(size).u32(size)).done();
  }

  #central({ name, isFolder, when, offset, size, crc }: Entry): Uint8Array {
    const header = new Fields().u32(0x02014b50).u16((3 << 8) | this.#version).u16(this.#version).u16(isFolder ? UTF8_NAMES : UTF8_NAMES | SUMS_FOLLOW).u16(0).u32(when).u32(crc);
    const [shown, at] = this.#isLarge ? [LARGE, LARGE] : [size, offset];
    header.u32(shown).u32(shown).u16(name.length).u16(this.#isLarge ? CENTRAL_EXTRA_BYTES : 0).u16(0).u16(0).u16(0);
    header.u32(isFolder ? 0o040755 * 0x1_0000 + 0x10 : 0o100644 * 0x1_0000).u32(at).bytes(name);
    return (this.#isLarge ? header.u16(1).u16(24).u64(size).u64(size).u64(offset) : header).done();
  }

  #end(): Uint8Array {
    const count = this.#entries.length;
    const bytes = this.#entries.reduce((sum, { name }) => sum + CENTRAL_BYTES + name.length + (this.#isLarge ? CENTRAL_EXTRA_BYTES : 0), 0);
    const at = this.#at;
    const start = at - bytes;
    const end = new Fields();
    if (this.#isLarge) {
      end.u32(0x06064b50).u64(44).u16((3 << 8) | this.#version).u16(this.#version).u32(0).u32(0).u64(count).u64(count).u64(bytes).u64(start);
      end.u32(0x07064b50).u32(0).u64(at).u32(1);
    }
    const [shown, where, long] = this.#isLarge ? [COUNT_MAX, LARGE, LARGE] : [count, start, bytes];
    return end.u32(0x06054b50).u16(0).u16(0).u16(shown).u16(shown).u32(long).u32(where).u16(0).done();
  }

  get #version(): number {
    return this.#isLarge ? 45 : 20;
  }
}

/** Little-endian numbers, one behind the other. */
class Fields {
  readonly #bytes: number[] = [];

  u16(value: number): this {
    this.#bytes.push(value & 0xff, (value >>> 8) & 0xff);
    return this;
  }

  u32(value: number): this {
    return this.u16(value & 0xffff).u16(Math.floor(value / 0x1_0000) & 0xffff);
  }

  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  bytes(bytes: Uint8Array): this {
    this.#bytes.push(...bytes);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** MS-DOS counts from 1980, in steps of two seconds, by the clock on the wall. */
function dosTime(modifiedMs: number | undefined): number {
  const when = new Date(modifiedMs ?? 0);
  const year = when.getFullYear();
  if (!(year >= 1980 && year < 2108)) return (1 << 21) | (1 << 16);
  const date = ((year - 1980) << 9) | ((when.getMonth() + 1) << 5) | when.getDate();
  const time = (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1);
  return date * 0x1_0000 + time;
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array, before: number): number {
  let crc = ~before;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}
