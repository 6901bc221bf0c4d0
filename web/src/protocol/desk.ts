// The desk family: what waits, who is near, how far it is, and the owner's verbs (`WIRE.md` 3.3).
import type { DeviceId, MeetingId, TransferId } from "./messages.ts";
import type { Kind, LineState, Reason, RoadInUse, Topic, TransferState, TurnKind } from "./vocabulary.ts";

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

/** One file in the inbox, by its name below the inbox folder. */
export interface EntryFacts {
  readonly name: string;
  readonly size: number;
  readonly arrived_ms: number;
  readonly sender?: string;
  readonly is_folder?: boolean;
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

/** What went through the relay in this `month` (`2026-11`, UTC), in both directions. */
export interface RelayFacts {
  readonly turn: TurnKind;
  readonly month: string;
  readonly bytes: number;
  readonly ask_bytes: number;
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
  | TicketFacts
  | UnfinishedList
  | Done;

/** Owner: the daemon as a whole. */
export interface GetStatus {
  readonly t: "get_status";
}

/** Owner: the newest `limit` entries. */
export interface ListInbox {
  readonly t: "list_inbox";
  readonly limit?: number;
}

/** Owner: opens the inbox folder, or one entry's folder, on the computer's own screen. */
export interface OpenInbox {
  readonly t: "open_inbox";
  readonly name?: string;
}

/** Owner: renames an entry; never overwrites. */
export interface RenameEntry {
  readonly t: "rename_entry";
  readonly name: string;
  readonly to: string;
}

/** Owner: moves an entry to the computer's bin. */
export interface BinEntry {
  readonly t: "bin_entry";
  readonly name: string;
}

/** Owner: all devices. */
export interface ListDevices {
  readonly t: "list_devices";
}

/** Owner: gives a device another name. */
export interface RenameDevice {
  readonly t: "rename_device";
  readonly device: DeviceId;
  readonly to: string;
}

/** Owner: lets a device pick up as well. */
export interface TrustDevice {
  readonly t: "trust_device";
  readonly device: DeviceId;
}

/** Owner: the device's key ends now and its links close. */
export interface RevokeDevice {
  readonly t: "revoke_device";
  readonly device: DeviceId;
}

/**
 * Owner: a personal ticket; `life` is `"once"` (15 minutes), `"7d"` or `"never"` (send only). `away`: one that works from
 * elsewhere, with the edge's address.
 */
export interface MakeTicket {
  readonly t: "make_ticket";
  readonly life?: string;
  readonly away?: boolean;
}

/** Control socket only: a one-use owner ticket for `qrshared open`. */
export interface MakeOwnerTicket {
  readonly t: "make_owner_ticket";
}

/** Owner: cancels a transfer from the computer's side. */
export interface StopTransfer {
  readonly t: "stop_transfer";
  readonly transfer: TransferId;
}

/** A device that may send: its own items that stopped on the way. */
export interface ListUnfinished {
  readonly t: "list_unfinished";
}

/** A device that may send: its own unfinished items are thrown away. */
export interface ForgetUnfinished {
  readonly t: "forget_unfinished";
}

/** A device that may pick up: a one-use ticket for a key of its own at the edge, to be opened at once. */
export interface UseAway {
  readonly t: "use_away";
}

/** A device that may pick up: introduce me to this device of `NearbyList`. */
export interface Meet {
  readonly t: "meet";
  readonly device: DeviceId;
}

export type Verb =
  | GetStatus
  | ListInbox
  | OpenInbox
  | RenameEntry
  | BinEntry
  | ListDevices
  | RenameDevice
  | TrustDevice
  | RevokeDevice
  | MakeTicket
  | MakeOwnerTicket
  | StopTransfer
  | ListUnfinished
  | ForgetUnfinished
  | UseAway
  | Meet;

/** From now on, tell `News` of these topics; replaces the topics watched before. */
export interface Watch {
  readonly t: "watch";
  readonly topics: readonly Topic[];
}

/** What a watched topic looks like now. */
export interface News {
  readonly t: "news";
  readonly facts: Facts;
}

/** One verb; `id` is the asker's number, answered by `Answer` or `Refuse`. */
export interface Ask {
  readonly t: "ask";
  readonly id: number;
  readonly verb: Verb;
}

/** What the verb with this `id` gave. */
export interface Answer {
  readonly t: "answer";
  readonly id: number;
  readonly facts: Facts;
}

/** The verb with this `id` was not carried out; `sentence` is for the person who asked. */
export interface Refuse {
  readonly t: "refuse";
  readonly id: number;
  readonly reason: Reason;
  readonly sentence?: string;
}

/** One STUN or TURN server, as `RTCPeerConnection` takes it. */
export interface IceServerFacts {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** Daemon: you two may meet; `secret` (16 bytes) is your pair ticket's. Said to both, each hearing of the other. */
export interface Introduce {
  readonly t: "introduce";
  readonly meeting: MeetingId;
  readonly device: DeviceId;
  readonly name: string;
  readonly kind: Kind;
  readonly secret: Uint8Array;
  readonly servers?: readonly IceServerFacts[];
}

/** For the other side of a meeting; the daemon cannot read it and hands it on. */
export interface Envelope {
  readonly t: "envelope";
  readonly meeting: MeetingId;
  readonly blob: Uint8Array;
}

export type DeskMessage =
  | Watch
  | News
  | Ask
  | Answer
  | Refuse
  | Introduce
  | Envelope;
