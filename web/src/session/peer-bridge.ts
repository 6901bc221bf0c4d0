// What page and worker say to each other about other devices: who is met, what goes there, what is offered here, where it is put.
import type { DeviceId, Kind, Reason, TransferId } from "../protocol/messages.ts";
import type { Met } from "./acquaintances.ts";
import type { Command, Update } from "./bridge.ts";
import type { RelayQuestion } from "./relay-ask.ts";
import type { DownloadStart } from "./sinks/download.ts";

/** Names one other device in this page load. */
export type PeerId = string;

/** Where a transfer goes: decided at the tap that accepts it, because only then may a page ask for a place. */
export type Place =
  | { readonly by: "file"; readonly handle: FileSystemFileHandle } // one item
  | { readonly by: "folder"; readonly handle: FileSystemDirectoryHandle }
  | { readonly by: "download" } // the browser writes it, through a service worker
  | { readonly by: "memory"; readonly limit: number }; // bytes all unsaved Blobs may hold together

export type OutboxCommand = Extract<Command, { readonly t: "send" | "pause" | "resume" | "cancel" | "retry" | "clear" }>;
export type OutboxUpdate = Extract<Update, { readonly t: "items" | "total" | "declined" }>;
export type LedgerUpdate = Extract<Update, { readonly t: "items" | "total" }>;

/** Page → worker. */
export type PeerOrder =
  | { readonly t: "meet"; readonly device: DeviceId; readonly name: string; readonly kind: Kind } // tapped: a link is wanted
  | { readonly t: "outbox"; readonly peer: PeerId; readonly command: OutboxCommand }
  | { readonly t: "accept"; readonly peer: PeerId; readonly transfer: TransferId; readonly place: Place }
  | { readonly t: "relay"; readonly peer: PeerId; readonly sendNow: boolean } // the answer to that question
  | { readonly t: "decline"; readonly peer: PeerId; readonly transfer: TransferId }
  | { readonly t: "cancel"; readonly peer: PeerId; readonly transfer: TransferId; readonly item: number | null }
  | { readonly t: "saving"; readonly transfer: TransferId } // the browser's downloads begin to copy something of it
  | { readonly t: "saved"; readonly transfer: TransferId; readonly bytes: number }; // a Blob left the page: its room is free again

/** How it stands with one other device. `away`: it is sought by itself while something is open with it. */
export type PeerState =
  | { readonly state: "meeting" }
  | { readonly state: "open"; readonly words: string | null }
  | { readonly state: "away" }
  | { readonly state: "failed"; readonly sentence: string };

export interface PeerView {
  readonly peer: PeerId;
  readonly name: string;
  readonly kind: Kind;
  readonly link: PeerState;
  readonly road: "direct" | "relay" | null;
  /** Proposals of this page that were not answered yet: the other device asks its person. */
  readonly unanswered: number;
  /** Much would go there through the owner's relay: how it stands with the question, and how much is still to go. */
  readonly relay: { readonly question: RelayQuestion; readonly bytes: number };
}

export type IncomingState = "asked" | "receiving" | "done" | "declined" | "cancelled" | "failed";

/** One transfer another device offers. Rows and sums follow as `arriving`, item by its number. */
export interface IncomingView {
  readonly peer: PeerId;
  readonly transfer: TransferId;
  readonly state: IncomingState;
  readonly items: number;
  readonly bytes: number;
  /** Items that are here, and items that did not come; rows follow a moment later. */
  readonly done: number;
  readonly failed: number;
  /** Sizes, in order, while it is asked: what fits is said before anything moves. */
  readonly sizes: readonly number[];
  readonly reason: Reason | null;
  /** The person here has paused it. */
  readonly isHeld?: boolean;
}

/** Worker → page. */
export type PeerNews =
  | { readonly t: "peer"; readonly peer: PeerView }
  | { readonly t: "gone"; readonly peer: PeerId } // forgotten: it is a new one if it comes again
  | { readonly t: "sent"; readonly peer: PeerId; readonly update: OutboxUpdate }
  | { readonly t: "incoming"; readonly incoming: IncomingView }
  | { readonly t: "arriving"; readonly peer: PeerId; readonly transfer: TransferId; readonly update: LedgerUpdate }
  | { readonly t: "received"; readonly peer: PeerId; readonly transfer: TransferId; readonly item: number; readonly name: string; readonly blob: Blob }
  | { readonly t: "held"; readonly bytes: number } // by Blobs that are not saved yet
  | { readonly t: "download"; readonly start: DownloadStart }
  | { readonly t: "met"; readonly met: readonly Met[] } // for the next load of a room's page
  | { readonly t: "fault"; readonly sentence: string | null }; // of a room: somebody is there and no link comes to be

/** How a page begins that has no computer at home: it meets whoever has this secret at its meeting point. */
export interface RoomOpening {
  readonly t: "room";
  readonly edge: string;
  readonly secret: Uint8Array;
  readonly name: string;
  readonly kind: Kind;
  readonly instance: number;
  /** Whom an earlier load of this page met there. */
  readonly met: readonly Met[];
}
