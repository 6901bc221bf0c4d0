// Where received files go in this browser: straight to disk where it lets a page do that, otherwise into memory with a limit.
import { Downloads } from "../downloads.ts";
import type { Place } from "../session/peer-bridge.ts";
import { holdingLimit, type HoldingLimit } from "../session/sinks/limits.ts";
import { tooLarge } from "../session/sinks/memory.ts";
import { savedName } from "../session/sinks/names.ts";

/** What some browsers have and the type library does not know yet. */
interface Pickers {
  showSaveFilePicker?(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
  showDirectoryPicker?(options: { mode: "readwrite"; startIn: "downloads"; id: string }): Promise<FileSystemDirectoryHandle>;
}

/** How this browser can keep things, asked before a person is. */
export interface Keeping {
  readonly by: "pickers" | "download" | "memory";
  readonly limit: HoldingLimit;
}

export const downloads = new Downloads();
const pickers = globalThis as unknown as Pickers;

export async function keepingHere(): Promise<Keeping> {
  const isApple = /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  // A private window of Firefox has no service workers, and that is all a page can tell.
  const isPrivate = isSecureContext && /Firefox\//.test(navigator.userAgent) && !("serviceWorker" in navigator);
  const limit = holdingLimit({ isApple, isAndroid: /Android/.test(navigator.userAgent), isPrivate });
  if (isSecureContext && pickers.showSaveFilePicker && pickers.showDirectoryPicker) return { by: "pickers", limit };
  return { by: isSecureContext && (await downloads.arePossible()) ? "download" : "memory", limit };
}

/** Called at the tap that accepts, and at once: browsers open a picker for nothing else. Null: the person thought better of it. */
export async function choosePlace({ by, limit }: Keeping, count: number, first: string): Promise<Place | null> {
  if (by === "memory") return { by, limit: limit.bytes };
  if (by === "download") return { by };
  try {
    if (count === 1 && !first.includes("/")) {
      const handle = await pickers.showSaveFilePicker?.({ suggestedName: savedName(first) });
      if (handle) return { by: "file", handle };
    } else {
      const handle = await pickers.showDirectoryPicker?.({ mode: "readwrite", startIn: "downloads", id: "qrshared" });
      if (handle) return { by: "folder", handle };
    }
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
  }
  return (await downloads.arePossible()) ? { by: "download" } : { by: "memory", limit: limit.bytes };
}

/** What would not fit, by its place in the list; empty where this browser writes to disk. */
export function refusedHere({ by, limit }: Keeping, sizes: readonly number[], held: number): ReadonlySet<number> {
  if (by !== "memory") return new Set();
  return new Set(tooLarge(sizes.map((size) => ({ size })), limit.bytes, held).keys());
}
