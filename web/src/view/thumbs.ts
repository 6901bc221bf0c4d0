// Small pictures of what is being sent: made one at a time, a bounded number kept, and none where that is not possible.
import { html, nothing, type TemplateResult } from "lit";
import { noChange } from "lit";
import { AsyncDirective, directive } from "lit/async-directive.js";
import type { ElementPart } from "lit/directive.js";
import { badge, sortOf, type Sort } from "./names.ts";
import { icons } from "./icons.ts";

const KEPT_MAX = 96;
const SIDE = 96;
const BYTES_MAX = 40_000_000; // decoding larger pictures costs a phone more than a thumbnail is worth
const PICTURES = /^image\/(jpeg|png|webp|gif|avif|heic|heif|bmp)$/;

const made = new Map<File, ImageBitmap | null>();
const wanted: { readonly file: File; readonly ready: () => void }[] = [];
let isWorking = false;

async function work(): Promise<void> {
  if (isWorking) return;
  isWorking = true;
  for (let next = wanted.pop(); next; next = wanted.pop()) {
    if (!made.has(next.file)) keep(next.file, await shrink(next.file));
    next.ready();
  }
  isWorking = false;
}

function keep(file: File, picture: ImageBitmap | null): void {
  made.set(file, picture);
  const oldest = made.keys().next().value;
  if (made.size <= KEPT_MAX || !oldest) return;
  made.get(oldest)?.close();
  made.delete(oldest);
}

async function shrink(file: File): Promise<ImageBitmap | null> {
  try {
    const whole = await createImageBitmap(file);
    const side = Math.min(whole.width, whole.height);
    const [x, y] = [(whole.width - side) / 2, (whole.height - side) / 2];
    const small = await createImageBitmap(whole, x, y, side, side, { resizeWidth: SIDE, resizeHeight: SIDE, resizeQuality: "medium" });
    whole.close();
    return small;
  } catch {
    return null; // not a picture this browser knows, or too little memory: the tile keeps its sign
  }
}

class PaintDirective extends AsyncDirective {
  #file: File | null = null;

  render(_file: File): typeof noChange {
    return noChange;
  }

  override update(place: ElementPart, [file]: [File]): typeof noChange {
    if (file !== this.#file) {
      this.#file = file;
      wanted.push({ file, ready: () => this.#paint(place.element as HTMLCanvasElement, file) });
      void work();
    }
    return noChange;
  }

  #paint(canvas: HTMLCanvasElement, file: File): void {
    const picture = made.get(file);
    if (!this.isConnected || !picture || this.#file !== file) return;
    canvas.getContext("2d")?.drawImage(picture, 0, 0, SIDE, SIDE);
    canvas.classList.add("is-painted");
  }
}

const paint = directive(PaintDirective);

const SIGNS: Readonly<Record<Sort, TemplateResult>> = {
  photo: icons.image, video: icons.video, sound: icons.sound, document: icons.file, archive: icons.file, other: icons.file,
};

export const folderThumb = html`<span class="thumb thumb-folder" aria-hidden="true">${icons.folder}</span>`;

/** A picture where there can be one; beneath it, and otherwise, a sign or the extension. */
export function thumb(name: string, file: File | null): TemplateResult {
  const sort = sortOf(name);
  const letters = badge(name);
  const isLettered = sort === "document" || sort === "archive" || (sort === "other" && letters !== "");
  const isPicture = file !== null && PICTURES.test(file.type) && file.size <= BYTES_MAX;
  return html`<span class="thumb thumb-${sort}" aria-hidden="true">${isLettered ? html`<b>${letters}</b>` : SIGNS[sort]}
    ${isPicture ? html`<canvas width=${SIDE} height=${SIDE} ${paint(file)}></canvas>` : nothing}</span>`;
}
