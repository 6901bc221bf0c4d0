// What a phone may have changed before this page got it, where that can be known: pure, over names, types and beginnings of files.

/** Where EXIF stands in a JPEG that a camera wrote; its segment ends before 64 KiB. */
export const HEAD_BYTES = 128 * 1024;

const HEIC = /\.(heic|heif)$/i;

/** What iPhones' photos are called, in every format. */
const FROM_LIBRARY = /^IMG_\d{4,}.*\.jpe?g$/i;

/** Photos that may be copies: a browser of an iPhone gets JPEG, whatever the library keeps. */
export function turnedToJpeg(files: readonly Pick<File, "name" | "type">[], isApple: boolean): number {
  if (!isApple || files.some(({ name }) => HEIC.test(name))) return 0; // where one came as it is, all did
  return files.filter(({ name, type }) => type === "image/jpeg" && FROM_LIBRARY.test(name)).length;
}

/**
 * Whether the place was blanked out: Android keeps the tags and hands over zeros for what they say (MediaProvider's redaction
 * ranges). A photo without the tags never had a place, or lost it without a trace.
 */
export function isPlaceBlanked(head: Uint8Array): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  try {
    const tiff = exifStart(view);
    return tiff !== null && hasBlankLatitude(view, tiff);
  } catch (error) {
    if (error instanceof RangeError) return false; // it ends before it says so
    throw error;
  }
}

/** Where the TIFF header of the Exif segment begins. */
function exifStart(view: DataView): number | null {
  if (view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xda) return null; // the picture itself
    if (marker === 0xe1 && view.getUint32(at + 4) === 0x45786966 && view.getUint16(at + 8) === 0) return at + 10; // "Exif"
  }
  return null;
}

const GPS_POINTER = 0x8825;
const LATITUDE = 2;
const RATIONALS_BYTES = 24;

function hasBlankLatitude(view: DataView, tiff: number): boolean {
  const little = view.getUint16(tiff) === 0x4949;
  const gps = valueOf(view, tiff + view.getUint32(tiff + 4, little), GPS_POINTER, little);
  if (gps === null) return false;
  const latitude = valueOf(view, tiff + gps, LATITUDE, little);
  if (latitude === null) return false;
  for (let at = 0; at < RATIONALS_BYTES; at += 1) if (view.getUint8(tiff + latitude + at) !== 0) return false;
  return true;
}

/** What an entry of an image file directory points to, from the TIFF header on. */
function valueOf(view: DataView, directory: number, tag: number, little: boolean): number | null {
  const entries = Math.min(view.getUint16(directory, little), 200);
  for (let n = 0; n < entries; n += 1) {
    const entry = directory + 2 + 12 * n;
    if (view.getUint16(entry, little) === tag) return view.getUint32(entry + 8, little);
  }
  return null;
}

export interface Losses {
  readonly jpegs: number;
  readonly blanked: number;
  /** How many photos were looked into. */
  readonly looked: number;
}

/** One sentence for each kind of loss, however many photos it was. */
export function lossSentences({ jpegs, blanked, looked }: Losses): readonly string[] {
  const photos = (n: number): string => (n === 1 ? "1 photo" : `${n.toLocaleString()} photos`);
  return [
    ...(jpegs > 0 ? [`${photos(jpegs)} came as JPEG. If this device keeps photos as HEIC, it made copies for this page; the originals stay here.`] : []),
    ...(blanked > 0 ? [`This phone took the place out of ${blanked === looked ? photos(blanked) : `${blanked.toLocaleString()} of ${photos(looked)} looked at`} before this page got ${blanked === 1 ? "it" : "them"}.`] : []),
  ];
}
