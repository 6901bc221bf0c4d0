// Data channels: the link between a worker and the thread that holds the channel is a link, bounded both ways, and ends in every way it can.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLink, type LinkPair } from "../src/links/check.ts";
import type { DataChannelLink } from "../src/links/datachannel.ts";
import { LinkClosed } from "../src/links/port.ts";
import { CONNECTIONS_MAX, RtcHost, UNREAD_BYTES_MAX } from "../src/links/rtc-host.ts";
import { countsText, type PeerConnection, PeerConnections } from "../src/links/rtc-remote.ts";
import { realClock } from "../src/session/clock.ts";
import { FakeNetwork, type FakePeerConnection } from "./support/fake-rtc.ts";
import { ManualClock, turn } from "./support/manual-clock.ts";

/** A page: its main thread's host, and its worker's connections. */
function page(network: FakeNetwork, clock = realClock): { host: RtcHost; connections: PeerConnections; close: () => void } {
  const { port1, port2 } = new MessageChannel();
  const host = new RtcHost(port1, network.make);
  const connections = new PeerConnections(port2, clock);
  return {
    host,
    connections,
    close: () => {
      host.close();
      port2.close();
    },
  };
}

interface Joined extends LinkPair {
  readonly ends: readonly [DataChannelLink, DataChannelLink];
  readonly connections: readonly [PeerConnection, PeerConnection];
  readonly made: readonly FakePeerConnection[];
}

async function joined(network = new FakeNetwork()): Promise<Joined> {
  const [here, there] = [page(network), page(network)];
  const caller = here.connections.open([]);
  const callee = there.connections.open([]);
  caller.accept(await callee.answer(await caller.offer()));
  const ends = await Promise.all([caller.opened(), callee.opened()]);
  const done = async (): Promise<void> => {
    here.close();
    there.close();
  };
  return { ends, connections: [caller, callee], made: network.made, done };
}

const endsWith = (reason: string) => (error: unknown) => error instanceof LinkClosed && error.reason === reason;

test("a data channel is a link", () => checkLink(() => joined(), { brakes: false }));

test("a peer that does not read is sent no more than a few MiB", async () => {
  const { ends, made, done } = await joined();
  const channel = made[0]?.channel;
  assert.ok(channel);
  const batch = Array.from({ length: 16 }, () => new Uint8Array(65_535));
  channel.send = (message) => void (channel.bufferedAmount += message.length); // a network that takes nothing
  let sent = 0;
  const writing = (async () => {
    for (; sent < 64; sent += 1) await ends[0].send(...batch);
  })();
  await new Promise((resolve) => setTimeout(resolve, 200)); // a send that would not wait is through long before
  assert.ok(sent >= 1 && sent <= 5, `${sent} MiB were taken in`);
  ends[0].close("over");
  await assert.rejects(writing, endsWith("over"));
  await done();
});

test("a session that reads slowly is given no more than a few MiB, and everything in the end", async () => {
  const { ends, done } = await joined();
  const total = 24;
  const batch = Array.from({ length: 16 }, () => new Uint8Array(65_535));
  for (let n = 0; n < total; n += 1) await ends[0].send(...batch);
  let bytes = 0;
  for (let messages = 0; messages < total * 16; ) {
    const read = await ends[1].receive();
    messages += read.length;
    bytes += read.reduce((sum, message) => sum + message.length, 0);
  }
  assert.equal(bytes, total * 16 * 65_535);
  await done();
});

test("a peer that floods a session which never reads is cut as slow", async () => {
  const { ends, made, done } = await joined();
  const batch = Array.from({ length: 16 }, () => new Uint8Array(65_535));
  await assert.rejects(async () => {
    for (let sent = 0; sent < 2 * UNREAD_BYTES_MAX; sent += 16 * 65_535) await ends[0].send(...batch);
  }, endsWith("slow"));
  assert.ok(made.every((connection) => connection.isClosed));
  await done();
});

test("what is no message of ours ends the link", async () => {
  for (const [bad, reason] of [[new Uint8Array(0), "malformed"], [new Uint8Array(65_536), "too_big"]] as const) {
    const { ends, made, done } = await joined();
    made[0]?.channel?.send(bad);
    await assert.rejects(ends[1].receive(), endsWith(reason));
    await assert.rejects(ends[0].receive(), endsWith(reason), "the peer is told why");
    await done();
  }
});

test("a connection that breaks is a lost link: at once when it failed, after a while when it is interrupted", async () => {
  for (const state of ["failed", "disconnected"] as const) {
    const network = new FakeNetwork();
    const clock = new ManualClock();
    const [here, there] = [page(network, clock), page(network)];
    const [caller, callee] = [here.connections.open([]), there.connections.open([])];
    const offer = caller.offer();
    caller.accept(await callee.answer(await offer));
    const link = await caller.opened();
    const reading = assert.rejects(link.receive(), endsWith("lost"));
    network.made[0]?.become(state);
    await waitFor(() => caller.isOver || state === "disconnected");
    await turn();
    if (state === "disconnected") {
      await clock.advance(4);
      assert.equal(link.ended, null, "control: it may come back");
      await clock.advance(2);
    }
    await reading;
    here.close();
    there.close();
  }
});

test("an interruption that passes is none, and one at a change of network is not waited for", async () => {
  const { ends, connections, made, done } = await joined();
  made[0]?.become("disconnected");
  made[0]?.become("connected");
  await turn();
  connections[0].networkChanged();
  assert.equal(ends[0].ended, null);
  made[0]?.become("disconnected");
  await turn();
  connections[0].networkChanged();
  assert.equal(ends[0].ended, "lost");
  await done();
});

test("no more than eight connections are open at a time, and one that closes makes room", async () => {
  const here = page(new FakeNetwork());
  const open = Array.from({ length: CONNECTIONS_MAX }, () => here.connections.open([]));
  await Promise.all(open.map((connection) => connection.offer()));
  const ninth = here.connections.open([]);
  await assert.rejects(ninth.offer(), endsWith("busy"));
  open[0]?.close();
  await turn();
  assert.ok(await here.connections.open([]).offer());
  here.close();
});

test("a description or a server that the browser refuses ends that connection alone", async () => {
  const network = new FakeNetwork();
  const here = page(network);
  await assert.rejects(here.connections.open([]).answer("nonsense"), endsWith("offer"));
  const caller = here.connections.open([]);
  await caller.offer();
  caller.addCandidate({ candidate: "bad", mid: null, line: null });
  caller.addCandidate({ candidate: "good", mid: "0", line: 0 });
  await turn();
  assert.deepEqual(network.made.at(-1)?.candidates, ["good"]);
  caller.accept("nonsense");
  await assert.rejects(caller.opened(), endsWith("offer"));
  here.close();

  const { port1, port2 } = new MessageChannel();
  const host = new RtcHost(port1, () => {
    throw new Error("an address that this browser does not take");
  });
  await assert.rejects(new PeerConnections(port2, realClock).open([{ urls: ["turn:"] }]).offer(), endsWith("servers"));
  host.close();
  port2.close();
});

test("a page that goes says so at once, and a worker that lives on hears that its connections are over", async () => {
  const network = new FakeNetwork();
  const [here, there] = [page(network), page(network)];
  const [caller, callee, idle] = [here.connections.open([]), there.connections.open([]), here.connections.open([])];
  caller.accept(await callee.answer(await caller.offer()));
  await idle.offer();
  const [, far] = await Promise.all([caller.opened(), callee.opened()]);
  const ended: string[] = [];
  caller.onEnded = (reason) => ended.push(reason);
  here.host.leave();
  await assert.rejects(far.receive(), endsWith("going_away"));
  await waitFor(() => ended.length === 1);
  assert.deepEqual(ended, ["going_away"]);
  await assert.rejects(idle.opened(), endsWith("going_away"));
  here.host.leave(); // a page that comes back from where it was kept may go again
  here.close();
  there.close();
});

test("a dead STUN server holds an offer back for a second, and gathering for five", async () => {
  const network = new FakeNetwork();
  network.isGatheringStuck = true;
  const clock = new ManualClock();
  const here = page(network, clock);
  const connection = here.connections.open([]);
  let offered = false;
  let gathered = false;
  const heard: string[] = [];
  const offer = connection.offer().then(() => {
    offered = true;
    connection.trickle(({ candidate }) => heard.push(candidate));
  });
  void connection.gathered.then(() => (gathered = true));
  await waitFor(() => connection.counts.srflx === 1);
  await clock.advance(0.9);
  assert.equal(offered, false);
  await clock.advance(0.2);
  await offer;
  network.made[0]?.onicecandidate?.({ candidate: { candidate: "candidate:2 1 udp 1 192.0.2.2 9 typ relay", sdpMid: "0", sdpMLineIndex: 0 } });
  await waitFor(() => heard.length === 1);
  await clock.advance(3);
  assert.equal(gathered, false);
  await clock.advance(1);
  assert.equal(gathered, true);
  assert.match(heard[0] ?? "", /typ relay/, "what comes later is said one by one");
  assert.equal(heard[1], "", "and that there are no more");
  assert.equal(countsText(connection.counts), "host 1, srflx 1, relay 1");
  here.close();
});

test("the road is what the browser's statistics say", async () => {
  const { connections, made, done } = await joined();
  assert.equal(await connections[0].road(), "direct");
  for (const [stats, road] of [
    [[{ id: "p", type: "candidate-pair", selected: true, remoteCandidateId: "r" }, { id: "r", candidateType: "relay" }], "relay"], // Firefox
    [[{ id: "p", type: "candidate-pair", nominated: true, state: "succeeded", localCandidateId: "l" }, { id: "l", candidateType: "relay" }], "relay"],
    [[{ id: "p", type: "candidate-pair", nominated: false }], null],
  ] as const) {
    const connection = made[0];
    assert.ok(connection);
    connection.getStats = () => Promise.resolve(new Map(stats.map((entry) => [entry.id, entry])));
    assert.equal(await connections[0].road(), road);
  }
  await done();
  await turn();
  assert.equal(await connections[0].road(), null, "of a connection that is over");
});

async function waitFor(holds: () => boolean): Promise<void> {
  const until = Date.now() + 5000;
  while (!holds()) {
    assert.ok(Date.now() < until, "it never came true");
    await turn();
  }
}
