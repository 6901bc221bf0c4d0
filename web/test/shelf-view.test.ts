// What the page makes of the news about the shelf: one state for each thing, and never "saved" for what the page alone holds.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ShelfItem } from "../src/protocol/messages.ts";
import type { ItemView } from "../src/session/bridge.ts";
import type { IncomingState, IncomingView } from "../src/session/peer-bridge.ts";
import { HOME, type PickUpOrder, type PickUpView } from "../src/session/pick-up-bridge.ts";
import { plainPath } from "../src/view/plain-download.ts";
import { ShelfStore } from "../src/view/shelf-store.ts";
import { shelfNote, takeBackNote, takenWords, waitsWords } from "../src/view/shelf-words.ts";

const FILM: ShelfItem = { item: "a".repeat(32), name: "film.mp4", size: 1_000, kind: "file", modified_ms: 0 };
const ALBUM: ShelfItem = { item: "b".repeat(32), name: "Album", size: 30, kind: "folder", modified_ms: 0, count: 3 };
const TRANSFER = "c".repeat(32);

class Page {
  readonly orders: PickUpOrder[] = [];
  shelf: readonly ShelfItem[] = [FILM, ALBUM];
  readonly store = new ShelfStore((order) => this.orders.push(order), () => this.shelf);

  constructor() {
    this.home(true);
  }

  home(isHere: boolean): void {
    const link = isHere ? ({ state: "open", words: null } as const) : ({ state: "away" } as const);
    this.store.hear({ t: "peer", peer: { peer: HOME, name: "STUDY-PC", kind: "computer", link, road: null, relay: { question: "none", bytes: 0 }, unanswered: 0 } });
  }

  pickUp(item: ShelfItem, facts: Partial<PickUpView>): void {
    this.store.hear({ t: "pick_up", pickUp: { item: item.item, state: "begun", transfer: TRANSFER, place: "memory", isPaused: false, isKept: false, sentence: null, ...facts } });
  }

  incoming(state: IncomingState, facts: Partial<IncomingView> = {}, ...rows: readonly Partial<ItemView>[]): void {
    this.store.hear({ t: "incoming", incoming: { peer: HOME, transfer: TRANSFER, state, items: 1, bytes: 1_000, done: 0, failed: 0, sizes: [], reason: null, ...facts } });
    const changed = rows.map((row, id): ItemView => ({ id, name: "film.mp4", size: 1_000, done: 0, state: "waiting", reason: null, finalName: null, preparing: false, ...row }));
    this.store.hear({ t: "arriving", peer: HOME, transfer: TRANSFER, update: { t: "items", changed, gone: [] } });
  }

  says(item: ShelfItem): string {
    return shelfNote(item, this.store.standing(item), "STUDY-PC").text;
  }
}

test("each step of a thing has its own state, from waiting to saved", () => {
  const page = new Page();
  const states: string[] = [];
  const note = (): void => void states.push(page.store.standing(FILM).state);
  note();
  page.pickUp(FILM, { state: "waiting", transfer: null });
  note();
  page.pickUp(FILM, {});
  page.incoming("receiving");
  note();
  page.pickUp(FILM, { isPaused: true });
  note();
  page.pickUp(FILM, {});
  page.home(false);
  note();
  page.home(true);
  page.incoming("done", { done: 1 }, { state: "done", done: 1_000 });
  note();
  assert.deepEqual(states, ["waits", "queued", "moving", "paused", "cut", "saved"]);
  assert.equal(page.store.standing(FILM, () => true).state, "arrived", "the page alone holds it");
});

test("what was taken back in the middle is not saved, and what left the shelf while it comes is still shown", () => {
  const page = new Page();
  page.store.save([FILM], { by: "memory", limit: 1 });
  page.pickUp(FILM, {});
  page.incoming("receiving");
  page.shelf = [];
  assert.deepEqual(page.store.all(page.shelf), [FILM]);
  page.incoming("done", { done: 0 });
  assert.equal(page.store.standing(FILM).state, "failed");
  assert.match(page.says(FILM), /not there any more/);
});

test("of a zip what came is there and what did not is named, but for a download, which is whole or not at all", () => {
  for (const [place, state] of [["memory", "partly"], ["download", "failed"], ["folder", "partly"]] as const) {
    const page = new Page();
    page.pickUp(ALBUM, { place });
    page.incoming("done", { items: 3, done: 2, failed: 1 }, { state: "done" }, { state: "done" }, { state: "failed", reason: "source_changed" });
    assert.equal(page.store.standing(ALBUM).state, state);
    assert.match(page.says(ALBUM), /changed on STUDY-PC/);
    assert.equal(/without “[^”]+”/.test(page.says(ALBUM)), state === "partly");
  }
});

test("a refusal is said in the computer's own words, and a lack of room is this browser's", () => {
  const page = new Page();
  page.pickUp(FILM, { state: "refused", transfer: null, sentence: "It is gone." });
  assert.equal(page.says(FILM), "It is gone.");
  page.pickUp(FILM, {});
  page.incoming("done", { failed: 1 }, { state: "failed", reason: "no_space" });
  assert.match(page.says(FILM), /This browser has no room/);
});

test("a yes to what an earlier load of the page had asked for is a tap on its Save; a yes to anything else is just that", () => {
  for (const [name, wanted] of [["film.mp4", "save"], ["other.mp4", "accept"]] as const) {
    const page = new Page();
    page.incoming("asked", {}, { name });
    assert.equal(page.store.unasked.length, 1);
    page.store.home.accept(HOME, TRANSFER, { by: "download" });
    assert.deepEqual(page.orders.map(({ t }) => t), [wanted]);
  }
});

test("of a plain download's address only the path is used, and only one that leads to such a download", () => {
  const path = `/get/${"Ab_-".repeat(5)}xy`;
  for (const base of ["http://192.168.1.7:7774", "http://10.0.0.9:1", "https://elsewhere.example"]) assert.equal(plainPath(base + path), path);
  for (const wrong of [`http://a//evil.example${path}`, "http://a/get/", "http://a/", `http://a${path}x`, `http://a/x/..//b${path}`, path, "javascript:alert(1)", ""]) {
    assert.equal(plainPath(wrong), null, wrong);
  }
});

test("its owner reads which things a command offers and until when, and the time of the rest is said to be the file's own", () => {
  const now = new Date(2026, 10, 22, 23, 0).getTime();
  const offered: ShelfItem = { ...FILM, expires_ms: now + 52 * 60_000 };
  assert.match(waitsWords(offered, now), /^offered by a command, until .*52/);
  assert.match(waitsWords({ ...offered, expires_ms: now + 86_400_000 }, now), /until .*23.*, /);
  assert.equal(waitsWords({ ...FILM, modified_ms: now - 960_000 }, now), "changed 16 minutes ago");
  assert.deepEqual([[], [FILM], [offered], [FILM, offered]].map(takeBackNote), [
    "",
    "What you take back moves into the inbox.",
    "What a command offers stays where it is on this computer when you take it back.",
    "What you take back moves into the inbox. What a command offers stays where it is on this computer.",
  ]);
});

test("how a plain download ended is said to the device that had it", () => {
  assert.equal(takenWords(FILM, 0), null);
  assert.equal(takenWords({ ...FILM, taken: "handed_over", taken_ms: 0 }, 300_000)?.text, "your browser has all of it, 5 minutes ago: look in its downloads");
  assert.equal(takenWords({ ...FILM, taken: "moving", taken_ms: 0, taken_bytes: 0 }, 0)?.text, "your browser downloads it, not encrypted");
  assert.match(takenWords({ ...FILM, size: 48_000_000, taken: "waiting", taken_ms: 0, taken_bytes: 12_000_000 }, 300_000)?.text ?? "", /^stopped at 12.MB of 48.MB, 5 minutes ago\. Save it again\.$/);
  assert.match(takenWords({ ...FILM, taken: "failed", taken_ms: 0 }, 0)?.text ?? "", /did not come/);
});
