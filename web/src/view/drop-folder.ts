// Folders, dropped or chosen: the tree is kept in the paths, an empty folder is an item of its own, and nothing stays behind unsaid.
import { ITEMS_MAX } from "../protocol/limits.ts";
import type { Picked } from "../session/bridge.ts";
import { counted } from "./numbers.ts";

/** What was found; `unread` counts entries the browser would not hand over (links, no permission, gone meanwhile). */
export interface Gathered {
  readonly picked: readonly Picked[];
  readonly unread: number;
  /** There is more than one pick may hold, so none of it is taken. */
  readonly isTooMany: boolean;
}

const EMPTY: Gathered = { picked: [], unread: 0, isTooMany: false };

/** Reads the entries at once, before the first wait: the browser empties the drop when its event is over. */
export async function fromDrop({ dataTransfer }: Pick<DragEvent, "dataTransfer">): Promise<Gathered> {
  if (!dataTransfer) return EMPTY;
  const plain = Array.from(dataTransfer.files, (file): Picked => ({ file, path: file.name }));
  const entries = Array.from(dataTransfer.items, (item) => (item.kind === "file" ? item.webkitGetAsEntry() : null)).filter((entry) => entry !== null);
  if (!entries.some((entry) => entry.isDirectory)) return gathered(plain, 0);
  return gather(entries);
}

/** Everything in these entries and below them. */
export async function gather(entries: readonly FileSystemEntry[]): Promise<Gathered> {
  const picked: Picked[] = [];
  let unread = 0;
  const waiting = [...entries].reverse();
  for (let entry = waiting.pop(); entry !== undefined; entry = waiting.pop()) {
    if (picked.length > ITEMS_MAX) break;
    const path = entry.fullPath.replace(/^\//, "");
    if (entry.isFile) {
      const file = await fileOf(entry as FileSystemFileEntry);
      if (file === null) unread += 1;
      else picked.push({ file, path });
      continue;
    }
    const children = await childrenOf(entry as FileSystemDirectoryEntry);
    if (children === null) unread += 1;
    else if (children.length === 0) picked.push(emptyFolder(path));
    else for (let n = children.length - 1; n >= 0; n -= 1) waiting.push(children[n]!);
  }
  return gathered(picked, unread);
}

/** From an input with `webkitdirectory`: browsers list its files only, so empty folders are not among them. */
export function fromFolderInput(files: Iterable<File>): Gathered {
  return gathered(Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name })), 0);
}

/** What is to be said before it is sent, or instead; null when there is nothing to say. */
export function troubleOf({ picked, unread, isTooMany }: Gathered): { readonly title: string; readonly text: string } | null {
  if (isTooMany) {
    return { title: "Too many at once.", text: `More than ${ITEMS_MAX.toLocaleString()} files and folders do not fit in one go. Nothing was sent; choose them in parts.` };
  }
  if (unread === 0) return null;
  const why = "The browser does not hand over links, nor what it may not read.";
  if (picked.length === 0) return { title: "Nothing could be read.", text: why };
  return { title: `${counted(unread, "entry stays", "entries stay")} behind.`, text: `${why} Everything else is on its way.` };
}

function gathered(picked: readonly Picked[], unread: number): Gathered {
  return picked.length > ITEMS_MAX ? { ...EMPTY, isTooMany: true } : { picked, unread, isTooMany: false };
}

function emptyFolder(path: string): Picked {
  return { file: new File([], path.slice(path.lastIndexOf("/") + 1)), path, kind: "folder" };
}

function fileOf(entry: FileSystemFileEntry): Promise<File | null> {
  return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}

/** A reader gives at most 100 at a time, and none when it is done. */
async function childrenOf(entry: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[] | null> {
  const reader = entry.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    const batch = await new Promise<readonly FileSystemEntry[] | null>((resolve) => reader.readEntries(resolve, () => resolve(null)));
    if (batch === null) return null;
    if (batch.length === 0) return children;
    children.push(...batch);
  }
}
