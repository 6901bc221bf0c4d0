// Draws the tail of a cut name close to its ellipsis: browsers leave up to a letter's width there, which reads as two blanks.
import { noChange } from "lit";
import { Directive, directive, PartType, type ElementPart, type PartInfo } from "lit/directive.js";

class SnugDirective extends Directive {
  #name = "";

  constructor(info: PartInfo) {
    super(info);
    if (info.type !== PartType.ELEMENT) throw new Error("snug() belongs on an element");
  }

  render(_name: string): typeof noChange {
    return noChange;
  }

  override update({ element }: ElementPart, [name]: [string]): typeof noChange {
    if (name === this.#name) return noChange;
    this.#name = name;
    sizes ??= new ResizeObserver(close);
    sizes.unobserve(element);
    sizes.observe(element); // calls back once it stands, and whenever it has another width
    return noChange;
  }
}

/** On the head of a name, whose tail comes right after it. */
export const snug = directive(SnugDirective);

let sizes: ResizeObserver | undefined;

function close(entries: readonly ResizeObserverEntry[]): void {
  const gaps = entries.map(({ target }) => [target.nextElementSibling, gapAfter(target)] as const); // all read, then all written
  for (const [tail, gap] of gaps) if (tail instanceof HTMLElement) tail.style.insetInlineStart = gap === 0 ? "" : `${-gap}px`;
}

/** What stays empty behind the ellipsis of a cut text. */
function gapAfter(head: Element): number {
  const text = [...head.childNodes].find((node) => node instanceof Text && node.data !== "");
  if (!(text instanceof Text) || head.scrollWidth <= head.clientWidth) return 0;
  const { fontWeight, fontSize, fontFamily } = getComputedStyle(head);
  const font = `${fontWeight} ${fontSize} ${fontFamily}`; // the shorthand is empty where a part of it has no word
  const room = head.getBoundingClientRect().width - widthOf("…", font);
  const range = document.createRange();
  range.setStart(text, 0);
  const widthTo = (end: number): number => {
    range.setEnd(text, end);
    return range.getBoundingClientRect().width;
  };
  let fits = 0;
  for (let beyond = text.length + 1; beyond - fits > 1; ) {
    const middle = (fits + beyond) >> 1;
    if (middle <= text.length && widthTo(middle) <= room) fits = middle;
    else beyond = middle;
  }
  const gap = room - widthTo(fits);
  return gap > 0 && gap < widthOf("MM", font) ? Math.floor(gap * 4) / 4 : 0; // anything else was not understood
}

let pen: CanvasRenderingContext2D | null | undefined;

function widthOf(text: string, font: string): number {
  pen ??= document.createElement("canvas").getContext("2d");
  if (pen === null) return 0;
  pen.font = font;
  return pen.measureText(text).width;
}
