// What the page says about other devices, folded from the worker's news.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ItemView, TotalView } from "../src/session/bridge.ts";
import type { PeerNews, PeerOrder, PeerState } from "../src/session/peer-bridge.ts";
import { foldPeers, NOBODY, PeerStore, type Peer } from "../src/view/peer-store.ts";
import { incomingNote, isolated, question, sendNote } from "../src/view/peer-words.ts";

const NO_TOTAL: TotalView = { state: "idle", items: 0, done: 0, failed: 0, bytes: 0, bytesDone: 0, bytesSafe: 0, rate: 0, leftS: null };

function row(id: number, change: Partial<ItemView> = {}): ItemView {
  return { id, name: `file${id}`, size: 10, done: 0, state: "waiting", reason: null, finalName: null, preparing: false, ...change };
}

function seen(link: PeerState = { state: "open", words: null }, unanswered = 0): PeerNews {
  return { t: "peer", peer: { peer: "b", name: "Ben", kind: "phone", link, road: "direct", unanswered, relay: { question: "none", bytes: 0 } } };
}

function peerAfter(...news: readonly PeerNews[]): Peer {
  const peer = news.reduce(foldPeers, NOBODY).peers.get("b");
  assert.ok(peer);
  return peer;
}

const sending = (total: Partial<TotalView>): PeerNews => ({ t: "sent", peer: "b", update: { t: "total", total: { ...NO_TOTAL, state: "sending", items: 2, bytes: 20, ...total } } });
const rows = (...changed: readonly ItemView[]): PeerNews => ({ t: "sent", peer: "b", update: { t: "items", changed, gone: [] } });

test("each state of sending has its words", () => {
  const says = (...news: readonly PeerNews[]): readonly string[] => Object.values(sendNote(peerAfter(...news)));
  assert.deepEqual(Object.values(sendNote(null)), ["tap to send files", "quiet"]);
  assert.deepEqual(says(seen({ state: "meeting" }), sending({})), ["connecting to \u2068Ben\u2069…", "quiet"]);
  assert.deepEqual(says(seen(undefined, 1), sending({})), ["waiting for \u2068Ben\u2069 to accept", "wait"]);
  assert.match(says(seen(), sending({ bytesDone: 10, leftS: 20 }))[0] ?? "", /^2 files on the way, 50 %, about 20 seconds left$/);
  assert.match(says(seen({ state: "away" }), sending({ bytesDone: 10 }))[0] ?? "", /was lost, looking for it again/);
  assert.deepEqual(says(seen({ state: "failed", sentence: "Nobody." })), ["Nobody.", "stop"]);
  assert.deepEqual(says(seen(), rows(row(0, { state: "done" })), sending({ state: "done", items: 1, done: 1 })), ["1 file handed over to \u2068Ben\u2069", "go"]);
  const declined: PeerNews = { t: "sent", peer: "b", update: { t: "declined", reason: "declined", needed: null, free: null } };
  assert.deepEqual(says(seen(), rows(row(0, { state: "failed", reason: "declined" })), declined, sending({ state: "done", items: 1, failed: 1 })), ["\u2068Ben\u2069 did not take it", "stop"]);
});

const TRANSFER = "f".repeat(32);

function offered(state: "asked" | "receiving" | "done" = "asked"): PeerNews {
  return { t: "incoming", incoming: { peer: "b", transfer: TRANSFER, state, items: 3, bytes: 12_000_000, done: state === "done" ? 3 : 0, failed: 0, sizes: [], reason: null } };
}

test("the question names who, how many and how much, and a name turns nothing around it", () => {
  const incoming = peerAfter(seen(), offered()).incoming.get(TRANSFER);
  assert.ok(incoming);
  assert.equal(question("Anna’s phone", incoming), "\u2068Anna’s phone\u2069 wants to send you 3 files (12\u00a0MB)");
  assert.ok(!isolated("evil\u202ename").includes("\u202e"));
});

test("what arrived in memory is asked to be saved until it is, and its room is given back once", () => {
  const orders: PeerOrder[] = [];
  const store = new PeerStore((order) => void orders.push(order), () => undefined);
  const blob = new Blob(["abc"]);
  for (const news of [seen(), offered()]) store.hear(news);
  store.accept("b", TRANSFER, { by: "memory", limit: 100 });
  const total: TotalView = { ...NO_TOTAL, state: "done", items: 3, done: 3 };
  for (const news of [offered("done"), { t: "arriving", peer: "b", transfer: TRANSFER, update: { t: "total", total } }, { t: "received", peer: "b", transfer: TRANSFER, item: 0, name: "a", blob }] as const) store.hear(news);
  const incoming = (): ReturnType<typeof incomingNote> => incomingNote(store.state.peers.get("b")!.incoming.get(TRANSFER)!, true, store.state.peers.get("b")!.incoming.get(TRANSFER)!.received.get(0)?.blob == null ? 0 : 1);
  assert.deepEqual([incoming().text, incoming().tone], ["3 files arrived. Save them before you close this page.", "wait"]);
  store.saved("b", TRANSFER, 0);
  store.saved("b", TRANSFER, 0);
  assert.equal(incoming().tone, "go");
  assert.deepEqual(orders.map(({ t }) => t), ["accept", "saved"]);
  store.clear("b");
  assert.equal(store.state.peers.get("b")?.incoming.size, 0);
});

test("what was cleared unsaved gives its room back, and what is still asked stays", () => {
  const orders: PeerOrder[] = [];
  const store = new PeerStore((order) => void orders.push(order), () => undefined);
  const asked: PeerNews = { t: "incoming", incoming: { peer: "b", transfer: "e".repeat(32), state: "asked", items: 1, bytes: 1, done: 0, failed: 0, sizes: [1], reason: null } };
  for (const news of [seen(), offered("done"), { t: "received", peer: "b", transfer: TRANSFER, item: 0, name: "a", blob: new Blob(["abc"]) } as const, asked]) store.hear(news);
  store.clear("b");
  assert.deepEqual(orders, [{ t: "saved", transfer: TRANSFER, bytes: 3 }, { t: "outbox", peer: "b", command: { t: "clear" } }]);
  assert.deepEqual([...(store.state.peers.get("b")?.incoming.keys() ?? [])], ["e".repeat(32)]);
});
