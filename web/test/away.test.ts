// Away: calls home over an edge, rooms where pages meet, introductions by the desk; each way they fail has its own name.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type AwayLink, DeskLine, EdgeLine } from "../src/session/away.ts";
import { LinkClosed } from "../src/links/port.ts";
import { CALL_S_MAX } from "../src/session/home-call.ts";
import { type AwayFault, Unreached } from "../src/session/roads.ts";
import { TALKS_MAX, roomId } from "../src/session/room.ts";
import { HomeDouble, World } from "./support/away-doubles.ts";
import { EdgeDouble } from "./support/edge-double.ts";
import { FakeNetwork } from "./support/fake-rtc.ts";

const SECRET = new Uint8Array(16).fill(7);
const TURN = { urls: ["turn:t.example?transport=udp"], username: "u", credential: "c" };

const worlds: World[] = [];
after(() => worlds.forEach((made) => made.close()));

function world(): World {
  const made = new World(new FakeNetwork(), new EdgeDouble());
  worlds.push(made);
  return made;
}

function pageOf(there: World): EdgeLine {
  return new EdgeLine("https://edge.example", there.ports());
}

async function faultOf(there: World, call: Promise<AwayLink>): Promise<{ fault: AwayFault; tookS: number }> {
  const { error, tookS } = await there.outcome(call);
  assert.ok(error instanceof Unreached, String(error));
  assert.ok(tookS <= CALL_S_MAX + 1, `the sentence came after ${tookS} s`);
  return { fault: error.fault, tookS };
}

test("a call reaches home: direct, with what home gives, and both know the road", async () => {
  const there = world();
  const home = new HomeDouble(there, SECRET);
  home.servers = [{ urls: ["stun:s.example"] }];
  const edge = pageOf(there);
  const { value: link, tookS } = await there.outcome(edge.call(SECRET));
  assert.ok(link && tookS < 3);
  assert.deepEqual([link.peer, link.initiator], ["home", true]);
  await there.until(() => link.road() === "direct" && home.heard.some((said) => said.t === "road" && said.road === "direct"));
  await there.until(() => home.links.length === 1);
  await link.link.send(new Uint8Array([1, 2, 3]));
  assert.deepEqual(await home.links[0]?.receive(), [new Uint8Array([1, 2, 3])]);
  assert.deepEqual(there.network.made[0]?.configuration.iceServers, [{ urls: ["stun:s.example"] }]);
  assert.deepEqual(there.counts[0], { host: 1, srflx: 1, relay: 0 });
  link.close();
  await there.until(() => there.edge.members(roomId(SECRET)) === 1); // a link that is over needs no room
});

test("a line to the edge that dies leaves an open link alone", async () => {
  const there = world();
  const home = new HomeDouble(there, SECRET);
  const edge = pageOf(there);
  const { value: link } = await there.outcome(edge.call(SECRET));
  there.edge.isReachable = false;
  for (const socket of there.edge.live) socket.cut();
  await there.clock.advance(60);
  await home.links[0]?.send(new Uint8Array([5]));
  assert.deepEqual(await link?.link.receive(), [new Uint8Array([5])]);
  there.edge.isReachable = true;
  await there.until(() => there.edge.members(roomId(SECRET)) === 2, 90); // both are back
  await there.clock.advance(20);
  assert.equal(home.heard.filter((said) => said.t === "call").length, 1, "nobody calls again");
});

test("without a direct way a call tries a relay only when there is one, and then says that there is no way", async () => {
  const there = world();
  there.network.reaches = () => false;
  const home = new HomeDouble(there, SECRET);
  const edge = pageOf(there);
  const direct = await faultOf(there, edge.call(SECRET));
  assert.equal(direct.fault, "no_way");
  assert.ok(direct.tookS > 15 && direct.tookS < 20, `${direct.tookS}`);
  assert.equal(home.heard.filter((said) => said.t === "offer").length, 1);
  home.servers = [TURN];
  const relayed = await faultOf(there, edge.call(SECRET));
  assert.equal(relayed.fault, "no_way");
  assert.ok(relayed.tookS > 30, `${relayed.tookS}`);
  assert.deepEqual(home.heard.flatMap((said) => (said.t === "call" || said.t === "failed" ? [`${said.t} ${said.attempt}`] : [])).slice(2),
    ["call 1", "failed 1", "call 2", "failed 2"]);
  assert.ok(there.network.made.every((connection) => connection.isClosed || connection.name === there.network.made.at(-1)?.name));
});

test("two networks that only a relay joins are joined by it, on the second try", async () => {
  const there = world();
  there.network.reaches = (relayed) => relayed;
  const home = new HomeDouble(there, SECRET);
  home.servers = [TURN];
  const { value: link, tookS } = await there.outcome(pageOf(there).call(SECRET));
  assert.ok(link && tookS < 20);
  const roads: string[] = [];
  link.onRoad = (road) => roads.push(road);
  await there.until(() => link.road() === "relay");
  await there.until(() => home.heard.some((said) => said.t === "road" && said.road === "relay" && said.attempt === 2));
});

test("a call without relays takes none that it is told of, asks the edge for none, tries once, and leaves an open link alone", async () => {
  const there = world();
  const stun = { urls: ["stun:s.example"] };
  there.edge.greeting = { t: "welcome", version: 1, turn: true };
  there.edge.turn = [TURN];
  const home = new HomeDouble(there, SECRET);
  home.servers = [stun, TURN];
  const edge = pageOf(there);
  const { value: link } = await there.outcome(edge.call(SECRET));
  assert.ok(link);
  await there.until(() => home.links.length === 1);
  assert.equal(there.network.made.filter((one) => JSON.stringify(one.configuration.iceServers).includes("turn:")).length, 2, "control");
  await there.clock.advance(120);
  const [asked, offered] = [there.edge.turnsAsked, home.heard.filter((said) => said.t === "offer").length];
  there.network.reaches = () => false;
  const { fault, tookS } = await faultOf(there, edge.call(SECRET, undefined, true));
  assert.equal(fault, "no_way");
  assert.ok(tookS > 15 && tookS < 20, `${tookS}`);
  assert.equal(there.edge.turnsAsked, asked);
  assert.equal(home.heard.filter((said) => said.t === "offer").length, offered + 1);
  assert.ok(there.network.made.some((one) => JSON.stringify(one.configuration.iceServers) === JSON.stringify([stun])));
  await link.link.send(new Uint8Array([1, 2, 3]));
  assert.deepEqual(await home.links[0]?.receive(), [new Uint8Array([1, 2, 3])]);
});

test("the edge's own TURN is asked for once a minute, and one that does not answer costs two seconds", async () => {
  const there = world();
  there.edge.greeting = { t: "welcome", version: 1, turn: true };
  there.edge.turn = [TURN];
  new HomeDouble(there, SECRET);
  const edge = pageOf(there);
  for (let calls = 0; calls < 2; calls += 1) {
    const { value: link } = await there.outcome(edge.call(SECRET));
    link?.close();
    await there.clock.advance(1);
  }
  assert.equal(there.edge.turnsAsked, 1);
  assert.deepEqual(there.network.made[2]?.configuration.iceServers, [TURN]);
  there.edge.turn = null;
  await there.clock.advance(60);
  const { value: link } = await there.outcome(edge.call(SECRET));
  assert.deepEqual(there.network.made.at(-2)?.configuration.iceServers, []);
  assert.ok(link);
});

test("a home that is not there, one that does not answer, and something that changes envelopes are told apart", async () => {
  const empty = world();
  assert.deepEqual(await faultOf(empty, pageOf(empty).call(SECRET)).then(({ fault, tookS }) => [fault, tookS < 7]), ["nobody", true]);

  const silent = world();
  new HomeDouble(silent, SECRET).isMute = true;
  assert.equal((await faultOf(silent, pageOf(silent).call(SECRET))).fault, "silent");

  const spoiling = world();
  new HomeDouble(spoiling, SECRET);
  const [ofHome] = spoiling.edge.sockets;
  spoiling.edge.carry = (blob, from) => (from === ofHome && blob.startsWith("Ag") ? `${blob.slice(0, -6)}AAAAAA` : blob); // what is sealed
  assert.equal((await faultOf(spoiling, pageOf(spoiling).call(SECRET))).fault, "spoiled");

  const page = world();
  pageOf(page).meetPages(SECRET, { onPeer: () => undefined });
  await page.clock.advance(1);
  assert.equal((await faultOf(page, pageOf(page).call(SECRET))).fault, "nobody", "another page is no home");
});

test("an edge out of reach, what is no edge, one of another version, and a home with no room left have their names", async () => {
  const far = world();
  far.edge.isReachable = false;
  const { fault, tookS } = await faultOf(far, pageOf(far).call(SECRET));
  assert.deepEqual([fault, tookS < 12], ["no_edge", true]);
  for (const [greeting, name] of [[{ t: "hi" }, "no_edge"], [{ t: "welcome", version: 9 }, "version"]] as const) {
    const there = world();
    there.edge.greeting = greeting;
    assert.equal((await faultOf(there, pageOf(there).call(SECRET))).fault, name);
  }
  const full = world();
  new HomeDouble(full, SECRET).refuses = "busy";
  assert.equal((await faultOf(full, pageOf(full).call(SECRET))).fault, "busy");
});

test("a home that comes back under another id in mid-call is called again", async () => {
  const there = world();
  there.network.reaches = () => false;
  const home = new HomeDouble(there, SECRET);
  const call = pageOf(there).call(SECRET);
  call.catch(() => undefined);
  await there.until(() => home.heard.some((said) => said.t === "offer"));
  there.network.reaches = () => true;
  there.edge.sockets[0]?.cut(); // home's
  const { value, tookS } = await there.outcome(call);
  assert.ok(value && tookS < 10, `${tookS}`);
});

test("a connection that both sides have agreed on opens though the edge dies before", async () => {
  const there = world();
  there.network.held = [];
  const home = new HomeDouble(there, SECRET);
  const call = pageOf(there).call(SECRET);
  call.catch(() => undefined);
  await there.until(() => there.network.held?.length === 1);
  await there.clock.advance(2); // the answer has come
  there.edge.isReachable = false;
  for (const socket of there.edge.live) socket.cut();
  await there.clock.advance(1);
  there.network.held[0]?.();
  const { value: link, error } = await there.outcome(call);
  assert.ok(link, String(error));
  await there.until(() => home.links.length === 1);
});

test("a call that nobody wants any more ends at once, before and while it connects", async () => {
  const there = world();
  there.network.reaches = () => false;
  const home = new HomeDouble(there, SECRET);
  const edge = pageOf(there);
  const [early, late] = [new AbortController(), new AbortController()];
  early.abort();
  assert.ok((await there.outcome(edge.call(SECRET, early.signal))).error instanceof LinkClosed);
  const call = edge.call(SECRET, late.signal);
  call.catch(() => undefined);
  await there.until(() => home.heard.some((said) => said.t === "offer"));
  late.abort();
  assert.ok((await there.outcome(call)).error instanceof LinkClosed);
  await there.until(() => there.network.made[0]?.isClosed === true);
  await there.until(() => there.edge.members(roomId(SECRET)) === 1);
});

test("lost envelopes are said again: an edge that drops every third one only takes longer", async () => {
  const there = world();
  new HomeDouble(there, SECRET);
  let draw = 1;
  there.edge.carry = (blob) => ((draw = (draw * 16_807) % 2_147_483_647) % 3 === 0 ? null : blob);
  const { value, error } = await there.outcome(pageOf(there).call(SECRET));
  assert.ok(value, String(error));
});

test("two pages in a room become one link each, one of them begins, and a lost one is made anew", async () => {
  const there = world();
  const links: [AwayLink[], AwayLink[]] = [[], []];
  for (const side of links) pageOf(there).meetPages(SECRET, { onPeer: (link) => side.push(link), servers: [] });
  await there.until(() => links.every((side) => side.length === 1));
  const [[one], [two]] = links;
  assert.ok(one && two);
  assert.notEqual(one.initiator, two.initiator);
  assert.deepEqual([one.peer, two.peer], ["page", "page"]);
  await one.link.send(new Uint8Array([9]));
  assert.deepEqual(await two.link.receive(), [new Uint8Array([9])]);
  there.network.made[0]?.become("failed");
  await there.until(() => links.every((side) => side.length === 2));
  const [again, other] = [links[0][1], links[1][1]];
  await again?.link.send(new Uint8Array([10]));
  assert.deepEqual(await other?.link.receive(), [new Uint8Array([10])]);
  again?.close();
  await there.clock.advance(30);
  assert.ok(links.every((side) => side.length === 2), "one that was closed stays closed");
});

test("three pages in a room all meet each other, and one that leaves is met no more", async () => {
  const there = world();
  const links = [0, 1, 2].map(() => [] as AwayLink[]);
  const leave = links.map((side) => pageOf(there).meetPages(SECRET, { onPeer: (link) => side.push(link), servers: [] }));
  await there.until(() => links.every((side) => side.length === 2));
  leave[0]?.();
  await there.until(() => there.edge.members(roomId(SECRET)) === 2);
  await links[0]?.[0]?.link.send(new Uint8Array([1]));
  await there.clock.advance(1);
});

test("pages without a way to each other are told so", async () => {
  const there = world();
  there.network.reaches = () => false;
  const faults: AwayFault[] = [];
  for (let pages = 0; pages < 2; pages += 1) pageOf(there).meetPages(SECRET, { onPeer: () => undefined, onFault: (fault) => faults.push(fault), servers: [] });
  await there.until(() => faults.length === 1);
  assert.deepEqual(faults, ["no_way"]);
});

test("an edge that invents peers gets a page to hold sixteen conversations and no more", async () => {
  const there = world();
  const invented = (from: number): string[] => Array.from({ length: 50 }, (_, n) => `fake${String(from + n).padStart(4, "0")}`);
  const call = pageOf(there).call(SECRET);
  call.catch(() => undefined);
  await there.until(() => there.edge.members(roomId(SECRET)) === 1);
  const [socket] = there.edge.sockets;
  for (const from of [0, 50, 100]) socket?.hear({ t: "joined", present: [{ room: roomId(SECRET), you: "peer0001", peers: invented(from) }] });
  await there.clock.advance(5);
  const told = new Set(socket?.said.flatMap((said) => (said.t === "relay" ? [said.to] : [])));
  assert.equal(told.size, TALKS_MAX);
  assert.equal((await faultOf(there, call)).fault, "silent");
});

test("two pages that a desk introduces meet over whatever carries their envelopes", async () => {
  const there = world();
  const ends: DeskLine[] = [];
  const post = (to: number) => (blob: Uint8Array) => void setImmediate(() => ends[to]?.receive(blob));
  ends.push(new DeskLine(SECRET, [], post(1), there.ports()), new DeskLine(SECRET, [], post(0), there.ports()));
  const [one, two] = await Promise.all(ends.map((end) => there.outcome(end.opened)));
  assert.ok(one?.value && two?.value);
  assert.notEqual(one.value.initiator, two.value.initiator);
  await two.value.link.send(new Uint8Array([3]));
  assert.deepEqual(await one.value.link.receive(), [new Uint8Array([3])]);
  for (const end of ends) end.close();
  await two.value.link.send(new Uint8Array([4]));
  assert.deepEqual(await one.value.link.receive(), [new Uint8Array([4])], "the link outlives its meeting");
});

test("an introduction that the other page never follows, or that is closed, ends with its reason", async () => {
  const there = world();
  const alone = new DeskLine(SECRET, [], () => undefined, there.ports());
  assert.equal((await faultOf(there, alone.opened)).fault, "silent");
  const closed = new DeskLine(SECRET, [], () => undefined, there.ports());
  closed.close();
  assert.equal((await faultOf(there, closed.opened)).fault, "nobody");
});
