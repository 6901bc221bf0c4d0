// How full something is, as the custom property `--part` (0 to 1): set through the CSSOM, because the policy forbids style attributes.
import { noChange } from "lit";
import { Directive, directive, PartType, type ElementPart, type PartInfo } from "lit/directive.js";

class PartDirective extends Directive {
  #last = -1;

  constructor(info: PartInfo) {
    super(info);
    if (info.type !== PartType.ELEMENT) throw new Error("part() belongs on an element");
  }

  render(_part: number): typeof noChange {
    return noChange;
  }

  override update(place: ElementPart, [part]: [number]): typeof noChange {
    const next = Math.min(1, Math.max(0, Number.isFinite(part) ? part : 0));
    if (next !== this.#last) (place.element as HTMLElement).style.setProperty("--part", next.toFixed(4));
    this.#last = next;
    return noChange;
  }
}

export const part = directive(PartDirective);
