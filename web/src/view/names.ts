// File names made fit to be seen: no hidden characters, the end always visible, a badge for what has no picture.

export interface SplitName {
  readonly head: string;
  readonly tail: string;
}

const SPLIT_FROM = 16;
const TAIL_LENGTH = 10;

// Scripts in which letters join: cut within a word they would stand apart, also where there is room for all of it.
const JOINS = /[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Nko}\p{Script=Adlam}]/u;

/** Letters as a person counts them; Firefox before 125 has no segmenter and counts code points. */
function letters(text: string): readonly string[] {
  if (!("Segmenter" in Intl)) return Array.from(text);
  return Array.from(new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text), (part) => part.segment);
}

// Controls, and the marks that turn text around: a name like "gpj.exe" must not read backwards.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Each hidden character becomes a visible stand-in. */
export function visible(name: string): string {
  return name.replace(HIDDEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : "\ufffd";
  });
}

/** A long name in two parts: the head may be cut by an ellipsis, the tail (with the extension) is always shown. */
export function split(name: string): SplitName {
  const all = letters(visible(name).slice(0, 1024));
  if (all.length < SPLIT_FROM) return { head: all.join(""), tail: "" };
  let cut = all.length - TAIL_LENGTH;
  while (cut < all.length && (all[cut] === " " || (JOINS.test(all[cut - 1]!) && JOINS.test(all[cut]!)))) cut += 1;
  return { head: all.slice(0, cut).join(""), tail: all.slice(cut).join("") };
}

/** The last part of a path. */
export function leaf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Up to four letters for a tile: `PDF`, `MP4`; empty when the name has no usable extension. */
export function badge(name: string): string {
  const match = /\.([A-Za-z0-9]{1,4})$/.exec(name);
  return match?.[1]?.toUpperCase() ?? "";
}

export type Sort = "photo" | "video" | "sound" | "document" | "archive" | "other";

const SORTS: Readonly<Record<string, Sort>> = {
  JPG: "photo", JPEG: "photo", PNG: "photo", HEIC: "photo", HEIF: "photo", GIF: "photo", WEBP: "photo", AVIF: "photo", DNG: "photo",
  MOV: "video", MP4: "video", M4V: "video", MKV: "video", WEBM: "video", AVI: "video", "3GP": "video",
  MP3: "sound", M4A: "sound", WAV: "sound", FLAC: "sound", OGG: "sound", AAC: "sound", OPUS: "sound",
  PDF: "document", DOC: "document", DOCX: "document", ODT: "document", TXT: "document", MD: "document", XLS: "document", XLSX: "document", PPTX: "document",
  ZIP: "archive", "7Z": "archive", RAR: "archive", GZ: "archive", TAR: "archive", XZ: "archive",
};

export function sortOf(name: string): Sort {
  return SORTS[badge(name)] ?? "other";
}
