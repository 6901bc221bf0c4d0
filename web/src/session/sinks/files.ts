// Received bytes straight into files the person chose (File System Access); they appear whole when they are closed.
import type { Item } from "../../protocol/messages.ts";
import { numbered, savedPath } from "./names.ts";
import { type Lack, NOTHING_REFUSED, nothingToKeep, reasonOf, type Saved, type Sink, SinkFailed, type Sinks } from "./port.ts";

/** A browser that is asked for names for ever is in trouble of its own. */
const TRIES_MAX = 1_000;

/** One item into the one file that was chosen for it. */
export class FileSinks implements Sinks {
  readonly #handle: FileSystemFileHandle;

  constructor(handle: FileSystemFileHandle) {
    this.#handle = handle;
  }

  refused(): ReadonlyMap<number, Lack> {
    return NOTHING_REFUSED;
  }

  forget(): void {}

  open(): Promise<Sink> {
    return openFile(this.#handle, this.#handle.name, async () => undefined);
  }
}

/** Many items into one folder, each under a name that is free there. */
export class FolderSinks implements Sinks {
  readonly #folder: FileSystemDirectoryHandle;
  /** Names are looked for one after the other: two items of one name must not both find it free. */
  #looking: Promise<unknown> = Promise.resolve();

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  refused(): ReadonlyMap<number, Lack> {
    return NOTHING_REFUSED;
  }

  forget(): void {}

  open(item: Item): Promise<Sink> {
    const opened = this.#looking.then(() => this.#open(item));
    this.#looking = opened.catch(() => undefined);
    return opened;
  }

  async #open(item: Item): Promise<Sink> {
    try {
      const path = savedPath(item.name);
      let folder = this.#folder;
      const folders = item.kind === "folder" ? path : path.slice(0, -1);
      for (const part of folders) folder = await folder.getDirectoryHandle(part, { create: true });
      if (item.kind === "folder") return nothingToKeep(path.join("/"));
      const name = await freeName(folder, path.at(-1) ?? "");
      const handle = await folder.getFileHandle(name, { create: true });
      const shown = [...path.slice(0, -1), name].join("/");
      return await openFile(handle, shown, () => folder.removeEntry(name));
    } catch (error) {
      throw error instanceof SinkFailed ? error : new SinkFailed(reasonOf(error));
    }
  }
}

async function freeName(folder: FileSystemDirectoryHandle, name: string): Promise<string> {
  for (let n = 1; n < TRIES_MAX; n += 1) {
    const tried = n === 1 ? name : numbered(name, n);
    try {
      await folder.getFileHandle(tried);
    } catch (error) {
      const why = error instanceof DOMException ? error.name : "";
      if (why === "NotFoundError") return tried;
      if (why !== "TypeMismatchError") throw error; // else a folder has this name
    }
  }
  throw new SinkFailed("name_refused");
}

async function openFile(handle: FileSystemFileHandle, name: string, remove: () => Promise<void>): Promise<Sink> {
  try {
    return new FileSink(await handle.createWritable(), name, remove);
  } catch (error) {
    throw new SinkFailed(reasonOf(error));
  }
}

class FileSink implements Sink {
  readonly #file: FileSystemWritableFileStream;
  readonly #name: string;
  readonly #remove: () => Promise<void>;

  constructor(file: FileSystemWritableFileStream, name: string, remove: () => Promise<void>) {
    this.#file = file;
    this.#name = name;
    this.#remove = remove;
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    try {
      for (const part of parts) await this.#file.write(part as Uint8Array<ArrayBuffer>);
    } catch (error) {
      throw new SinkFailed(reasonOf(error));
    }
  }

  async finish(): Promise<Saved> {
    try {
      await this.#file.close();
    } catch (error) {
      throw new SinkFailed(reasonOf(error));
    }
    return { name: this.#name, blob: null };
  }

  /** The bytes so far are in a file of the browser's own, which goes; the empty one that held the name goes too. */
  async discard(): Promise<void> {
    await this.#file.abort().catch(() => undefined);
    await this.#remove().catch(() => undefined);
  }
}
