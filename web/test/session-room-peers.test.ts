// Pages of one session's room: who was met is known again on a new link, and nobody else can be taken for them.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { bulkDigest } from "../src/session/bulk.ts";
import { sha256Hasher } from "../src/session/hashing.ts";
import type { Met } from "../src/session/acquaintances.ts";
import type { PeerNews, PeerView } from "../src/session/peer-bridge.ts";
import type { Self } from "../src/session/peer-link.ts";
import { VISITS_MAX } from "../src/session/peers.ts";
import { RoomPeers } from "../src/session/room-peers.ts";
import { World } from "./support/away-doubles.ts";
import { EdgeDouble } from "./support/edge-double.ts";
import { FakeNetwork } from "./support/fake-rtc.ts";
import { fileOf } from "./support/pair.ts";

const SECRET = new Uint8Array(16).fill(7);
const ANNA: Self = { name: "Anna", kind: "phone", instance: 1 };
const BEN: Self = { name: "Ben", kind: "laptop", instance: 2 };

const worlds: World[] = [];
after(() => worlds.forEach((made) => made.close()));

function world(): World {
  const made = new World(new FakeNetwork(), new EdgeDouble());
  worlds.push(made);
  return made;
}

class Page {
  readonly news: PeerNews[] = [];
  readonly room: RoomPeers;
  met: readonly Met[] = [];

  /** `before`: an earlier load of the same page. */
  constructor(there: World, self: Self, before?: Page) {
    const ports = there.ports();
    this.room = new RoomPeers("https://edge.example", SECRET, self, before?.met ?? [], {
      onMet: (met) => void (this.met = met),
      ...ports, bulkCipher: () => Promise.resolve(null), digest: bulkDigest, hasher: sha256Hasher, isSecure: true,
      tell: (news) => void this.news.push(news), onFault: () => undefined,
    });
  }

  /** As they stand, by id. */
  get peers(): ReadonlyMap<string, PeerView> {
    const found = new Map<string, PeerView>();
    for (const news of this.news) {
      if (news.t === "peer") found.set(news.peer.peer, news.peer);
      if (news.t === "gone") found.delete(news.peer);
    }
    return found;
  }

  get linked(): readonly string[] {
    return [...this.peers.values()].filter(({ link }) => link.state === "open").map(({ peer }) => peer);
  }

  get asked(): number {
    return this.news.filter((news) => news.t === "incoming" && news.incoming.state === "asked").length;
  }

  send(peer: string, name: string): void {
    const file = fileOf(name, 1000);
    this.room.order({ t: "outbox", peer, command: { t: "send", picked: [{ file, path: file.name }] } });
  }
}

async function two(there: World): Promise<{ anna: Page; ben: Page }> {
  const [anna, ben] = [new Page(there, ANNA), new Page(there, BEN)];
  await there.until(() => anna.linked.length === 1 && ben.linked.length === 1);
  return { anna, ben };
}

test("a page is known again on a second link, and what was open goes on there", async () => {
  const there = world();
  const { anna, ben } = await two(there);
  for (const connection of there.network.made) connection.become("failed");
  await there.until(() => ben.linked.length === 0);
  ben.send([...ben.peers.keys()][0] ?? "", "film.mp4");
  await there.until(() => anna.asked === 1);
  assert.deepEqual([anna.peers.size, ben.peers.size], [1, 1]);
  assert.equal(ben.linked.length, 1);
});

test("who says another page's number is a stranger: a row of its own, and nothing of what is open with the other", async () => {
  const there = world();
  const { anna, ben } = await two(there);
  const [toAnna] = ben.linked;
  ben.send(toAnna ?? "", "for Anna.txt");
  await there.until(() => anna.asked === 1);
  anna.room.stop();
  await there.until(() => ben.linked.length === 0);
  const mallory = new Page(there, ANNA);
  await there.until(() => ben.linked.length === 1);
  await there.clock.advance(5);
  assert.notEqual(ben.linked[0], toAnna);
  assert.equal(ben.peers.size, 2);
  assert.equal(mallory.asked, 0, "what was on its way to Anna is not offered to her");
});

test("a page that is here keeps its place when another one says its number", async () => {
  const there = world();
  const { ben } = await two(there);
  const [toAnna] = ben.linked;
  new Page(there, ANNA);
  await there.until(() => ben.linked.length === 2);
  assert.ok(ben.linked.includes(toAnna ?? ""));
});

test("a page that is loaded anew is known again: what waits for it is asked there, and what it was sending has ended", async () => {
  const there = world();
  const { anna, ben } = await two(there);
  const [toAnna] = ben.linked;
  anna.send([...anna.peers.keys()][0] ?? "", "from Anna.txt");
  await there.until(() => ben.asked === 1);
  anna.room.stop();
  await there.until(() => ben.linked.length === 0);
  ben.send(toAnna ?? "", "for Anna.txt");
  const again = new Page(there, { ...ANNA, instance: 3 }, anna);
  await there.until(() => again.asked === 1);
  assert.deepEqual(ben.linked, [toAnna]);
  assert.deepEqual([ben.peers.size, again.peers.size], [1, 1]);
  const last = ben.news.findLast((news) => news.t === "incoming");
  assert.equal(last?.t === "incoming" && last.incoming.state, "cancelled");
});

test("of two tabs that show the same proof the second is a row of its own, and the first stays linked", async () => {
  const there = world();
  const { anna, ben } = await two(there);
  const [toAnna] = ben.linked;
  new Page(there, { ...ANNA, instance: 3 }, anna);
  await there.until(() => ben.linked.length === 2);
  assert.ok(ben.linked.includes(toAnna ?? ""));
  await there.clock.advance(30);
  assert.equal(ben.peers.size, 2);
});

test("pages that come and go do not pile up", async () => {
  const there = world();
  const { ben } = await two(there);
  const [toAnna] = ben.linked;
  for (let number = 10; number < 14 + VISITS_MAX; number += 1) {
    const stranger = new Page(there, { ...ANNA, instance: number });
    await there.until(() => stranger.linked.length === 2);
    stranger.room.stop();
    await there.until(() => ben.linked.length === 1);
  }
  assert.ok(ben.peers.size <= VISITS_MAX, `${ben.peers.size} are kept`);
  assert.deepEqual(ben.linked, [toAnna]);
});
