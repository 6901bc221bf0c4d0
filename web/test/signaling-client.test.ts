// The line to the edge: it knows an edge when it hears one, stays in its rooms over every cut, and notices silence.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SignalClient, type SignalEvent, signalUrl } from "../src/signaling/client.ts";
import { fromBase64url, toBase64url } from "../src/base64url.ts";
import { NotFromAnEdge, readFromEdge } from "../src/signaling/edge-wire.ts";
import { EdgeDouble } from "./support/edge-double.ts";
import { ManualClock, turn } from "./support/manual-clock.ts";

function line(edge = new EdgeDouble(), draw = 0.5) {
  const clock = new ManualClock();
  const heard: SignalEvent[] = [];
  const client = new SignalClient("https://edge.example", { openSocket: edge.open, clock, random: () => draw }, (event) => heard.push(event));
  return { edge, clock, heard, client };
}

test("every spelling of an edge's address leads to its socket", () => {
  for (const [edge, url] of [
    ["https://edge.example", "wss://edge.example/signal"],
    ["https://edge.example/p#1secret", "wss://edge.example/p/signal"],
    ["http://127.0.0.1:8080/", "ws://127.0.0.1:8080/signal"],
    ["ws://127.0.0.1:8080/signal", "ws://127.0.0.1:8080/signal"],
    ["wss://edge.example/below/?a=b", "wss://edge.example/below/signal"],
  ] as const) {
    assert.equal(signalUrl(edge), url);
  }
});

test("what is said before the welcome is said after it, and rooms are joined again after a cut", async () => {
  const { edge, clock, heard, client } = line();
  client.join("a", "b");
  client.leave("b");
  await turn();
  assert.deepEqual(heard.map((event) => event.t), ["connected", "joined"]);
  assert.deepEqual(edge.live[0]?.said, [{ t: "join", rooms: ["a"] }]);
  edge.live[0]?.cut();
  assert.deepEqual(heard.at(-1), { t: "disconnected", retryInS: 0.5, fault: null });
  await clock.advance(0.6);
  assert.deepEqual(heard.slice(-2).map((event) => event.t), ["connected", "joined"]);
  assert.equal(edge.members("a"), 1);
  client.close();
  assert.equal(edge.members("a"), 0);
});

test("waits grow with every failure, are drawn at random, and begin anew after a good connection", async () => {
  const { edge, clock, heard, client } = line();
  client.join("a");
  edge.isReachable = false;
  await clock.advance(120);
  const waits = heard.flatMap((event) => (event.t === "disconnected" ? [event.retryInS] : []));
  assert.deepEqual(waits.slice(0, 4).map((wait) => wait.toFixed(3)), ["0.500", "0.800", "1.280", "2.048"]);
  assert.equal(Math.max(...waits), 30, "never more than half of 60 s with this draw");
  edge.isReachable = true;
  await clock.advance(31);
  assert.ok(client.isConnected);
  edge.live[0]?.cut();
  assert.ok((heard.at(-1) as { retryInS: number }).retryInS > 1, "control: a short connection was none");
  await clock.advance(31);
  await clock.advance(21);
  edge.live[0]?.cut();
  assert.equal((heard.at(-1) as { retryInS: number }).retryInS, 0.5);
  client.close();
});

test("what is no edge, or one of another version, is told apart from a cut", async () => {
  for (const [greeting, fault] of [
    [{ t: "hello" }, "not_an_edge"],
    [{ t: "joined", present: [] }, "not_an_edge"],
    [{ t: "welcome", version: 2 }, "other_version"],
  ] as const) {
    const edge = new EdgeDouble();
    edge.greeting = greeting;
    const { heard, client } = line(edge);
    await turn();
    assert.deepEqual(heard, [{ t: "disconnected", retryInS: 0.5, fault }]);
    client.close();
  }
  const silent = new EdgeDouble();
  silent.greeting = null;
  const { clock, heard, client } = line(silent);
  await clock.advance(14);
  assert.equal(heard.length, 0);
  await clock.advance(2);
  assert.deepEqual(heard.map((event) => event.t), ["disconnected"]);
  client.close();
});

test("an edge that hands out TURN and names a STUN server says so, and is asked", async () => {
  const edge = new EdgeDouble();
  edge.greeting = { t: "welcome", version: 1, turn: true, stun: ["stun:s.example"] };
  edge.turn = [{ urls: ["turn:t.example"], username: "u", credential: "c" }];
  const { heard, client } = line(edge);
  await turn();
  assert.deepEqual(heard[0], { t: "connected", turn: true, stun: ["stun:s.example"] });
  client.askTurn("a", "peer0001");
  await turn();
  assert.deepEqual(heard[1], { t: "servers", room: "a", servers: edge.turn, untilMs: 0 });
  client.close();
});

test("a silent edge is asked once, then given up; one that answers is kept", async () => {
  const { edge, clock, heard, client } = line();
  await turn();
  await clock.advance(29);
  assert.deepEqual(edge.live[0]?.said, []);
  await clock.advance(2);
  assert.deepEqual(edge.live[0]?.said, [{ t: "ping" }]);
  await clock.advance(50);
  assert.ok(client.isConnected, "it answered");
  const socket = edge.live[0];
  assert.ok(socket);
  socket.isDead = true;
  await clock.advance(61);
  assert.equal(heard.filter((event) => event.t === "disconnected").length, 1);
  assert.equal(socket.readyState, 3);
  client.close();
});

test("a page that wakes tries at once, and does not wait for a dead socket", async () => {
  const { edge, clock, heard, client } = line();
  client.join("a");
  edge.isReachable = false;
  await clock.advance(200);
  edge.isReachable = true;
  const before = edge.sockets.length;
  client.wake();
  await turn();
  assert.equal(edge.sockets.length, before + 1);
  assert.ok(client.isConnected);
  const socket = edge.live[0];
  assert.ok(socket);
  client.wake();
  await clock.advance(5);
  assert.ok(client.isConnected, "control: it is alive");
  socket.isDead = true;
  client.wake();
  await clock.advance(5);
  assert.equal(heard.at(-1)?.t === "disconnected" || client.isConnected, true);
  assert.equal(socket.readyState, 3);
  client.close();
});

test("an edge that asks is answered, and one that moves is followed without a longer wait", async () => {
  const { edge, clock, heard, client } = line();
  client.join("a");
  await turn();
  edge.live[0]?.hear({ t: "ping" });
  await turn();
  assert.deepEqual(edge.live[0]?.said.at(-1), { t: "pong" });
  for (let moves = 0; moves < 3; moves += 1) {
    edge.live[0]?.hear({ t: "moved", retry_ms: 1000 });
    await turn();
    edge.live[0]?.cut();
    assert.deepEqual(heard.at(-1), { t: "disconnected", retryInS: 0.5, fault: null });
    await clock.advance(0.6);
  }
  assert.ok(client.isConnected);
  client.close();
});

test("a line without rooms does not come back by itself, and does when there is one", async () => {
  const { edge, clock, client } = line();
  await turn();
  edge.live[0]?.cut();
  await clock.advance(100);
  client.wake();
  assert.equal(edge.sockets.length, 1);
  client.join("a");
  await clock.advance(1);
  assert.equal(edge.members("a"), 1);
  client.close();
});

test("a later edge's words are passed over, and nonsense ends the connection", async () => {
  const { edge, heard, client } = line();
  await turn();
  edge.live[0]?.hear({ t: "weather", rain: true });
  await turn();
  assert.ok(client.isConnected);
  for (const nonsense of ["[]", "{", "null", '{"t":"left","room":1,"peer":"x"}', '{"t":"relayed","room":"a","peer":"b","seq":0}', new ArrayBuffer(2)]) {
    assert.throws(() => readFromEdge(nonsense), NotFromAnEdge);
  }
  edge.live[0]?.hearText("{");
  await turn();
  assert.equal((heard.at(-1) as { fault: string }).fault, "not_an_edge");
  client.close();
});

test("a page whose policy forbids the socket says so later, never from within", async () => {
  const clock = new ManualClock();
  const heard: SignalEvent[] = [];
  const openSocket = (): never => {
    throw new Error("refused by the content policy");
  };
  const client = new SignalClient("https://edge.example", { openSocket, clock, random: () => 0.5 }, (event) => heard.push(event));
  assert.equal(heard.length, 0);
  await clock.advance(0);
  assert.equal(heard[0]?.t, "disconnected");
  client.close();
});

test("envelopes are spelled as the edge checks them", () => {
  for (const bytes of [0, 1, 2, 3, 48 * 1024].map((length) => crypto.getRandomValues(new Uint8Array(length)))) {
    const text = toBase64url(bytes);
    assert.match(text, /^[A-Za-z0-9_-]*$/);
    assert.deepEqual(fromBase64url(text), bytes);
  }
  for (const wrong of ["a", "ä", "a=", "ab c", "AB"]) assert.equal(fromBase64url(wrong), null);
});
