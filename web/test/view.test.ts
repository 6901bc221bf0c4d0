import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "uqr";
import type { Update } from "../src/session/bridge.ts";
import type { Reason } from "../src/protocol/messages.ts";
import { arrivalSentence } from "../src/view/arrivals.ts";
import { deviceOf } from "../src/view/device.ts";
import { finishedHeading, headline, openHeading } from "../src/view/headline.ts";
import { secretFromFragment } from "../src/view/keyring.ts";
import { badge, leaf, sortOf, split, visible } from "../src/view/names.ts";
import { ago, countdown, counted, duration, percent, size } from "../src/view/numbers.ts";
import { patience } from "../src/view/patience.ts";
import { qrPath } from "../src/view/qr.ts";
import { answered, batchOf, begin, codeToShow, fold, maySend, phaseOf, progressOf, retryIn, type ViewState } from "../src/view/store.ts";
import { stillUnfinished } from "../src/view/unfinished.ts";
import { visibleRows } from "../src/view/window.ts";
import { addressWords, declinedSentence, reasonSentence, refusal, trustSheet } from "../src/view/words.ts";
import { LAPTOP, OPEN, START, item, items, link, plain, play, total } from "./support/view-play.ts";

// --- numbers and names

test("sizes are decimal and short", () => {
  const said = [0, 1, 999, 1_000, 240_000, 999_600, 2_140_000_000, 6e9, 1.5e15].map((bytes) => plain(size(bytes)));
  assert.deepEqual(said, ["0 bytes", "1 byte", "999 bytes", "1 kB", "240 kB", "1 MB", "2.1 GB", "6 GB", "1.5 PB"]);
});

test("a percentage says 100 only when nothing is missing", () => {
  assert.deepEqual([percent(999, 1000), percent(1000, 1000), percent(0, 0), percent(5, 4)], [99, 100, 0, 100]);
});

test("durations are rounded until they stand still", () => {
  assert.deepEqual([1, 38, 41, 55, 170, 3_540, 3_700, 7_800].map(duration), [
    "a few seconds", "about 40 seconds", "about 40 seconds", "about 1 minute", "about 3 minutes", "about 59 minutes", "about 1 h", "about 2 h 10 min",
  ]);
  assert.deepEqual([countdown(860.2), countdown(-3)], ["14:21", "0:00"]);
  assert.deepEqual([ago(0, 59_000), ago(0, 300_000), ago(0, 7_300_000)], ["just now", "5 minutes ago", "2 hours ago"]);
  assert.equal(counted(1, "entry", "entries"), "1 entry");
});

test("a name shows what it hides and cannot turn the text around it", () => {
  assert.equal(visible("a\u202egpj.exe\n"), "a\ufffdgpj.exe\u240a");
  assert.equal(visible("👨‍👩‍👧.png عطلة"), "👨‍👩‍👧.png عطلة", "joiners inside an emoji and plain Arabic stay");
});

test("a long name is cut in its middle and never inside a letter", () => {
  assert.deepEqual(split("short.jpg"), { head: "short.jpg", tail: "" });
  const { head, tail } = split(`${"a".repeat(40)}👨‍👩‍👧‍👦 12345.zip`);
  assert.equal(tail, "12345.zip");
  assert.ok(head.endsWith("👨‍👩‍👧‍👦 "));
  assert.equal(leaf("Holiday/Sea/1.jpg"), "1.jpg");
});

test("letters that join are never cut apart", () => {
  assert.deepEqual(split("رسالة إلى أمي الحبيبة.docx"), { head: "رسالة إلى أمي الحبيبة", tail: ".docx" });
  assert.deepEqual(split("صورة من الصيف 2026.jpg"), { head: "صورة من الصيف ", tail: "2026.jpg" });
  const endless = "ب".repeat(40);
  assert.deepEqual(split(endless), { head: endless, tail: "" });
});

test("a tile says what kind of file it stands for", () => {
  assert.deepEqual([badge("a.PdF"), badge("noext"), badge("x.verylong"), badge("a.t/z")], ["PDF", "", "", ""]);
  assert.deepEqual([sortOf("a.heic"), sortOf("a.mov"), sortOf("b")], ["photo", "video", "other"]);
});

// --- the store

test("an item that changes replaces itself and one that is gone leaves", () => {
  const state = play(items(item(0, "waiting"), item(1, "waiting")), items(item(0, "done")), { t: "items", changed: [], gone: [1] });
  assert.deepEqual([...state.items.values()].map(({ id, state: at }) => [id, at]), [[0, "done"]]);
  assert.deepEqual(state.order, { open: [], finished: [0] });
});

test("what moves stands first, then what failed, then what waits, and what has arrived beneath, the newest first", () => {
  const few = play(items(item(2, "sending"), item(0, "done"), item(1, "waiting"), item(3, "sending"), item(4, "done"), item(5, "failed")));
  assert.deepEqual(few.order, { open: [2, 3, 5, 1], finished: [4, 0] });
  assert.deepEqual(fold(few, items(item(2, "done")), START).order, { open: [3, 5, 1], finished: [4, 2, 0] }, "the others keep their order");
});

test("the headings over the rows say the same as the headline", () => {
  const first = play(link(OPEN), items(item(0, "done"), item(1, "done")), total("sending", 2), total("done", 2, { done: 2, bytesDone: 200 }));
  assert.equal(plain(finishedHeading(first)), "2 files arrived, 200 bytes");
  const both = items(item(2, "sending", { done: 40 }), item(3, "waiting"));
  const second = [both, total("sending", 4, { done: 2, bytesDone: 240 })].reduce((state, update) => fold(state, update, START), first);
  assert.equal(headline(second, LAPTOP, 0).title, "0 of 2");
  assert.equal(plain(openHeading(second)), "2 files to go, 160 bytes");
  const later = [items(item(2, "done"), item(3, "failed")), total("done", 4, { done: 3, failed: 1, bytes: 300, bytesDone: 300 })].reduce((state, update) => fold(state, update, START), second);
  assert.equal(plain(openHeading(later)), "1 file did not arrive, 100 bytes");
  const third = [items(item(4, "sending")), total("sending", 5, { done: 3, failed: 1, bytes: 400, bytesDone: 300 })].reduce((state, update) => fold(state, update, START), later);
  assert.equal(plain(headline(third, LAPTOP, 0).title), "0 bytes of 100 bytes", "what failed before is not part of it");
  assert.equal(plain(openHeading(third)), "1 file to go, 100 bytes; 1 did not arrive");
});

test("what failed counts again once it is sent once more", () => {
  const failed = play(link(OPEN), total("sending", 3), total("done", 3, { done: 1, failed: 2, bytes: 100, bytesDone: 100 }));
  const again = fold(failed, total("sending", 3, { done: 1, bytesDone: 100 }), START);
  assert.deepEqual(batchOf(again), { items: 2, done: 0, bytes: 200, bytesDone: 0 });
});

test("when nothing moves for five seconds no time is promised", () => {
  const at = (monoMs: number): { monoMs: number; wallMs: number } => ({ monoMs, wallMs: 0 });
  const moving = fold(fold(play(link(OPEN)), total("sending", 3), at(10_000)), total("sending", 3, { bytesDone: 50, rate: 9, leftS: 120 }), at(11_000));
  const say = (state: ViewState, monoMs: number): string => plain(headline(state, LAPTOP, monoMs).title);
  assert.equal(say(moving, 15_999), "0 of 3, about 2 minutes left");
  assert.equal(say(moving, 16_000), "0 of 3, waiting…");
  assert.match(headline(moving, LAPTOP, 16_000).more, /^Waiting for your Wi-Fi/);
  const told = fold(moving, total("sending", 3, { bytesDone: 50, rate: 1, leftS: 900 }), at(16_500));
  assert.equal(say(told, 17_000), "0 of 3, waiting…", "hearing the same again is no movement");
  assert.equal(say(fold(told, total("sending", 3, { bytesDone: 60, rate: 9, leftS: 120 }), at(18_000)), 18_000), "0 of 3, about 2 minutes left");
  const whole = fold(moving, total("sending", 3, { bytesDone: 300 }), at(18_000));
  assert.match(headline(whole, LAPTOP, 30_000).more, /^All of it is there/);
  assert.doesNotMatch(say(fold(told, link({ state: "lost", retryInS: 3 }), at(19_000)), 19_000), /left/);
});

test("while its owner is asked the page says that, and says so no more once bytes flow or it is paused", () => {
  const asked = play(link(OPEN), items(item(0, "waiting", { size: 6 })), total("sending", 1, { bytes: 6, isAsked: true }));
  assert.equal(phaseOf(asked), "asking");
  assert.equal(headline(asked, LAPTOP, 60_000).title, "STUDY-PC is asking its owner.");
  assert.equal(phaseOf(fold(asked, total("sending", 1, { bytes: 6 }), START)), "sending");
  assert.equal(phaseOf(fold(asked, total("paused", 1, { bytes: 6 }), START)), "paused");
  assert.equal(phaseOf(fold(asked, link({ state: "lost", retryInS: 1 }), START)), "stalled");
});

test("what was refused for lack of space is said with its size", () => {
  const failed = items(item(0, "failed", { size: 4e9 }), item(1, "failed", { size: 2e9 }));
  const state = play(link(OPEN), failed, total("done", 2, { failed: 2, bytes: 0 }), { t: "declined", reason: "no_space", needed: 6e9, free: 2e9 });
  assert.equal(plain(headline(state, LAPTOP, 0).more), "Nothing of it was sent (2 files, 6 GB). It goes on by itself when there is room.");
  assert.equal(plain(openHeading(state)), "2 files did not arrive, 6 GB");
  const halfway = fold(state, items(item(0, "failed", { size: 4e9, done: 5 })), START);
  assert.match(headline(halfway, LAPTOP, 0).more, /^Nothing of it has arrived/);
});

test("another tab is told apart from one whose files already wait", () => {
  assert.match(headline(play(link({ state: "elsewhere" })), LAPTOP, 0).more, /use this one: then it goes on here/);
  assert.doesNotMatch(headline(play(total("sending", 2), link({ state: "elsewhere" })), LAPTOP, 0).more, /reload/);
});

test("what lies over the wall's code leaves by itself, never while something is under way", () => {
  const stays = (update: Update): number | null => (update.t === "total" ? patience(update.total) : 0);
  assert.deepEqual([total("idle", 0), total("done", 2, { done: 2 }), total("done", 2, { failed: 1 })].map(stays), [120_000, 30_000, 120_000]);
  assert.deepEqual([total("sending", 2), total("paused", 2, { failed: 1 })].map(stays), [null, null]);
});

test("a file that is here again is not called interrupted", () => {
  const listed = (name: string, size: number): { transfer: string; name: string; size: number; offset: number } => ({ transfer: "ef", name, size, offset: 1 });
  const state = play(items(item(0, "done"), item(1, "failed")));
  const left = stillUnfinished([listed("0.jpg", 100), listed("0.jpg", 101), listed("1.jpg", 100), listed("2.jpg", 100)], state);
  assert.deepEqual(left.map(({ name, size }) => [name, size]), [["0.jpg", 101], ["2.jpg", 100]]);
});

test("10 000 items ten times a second cost little", () => {
  let state = play(items(...Array.from({ length: 10_000 }, (_, id) => item(id, "waiting"))));
  const start = performance.now();
  for (let tick = 0; tick < 10; tick += 1) state = fold(state, items(item(tick, "done")), START);
  assert.ok(performance.now() - start < 500);
  assert.equal(state.items.size, 10_000);
});

test("every situation has one phase", () => {
  const failed = items(item(0, "failed", { reason: "no_space" }));
  const declined: Update = { t: "declined", reason: "no_space", needed: 6e9, free: 2.1e9 };
  const cases: readonly (readonly [string, readonly Update[]])[] = [
    ["connecting", []],
    ["ready", [link(OPEN)]],
    ["lost", [link({ state: "lost", retryInS: 3 })]],
    ["elsewhere", [link(OPEN), link({ state: "elsewhere" })]],
    ["refused", [link({ state: "refused", reason: "unknown_key" })]],
    ["sending", [link(OPEN), items(item(0, "sending")), total("sending", 1, { rate: 5 })]],
    ["preparing", [link(OPEN), items(item(0, "sending", { preparing: true })), total("sending", 1)]],
    ["sending", [link(OPEN), items(item(0, "sending", { preparing: true })), total("sending", 2, { rate: 5 })]],
    ["paused", [link(OPEN), items(item(0, "paused")), total("paused", 1)]],
    ["stalled", [link(OPEN), items(item(0, "sending")), total("sending", 1), link({ state: "lost", retryInS: 3 })]],
    ["done", [link(OPEN), items(item(0, "done")), total("done", 1, { done: 1 })]],
    ["done", [link(OPEN), items(item(0, "done")), total("done", 1, { done: 1 }), link({ state: "lost", retryInS: 3 })]],
    ["partly", [link(OPEN), failed, total("done", 2, { done: 1, failed: 1 })]],
    ["declined", [link(OPEN), failed, total("done", 1, { failed: 1 }), declined]],
    ["sending", [link(OPEN), failed, total("done", 1, { failed: 1 }), declined, total("sending", 2)]],
  ];
  for (const [phase, updates] of cases) assert.equal(phaseOf(play(...updates)), phase, JSON.stringify(updates));
});

test("what was declined is said until the person has answered to it", () => {
  const state = play(link(OPEN), total("done", 1, { failed: 1 }), { t: "declined", reason: "no_space", needed: 1, free: 0 });
  assert.equal(phaseOf(fold(state, total("done", 1, { failed: 1 }), START)), "declined", "a total that comes late changes nothing");
  assert.equal(phaseOf(answered(state)), "partly");
  assert.equal(phaseOf(fold(answered(state), total("idle", 0), START)), "ready");
});

test("a second batch starts its percentage anew", () => {
  const first = play(link(OPEN), total("sending", 2), total("done", 2, { done: 2, bytesDone: 200 }));
  assert.equal(progressOf(first), 1);
  const second = fold(first, total("sending", 4, { done: 2, bytesDone: 200 }), START);
  assert.equal(progressOf(second), 0);
  assert.equal(progressOf(fold(second, total("sending", 4, { done: 3, bytesDone: 300 }), START)), 0.5);
  const cleared = fold(second, total("sending", 1, { bytesDone: 50 }), START);
  assert.equal(progressOf(cleared), 0.5, "a list begun anew forgets what was before");
});

test("empty files alone make progress by their number", () => {
  assert.equal(progressOf(play(total("sending", 4, { done: 1, bytes: 0 }))), 0.25);
});

test("the wait for the next try counts down from when it was told", () => {
  const state = fold(begin(START, null), link({ state: "lost", retryInS: 3 }), { monoMs: 10_000, wallMs: 0 });
  assert.deepEqual([10_000, 11_500, 13_000, 20_000].map((ms) => retryIn(state, ms)), [3, 2, 0, 0]);
});

// --- the wall

function wallNews(freshForMs: number, wallMs: number = START.wallMs): Update {
  const none = { senders: 0, arriving: 0, photos: 0, videos: 0, others: 0, landed: 0, percent: 0 };
  return { t: "news", facts: { t: "wall_facts", computer: "STUDY-PC", url: "http://x/p#1", fresh_until_ms: wallMs + freshForMs, addresses: [], arrivals: none } };
}

test("a wall covers its code when it is stale, or when the link has been away for a moment", () => {
  const state = play(link(OPEN), wallNews(60_000));
  assert.equal(codeToShow(state, 59_999), "http://x/p#1");
  assert.equal(codeToShow(state, 60_000), null);
  const lost = fold(state, link({ state: "lost", retryInS: 1 }), { monoMs: 5_000, wallMs: 0 });
  assert.equal(codeToShow(lost, 5_500), "http://x/p#1");
  assert.equal(codeToShow(lost, 6_000), null);
  const again = fold(lost, link({ state: "lost", retryInS: 2 }), { monoMs: 6_500, wallMs: 0 });
  assert.equal(codeToShow(again, 60_001), null);
  const back = fold(again, link(OPEN), { monoMs: 7_000, wallMs: 0 });
  assert.equal(codeToShow(back, 7_001), null, "a computer that was started anew does not know the old code");
  assert.equal(codeToShow(fold(back, wallNews(60_000, 0), { monoMs: 7_100, wallMs: 0 }), 7_101), "http://x/p#1", "it comes back by itself");
  const blink = fold(lost, link(OPEN), { monoMs: 5_900, wallMs: 0 });
  assert.equal(codeToShow(blink, 5_901), "http://x/p#1", "what was never covered stays");
});

test("each new try does not buy a lost wall more time", () => {
  let state = play(link(OPEN), wallNews(60_000));
  for (const monoMs of [5_000, 5_600, 6_200]) state = fold(state, link({ state: "lost", retryInS: 1 }), { monoMs, wallMs: 0 });
  assert.equal(codeToShow(state, 6_300), null);
});

test("a tablet with a wrong clock still shows the code, for a while", () => {
  const state = play(link(OPEN), wallNews(60_000, START.wallMs - 86_400_000));
  assert.equal(codeToShow(state, 200_000), "http://x/p#1");
  assert.equal(codeToShow(state, 300_000), null);
});

test("the wall tells kinds and counts", () => {
  const none = { senders: 0, arriving: 0, photos: 0, videos: 0, others: 0, landed: 0, percent: 0 };
  assert.equal(arrivalSentence(none).text, "Ready. Nothing is on its way.");
  assert.equal(arrivalSentence({ ...none, senders: 1, arriving: 16, photos: 12, landed: 4 }).text, "Somebody is sending 12 photos, 4 already here");
  assert.equal(arrivalSentence({ ...none, senders: 2, photos: 1, videos: 2, others: 1 }).text, "2 people are sending 1 photo, 2 videos and 1 other file");
  assert.equal(arrivalSentence({ ...none, landed: 1 }).text, "1 file arrived. Ready for more.");
});

test("the drawn code is the code, module by module", () => {
  const text = "http://192.168.1.7:7774/p#1Zk3qWv8sQm2LxYtR5bNc0A";
  const { path, side } = qrPath(text);
  const { data, size: modules } = encode(text, { ecc: "L", boostEcc: true, border: 0 });
  const drawn = Array.from({ length: modules }, () => new Array<boolean>(modules).fill(false));
  for (const [, x, y, run] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) drawn[Number(y) - 2]?.fill(true, Number(x) - 2, Number(x) - 2 + Number(run));
  assert.equal(side, modules + 4);
  assert.deepEqual(drawn, data);
});

// --- words

const REASONS: readonly Reason[] = [
  "no_space", "inbox_unwritable", "inbox_gone", "disk_error", "name_refused", "source_changed", "source_unreadable", "too_many_items", "manifest_too_large",
  "not_allowed", "allowance", "protocol", "short", "declined", "unknown_transfer", "busy", "not_found", "unsupported",
  "another_tab", "revoked", "expired", "restarting", "idle", "version", "done",
];
const REFUSALS = ["unknown_key", "wrong_road", "version", "revoked", "expired", "busy", "handshake"] as const;
const JARGON = /\b(tickets?|edge|shelf|seal(ed)?|TURN|STUN|token|server|daemon|handshake|peer|socket)\b/;

test("every reason is a plain sentence, whatever the computer is called", () => {
  const said = [
    ...REASONS.flatMap((reason) => [reasonSentence(reason, "STUDY-PC"), reasonSentence(reason, "this computer")]),
    ...REFUSALS.flatMap((reason) => Object.values(refusal(reason, "STUDY-PC")) as string[]),
    ...[null, "coral lamp seven tulip"].flatMap((words) => trustSheet("STUDY-PC", words).map((point) => point.more)),
  ];
  for (const sentence of said) {
    assert.match(sentence, /^[A-Z].*\.$/s, sentence);
    assert.doesNotMatch(sentence, JARGON);
  }
  assert.match("The daemon refused the ticket.", JARGON, "the rule can fail");
});

test("who cannot send is told before choosing, and at a refusal of what was chosen earlier", () => {
  const grant = { rights: ["send"], trust: "guest", device: "d".repeat(32) };
  const met = play(link(OPEN));
  const says = (change: Partial<ViewState>): string => {
    const { title, more } = headline({ ...met, ...change }, LAPTOP, 0);
    return `${title} ${more}`;
  };
  const sentence = "STUDY-PC takes files only from its owner’s devices. Its owner can trust this device.";
  assert.equal(maySend({ ...met, grant: { ...grant, only_own: true } }), false);
  assert.equal(says({ grant: { ...grant, only_own: true } }), sentence);
  assert.equal(declinedSentence("not_allowed", null, null, "STUDY-PC"), sentence);
  assert.equal(maySend({ ...met, grant }), true);
  assert.match(says({ grant }), /^Send anything to STUDY-PC/);
});

test("four words to compare stand only where the page itself is protected", () => {
  const said = (words: string | null): string => trustSheet("STUDY-PC", words).map(({ more }) => more).join(" ");
  assert.match(said("coral lamp seven tulip"), /coral lamp seven tulip/);
  assert.doesNotMatch(said("coral lamp seven tulip"), /unprotected/);
  assert.match(said(null), /unprotected/);
});

test("an address is explained without the daemon's notes", () => {
  assert.equal(addressWords("+12 private, +40 physical device, +30 own default gateway, metric 0"), "on the way to your router");
  assert.equal(addressWords("+10 private, -80 tunnel, +30 own default gateway, metric 0"), "a VPN, out of reach for phones at home");
  assert.equal(addressWords("+5 private, though containers like it, -45 virtual"), "for programs inside this computer");
  assert.equal(addressWords("something new"), "on a network at home");
});

test("no room is said in numbers", () => {
  assert.equal(plain(declinedSentence("no_space", 6e9, 2.14e9, "STUDY-PC")), "STUDY-PC has only 2.1 GB left, this needs 6 GB.");
});

test("the headline says what happened and how long it still takes", () => {
  const say = (...updates: Update[]): string => plain(headline(play(link(OPEN), ...updates), LAPTOP, 0).title);
  assert.equal(say(), "Send anything to STUDY-PC.");
  assert.equal(say(total("sending", 214, { done: 137, rate: 48e6, leftS: 41 })), "137 of 214, about 40 seconds left");
  assert.equal(say(total("sending", 1, { bytes: 5e6, bytesDone: 2e6 })), "2 MB of 5 MB");
  assert.equal(say(total("done", 1, { done: 1 })), "1 file is safe on STUDY-PC.");
  assert.equal(say(total("done", 3, { done: 3 })), "3 files are safe on STUDY-PC.");
  const receipt = play(link(OPEN), total("done", 3, { done: 3 }));
  assert.match(headline(receipt, LAPTOP, 0).more, /close this page/);
  assert.doesNotMatch(headline(receipt, { ...LAPTOP, isOnWall: true }, 0).more, /close this page/, "a wall stays open");
  assert.equal(say(total("done", 214, { done: 214 })), "All 214 files are safe on STUDY-PC.");
  assert.equal(say(total("done", 4, { done: 1, failed: 3 })), "3 files did not arrive.");
  assert.equal(say(total("sending", 3, { bytesSafe: 2.1e9 }), link({ state: "lost", retryInS: 3 })), "Connection lost. Trying again in 3 s.");
});

// --- where and on what

const IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";

test("a browser is known for what it is", () => {
  const of = (userAgent: string, touchPoints = 5, screenSide = 390): readonly unknown[] => {
    const { kind, name, isInsideApp } = deviceOf({ userAgent, touchPoints, screenSide });
    return [kind, name, isInsideApp];
  };
  assert.deepEqual(of(`${IPHONE} Version/18.5 Mobile/15E148 Safari/604.1`), ["phone", "iPhone", false]);
  assert.deepEqual(of(`${IPHONE} Mobile/15E148`), ["phone", "iPhone", true]);
  assert.deepEqual(of("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36"), ["phone", "Android phone", false]);
  assert.deepEqual(of("Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP1A; wv) AppleWebKit/537.36 Version/4.0 Chrome/140 Mobile Safari/537.36"), ["phone", "Pixel 8", true]);
  assert.deepEqual(of("Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 Chrome/140 Safari/537.36", 5, 800), ["tablet", "SM-X200", false]);
  assert.deepEqual(of("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15", 5, 820), ["tablet", "iPad", false]);
  assert.deepEqual(of("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.5 Safari/605.1.15", 0, 900), ["laptop", "Mac", false]);
  assert.deepEqual(of("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", 0, 1080), ["laptop", "Linux computer", false]);
});

test("a code is 22 letters after a 1, and nothing else", () => {
  assert.equal(secretFromFragment("#1Zk3qWv8sQm2LxYtR5bNc0A")?.length, 16);
  for (const other of ["", "#", "#1", "#2Zk3qWv8sQm2LxYtR5bNc0A", "#1Zk3qWv8sQm2LxYtR5bNc0", "#1Zk3qWv8sQm2LxYtR5bNc0AA", "#1Zk3qWv8sQm2LxYtR5bNc0*"]) {
    assert.equal(secretFromFragment(other), null, other);
  }
});

test("a long list draws what can be seen and keeps the place of the rest", () => {
  const heights = new Array<number>(10_000).fill(68);
  assert.deepEqual(visibleRows(heights, 6_800, 7_600), { first: 100, end: 112, before: 6_800, after: (10_000 - 112) * 68 });
  assert.deepEqual(visibleRows(heights, -900, -100), { first: 0, end: 0, before: 0, after: 680_000 });
  assert.deepEqual(visibleRows([], 0, 900), { first: 0, end: 0, before: 0, after: 0 });
  const uneven = [10, 200, 10, 10];
  assert.deepEqual(visibleRows(uneven, 50, 215), { first: 1, end: 3, before: 10, after: 10 });
});
