// The shape of each message, field by field in the order of the wire.
import type {
  AddressFacts,
  ArrivalFacts,
  AskingFacts,
  AwayFacts,
  Chunk,
  DeviceFacts,
  EdgeFacts,
  EntryFacts,
  Facts,
  FindingFacts,
  GrantFacts,
  IceServerFacts,
  Item,
  ItemReceipt,
  Kept,
  Message,
  NetworkFacts,
  OfferProgress,
  PeerFacts,
  PickUpFacts,
  ReceiptFacts,
  RelayFacts,
  SettingFacts,
  ShelfItem,
  TransferFacts,
  UnfinishedItem,
  Verb,
} from "./messages.ts";
import {
  ASKING_MAX,
  ASKING_SHOWN_MAX,
  CONTINUES_MAX,
  DIGESTS_MAX,
  DISPLAY_NAME_CHARACTERS_MAX,
  ENVELOPE_BYTES_MAX,
  ICE_SERVERS_MAX,
  INBOX_ENTRIES_MAX,
  ITEM_INDEX_MAX,
  KNOWN_PAGES_MAX,
  RECEIPTS_TOLD_MAX,
  SCORE_MAX,
  SHELF_ITEMS_MAX,
} from "./limits.ts";
import { boolean, hex, list, object, octets, octetsUpTo, optional, pair, tagged, text, whole, word } from "./shapes.ts";
import type { Members, Optional, Shape } from "./shapes.ts";
import {
  ENTRY_KINDS,
  KINDS,
  LINE_STATES,
  OFFER_STATES,
  REASONS,
  ROADS_IN_USE,
  TOPICS,
  TRANSFER_STATES,
  TURN_KINDS,
  WALL_HINTS,
} from "./vocabulary.ts";

const id = hex(32);
const index = whole(ITEM_INDEX_MAX);
const count = whole();
const name = text();
const displayName = text(DISPLAY_NAME_CHARACTERS_MAX);
const short = text(200);
const reason = word(REASONS);
const kind = word(KINDS);
const names = list(name);
const secret = octets(16);
const nothing = object<object>({});

function listOrNone<T>(shape: Shape<T>, most?: number): Optional<readonly T[]> {
  return optional(list(shape, most), (value) => value.length === 0);
}

function flag(): Optional<boolean> {
  return optional(boolean, (value) => !value);
}

const away = object<AwayFacts>({ edge: name, relay_ask_bytes: count, secret: optional(secret) });
const grant = object<GrantFacts>({
  rights: list(short, 8),
  trust: optional(short),
  device: optional(id),
  until_ms: optional(count),
  away: optional(away),
  only_own: flag(),
});
const entryKind = word(ENTRY_KINDS);
const sha256 = hex(64);
const item = object<Item>({
  name,
  size: count,
  modified_ms: optional(count),
  kind: optional(entryKind, (value) => value === "file"),
  sha256: optional(sha256),
});
const kept = object<Kept>({ item: index, offset: count, prove: flag() });
const receipt = object<ItemReceipt>({
  item: index,
  name,
  size: count,
  sha256,
  handed_over: flag(),
  already: flag(),
});
const arrivals = object<ArrivalFacts>({
  senders: count,
  arriving: count,
  photos: count,
  videos: count,
  others: count,
  landed: count,
  percent: count,
});
const transferFacts = object<TransferFacts>({
  transfer: id,
  device: name,
  kind,
  state: word(TRANSFER_STATES),
  items: count,
  items_done: count,
  items_failed: count,
  bytes: count,
  bytes_done: count,
  rate: count,
  left_s: optional(count),
  started_ms: count,
  current: optional(name),
});
const entry = object<EntryFacts>({ name, size: count, arrived_ms: count, sender: optional(name), is_folder: flag(), text: optional(name), is_cut: flag() });
const device = object<DeviceFacts>({
  device: id,
  name,
  kind,
  trust: short,
  rights: names,
  made_ms: count,
  seen_ms: count,
  online: boolean,
  road: optional(word(ROADS_IN_USE)),
  second_of: optional(id),
});
const peer = object<PeerFacts>({ device: id, name, kind });
const edge = object<EdgeFacts>({ url: name, state: word(LINE_STATES), sentence: optional(name) });
const relay = object<RelayFacts>({ turn: word(TURN_KINDS), month: short, bytes: count, ask_bytes: count, borrowed: optional(boolean) });
const server = object<IceServerFacts>({
  urls: list(name, ICE_SERVERS_MAX, 1),
  username: optional(name),
  credential: optional(name),
});
const address = object<AddressFacts>({ address: name, interface: name, score: whole(SCORE_MAX, -SCORE_MAX), why: name });
const unfinished = object<UnfinishedItem>({ transfer: id, name, size: count, offset: count });

const network = object<NetworkFacts>({ name, known: boolean });
const asking = object<AskingFacts>({
  question: id,
  transfer: id,
  device: name,
  kind,
  items: count,
  bytes: count,
  first: list(item, ASKING_SHOWN_MAX),
  until_ms: count,
  since_ms: optional(count),
  away: optional(boolean),
});
const shelfItem = object<ShelfItem>({
  item: id,
  name,
  size: count,
  kind: entryKind,
  modified_ms: count,
  count: optional(count),
  expires_ms: optional(count),
  to: optional(id),
  taken: optional(word(OFFER_STATES)),
  taken_ms: optional(count),
  taken_bytes: optional(count),
});
const offer = object<OfferProgress>({
  item: id,
  name,
  state: word(OFFER_STATES),
  bytes: count,
  bytes_done: count,
  device: optional(name),
});
const pickUp = object<PickUpFacts>({
  item: id,
  device: name,
  state: word(OFFER_STATES),
  bytes: count,
  bytes_done: count,
  at_ms: optional(count),
});
const setting = object<SettingFacts>({
  name: short,
  value: name,
  default: name,
  text: name,
  source: name,
  choices: listOrNone(short),
  is_fixed: flag(),
  needs_restart: flag(),
});
const finding = object<FindingFacts>({
  check: short,
  ok: boolean,
  seen: name,
  advice: optional(name, (value) => value === ""),
});
const arrived = object<ReceiptFacts>({ name, size: count, sha256, placed_ms: count, sender: optional(name) });

const facts = tagged<Facts>({
  wall_facts: object({
    computer: name,
    url: optional(name),
    fresh_until_ms: count,
    addresses: names,
    arrivals,
    away_url: optional(name),
    hint: optional(word(WALL_HINTS)),
    only_own: flag(),
  }),
  status_facts: object({
    version: name,
    pid: count,
    computer: name,
    urls: names,
    local_name: optional(name),
    inbox: name,
    free_bytes: count,
    sessions: count,
    started_ms: count,
    addresses: list(address),
    problems: names,
    devices: listOrNone(device),
    transfers: listOrNone(transferFacts),
    edge: optional(edge),
    relay: optional(relay),
    network: optional(network),
    asking: listOrNone(asking, ASKING_MAX),
  }),
  transfer_list: object({ transfers: list(transferFacts) }),
  inbox_list: object({ folder: name, entries: list(entry), total: count }),
  device_list: object({ devices: list(device) }),
  nearby_list: object({ peers: list(peer) }),
  shelf_list: object({ items: list(shelfItem) }),
  offer_list: object({ offers: list(offer) }),
  pick_up_list: object({ pick_ups: list(pickUp) }),
  offer_facts: object({ items: list(shelfItem), url: optional(name) }),
  settings_facts: object({ settings: list(setting) }),
  finding_list: object({ findings: list(finding) }),
  receipt_list: object({ receipts: list(arrived) }),
  ticket_facts: object({ url: name, expires_ms: optional(count) }),
  unfinished_list: object({ items: list(unfinished) }),
  done: object({ text: optional(name, (value) => value === "") }),
});

const verb = tagged<Verb>({
  get_status: nothing,
  list_inbox: object({ limit: optional(whole(INBOX_ENTRIES_MAX), (value) => value === 200) }),
  open_inbox: object({ name: optional(name) }),
  rename_entry: object({ name, to: name }),
  bin_entry: object({ name }),
  list_devices: nothing,
  rename_device: object({ device: id, to: displayName }),
  trust_device: object({ device: id }),
  revoke_device: object({ device: id }),
  make_ticket: object({ life: optional(short, (value) => value === "once"), away: flag() }),
  make_owner_ticket: nothing,
  stop_transfer: object({ transfer: id }),
  list_unfinished: nothing,
  forget_unfinished: nothing,
  use_away: nothing,
  meet: object({ device: id }),
  pick_up: object({ items: list(id, SHELF_ITEMS_MAX, 1) }),
  plain_download: object({ item: id }),
  offer: object({
    paths: list(name, SHELF_ITEMS_MAX, 1),
    to: optional(id),
    once: flag(),
    expires_s: optional(count),
    away: flag(),
  }),
  withdraw: object({ item: id }),
  allow_transfer: object({ question: id }),
  refuse_transfer: object({ question: id }),
  trust_network: nothing,
  get_settings: nothing,
  change_setting: object({ name: short, value: optional(name) }),
  examine: nothing,
  list_receipts: object({ limit: optional(whole(RECEIPTS_TOLD_MAX), (value) => value === 200) }),
});

/** Every message that travels as JSON. */
export type JsonMessage = Exclude<Message, Chunk>;

const members: Members<JsonMessage> = {
  hello: object({
    versions: pair(count),
    name: displayName,
    kind,
    instance: count,
    enroll: optional(octets(32)),
    grant: optional(grant),
    words: optional(short),
    token: optional(octets(16)),
    proofs: optional(list(octets(16), KNOWN_PAGES_MAX)),
  }),
  goodbye: object({ reason }),
  ping: object({ n: count }),
  pong: object({ n: count }),
  propose: object({
    transfer: id,
    first: index,
    items: list(item),
    more: boolean,
    count,
    bytes: count,
    continues: listOrNone(id, CONTINUES_MAX),
    shelf: flag(),
    skip_same: flag(),
  }),
  accept: object({
    transfer: id,
    window: count,
    kept: listOrNone(kept),
    receipts: listOrNone(receipt),
    more: flag(),
    deflate: flag(),
  }),
  defer: object({ transfer: id }),
  decline: object({ transfer: id, reason, needed: optional(count), free: optional(count) }),
  proof: object({ transfer: id, item: index, first: count, digests: list(octets(32), DIGESTS_MAX, 1) }),
  rewind: object({ transfer: id, item: index, offset: count }),
  taken: object({ transfer: id, count }),
  safe: object({ transfer: id, item: index, offset: count }),
  hold: object({ transfer: id, held: boolean }),
  finish: object({ transfer: id }),
  receipt: object({ transfer: id, receipts: list(receipt) }),
  cancel: object({ transfer: id, item: optional(index) }),
  fail: object({ transfer: id, reason, item: optional(index), needed: optional(count), free: optional(count) }),
  watch: object({ topics: list(word(TOPICS), 16) }),
  news: object({ facts }),
  ask: object({ id: count, verb }),
  answer: object({ id: count, facts }),
  refuse: object({ id: count, reason, sentence: optional(name, (value) => value === "") }),
  introduce: object({ meeting: id, device: id, name, kind, secret, servers: listOrNone(server, ICE_SERVERS_MAX) }),
  envelope: object({ meeting: id, blob: octetsUpTo(ENVELOPE_BYTES_MAX) }),
  rename: object({ name: displayName }),
};

export const jsonMessage: Shape<JsonMessage> = tagged<JsonMessage>(members);
