// From a picker, a drop or a paste to what the worker sends; a dropped folder keeps its tree in the paths.
import type { Picked } from "../session/bridge.ts";

const DROPPED_MAX = 100_000;

export function fromInput(input: HTMLInputElement): readonly Picked[] {
  const picked = Array.from(input.files ?? [], (file) => ({ file, path: file.webkitRelativePath || file.name }));
  input.value = ""; // the same file may be chosen again
  return picked;
}

export function fromPaste(event: ClipboardEvent): readonly Picked[] {
  return Array.from(event.clipboardData?.files ?? [], (file) => ({ file, path: file.name }));
}

export function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** Reads the entries at once, before the first wait: the browser empties the drop when its event is over. */
export async function fromDrop(event: DragEvent): Promise<readonly Picked[]> {
  const transfer = event.dataTransfer;
  if (!transfer) return [];
  const plain = Array.from(transfer.files, (file) => ({ file, path: file.name }));
  const entries = Array.from(transfer.items, (item) => (item.kind === "file" ? item.webkitGetAsEntry() : null)).filter((entry) => entry !== null);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  const picked: Picked[] = [];
  for (const entry of entries) await walk(entry, picked);
  return picked;
}

async function walk(entry: FileSystemEntry, picked: Picked[]): Promise<void> {
  if (picked.length >= DROPPED_MAX) return;
  if (entry.isFile) {
    const file = await new Promise<File | null>((resolve) => (entry as FileSystemFileEntry).file(resolve, () => resolve(null)));
    if (file) picked.push({ file, path: entry.fullPath.replace(/^\//, "") });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (let batch = await read(reader); batch.length > 0; batch = await read(reader)) { // a reader gives at most 100 at a time
    for (const child of batch) await walk(child, picked);
  }
}

function read(reader: FileSystemDirectoryReader): Promise<readonly FileSystemEntry[]> {
  return new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
}
