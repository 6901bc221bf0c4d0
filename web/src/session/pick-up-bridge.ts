// What page and worker say to each other about the shelf: what is picked up, where it goes, how it stands.
import type { ShelfItem, ShelfItemId, TransferId } from "../protocol/messages.ts";
import type { PeerId, PeerNews, PeerOrder, Place } from "./peer-bridge.ts";

/** The computer at home, where other devices have their ids. */
export const HOME: PeerId = "home";

/** Page → worker. What the computer offers unasked is accepted or declined as with other devices. */
export type PickUpOrder =
  | { readonly t: "save"; readonly items: readonly ShelfItem[]; readonly place: Place }
  | { readonly t: "pause" | "resume" | "stop"; readonly item: ShelfItemId }
  | Extract<PeerOrder, { readonly t: "accept" | "decline" | "cancel" | "saving" | "saved" }>;

/** `waiting`: for its turn, or for the computer. `begun`: its transfer tells the rest. */
export type PickUpState = "waiting" | "begun" | "refused" | "stopped";

/** One thing of the shelf that this page picks up. */
export interface PickUpView {
  readonly item: ShelfItemId;
  readonly state: PickUpState;
  readonly transfer: TransferId | null;
  readonly place: Place["by"];
  readonly isPaused: boolean;
  /** What arrives of it outlives this page load; after that it goes on by itself. */
  readonly isKept: boolean;
  /** An earlier page load had asked for it, and has left so much: shown until its transfer tells more. */
  readonly left?: { readonly item: ShelfItem; readonly bytes: number };
  /** Why the computer refused. */
  readonly sentence: string | null;
}

/** Worker → page. Transfers are told as with other devices, of a peer named `HOME`. */
export type PickUpNews = PeerNews | { readonly t: "pick_up"; readonly pickUp: PickUpView };
