// What is pasted: files and pictures become items with sensible names, text is offered as a note.
import type { Picked } from "../session/bridge.ts";

/** Browsers call a picture from the clipboard so, whatever it shows. */
const NAMELESS = /^(image|unknown)?\.?(png|jpe?g|gif|webp|bmp|tiff?)?$/i;

const EXTENSIONS: Readonly<Record<string, string>> = {
  "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/bmp": "bmp", "image/tiff": "tiff", "image/svg+xml": "svg",
  "image/heic": "heic", "image/heif": "heif", "image/avif": "avif", "video/mp4": "mp4", "video/quicktime": "mov",
};

export interface Pasted {
  readonly picked: readonly Picked[];
  /** Where there are no files. */
  readonly text: string;
}

export function fromPaste(event: ClipboardEvent, at: Date = new Date()): Pasted {
  const files = Array.from(event.clipboardData?.files ?? []);
  if (files.length > 0) return { picked: files.map((file, n) => ({ file, path: named(file, "Pasted picture", at, n) })), text: "" };
  // In a field a paste is the field's own.
  const isInField = event.target instanceof HTMLElement && event.target.closest("input, textarea, [contenteditable]") !== null;
  return { picked: [], text: isInField ? "" : (event.clipboardData?.getData("text/plain") ?? "").trim() };
}

/** The file's own name, or what it is and when: `Pasted picture 2026-11-22 at 20.31.05.png`. */
export function named(file: Pick<File, "name" | "type">, what: string, at: Date, place = 0, always = false): string {
  if (!always && file.name !== "" && !NAMELESS.test(file.name)) return file.name;
  const own = /\.([A-Za-z0-9]{1,5})$/.exec(file.name)?.[1]?.toLowerCase();
  const extension = own ?? EXTENSIONS[file.type];
  return `${what} ${stamp(at)}${place > 0 ? ` ${place + 1}` : ""}${extension === undefined ? "" : `.${extension}`}`;
}

/** Local time, without a character that a file system refuses. */
export function stamp(at: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} at ${two(at.getHours())}.${two(at.getMinutes())}.${two(at.getSeconds())}`;
}
