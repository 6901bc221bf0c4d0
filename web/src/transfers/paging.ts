// Cuts long lists into pages that fit in a message, and weighs a manifest; both ends reckon alike.
import { PAGE_BYTES_MAX } from "../protocol/limits.ts";
import type { Accept, Item, ItemReceipt, Kept, Propose, TransferId } from "../protocol/messages.ts";

/** What a message holds beside its list: tag, transfer, totals, sixteen ids to continue. */
const PAGE_FRAME_BYTES = 1_024;

/** Everything of an item but its name and its hash, at its longest. */
const ITEM_FRAME_BYTES = 80;
const ITEM_HASH_BYTES = 80;
const RECEIPT_FRAME_BYTES = 180;

const utf8 = new TextEncoder();

function textBytes(text: string): number {
  return utf8.encode(JSON.stringify(text)).length;
}

/** Bytes of a manifest that an item stands for: its name as JSON, 80 for the rest, and 80 for a hash. */
export function itemWeight(item: Item): number {
  return textBytes(item.name) + ITEM_FRAME_BYTES + (item.sha256 === undefined ? 0 : ITEM_HASH_BYTES);
}

/** Bytes a receipt takes in a page, at most. */
export function receiptWeight(receipt: ItemReceipt): number {
  return textBytes(receipt.name) + RECEIPT_FRAME_BYTES;
}

/** Bytes a kept offset takes in a page, at most. */
const KEPT_BYTES = 60;

/** `elements` in order, in runs that fit in one message each; no page for no elements. */
export function pages<T>(elements: readonly T[], weight: (element: T) => number): (readonly T[])[] {
  const room = PAGE_BYTES_MAX - PAGE_FRAME_BYTES;
  const runs: (readonly T[])[] = [];
  let start = 0;
  let used = 0;
  for (const [index, element] of elements.entries()) {
    const need = weight(element);
    if (used + need > room && index > start) {
      runs.push(elements.slice(start, index));
      start = index;
      used = 0;
    }
    used += need;
  }
  if (start < elements.length) runs.push(elements.slice(start));
  return runs;
}

/** What a sender wishes of a whole transfer. */
export type Wishes = Pick<Propose, "shelf" | "skip_same">;

/** A whole manifest as the messages that propose it; what it continues, and wishes, stands on the first page. */
export function proposal(transfer: TransferId, items: readonly Item[], continues: readonly TransferId[], wishes: Wishes = {}): Propose[] {
  const count = items.length;
  const bytes = items.reduce((sum, item) => sum + item.size, 0);
  let next = 0;
  return pages(items, itemWeight).map((page) => {
    const first = next;
    next += page.length;
    const more = next < count;
    return { t: "propose", transfer, first, items: page, more, count, bytes, ...(first === 0 ? { continues, ...wishes } : {}) };
  });
}

/** An acceptance as the messages that say it, kept offsets first. */
export function acceptance(
  transfer: TransferId,
  window: number,
  kept: readonly Kept[],
  receipts: readonly ItemReceipt[],
): Accept[] {
  const frame = { t: "accept", transfer, window } as const;
  const parts: Accept[] = [
    ...pages(kept, () => KEPT_BYTES).map((page) => ({ ...frame, kept: page })),
    ...pages(receipts, receiptWeight).map((page) => ({ ...frame, receipts: page })),
  ];
  if (parts.length === 0) return [frame];
  return parts.map((part, index) => ({ ...part, more: index + 1 < parts.length }));
}
