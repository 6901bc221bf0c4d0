// What a page knows of the things it picks up from the shelf, folded from the worker's news.
import type { Reason, ShelfItem, ShelfItemId } from "../protocol/messages.ts";
import type { ItemView } from "../session/bridge.ts";
import type { Place } from "../session/peer-bridge.ts";
import { HOME, type PickUpNews, type PickUpOrder, type PickUpView } from "../session/pick-up-bridge.ts";
import { type Incoming, type Peer, PeerStore } from "./peer-store.ts";

/** How it stands with one thing. `waits`: on the shelf, and nothing more; `arrived`: here, and still to be saved. */
export type ShelfState = "waits" | "queued" | "moving" | "paused" | "cut" | "arrived" | "saved" | "partly" | "failed";

/** `reason` or `sentence` where it failed; `incoming` once its transfer has begun. */
export interface Standing {
  readonly state: ShelfState;
  readonly incoming: Incoming | null;
  readonly place: Place["by"] | null;
  /** Bytes that are here. */
  readonly bytesDone: number;
  /** If this page is closed, it begins anew. */
  readonly isFleeting: boolean;
  readonly reason: Reason | null;
  readonly sentence: string | null;
}

const WAITS: Standing = { state: "waits", incoming: null, place: null, bytesDone: 0, isFleeting: false, reason: null, sentence: null };

export class ShelfStore {
  readonly #post: (order: PickUpOrder) => void;
  readonly #pickUps = new Map<ShelfItemId, PickUpView>();
  readonly #wanted = new Map<ShelfItemId, ShelfItem>(); // they may leave the shelf before they are here
  /** What the computer sends, asked for or not, as from another device. */
  readonly home: PeerStore;

  /** `shelf`: what waits there now. */
  constructor(post: (order: PickUpOrder) => void, shelf: () => readonly ShelfItem[]) {
    this.#post = post;
    this.home = new PeerStore((order) => {
      if (order.t === "accept") {
        const rows = [...(this.computer?.incoming.get(order.transfer)?.rows.values() ?? [])];
        const item = shelf().find((each) => isAbout(each, rows));
        if (item !== undefined) return this.save([item], order.place); // asked for by an earlier load of this page
      }
      if (order.t !== "meet" && order.t !== "outbox" && order.t !== "relay") post(order);
    }, () => undefined);
  }

  get computer(): Peer | undefined {
    return this.home.state.peers.get(HOME);
  }

  /** Transfers that the computer offered and this page had not asked for. */
  get unasked(): readonly Incoming[] {
    const asked = new Set([...this.#pickUps.values()].map(({ transfer }) => transfer));
    return [...(this.computer?.incoming.values() ?? [])].filter(({ view }) => !asked.has(view.transfer));
  }

  hear(news: PickUpNews): void {
    if (news.t !== "pick_up") return this.home.hear(news);
    const { item, left } = news.pickUp;
    this.#pickUps.set(item, news.pickUp);
    if (left !== undefined) this.#wanted.set(item, left.item);
    this.home.touch();
  }

  /** Whether closing the page now would lose something that does not go on by itself. */
  holdsUnsaved(isUnsaved: (incoming: Incoming) => boolean): boolean {
    const kept = new Set([...this.#pickUps.values()].filter(({ isKept }) => isKept).map(({ transfer }) => transfer));
    return [...(this.computer?.incoming.values() ?? [])].some((incoming) => {
      const { state, transfer } = incoming.view;
      return !kept.has(transfer) && (state === "receiving" || isUnsaved(incoming));
    });
  }

  subscribe(listener: () => void): () => void {
    return this.home.subscribe(listener);
  }

  /** What is on the shelf, and what is taken from it and has left it meanwhile. */
  all(shelf: readonly ShelfItem[]): readonly ShelfItem[] {
    const here = new Set(shelf.map(({ item }) => item));
    return [...shelf, ...[...this.#wanted.values()].filter((item) => !here.has(item.item) && this.standing(item).state !== "waits")];
  }

  /** `isUnsaved`: whether the page alone still holds something of it. */
  standing({ item }: ShelfItem, isUnsaved: (incoming: Incoming) => boolean = () => false): Standing {
    const pickUp = this.#pickUps.get(item);
    if (pickUp === undefined || pickUp.state === "stopped") return WAITS;
    const { place, sentence, isPaused, isKept, left } = pickUp;
    const incoming = pickUp.transfer === null ? null : (this.computer?.incoming.get(pickUp.transfer) ?? null);
    const bytesDone = Math.max(incoming?.total.bytesDone ?? 0, incoming === null ? (left?.bytes ?? 0) : 0);
    const standing = { incoming, place, bytesDone, isFleeting: place === "memory" && !isKept, sentence, reason: null };
    if (pickUp.state === "refused") return { ...standing, state: "failed" };
    if (incoming === null) return { ...standing, state: isPaused ? "paused" : "queued" };
    const seen = { ...standing, ...this.#standingOf(incoming, isPaused, isUnsaved(incoming)) };
    return seen.state === "partly" && place === "download" ? { ...seen, state: "failed" } : seen; // there a zip is whole or not at all
  }

  #standingOf({ view, rows }: Incoming, isPaused: boolean, isUnsaved: boolean): Pick<Standing, "state" | "reason"> {
    const failed = [...rows.values()].find(({ state }) => state === "failed");
    const reason = view.reason ?? failed?.reason ?? null;
    switch (view.state) {
      case "asked":
      case "receiving":
        if (isPaused) return { state: "paused", reason: null };
        return { state: this.computer?.view.link.state === "open" ? "moving" : "cut", reason: null };
      case "done":
        if (view.done === 0) return { state: "failed", reason: reason ?? "not_found" }; // it was taken back meanwhile
        if (isUnsaved) return { state: "arrived", reason };
        return { state: view.done < view.items ? "partly" : "saved", reason };
      case "failed":
        return { state: "failed", reason };
      case "declined":
      case "cancelled":
        return { state: "waits", reason: null };
    }
  }

  save(items: readonly ShelfItem[], place: Place): void {
    for (const item of items) this.#wanted.set(item.item, item);
    this.#post({ t: "save", items, place });
  }

  pause(item: ShelfItem): void {
    this.#post({ t: "pause", item: item.item });
  }

  resume(item: ShelfItem): void {
    this.#post({ t: "resume", item: item.item });
  }

  stop(item: ShelfItem): void {
    this.#post({ t: "stop", item: item.item });
  }
}

/** Whether an offer with these rows is this thing; the worker looks again, at everything. */
function isAbout({ name, size, kind }: ShelfItem, rows: readonly ItemView[]): boolean {
  const isSame = (row: ItemView): boolean => row.name === name || (kind === "folder" && row.name.startsWith(`${name}/`));
  return rows.length > 0 && rows.every(isSame) && rows.reduce((sum, row) => sum + row.size, 0) === size;
}
