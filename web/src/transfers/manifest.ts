// Puts the pages of a proposal together and refuses what no honest sender would propose.
import { ITEMS_MAX, MANIFEST_BYTES_MAX, TEXT_BYTES_MAX } from "../protocol/limits.ts";
import type { Item, Propose, Reason, TransferId } from "../protocol/messages.ts";
import { itemWeight } from "./paging.ts";

/** One proposal on its way in; with `known`, the same items must come again. */
export class IncomingManifest {
  readonly #known: readonly Item[] | null;
  #first: Propose | null = null;
  #items: Item[] = [];
  #weight = 0;
  #bytes = 0;

  constructor(known: readonly Item[] | null = null) {
    this.#known = known;
  }

  /** The items so far; all of them once `add` has said "whole". */
  get items(): readonly Item[] {
    return this.#items;
  }

  /** The transfers that the first page continues. */
  get continues(): readonly TransferId[] {
    return this.#first?.continues ?? [];
  }

  /** Takes the next page; says whether more must come, the manifest is whole, or why it is refused. */
  add(page: Propose): "more" | "whole" | { readonly refused: Reason } {
    if (page.first === 0) {
      this.#first = page;
      this.#items = [];
      this.#weight = this.#bytes = 0;
    }
    const first = this.#first;
    const follows = page.first === this.#items.length && page.count === first?.count && page.bytes === first.bytes;
    if (first === null || !follows) return { refused: "protocol" };
    if (first.count > ITEMS_MAX) return { refused: "too_many_items" };
    for (const item of page.items) {
      if (!this.#isKnown(this.#items.length, item)) return { refused: "protocol" };
      this.#items.push(item);
      this.#bytes += item.size;
      this.#weight += itemWeight(item);
    }
    if (this.#weight > MANIFEST_BYTES_MAX) return { refused: "manifest_too_large" };
    const count = this.#items.length;
    if (count > first.count || this.#bytes > first.bytes || page.items.some(isTooLarge)) return { refused: "protocol" };
    if (page.more) return "more";
    const agrees = count > 0 && count === first.count && this.#bytes === first.bytes;
    return agrees && (this.#known === null || this.#known.length === count) ? "whole" : { refused: "protocol" };
  }

  #isKnown(index: number, item: Item): boolean {
    if (this.#known === null) return true;
    const known = this.#known[index];
    return known?.name === item.name && known.size === item.size && known.modified_ms === item.modified_ms
      && (known.kind ?? "file") === (item.kind ?? "file") && known.sha256 === item.sha256;
  }
}

/** A folder has no bytes of its own, and a text is short. */
function isTooLarge({ kind, size }: Item): boolean {
  return (kind === "folder" && size > 0) || (kind === "text" && size > TEXT_BYTES_MAX);
}
