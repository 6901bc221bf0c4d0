// What the page and its session worker say to each other: the page shows and asks, the worker owns link, seal and files.
import type { Facts, GrantFacts, Kind, Reason, RoadInUse, Topic, Verb } from "../protocol/messages.ts";
import type { PeerNews, PeerOrder } from "./peer-bridge.ts";
import type { PickUpNews, PickUpOrder } from "./pick-up-bridge.ts";
import type { RelayQuestion } from "./relay-ask.ts";
import type { AwayFault } from "./roads.ts";

/**
 * A file the user chose; `path` is its name, or its path with "/" inside a dropped folder. An empty folder of such a tree
 * has an empty file in its place; a text is one that was written on the page.
 */
export interface Picked {
  readonly file: File;
  readonly path: string;
  /** The owner puts it on the shelf, not into the inbox. */
  readonly isForShelf?: boolean;
  readonly kind?: "folder" | "text";
}

/** How this page load introduces itself. `key` is the device key this origin keeps, `ticket` the secret from the URL. */
export interface Opening {
  readonly t: "open";
  /** The door at home; not used where `edge` is given. */
  readonly socketUrl: string;
  /** The address of the meeting point that this page came from; null on a home's own page. */
  readonly edge?: string | null;
  readonly ticket: Uint8Array | null;
  readonly key: Uint8Array | null;
  /** On a meeting point's page: the key of an earlier code, for when the ticket's home is not there. It is never enrolled again. */
  readonly spare?: Uint8Array | null;
  /** On a meeting point's page: all other keys, each for a computer that may turn out to be the ticket's. */
  readonly others?: readonly Uint8Array[];
  /** Without ticket and key: watch only (a wall), or fetch the wall's own ticket and enroll with it (a phone). */
  readonly bare: "watch" | "enroll";
  readonly name: string;
  readonly kind: Kind;
  readonly instance: number;
  readonly topics: readonly Topic[];
  /** Ids of this origin's transfers that did not finish in earlier page loads. */
  readonly continues: readonly string[];
}

/** By what a person knows a file that they are to choose again. */
export interface NamedItem {
  readonly name: string;
  readonly size: number;
}

/** Page → worker. */
export type Command =
  | Opening
  | { readonly t: "key_kept" } // the page has stored the key of `keep_key`
  | { readonly t: "send"; readonly picked: readonly Picked[] }
  | { readonly t: "pause"; readonly item?: number } // without a number: everything
  | { readonly t: "resume"; readonly item?: number }
  | { readonly t: "cancel"; readonly item: number | null } // null: everything that is not done
  | { readonly t: "retry" } // failed items once more
  | { readonly t: "clear" } // forget what is done: the list starts anew
  | { readonly t: "skip_same"; readonly on: boolean } // what the computer has already need not move
  | { readonly t: "relay"; readonly sendNow: boolean } // the answer to "This goes through your relay"
  | { readonly t: "wake" } // visible again, online again: try the link now
  | { readonly t: "peers"; readonly order: PeerOrder } // about other devices
  | { readonly t: "shelf"; readonly order: PickUpOrder } // about what waits at the computer
  | { readonly t: "watch"; readonly topics: readonly Topic[] }
  | { readonly t: "ask"; readonly id: number; readonly verb: Verb };

export type ItemState = "waiting" | "sending" | "paused" | "done" | "failed";

/** One item on screen. `id` counts from 0 in this page load; `done` in bytes; `finalName` and `sha256` from the receipt. */
export interface ItemView {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly done: number;
  readonly state: ItemState;
  readonly reason: Reason | null;
  readonly finalName: string | null;
  readonly sha256?: string;
  /** Nothing was moved: the computer had it. */
  readonly already?: boolean;
  readonly kind?: "folder" | "text";
  /** The phone is still handing the file over (iOS converts videos when they are first read). */
  readonly preparing: boolean;
}

/** All items together. `rate` in bytes a second, `leftS` in seconds, null while unknown. */
export interface TotalView {
  readonly state: "idle" | "sending" | "paused" | "done";
  readonly items: number;
  readonly done: number;
  readonly failed: number;
  readonly bytes: number;
  readonly bytesDone: number;
  readonly bytesSafe: number;
  readonly rate: number;
  readonly leftS: number | null;
  /** So many are still to be compared with what the computer has; absent for none. */
  readonly comparing?: number;
  /** Nothing goes before a person over there has said yes. */
  readonly isAsked?: boolean;
}

export type LinkView =
  | { readonly state: "connecting" }
  | { readonly state: "open"; readonly computer: string; readonly grant: GrantFacts; readonly words: string | null; readonly road: RoadInUse }
  | { readonly state: "lost"; readonly retryInS: number; readonly fault?: AwayFault | null } // tries again by itself
  | { readonly state: "elsewhere" } // this device is live in another tab; tries again by itself
  | { readonly state: "refused"; readonly reason: "unknown_key" | "wrong_road" | "version" | "revoked" | "expired" | "busy" | "handshake" };

/** Worker → page. */
export type Update =
  | { readonly t: "link"; readonly link: LinkView }
  | { readonly t: "keep_key"; readonly key: Uint8Array } // store it durably, then answer `key_kept`
  | { readonly t: "drop_key" } // said under the seal: this key is worth nothing any more
  | { readonly t: "enrolled"; readonly key: Uint8Array | null; readonly replaces: readonly Uint8Array[] } // the computer knows this key: the ticket may leave address bar and sessionStorage
  | { readonly t: "items"; readonly changed: readonly ItemView[]; readonly gone: readonly number[] } // ≤ 10 a second, a total right after
  | { readonly t: "total"; readonly total: TotalView }
  | { readonly t: "transfer"; readonly id: string; readonly over: boolean; readonly items?: readonly NamedItem[] } // remember / forget the id (IndexedDB), with what nobody else knows of before it is accepted
  | { readonly t: "relay"; readonly question: RelayQuestion; readonly bytes: number } // what is to go and what the person said to it
  | { readonly t: "declined"; readonly reason: Reason; readonly needed: number | null; readonly free: number | null }
  | { readonly t: "peers"; readonly news: PeerNews } // about other devices
  | { readonly t: "shelf"; readonly news: PickUpNews } // about what waits at the computer
  | { readonly t: "news"; readonly facts: Facts }
  | { readonly t: "answer"; readonly id: number; readonly facts: Facts }
  | { readonly t: "refuse"; readonly id: number; readonly reason: Reason; readonly sentence: string };
