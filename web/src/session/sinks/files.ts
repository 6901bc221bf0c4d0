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
    return openFile(this.#handle, this.#handle.name, null);
  }
}

/** Many items into one folder, each under a name that is free there. */
export class FolderSinks implements Sinks {
  readonly #folder: FileSystemDirectoryHandle;

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  refused(): ReadonlyMap<number, Lack> {
    return NOTHING_REFUSED;
  }

  forget(): void {}

  open(item: Item): Promise<Sink> {
    return oneAtATime(() => this.#open(item));
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
      return await openFile(handle, shown, new Placeholder(folder, handle));
    } catch (error) {
      throw error instanceof SinkFailed ? error : new SinkFailed(reasonOf(error));
    }
  }
}

/** Names are looked for one after the other, in all tabs of this origin: no two items may find the same one free. */
const oneAtATime = <T>(look: () => Promise<T>): Promise<T> => navigator.locks.request("free names", look);

/** The empty file that keeps a name until its bytes are put there; anybody may meanwhile have put others. */
class Placeholder {
  readonly #folder: FileSystemDirectoryHandle;
  readonly #handle: FileSystemFileHandle;

  constructor(folder: FileSystemDirectoryHandle, handle: FileSystemFileHandle) {
    this.#folder = folder;
    this.#handle = handle;
  }

  /** Whether nothing is lost by writing here. */
  async isEmpty(): Promise<boolean> {
    try {
      return (await this.#handle.getFile()).size === 0;
    } catch (error) {
      return error instanceof DOMException && error.name === "NotFoundError";
    }
  }

  async remove(): Promise<void> {
    if (await this.isEmpty()) await this.#folder.removeEntry(this.#handle.name);
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

/** `placeholder`: null for a file that was chosen, whatever is in it. */
async function openFile(handle: FileSystemFileHandle, name: string, placeholder: Placeholder | null): Promise<Sink> {
  try {
    return new FileSink(await handle.createWritable(), name, placeholder);
  } catch (error) {
    throw new SinkFailed(reasonOf(error));
  }
}

class FileSink implements Sink {
  readonly #file: FileSystemWritableFileStream;
  readonly #name: string;
  readonly #placeholder: Placeholder | null;

  constructor(file: FileSystemWritableFileStream, name: string, placeholder: Placeholder | null) {
    this.#file = file;
    this.#name = name;
    this.#placeholder = placeholder;
  }

  async write(parts: readonly Uint8Array[]): Promise<void> {
    try {
      for (const part of parts) await this.#file.write(part as Uint8Array<ArrayBuffer>);
    } catch (error) {
      throw new SinkFailed(reasonOf(error));
    }
  }

  async finish(): Promise<Saved> {
    if (this.#placeholder !== null && !(await this.#placeholder.isEmpty())) {
      await this.#file.abort().catch(() => undefined);
      throw new SinkFailed("name_refused");
    }
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
    await this.#placeholder?.remove().catch(() => undefined);
  }
}
