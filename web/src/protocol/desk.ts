// The desk family: watching, the verbs, and what two devices say through the daemon (`WIRE.md` 3.3).
import type { Facts } from "./facts.ts";
import type { DeviceId, MeetingId, QuestionId, ShelfItemId, TransferId } from "./messages.ts";
import type { Kind, Reason, Topic } from "./vocabulary.ts";

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
 * Owner: a personal ticket; `life` is `"once"` (15 minutes), or, to send only, `"never"` or a time: `"2h"`, `"7d"`.
 * `away`: one that works from elsewhere, with the edge's address.
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

/** A device that may pick up: propose these of `ShelfList` to me, as one transfer. */
export interface PickUp {
  readonly t: "pick_up";
  readonly items: readonly ShelfItemId[];
}

/** A device that may pick up: an address from which this one may be fetched without a seal, soon and by me alone. */
export interface PlainDownload {
  readonly t: "plain_download";
  readonly item: ShelfItemId;
}

/**
 * Control socket only: put these files and folders of the computer on the shelf. `to`: for this device alone. `once`: gone
 * when it was picked up. `away`: its code works from elsewhere.
 */
export interface Offer {
  readonly t: "offer";
  readonly paths: readonly string[];
  readonly to?: DeviceId;
  readonly once?: boolean;
  readonly expires_s?: number;
  readonly away?: boolean;
}

/** Owner: take this off the shelf; the file itself stays. */
export interface Withdraw {
  readonly t: "withdraw";
  readonly item: ShelfItemId;
}

/** Owner: this proposal that asks may come in. */
export interface AllowTransfer {
  readonly t: "allow_transfer";
  readonly question: QuestionId;
}

/** Owner: this proposal that asks may not. */
export interface RefuseTransfer {
  readonly t: "refuse_transfer";
  readonly question: QuestionId;
}

/** Owner: the network the computer is in now is one to show codes in, from now on. */
export interface TrustNetwork {
  readonly t: "trust_network";
}

/** Owner: every setting. */
export interface GetSettings {
  readonly t: "get_settings";
}

/** Owner: writes one setting to `config.toml`; `value` as `qrshared config set` takes it, absent for its default. */
export interface ChangeSetting {
  readonly t: "change_setting";
  readonly name: string;
  readonly value?: string;
}

/** Owner: look at everything that phones need, now; takes a few seconds. */
export interface Examine {
  readonly t: "examine";
}

/** Owner: the newest `limit` receipts. */
export interface ListReceipts {
  readonly t: "list_receipts";
  readonly limit?: number;
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
  | Meet
  | PickUp
  | PlainDownload
  | Offer
  | Withdraw
  | AllowTransfer
  | RefuseTransfer
  | TrustNetwork
  | GetSettings
  | ChangeSetting
  | Examine
  | ListReceipts;

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

/** Daemon: its owner calls the computer that from now on, and no longer what its hello said. */
export interface Rename {
  readonly t: "rename";
  readonly name: string;
}

export type DeskMessage =
  | Watch
  | News
  | Ask
  | Answer
  | Refuse
  | Introduce
  | Envelope
  | Rename;
