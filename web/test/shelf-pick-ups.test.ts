// Picking up from the shelf: what was asked for comes without a question, everything else is asked; pauses, cuts, a forgetful computer.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ShelfItem } from "../src/protocol/messages.ts";
import { turn } from "./support/manual-clock.ts";
import { fileOf, hashesOf } from "./support/pair.ts";
import { last, Shelf } from "./support/shelf-double.ts";

const MIB = 1 << 20;

test("what was asked for comes without a question, whole; what was not is put to the person", async () => {
  const shelf = new Shelf();
  const files = [fileOf("a.jpg", 3 * MIB + 5), fileOf("empty", 0)];
  const items = shelf.put(...files);
  shelf.link();
  shelf.save(items);
  await shelf.until(() => shelf.isDone(...items), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
  shelf.offer(fileOf("unasked", 10));
  await shelf.until(() => last(shelf)?.state === "asked", "the question");
  assert.equal(shelf.received.has("unasked"), false);
});

test("only the thing itself is taken for an answer: another name or size is asked about", async () => {
  const shelf = new Shelf();
  const [item] = shelf.put(fileOf("a", 100)) as [ShelfItem];
  shelf.isSilent = true;
  shelf.link();
  shelf.save([item]);
  for (const wrong of [fileOf("a", 101), fileOf("b", 100)]) {
    shelf.offer(wrong);
    await shelf.until(() => last(shelf)?.items === 1 && last(shelf)?.bytes === wrong.size, "its proposal");
    assert.equal(last(shelf)?.state, "asked");
  }
  assert.equal(shelf.chunkBytes, 0);
});

test("what is already being taken is not taken twice", async () => {
  const shelf = new Shelf();
  const file = fileOf("a", MIB);
  const items = shelf.put(file);
  shelf.link();
  shelf.save(items);
  await shelf.until(() => shelf.isDone(...items), "the end");
  shelf.offer(file);
  await shelf.until(() => shelf.incoming.size === 2 && last(shelf)?.state === "declined", "the answer");
  assert.equal(shelf.chunkBytes, MIB);
});

test("held, no more than a window comes, no new proposal is answered; then it goes on where it was", async () => {
  const shelf = new Shelf();
  const file = fileOf("film", 20 * MIB);
  const [item] = shelf.put(file) as [ShelfItem];
  shelf.link();
  shelf.save([item]);
  await shelf.until(() => shelf.chunkBytes >= 6 * MIB, "some bytes");
  shelf.pickUps.order({ t: "pause", item: item.item });
  const at = shelf.chunkBytes;
  await shelf.clock.advance(60);
  assert.ok(shelf.chunkBytes - at <= 4 * MIB, `${shelf.chunkBytes - at} bytes came all the same`);
  assert.equal(shelf.view(item)?.isHeld, true);
  shelf.cut();
  const before = shelf.chunkBytes;
  shelf.link();
  await shelf.clock.advance(60);
  assert.equal(shelf.chunkBytes, before);
  assert.equal(shelf.states.get(item.item)?.isPaused, true);
  shelf.pickUps.order({ t: "resume", item: item.item });
  await shelf.until(() => shelf.isDone(item), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(file));
  assert.equal(shelf.chunkBytes, 20 * MIB, "nothing came twice");
});

test("a computer that knows nothing of it any more is asked once more, one that never answered too", async () => {
  const shelf = new Shelf();
  const files = [fileOf("film", 12 * MIB), fileOf("note", 10)];
  const [film, note] = shelf.put(...files) as [ShelfItem, ShelfItem];
  shelf.link();
  shelf.isSilent = true;
  shelf.save([note]);
  await turn();
  shelf.isSilent = false;
  shelf.save([film]);
  await shelf.until(() => shelf.chunkBytes >= 4 * MIB, "some bytes");
  shelf.cut();
  shelf.forget();
  shelf.link();
  await shelf.until(() => shelf.isDone(film, note), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
  assert.deepEqual(shelf.asked.filter((item) => item === film.item).length, 2);
  assert.equal(shelf.held, 12 * MIB + 10, "what had come in vain gave its room back");
});

test("many at once are asked for eight at a time, and all come", async () => {
  const shelf = new Shelf();
  const files = Array.from({ length: 40 }, (_, n) => fileOf(`${n}.jpg`, 1_000 + n));
  const items = shelf.put(...files);
  shelf.isSilent = true;
  shelf.link();
  shelf.save(items);
  await shelf.clock.advance(1);
  assert.equal(shelf.asked.length, 8);
  shelf.cut();
  shelf.isSilent = false;
  shelf.link();
  await shelf.until(() => shelf.isDone(...items), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
});

test("memory takes what it can hold, and the rest when something was saved", async () => {
  const shelf = new Shelf();
  const files = [fileOf("a", 3 * MIB), fileOf("b", 3 * MIB)];
  const [a, b] = shelf.put(...files) as [ShelfItem, ShelfItem];
  shelf.link();
  shelf.save([a, b], 4 * MIB);
  await shelf.until(() => shelf.isDone(a), "the first");
  await shelf.clock.advance(10);
  assert.deepEqual([shelf.asked, shelf.states.get(b.item)?.state], [[a.item], "waiting"]);
  shelf.pickUps.order({ t: "saved", transfer: shelf.states.get(a.item)?.transfer ?? "", bytes: 3 * MIB });
  await shelf.until(() => shelf.isDone(b), "the second");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
});

test("what the computer refuses says why, what a person stops ends, and both can be saved again", async () => {
  const shelf = new Shelf();
  const files = [fileOf("a", 10), fileOf("film", 20 * MIB)];
  const [a, film] = shelf.put(...files) as [ShelfItem, ShelfItem];
  shelf.refusal = "It is gone.";
  shelf.link();
  shelf.save([a]);
  await shelf.until(() => shelf.states.get(a.item)?.state === "refused", "the answer");
  assert.equal(shelf.states.get(a.item)?.sentence, "It is gone.");
  shelf.refusal = null;
  shelf.save([a, film]);
  await shelf.until(() => shelf.isDone(a) && shelf.chunkBytes >= 4 * MIB, "some of it");
  shelf.pickUps.order({ t: "stop", item: film.item });
  assert.equal(shelf.states.get(film.item)?.state, "stopped");
  await shelf.clock.advance(2);
  assert.equal(shelf.held, 10);
  shelf.save([film]);
  await shelf.until(() => shelf.isDone(film), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files));
});

test("a computer that has too much to do is asked again until it has not, a few things at a time, and no more once stopped", async () => {
  const shelf = new Shelf();
  const files = Array.from({ length: 20 }, (_, n) => fileOf(`${n}.jpg`, 1_000 + n));
  const items = shelf.put(...files);
  const gone = items[0]!;
  shelf.isBusy = true;
  shelf.link();
  shelf.save(items);
  await shelf.clock.advance(35);
  assert.deepEqual(new Set(items.map(({ item }) => shelf.states.get(item)?.state)), new Set(["waiting"]));
  assert.equal(shelf.asked.length, 4 * 8);
  shelf.pickUps.order({ t: "stop", item: gone.item });
  await shelf.clock.advance(60);
  assert.equal(shelf.asked.filter((item) => item === gone.item).length, 4);
  shelf.isBusy = false;
  await shelf.until(() => shelf.isDone(...items.slice(1)), "the end");
  assert.deepEqual(await shelf.hashes(), await hashesOf(...files.slice(1)));
});

test("what an earlier load of the page had asked for is asked about once, and goes on by a tap on Save", async () => {
  const shelf = new Shelf();
  const file = fileOf("film", 5 * MIB);
  const [item] = shelf.put(file) as [ShelfItem];
  shelf.link();
  shelf.offer(file);
  await shelf.until(() => last(shelf)?.state === "asked", "the question");
  shelf.save([item]);
  await shelf.until(() => shelf.isDone(item), "the end");
  assert.deepEqual([shelf.asked, shelf.incoming.size], [[], 1]);
});

test("an answer without a proposal is asked for again on the same link, and nothing comes twice", async () => {
  const shelf = new Shelf();
  const [item] = shelf.put(fileOf("a.txt", 1_000));
  assert.ok(item);
  shelf.link();
  shelf.promises = 1;
  shelf.save([item]);
  await shelf.until(() => shelf.isDone(item), "the file after the second question");
  assert.deepEqual(shelf.asked, [item.item, item.item]);
  await shelf.clock.advance(60);
  assert.equal(shelf.asked.length, 2, "what came is not asked for any more");
});

test("what was asked for when the link was cut is asked for at once on the next", async () => {
  const shelf = new Shelf();
  const [item] = shelf.put(fileOf("a.txt", 1_000));
  assert.ok(item);
  shelf.link();
  shelf.isSilent = true;
  shelf.save([item]);
  shelf.cut();
  shelf.isSilent = false;
  shelf.link();
  for (let n = 0; n < 100 && !shelf.isDone(item); n += 1) await turn(); // no time passes
  assert.ok(shelf.isDone(item));
});

test("beside eight films a note is fetched at once", async () => {
  const shelf = new Shelf();
  const films = shelf.put(...Array.from({ length: 9 }, (_, n) => fileOf(`film ${n}`, 17 * MIB)));
  const [note] = shelf.put(fileOf("note", 10));
  assert.ok(note);
  shelf.link();
  shelf.isSilent = true; // films that take their time
  shelf.save(films);
  await turn();
  assert.equal(shelf.asked.length, 8);
  shelf.isSilent = false;
  shelf.save([note]);
  await shelf.until(() => shelf.isDone(note), "the note");
  assert.equal(shelf.asked.length, 9);
});
