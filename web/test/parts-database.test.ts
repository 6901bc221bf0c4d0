// What outlives the page, in the browser's database: apart for each home, one page load's at a time, and gone when nobody comes back.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ShelfItem } from "../src/protocol/messages.ts";
import { type HomeParts, KEEP_MS, type Wish } from "../src/session/sinks/parts.ts";
import { PartsDatabase } from "../src/session/sinks/parts-database.ts";
import { SinkFailed } from "../src/session/sinks/port.ts";
import { MemoryDatabase } from "./support/memory-indexeddb.ts";
import { turn } from "./support/manual-clock.ts";

const MIB = 1 << 20;
const DAY_MS = 86_400_000;
const FILM: ShelfItem = { item: "f".repeat(32), name: "film.mp4", size: 40 * MIB, kind: "file", modified_ms: 1 };

/** One browser, and the clock of its device. */
class Browser {
  readonly database = new MemoryDatabase();
  nowMs = 20_000 * DAY_MS;
  #loads = 0;

  constructor() {
    this.database.install();
  }

  /** The next page load, or another tab. */
  page(home = "home A"): HomeParts {
    this.#loads += 1;
    return new PartsDatabase(`page ${this.#loads}`, () => this.nowMs).of(home);
  }
}

const part = (bytes = MIB): Blob => new Blob([new Uint8Array(bytes)]);

async function keep(page: HomeParts, item = FILM, parts = 3): Promise<void> {
  assert.equal(await page.want([{ item, limit: 1 << 30 }]), true);
  const keeping = await page.open(item.item);
  for (let n = 0; n < parts; n += 1) assert.notEqual(await keeping?.add(part()), null);
}

const kept = (wishes: readonly Wish[]): readonly (readonly [string, number])[] => wishes.map(({ item: { name }, bytes }) => [name, bytes]);

test("what one home's computer sent is never seen, used or thrown away by another's, whatever id that gives a thing", async () => {
  const browser = new Browser();
  await keep(browser.page("home A"));
  const other = browser.page("home B");
  assert.deepEqual(kept(await other.wishes()), []);
  await other.want([{ item: FILM, limit: 1 << 30 }]);
  assert.deepEqual((await other.open(FILM.item))?.parts, []);
  other.forget(FILM.item);
  other.clear();
  await turn();
  const again = browser.page("home A");
  assert.deepEqual(kept(await again.wishes()), [["film.mp4", 3 * MIB]]);
  assert.equal((await again.open(FILM.item))?.parts.length, 3);
  again.clear();
  await turn();
  assert.equal(browser.database.bytes, 0);
});

test("what was kept for an earlier key of the same computer goes on for the new one", async () => {
  const browser = new Browser();
  await keep(browser.page("old key"));
  await keep(browser.page("home B"), { ...FILM, name: "other" }, 1);
  const page = browser.page("old key");
  page.move("new key");
  const moved = browser.page("new key");
  assert.deepEqual(kept(await moved.wishes()), [["film.mp4", 3 * MIB]]);
  assert.equal((await moved.open(FILM.item))?.parts.length, 3);
  assert.deepEqual(kept(await browser.page("old key").wishes()), []);
  assert.deepEqual(kept(await browser.page("home B").wishes()), [["other", MIB]], "control");
  assert.equal(browser.database.bytes, 4 * MIB);
});

test("what nobody came back for in a week goes, whichever home's it is; who came back has another week", async () => {
  const browser = new Browser();
  await keep(browser.page("home A"));
  await keep(browser.page("home B"));
  browser.nowMs += KEEP_MS - DAY_MS;
  assert.equal((await browser.page("home A").wishes()).length, 1);
  browser.nowMs += 2 * DAY_MS;
  assert.equal((await browser.page("home A").wishes()).length, 1);
  assert.equal(browser.database.bytes, 3 * MIB, "the other home's is gone");
});

test("a clock that was far ahead keeps nothing for ever", async () => {
  const browser = new Browser();
  browser.nowMs += 400 * DAY_MS;
  await keep(browser.page());
  browser.nowMs -= 400 * DAY_MS;
  assert.deepEqual(await browser.page().wishes(), []);
  assert.equal(browser.database.bytes, 0);
});

test("a page load that was overtaken writes nothing, and takes nothing away from the one that goes on", async () => {
  const browser = new Browser();
  const frozen = browser.page();
  await keep(frozen);
  const keeping = await frozen.open(FILM.item);
  const next = browser.page();
  await next.wishes();
  const goesOn = await next.open(FILM.item);
  await assert.rejects(async () => keeping?.add(part()), (error) => error instanceof SinkFailed && error.reason === "busy");
  await keeping?.drop();
  frozen.forget(FILM.item); // its transfer has failed there
  await turn();
  assert.notEqual(await goesOn?.add(part()), null);
  assert.deepEqual(kept(await browser.page().wishes()), [["film.mp4", 4 * MIB]]);
});

test("another thing under the same id begins anew, the same one goes on", async () => {
  const browser = new Browser();
  await keep(browser.page());
  const page = browser.page();
  await page.want([{ item: FILM, limit: 1 }]);
  assert.equal((await page.open(FILM.item))?.parts.length, 3);
  await page.want([{ item: { ...FILM, size: MIB }, limit: 1 }]);
  assert.deepEqual((await page.open(FILM.item))?.parts, []);
  assert.equal(browser.database.bytes, 0);
});

test("parts behind a gap are no parts, and stand in nobody's way", async () => {
  const browser = new Browser();
  await keep(browser.page(), FILM, 1);
  const page = browser.page();
  const one = await page.open(FILM.item);
  await one?.add(part(MIB / 2)); // at 1 MiB
  await one?.add(part()); // at 1.5 MiB
  const stores = await new Promise<IDBDatabase>((done) => {
    const asked = indexedDB.open("qrshared/1 parts");
    asked.onsuccess = () => done(asked.result);
  });
  stores.transaction(["parts"]).objectStore("parts").delete(["home A", FILM.item, MIB]);
  const next = browser.page();
  const keeping = await next.open(FILM.item);
  assert.equal(keeping?.parts.length, 1);
  for (let n = 0; n < 2; n += 1) await keeping.add(part());
  assert.equal((await browser.page().open(FILM.item))?.parts.length, 3, "all of it counts");
});

test("without room a part is none, and what lies there already stays", async () => {
  const browser = new Browser();
  browser.database.room = 3.5 * MIB;
  const page = browser.page();
  await keep(page);
  const keeping = await page.open(FILM.item);
  assert.equal(await keeping?.add(part()), null);
  assert.deepEqual(kept(await browser.page().wishes()), [["film.mp4", 3 * MIB]]);
});

test("what was handed over is not handed over again, whoever asks next", async () => {
  const browser = new Browser();
  const page = browser.page();
  await keep(page);
  page.saved(FILM.item);
  await turn();
  assert.deepEqual(await browser.page("home B").wishes(), []);
  assert.equal(browser.database.bytes, 0);
});

test("a browser that is slow to open its database is waited for by what was kept, and by nothing that a person waits for", async (context) => {
  const browser = new Browser();
  await keep(browser.page());
  let open = (): void => undefined;
  browser.database.opens = new Promise((resolve) => (open = resolve));
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const page = browser.page();
  const wishes = page.wishes();
  const keeping = page.open(FILM.item);
  context.mock.timers.tick(10_000);
  assert.equal(await keeping, null);
  open();
  assert.deepEqual(kept(await wishes), [["film.mp4", 3 * MIB]]);
  assert.equal((await page.open(FILM.item))?.parts.length, 3, "once it is open it serves all");
});
