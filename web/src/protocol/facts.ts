// What desks tell: the state of each topic, and what a verb gave (`WIRE.md` 3.3).
import type { DeviceId, Item, QuestionId, ShelfItemId, TransferId } from "./messages.ts";
import type {
  EntryKind,
  Kind,
  LineState,
  OfferState,
  RoadInUse,
  TransferState,
  TurnKind,
  WallHint,
} from "./vocabulary.ts";

/** Kinds and counts of what arrives, never names. */
export interface ArrivalFacts {
  readonly senders: number;
  readonly arriving: number;
  readonly photos: number;
  readonly videos: number;
  readonly others: number;
  readonly landed: number;
  readonly percent: number;
}

/** One transfer as desks tell it; `rate` in bytes a second, `left_s` absent when unknown. */
export interface TransferFacts {
  readonly transfer: TransferId;
  readonly device: string;
  readonly kind: Kind;
  readonly state: TransferState;
  readonly items: number;
  readonly items_done: number;
  readonly items_failed: number;
  readonly bytes: number;
  readonly bytes_done: number;
  readonly rate: number;
  readonly left_s?: number;
  readonly started_ms: number;
  readonly current?: string;
}

/** One file in the inbox, by its name below the inbox folder. `text` is what a small text says, only its beginning where `is_cut`. */
export interface EntryFacts {
  readonly name: string;
  readonly size: number;
  readonly arrived_ms: number;
  readonly sender?: string;
  readonly is_folder?: boolean;
  readonly text?: string;
  readonly is_cut?: boolean;
}

/** One enrolled device; `road` while it is online. */
export interface DeviceFacts {
  readonly device: DeviceId;
  readonly name: string;
  readonly kind: Kind;
  readonly trust: string;
  readonly rights: readonly string[];
  readonly made_ms: number;
  readonly seen_ms: number;
  readonly online: boolean;
  readonly road?: RoadInUse;
  /** The device whose key for elsewhere this is: they end together. */
  readonly second_of?: DeviceId;
}

/** One address of this computer and why it ranks where it does. */
export interface AddressFacts {
  readonly address: string;
  readonly interface: string;
  readonly score: number;
  readonly why: string;
}

/** An item of this device that stopped on the way: `offset` bytes of it are kept. */
export interface UnfinishedItem {
  readonly transfer: TransferId;
  readonly name: string;
  readonly size: number;
  readonly offset: number;
}

/**
 * What a wall shows; `url` holds a live wall ticket and is absent while the wall gives no code. `away_url`, only
 * on the computer's own screen and while an edge is connected, holds one that works from elsewhere.
 */
export interface WallFacts {
  readonly t: "wall_facts";
  readonly computer: string;
  readonly url?: string;
  readonly fresh_until_ms: number;
  readonly addresses: readonly string[];
  readonly arrivals: ArrivalFacts;
  readonly away_url?: string;
  /** No phone has ever come as far as sending. */
  readonly hint?: WallHint;
  /** Guests send nothing now. */
  readonly only_own?: boolean;
}

/** A device that is here now and with which the asking one may exchange files. */
export interface PeerFacts {
  readonly device: DeviceId;
  readonly name: string;
  readonly kind: Kind;
}

/** The line to the edge; `sentence` says what is wrong and what to do. */
export interface EdgeFacts {
  readonly url: string;
  readonly state: LineState;
  readonly sentence?: string;
}

/**
 * What went through the relay in this `month` (`2026-11`, UTC), in both directions. `borrowed`: the computer has none of
 * its own, and the edge lends one.
 */
export interface RelayFacts {
  readonly turn: TurnKind;
  readonly month: string;
  readonly bytes: number;
  readonly ask_bytes: number;
  readonly borrowed?: boolean;
}

/** The network the computer is in; on one that is not `known` it shows no code and answers to no name. */
export interface NetworkFacts {
  readonly name: string;
  readonly known: boolean;
}

/** A proposal that waits for the owner's word until `until_ms`; `first` are some of its items. `question` changes with what is proposed. Only guests are asked about; `since_ms`: its key came first then. `away`: its page does not wait now. */
export interface AskingFacts {
  readonly question: QuestionId;
  readonly transfer: TransferId;
  readonly device: string;
  readonly kind: Kind;
  readonly items: number;
  readonly bytes: number;
  readonly first: readonly Item[];
  readonly until_ms: number;
  readonly since_ms?: number;
  readonly away?: boolean;
}

/** The daemon as a whole. */
export interface StatusFacts {
  readonly t: "status_facts";
  readonly version: string;
  readonly pid: number;
  readonly computer: string;
  readonly urls: readonly string[];
  readonly local_name?: string;
  readonly inbox: string;
  readonly free_bytes: number;
  readonly sessions: number;
  readonly started_ms: number;
  readonly addresses: readonly AddressFacts[];
  readonly problems: readonly string[];
  readonly devices?: readonly DeviceFacts[];
  readonly transfers?: readonly TransferFacts[];
  readonly edge?: EdgeFacts;
  readonly relay?: RelayFacts;
  readonly network?: NetworkFacts;
  readonly asking?: readonly AskingFacts[];
}

/** Transfers under way, then the last ones that ended. */
export interface TransferList {
  readonly t: "transfer_list";
  readonly transfers: readonly TransferFacts[];
}

/** The newest entries of the inbox; `total` counts all. */
export interface InboxList {
  readonly t: "inbox_list";
  readonly folder: string;
  readonly entries: readonly EntryFacts[];
  readonly total: number;
}

/** All devices, the last seen first. */
export interface DeviceList {
  readonly t: "device_list";
  readonly devices: readonly DeviceFacts[];
}

/** Who else is here, by name; never the asking device itself. */
export interface NearbyList {
  readonly t: "nearby_list";
  readonly peers: readonly PeerFacts[];
}

/** One thing that waits; a folder's `size` and `count` are those of all files in it. `to`: for this device alone. `taken`: how this device's last pick-up ended. */
export interface ShelfItem {
  readonly item: ShelfItemId;
  readonly name: string;
  readonly size: number;
  readonly kind: EntryKind;
  readonly modified_ms: number;
  readonly count?: number;
  readonly expires_ms?: number;
  readonly to?: DeviceId;
  readonly taken?: OfferState;
  readonly taken_ms?: number;
  readonly taken_bytes?: number;
}

/** What the asking device may pick up, the newest first. */
export interface ShelfList {
  readonly t: "shelf_list";
  readonly items: readonly ShelfItem[];
}

/** What was put on the shelf, and the code that leads to nothing else. */
export interface OfferFacts {
  readonly t: "offer_facts";
  readonly items: readonly ShelfItem[];
  readonly url?: string;
}

/** One thing on the shelf and one device; without `device` nobody has begun to pick it up. */
export interface OfferProgress {
  readonly item: ShelfItemId;
  readonly name: string;
  readonly state: OfferState;
  readonly bytes: number;
  readonly bytes_done: number;
  readonly device?: string;
}

/** One thing on the shelf and one device that picks it up, or did; `device` is its name, `at_ms` when that ended. */
export interface PickUpFacts {
  readonly item: ShelfItemId;
  readonly device: string;
  readonly state: OfferState;
  readonly bytes: number;
  readonly bytes_done: number;
  readonly at_ms?: number;
}

/** Who picks up what from the shelf, then who did, the newest first. */
export interface PickUpList {
  readonly t: "pick_up_list";
  readonly pick_ups: readonly PickUpFacts[];
}

/** Who is picking up what. */
export interface OfferList {
  readonly t: "offer_list";
  readonly offers: readonly OfferProgress[];
}

/**
 * One setting, its value as one would write it, and where that comes from. `choices`: it is one of these. `is_fixed`:
 * something stronger than this page says it, or only a file may. `needs_restart`: a change counts at the next start.
 */
export interface SettingFacts {
  readonly name: string;
  readonly value: string;
  readonly default: string;
  readonly text: string;
  readonly source: string;
  readonly choices?: readonly string[];
  readonly is_fixed?: boolean;
  readonly needs_restart?: boolean;
}

/** Every setting that a person may want to see. */
export interface SettingsFacts {
  readonly t: "settings_facts";
  readonly settings: readonly SettingFacts[];
}

/** One thing that was looked at, what was seen, and what to do if it is not well. */
export interface FindingFacts {
  readonly check: string;
  readonly ok: boolean;
  readonly seen: string;
  readonly advice?: string;
}

/** What phones at home need, in the order of the way that a file takes. */
export interface FindingList {
  readonly t: "finding_list";
  readonly findings: readonly FindingFacts[];
}

/** One item that arrived whole: its name below the inbox, and the SHA-256 (hex) of what was read back. */
export interface ReceiptFacts {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly placed_ms: number;
  readonly sender?: string;
}

/** What arrived, the newest first. */
export interface ReceiptList {
  readonly t: "receipt_list";
  readonly receipts: readonly ReceiptFacts[];
}

/** A fresh ticket as the URL a QR carries. */
export interface TicketFacts {
  readonly t: "ticket_facts";
  readonly url: string;
  readonly expires_ms?: number;
}

/** What this device began and did not finish. */
export interface UnfinishedList {
  readonly t: "unfinished_list";
  readonly items: readonly UnfinishedItem[];
}

/** The verb was carried out; `text` may name what came of it. */
export interface Done {
  readonly t: "done";
  readonly text?: string;
}

export type Facts =
  | WallFacts
  | StatusFacts
  | TransferList
  | InboxList
  | DeviceList
  | NearbyList
  | ShelfList
  | OfferList
  | PickUpList
  | OfferFacts
  | SettingsFacts
  | FindingList
  | ReceiptList
  | TicketFacts
  | UnfinishedList
  | Done;
