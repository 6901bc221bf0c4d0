// What a page knows, folded from the worker's updates: pure, and the only thing the screens draw from.
import type { ItemView, LinkView, TotalView, Update } from "../session/bridge.ts";
import type {
  DeviceList, GrantFacts, InboxList, NearbyList, PickUpList, Reason, RoadInUse, ShelfList, StatusFacts, TransferList, WallFacts,
} from "../protocol/messages.ts";
import type { RelayQuestion } from "../session/relay-ask.ts";

/** When something was heard: `monoMs` only ever grows, `wallMs` is the calendar's (ms since 1970). */
export interface Moment {
  readonly monoMs: number;
  readonly wallMs: number;
}

export interface Declined {
  readonly reason: Reason;
  readonly needed: number | null;
  readonly free: number | null;
}

/** What was over before the present batch: it does not count towards its percentage. */
export interface Baseline {
  readonly done: number;
  readonly failed: number;
  readonly bytes: number;
}

export interface Wall {
  readonly facts: WallFacts;
  /** `monoMs` at which the code must be covered. */
  readonly staleAtMs: number;
}

/** Whether much may go through the relay; `bytes` are still to go. */
export interface Relay {
  readonly question: RelayQuestion;
  readonly bytes: number;
}

/** Ids in the order in which their rows are shown: what is still to come, and beneath it what has arrived. */
export interface Order {
  readonly open: readonly number[];
  readonly finished: readonly number[];
}

/** `items` is shared between states (10 000 items are not copied ten times a second); `revision` tells them apart. */
export interface ViewState {
  readonly revision: number;
  readonly link: LinkView;
  /** When the link was told last: a waiting time counts from there. */
  readonly linkSince: Moment;
  /** `monoMs` at which an open link went away; null while it is open. Each new try leaves it as it was. */
  readonly awaySinceMs: number | null;
  readonly computer: string | null;
  readonly grant: GrantFacts | null;
  readonly total: TotalView;
  readonly baseline: Baseline;
  /** `monoMs` at which a byte or an item arrived last, or at which sending began. */
  readonly movedAtMs: number;
  readonly items: ReadonlyMap<number, ItemView>;
  readonly order: Order;
  readonly preparing: number;
  readonly declined: Declined | null;
  readonly relay: Relay;
  /** Others that files can be exchanged with. */
  readonly nearby: NearbyList | null;
  /** What waits to be picked up. */
  readonly shelf: ShelfList | null;
  /** Who picks it up; the owner alone is told. */
  readonly pickUps: PickUpList | null;
  readonly wall: Wall | null;
  readonly status: StatusFacts | null;
  readonly transfers: TransferList | null;
  readonly inbox: InboxList | null;
  readonly devices: DeviceList | null;
}

const NO_TOTAL: TotalView = {
  state: "idle", items: 0, done: 0, failed: 0, bytes: 0, bytesDone: 0, bytesSafe: 0, rate: 0, leftS: null,
};
const NO_BASELINE: Baseline = { done: 0, failed: 0, bytes: 0 };

export function begin(at: Moment, computer: string | null): ViewState {
  return {
    revision: 0, link: { state: "connecting" }, linkSince: at, awaySinceMs: at.monoMs, computer, grant: null, total: NO_TOTAL, baseline: NO_BASELINE,
    movedAtMs: at.monoMs, items: new Map(), order: { open: [], finished: [] }, preparing: 0, declined: null,
    relay: { question: "none", bytes: 0 }, nearby: null, shelf: null, pickUps: null, wall: null, status: null, transfers: null, inbox: null, devices: null,
  };
}

export function fold(state: ViewState, update: Update, at: Moment): ViewState {
  const next = { ...state, revision: state.revision + 1 };
  switch (update.t) {
    case "link":
      return foldLink(next, update.link, at);
    case "items":
      return foldItems(next, update.changed, update.gone);
    case "total":
      return foldTotal(next, update.total, at);
    case "declined":
      return { ...next, declined: { reason: update.reason, needed: update.needed, free: update.free } };
    case "relay":
      return { ...next, relay: { question: update.question, bytes: update.bytes } };
    case "news":
    case "answer":
      return foldFacts(next, update.facts, at);
    case "refuse": // heard by whoever asked
    case "keep_key": // these are the keyring's
    case "drop_key":
    case "enrolled":
    case "transfer":
    case "peers": // `PeerStore`'s
    case "shelf": // `ShelfStore`'s
      return state;
  }
}

function foldLink(state: ViewState, link: LinkView, at: Moment): ViewState {
  const awaySinceMs = link.state === "open" ? null : (state.awaySinceMs ?? at.monoMs);
  // What answers again may be another run of it, which knows the old code no more: covered until it has told its own.
  const wall = awaySinceMs === null && state.wall && isCovered(state, at.monoMs) ? { ...state.wall, staleAtMs: at.monoMs } : state.wall;
  const next = { ...state, link, linkSince: at, awaySinceMs, wall };
  if (link.state === "refused") return { ...next, nearby: null, shelf: null }; // nothing of it may be used any more
  return link.state === "open" ? { ...next, computer: link.computer, grant: link.grant } : next;
}

function foldItems(state: ViewState, changed: readonly ItemView[], gone: readonly number[]): ViewState {
  const items = state.items as Map<number, ItemView>;
  for (const item of changed) items.set(item.id, item);
  for (const id of gone) items.delete(id);
  let preparing = 0;
  for (const item of items.values()) if (item.preparing && item.state === "sending") preparing += 1;
  return { ...state, preparing, order: orderOf(items) };
}

/** What moves comes first, then what failed, then what waits; beneath all that what has arrived, the newest first. */
function orderOf(items: ReadonlyMap<number, ItemView>): Order {
  const moving: number[] = [];
  const failed: number[] = [];
  const waiting: number[] = [];
  const finished: number[] = [];
  const places = { sending: moving, failed, paused: waiting, waiting, done: finished } as const;
  for (const item of items.values()) places[item.state].push(item.id);
  for (const ids of [moving, failed, waiting]) ids.sort((a, b) => a - b);
  return { open: [...moving, ...failed, ...waiting], finished: finished.sort((a, b) => b - a) };
}

function foldTotal(state: ViewState, total: TotalView, at: Moment): ViewState {
  const before = state.total;
  const isOpen = total.state === "sending" || total.state === "paused";
  const starts = isOpen && (before.state === "done" || before.state === "idle");
  let baseline = starts ? { done: before.done, failed: before.failed, bytes: before.bytesDone } : state.baseline;
  if (total.done < baseline.done || total.bytes < baseline.bytes) baseline = NO_BASELINE;
  if (total.failed < baseline.failed) baseline = { ...baseline, failed: total.failed }; // sent once more
  const moved = total.state !== before.state || total.bytesDone !== before.bytesDone || total.done !== before.done || total.comparing !== before.comparing;
  return { ...state, total, baseline, movedAtMs: moved ? at.monoMs : state.movedAtMs };
}

/** The present batch alone, without what was over before it began. */
export interface Batch {
  readonly items: number;
  readonly done: number;
  readonly bytes: number;
  readonly bytesDone: number;
}

export function batchOf({ total, baseline }: ViewState): Batch {
  return {
    items: Math.max(0, total.items - baseline.done - baseline.failed),
    done: Math.max(0, total.done - baseline.done),
    bytes: Math.max(0, total.bytes - baseline.bytes),
    bytesDone: Math.max(0, total.bytesDone - baseline.bytes),
  };
}

/** So long without a byte, and what was said about the time that is left is not true any more. */
const STUCK_AFTER_MS = 5_000;

/** Something should be moving, and nothing does. */
export function isStuck({ total, link, linkSince, movedAtMs }: ViewState, nowMonoMs: number): boolean {
  return total.state === "sending" && link.state === "open" && nowMonoMs - Math.max(movedAtMs, linkSince.monoMs) >= STUCK_AFTER_MS;
}

/** The person has answered to what was declined, by choosing, retrying or clearing: it need not be said any more. */
export function answered(state: ViewState): ViewState {
  return state.declined === null ? state : { ...state, revision: state.revision + 1, declined: null };
}

function foldFacts(state: ViewState, facts: Extract<Update, { t: "news" }>["facts"], at: Moment): ViewState {
  switch (facts.t) {
    case "wall_facts":
      return { ...state, computer: facts.computer, wall: { facts, staleAtMs: at.monoMs + freshFor(facts.fresh_until_ms - at.wallMs) } };
    case "status_facts":
      return { ...state, computer: facts.computer, status: facts };
    case "transfer_list":
      return { ...state, transfers: facts };
    case "inbox_list":
      return { ...state, inbox: facts };
    case "device_list":
      return { ...state, devices: facts };
    case "nearby_list":
      return { ...state, nearby: facts };
    case "shelf_list":
      return { ...state, shelf: facts };
    case "pick_up_list":
      return { ...state, pickUps: facts };
    case "offer_list": // no screen shows this yet
    case "unfinished_list": // whoever asked shows what a verb gave
    case "offer_facts":
    case "settings_facts":
    case "finding_list":
    case "receipt_list":
    case "ticket_facts":
    case "done":
      return state;
  }
}

/** A wall code lives at most this long; a tablet whose clock is wrong must not hide a good code. */
const CODE_LIFE_MS = 15 * 60_000;
const WRONG_CLOCK_MS = 5 * 60_000;

function freshFor(leftMs: number): number {
  return leftMs > 0 && leftMs <= CODE_LIFE_MS + 60_000 ? leftMs : WRONG_CLOCK_MS;
}

/** What the phone page is about right now; each has one headline and one set of buttons. */
export type Phase =
  | "connecting" | "ready" | "lost" | "elsewhere" | "refused" | "declined"
  | "preparing" | "asking" | "sending" | "paused" | "stalled" | "asked" | "held" | "done" | "partly";

export function phaseOf(state: ViewState): Phase {
  const { link, total } = state;
  if (link.state === "refused") return "refused";
  if (total.state === "done" && total.items > 0) {
    if (total.failed === 0) return "done";
    return state.declined ? "declined" : "partly";
  }
  if (link.state === "elsewhere") return "elsewhere";
  if (total.items > 0) {
    if (state.relay.question === "asked") return "asked";
    if (state.relay.question === "waits") return "held";
    if (total.state === "paused") return "paused";
    if (link.state !== "open") return "stalled";
    if (total.isAsked === true) return "asking";
    return state.preparing > 0 && total.rate === 0 ? "preparing" : "sending";
  }
  if (state.declined) return "declined";
  if (link.state === "open") return "ready";
  return link.state === "lost" ? "lost" : "connecting";
}

/** A code may lead to what waits here and to nothing else; who has not been told yet may choose already. */
export function maySend({ grant }: ViewState): boolean {
  return grant === null || (grant.rights.includes("send") && grant.only_own !== true);
}

/** The road in use; null while there is none. */
export function roadOf({ link }: ViewState): RoadInUse | null {
  return link.state === "open" ? link.road : null;
}

/** Part of the present batch that has arrived, 0 to 1; by items when nothing has bytes. */
export function progressOf(state: ViewState): number {
  const { items, done, bytes, bytesDone } = batchOf(state);
  if (bytes > 0) return Math.min(1, bytesDone / bytes);
  return items > 0 ? Math.min(1, done / items) : 0;
}

/** Seconds until the worker tries the link again, for a screen that counts down. */
export function retryIn(state: ViewState, nowMonoMs: number): number {
  if (state.link.state !== "lost") return 0;
  return Math.max(0, Math.ceil(state.link.retryInS - (nowMonoMs - state.linkSince.monoMs) / 1000));
}

/** The code the wall may show; null when it has to be covered. A link that is away for a moment covers nothing yet. */
const COVER_AFTER_MS = 1_000;

export function codeToShow(state: ViewState, nowMonoMs: number): string | null {
  const { wall } = state;
  if (!wall || nowMonoMs >= wall.staleAtMs || isCovered(state, nowMonoMs)) return null;
  return wall.facts.url ?? null;
}

function isCovered({ awaySinceMs }: ViewState, nowMonoMs: number): boolean {
  return awaySinceMs !== null && nowMonoMs - awaySinceMs >= COVER_AFTER_MS;
}
