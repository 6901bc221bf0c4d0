// Two pages and what joins them: the seal on the road between pages, links that come and go, introductions and their failures.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { AwayLink } from "../src/session/away-link.ts";
import { bulkDigest } from "../src/session/bulk.ts";
import { sha256Hasher } from "../src/session/hashing.ts";
import { DeskPeers } from "../src/session/desk-peers.ts";
import type { PeerNews, PeerView } from "../src/session/peer-bridge.ts";
import { PeerLink, type Self } from "../src/session/peer-link.ts";
import { PeerVisit, type PeerVisitPorts } from "../src/session/peer-visit.ts";
import { MemorySinks, Room } from "../src/session/sinks/memory.ts";
import { memoryLinks, type MemoryLink } from "../src/links/memory.ts";
import type { Ask, Envelope } from "../src/protocol/messages.ts";
import { ManualClock, turn } from "./support/manual-clock.ts";
import { fileOf, sha256 } from "./support/pair.ts";

const SECRET = new Uint8Array(16).fill(7);
const ANNA: Self = { name: "Anna", kind: "phone", instance: 1 };
const BEN: Self = { name: "Ben", kind: "laptop", instance: 2 };

function away(link: MemoryLink, initiator: boolean, road: "direct" | "relay" = "direct"): AwayLink {
  return { link, peer: "page", initiator, road: () => road, onRoad: () => undefined, close: () => link.close("done") };
}

function ports(clock: ManualClock, news: PeerNews[]): PeerVisitPorts {
  return {
    clock, randomBytes: (count) => new Uint8Array(randomBytes(count)), bulkCipher: () => Promise.resolve(null), digest: bulkDigest,
    hasher: sha256Hasher, isSecure: true, tell: (each) => void news.push(each),
  };
}

class Two {
  readonly clock = new ManualClock();
  readonly news: [PeerNews[], PeerNews[]] = [[], []];
  readonly visits: readonly [PeerVisit, PeerVisit];
  aways = 0;
  links: [MemoryLink, MemoryLink] = memoryLinks();
  road: "direct" | "relay" = "direct";

  constructor() {
    const onAway = (): void => void (this.aways += 1);
    this.visits = [
      new PeerVisit("ben", BEN, ports(this.clock, this.news[0]), onAway),
      new PeerVisit("anna", ANNA, ports(this.clock, this.news[1]), onAway),
    ];
  }

  async link(secrets: readonly [Uint8Array, Uint8Array] = [SECRET, SECRET]): Promise<readonly (PeerLink | null)[]> {
    this.links = memoryLinks();
    const [one, other] = this.links;
    const opened = Promise.all([PeerLink.open(away(one, true, this.road), secrets[0], ANNA, this.clock), PeerLink.open(away(other, false, this.road), secrets[1], BEN, this.clock)]);
    await this.clock.advance(30);
    const links = await opened;
    for (const [index, link] of links.entries()) if (link !== null) void this.visits[index as 0 | 1].use(link);
    await turn();
    return links;
  }

  view(side: 0 | 1): PeerView | undefined {
    return this.news[side].findLast((each) => each.t === "peer")?.peer;
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    for (let step = 0; step < 2_000; step += 1) {
      await turn();
      if (holds()) return;
      await this.clock.advance(0.05);
    }
    throw new Error(`${what} did not happen: ${JSON.stringify(this.view(0))}`);
  }
}

test("who knows the secret is linked, says hello and sees the same four words; a stranger is not", async () => {
  const two = new Two();
  const [one, other] = await two.link();
  assert.deepEqual([one?.hello.name, other?.hello.name], ["Ben", "Anna"]);
  assert.equal(one?.words, other?.words);
  assert.equal(one?.words.split(" ").length, 4);
  assert.deepEqual(one?.hello.grant, { rights: ["send"] });
  assert.deepEqual(await two.link([SECRET, new Uint8Array(16).fill(8)]), [null, null]);
});

test("a file goes over, is asked there, and goes on over a second link when the first is lost", async () => {
  const two = new Two();
  await two.link();
  const file = fileOf("film.mp4", 6 << 20);
  two.visits[0].send({ t: "send", picked: [{ file, path: file.name }] });
  await two.until(() => two.news[1].some((each) => each.t === "incoming"), "the question");
  assert.equal(two.view(0)?.unanswered, 1);
  assert.equal(two.view(0)?.road, "direct");
  const asked = two.news[1].find((each) => each.t === "incoming")?.incoming;
  two.links[0].close("lost");
  await two.until(() => two.aways > 0, "somebody notices");
  assert.deepEqual([two.view(0)?.link.state, two.view(0)?.unanswered], ["away", 0]);
  assert.ok(two.visits[0].isBusy);
  await two.link();
  two.visits[1].accept(asked?.transfer ?? "", new MemorySinks(1 << 30, new Room(() => undefined)));
  await two.until(() => two.news[1].some((each) => each.t === "received"), "the file");
  const received = two.news[1].find((each) => each.t === "received");
  assert.ok(received);
  assert.equal(sha256(new Uint8Array(await received.blob.arrayBuffer())), sha256(new Uint8Array(await file.arrayBuffer())));
  await two.until(() => !two.visits[0].isBusy && two.view(0)?.unanswered === 0, "the sender is done");
});

test("a newer link takes the place of an older one, whose end then means nothing", async () => {
  const two = new Two();
  await two.link();
  const [older] = two.links;
  await two.link();
  older.close("lost");
  await two.clock.advance(1);
  assert.equal(two.view(0)?.link.state, "open");
});

test("much that would go through the owner's relay waits for an answer, and goes by itself on another road", async () => {
  const two = new Two();
  two.road = "relay";
  two.visits[0].askAbove(1000);
  await two.link();
  const file = fileOf("film.mp4", 5000);
  two.visits[0].send({ t: "send", picked: [{ file, path: file.name }] });
  await two.until(() => two.view(0)?.relay.question === "asked", "the question");
  assert.equal(two.view(0)?.relay.bytes, 5000);
  two.visits[1].accept(two.news[1].find((each) => each.t === "incoming")?.incoming.transfer ?? "", new MemorySinks(1 << 30, new Room(() => undefined)));
  await two.clock.advance(10);
  assert.ok(!two.news[1].some((each) => each.t === "received"));
  two.visits[0].answerRelay(false);
  assert.equal(two.view(0)?.relay.question, "waits");
  two.road = "direct";
  await two.link();
  await two.until(() => two.news[1].some((each) => each.t === "received"), "the file");
  assert.equal(two.view(0)?.relay.question, "none");
});

class DeskWorld {
  readonly clock = new ManualClock();
  readonly news: PeerNews[] = [];
  readonly said: (Ask | Envelope)[] = [];
  readonly peers: DeskPeers;

  constructor() {
    const never = { open: () => assert.fail("no connection is made before the other proved who it is"), networkChanged: () => undefined };
    this.peers = new DeskPeers(ANNA, { ...ports(this.clock, this.news), peerConnections: never, random: () => 0.5, log: () => undefined });
    this.peers.attach((message) => void this.said.push(message));
  }

  get asks(): readonly Ask[] {
    return this.said.filter((message) => message.t === "ask");
  }

  get state(): PeerView["link"] | undefined {
    return this.news.findLast((each) => each.t === "peer")?.peer.link;
  }
}

const DEVICE = "0".repeat(32);

test("a tap asks the daemon once; its refusal is what the person reads", async () => {
  const world = new DeskWorld();
  world.peers.order({ t: "meet", device: DEVICE, name: "Ben", kind: "laptop" });
  assert.equal(world.asks.length, 1);
  const id = world.asks[0]?.id ?? 0;
  assert.ok(id > 2 ** 32, "the page's own questions count from 1");
  assert.equal(world.peers.answered({ t: "answer", id: 5, facts: { t: "done", text: "" } }), false);
  assert.equal(world.peers.answered({ t: "refuse", id, reason: "not_found", sentence: "Ben is not here any more." }), true);
  assert.deepEqual(world.state, { state: "failed", sentence: "Ben is not here any more." });
  await world.clock.advance(120);
  assert.equal(world.asks.length, 1);
});

test("somebody who is introduced and says nothing is given up after a while, with a sentence", async () => {
  const world = new DeskWorld();
  world.peers.order({ t: "meet", device: DEVICE, name: "Ben", kind: "laptop" });
  world.peers.introduce({ t: "introduce", meeting: "1".repeat(32), device: DEVICE, name: "Ben", kind: "laptop", secret: SECRET });
  await world.clock.advance(60);
  assert.ok(world.said.some((message) => message.t === "envelope"));
  assert.equal(world.state?.state, "failed");
});

test("files that were chosen keep a device wanted: it is asked for again until it comes", async () => {
  const world = new DeskWorld();
  world.peers.order({ t: "meet", device: DEVICE, name: "Ben", kind: "laptop" });
  world.peers.order({ t: "outbox", peer: DEVICE, command: { t: "send", picked: [{ file: fileOf("a", 5), path: "a" }] } });
  await world.clock.advance(300);
  assert.ok(world.asks.length > 2, `${world.asks.length} asks`);
  assert.ok(world.asks.length < 30, `${world.asks.length} asks`);
});

test("without a daemon at hand nobody is asked; once it is back, what was wanted is", async () => {
  const world = new DeskWorld();
  world.peers.detach();
  world.peers.order({ t: "meet", device: DEVICE, name: "Ben", kind: "laptop" });
  await world.clock.advance(1);
  assert.equal(world.asks.length, 0);
  world.peers.attach((message) => void world.said.push(message));
  assert.equal(world.asks.length, 1);
});
