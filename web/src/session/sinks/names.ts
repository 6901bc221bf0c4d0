// Names another device chose, made fit to be saved: no path, no hidden or forbidden character, no name a system keeps for itself.

/** Windows keeps these for devices, whatever follows the first dot. */
const KEPT = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)/i;

// Controls, marks that turn text around, and what Windows forbids; not the two joiners, without which families and
// flags fall apart and Persian words look wrong.
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"*/:<>?\\|]/gu;

/** Of one part of a path, in UTF-8; common file systems end at 255. */
const PART_BYTES_MAX = 200;

/** Characters of one part that are looked at, and those of them at its end: composing marks takes time by the square of their number. */
const LOOKED_AT_MAX = 1024;
const SUFFIX_LOOKED_AT = 64;

/** Folders within folders; what is deeper lands at this depth. */
const DEPTH_MAX = 32;

const UNNAMED = "file";

/** One part of a path as it is saved. */
export function savedName(name: string): string {
  const part = trimmed(shortened(trimmed(lookedAt(name).normalize("NFC").replace(FORBIDDEN, "_"))));
  if (part === "") return UNNAMED;
  return KEPT.test(part) ? `_${part}` : part;
}

/** Its beginning and its end, where it is endless. */
function lookedAt(name: string): string {
  return name.length <= LOOKED_AT_MAX ? name : name.slice(0, LOOKED_AT_MAX - SUFFIX_LOOKED_AT) + name.slice(-SUFFIX_LOOKED_AT);
}

/** Systems drop dots and blanks at the end, and hide what begins with a dot; a joiner at an end joins nothing. */
function trimmed(part: string): string {
  return part.replace(/^[.\s\u200c\u200d]+|[.\s\u200c\u200d]+$/gu, "");
}

/** The parts of a path as they are saved, the file's own name last. */
export function savedPath(path: string): readonly string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
  const folders = parts.slice(0, -1).slice(0, DEPTH_MAX);
  return [...folders, parts.at(-1) ?? UNNAMED].map(savedName);
}

/** `photo (2).jpg` for `photo.jpg`. */
export function numbered(name: string, n: number): string {
  const { stem, end } = cut(name);
  return `${stem} (${n})${end}`;
}

function shortened(part: string): string {
  const utf8 = new TextEncoder();
  if (utf8.encode(part).length <= PART_BYTES_MAX) return part;
  const { stem, end } = cut(part);
  const letters = Array.from(stem);
  while (letters.length > 1 && utf8.encode(letters.join("") + end).length > PART_BYTES_MAX) letters.pop();
  return letters.join("") + end;
}

function cut(name: string): { readonly stem: string; readonly end: string } {
  const dot = name.lastIndexOf(".");
  const isExtension = dot > 0 && name.length - dot <= 16;
  return isExtension ? { stem: name.slice(0, dot), end: name.slice(dot) } : { stem: name, end: "" };
}
