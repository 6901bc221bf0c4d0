// What an earlier page load had asked for: it goes on by itself, however slow the browser, and through a relay only with a person's word.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ShelfItem } from "../src/protocol/messages.ts";
import type { HomeParts, Parts, Wish } from "../src/session/sinks/parts.ts";
import { turn } from "./support/manual-clock.ts";
import { fileOf, hashesOf } from "./support/pair.ts";
import { HOME, last, Shelf } from "./support/shelf-double.ts";

const MIB = 1 << 20;
const FILM = fileOf("film", 6 * MIB);

/** A browser that knows what was wanted, and has kept none of it. */
class Wishes implements Parts {
  readonly list: Wish[] = [];
  readonly forgotten: string[] = [];
  readonly asked: string[] = [];
  known: Promise<void> = Promise.resolve();

  of(home: string): HomeParts {
    return {
      wishes: async () => {
        this.asked.push(home);
        await this.known;
        return home === HOME ? this.list : [];
      },
      want: async () => true,
      pause: () => undefined,
      saved: () => undefined,
      forget: (item) => void this.forgotten.push(item),
      move: () => undefined,
      clear: () => void (this.list.length = 0),
      open: async () => null,
    };
  }
}

/** A page load on this road; the computer asks above 1 MiB. */
function loaded(wishes: Wishes, road: Shelf["road"], isPaused = false): { readonly shelf: Shelf; readonly film: ShelfItem } {
  const shelf = new Shelf(wishes);
  const [film] = shelf.put(FILM);
  assert.ok(film);
  wishes.list.push({ item: film, limit: 1 << 30, isPaused, bytes: 0 });
  shelf.road = road;
  shelf.asksAbove = MIB;
  return { shelf, film };
}

for (const road of ["home", "direct"] as const) {
  test(`on the road ${road} it goes on without a question, however much it is`, async () => {
    const { shelf, film } = loaded(new Wishes(), road);
    shelf.link();
    await shelf.until(() => shelf.isDone(film), "the end");
    assert.deepEqual(await shelf.hashes(), await hashesOf(FILM));
  });
}

test("much waits until the road is known to be none that costs, and waits again on a relay until somebody says go on", async () => {
  const { shelf, film } = loaded(new Wishes(), null);
  shelf.link();
  await shelf.clock.advance(30);
  assert.deepEqual([shelf.asked, shelf.states.get(film.item)?.isPaused], [[], true]);
  shelf.pickUps.on("direct");
  await shelf.until(() => shelf.chunkBytes > MIB, "some of it");
  shelf.pickUps.on("relay");
  const before = shelf.chunkBytes;
  await shelf.clock.advance(30);
  assert.ok(shelf.chunkBytes - before <= 4 * MIB && !shelf.isDone(film), "no more than a window");
  shelf.pickUps.order({ t: "resume", item: film.item });
  shelf.pickUps.on("relay");
  await shelf.until(() => shelf.isDone(film), "the end");
});

test("what a person paused stays paused on every road", async () => {
  const { shelf, film } = loaded(new Wishes(), "relay", true);
  shelf.link();
  await turn();
  shelf.pickUps.on("direct");
  await shelf.clock.advance(30);
  assert.deepEqual([shelf.asked, shelf.states.get(film.item)?.isPaused], [[], true]);
});

test("a browser that is slow to say what was wanted holds nothing else up, and is heard all the same", async () => {
  const wishes = new Wishes();
  const { shelf, film } = loaded(wishes, "home");
  let know = (): void => undefined;
  wishes.known = new Promise((resolve) => (know = resolve));
  shelf.link();
  shelf.offer(FILM); // the computer goes on with what it was sending
  await shelf.clock.advance(2);
  assert.equal(last(shelf), undefined);
  await shelf.clock.advance(2);
  assert.equal(last(shelf)?.state, "asked");
  know();
  await shelf.until(() => shelf.isDone(film), "the end, without an answer");
  assert.deepEqual([shelf.asked, shelf.incoming.size], [[], 1]);
});

test("a cut before it was known asks the browser again on the next link", async () => {
  const wishes = new Wishes();
  const { shelf, film } = loaded(wishes, "home");
  shelf.link();
  shelf.cut();
  shelf.link();
  await shelf.until(() => shelf.isDone(film), "the end");
  shelf.cut();
  shelf.link();
  await turn();
  assert.deepEqual(wishes.asked, [HOME, HOME], "and once it is known no more");
});

test("a list that has no room for everything proves of nothing that it has left the shelf", async () => {
  for (const isWhole of [false, true]) {
    const wishes = new Wishes();
    const { shelf, film } = loaded(wishes, "home", true);
    shelf.link();
    await turn();
    shelf.pickUps.listed(Array.from({ length: isWhole ? 255 : 256 }, (_, n) => ({ ...film, item: `f${n}`.padStart(32, "0") })));
    await shelf.clock.advance(10);
    assert.deepEqual(wishes.forgotten, isWhole ? [film.item] : []);
  }
});
