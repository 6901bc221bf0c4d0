// Links: both adapters pass one check; framing refuses what is not a batch; a WebSocket's own weaknesses are covered.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type LinkPair, checkLink } from "../src/links/check.ts";
import { FRAME_BYTES_MAX, MalformedFrame, joinFrame, splitFrame } from "../src/links/framing.ts";
import { memoryLinks } from "../src/links/memory.ts";
import { type Link, LinkClosed } from "../src/links/port.ts";
import { BUFFERED_BYTES_MAX, WebSocketLink, openWebSocket } from "../src/links/websocket.ts";
import { type ServerSocket, WebSocketServer } from "./support/websocket-server.ts";

const server = new WebSocketServer();
before(() => server.listen());
after(() => server.close());

async function webSockets(): Promise<{ link: WebSocketLink; far: ServerSocket }> {
  const arriving = server.next();
  const link = await openWebSocket(new WebSocket(server.url));
  return { link, far: await arriving };
}

async function webSocketPair(): Promise<LinkPair> {
  const { link, far } = await webSockets();
  return { ends: [link, new WebSocketLink(far)], done: async () => void far.stream.destroy() };
}

function memoryPair(): Promise<LinkPair> {
  return Promise.resolve({ ends: memoryLinks(), done: () => Promise.resolve() });
}

test("a memory link is a link", () => checkLink(memoryPair, { brakes: true }));

test("a WebSocket link is a link", () => checkLink(webSocketPair, { brakes: false }));

test("the check catches a link that loses, turns or keeps messages", async () => {
  const spoiled = (spoil: (link: Link) => Link) => async (): Promise<LinkPair> => {
    const [a, b] = memoryLinks();
    return { ends: [spoil(a), spoil(b)], done: () => Promise.resolve() };
  };
  const sending = (send: (link: Link, messages: readonly Uint8Array[]) => Promise<void>) =>
    spoiled((link) => ({
      send: (...messages) => send(link, messages),
      receive: () => link.receive(),
      close: (reason) => link.close(reason),
    }));
  const turned = sending((link, messages) => link.send(...[...messages].reverse()));
  const changed = sending((link, messages) => link.send(...messages.map((m) => (m.length === 126 ? m.slice(1) : m))));
  const endless = sending(async (link, messages) => void link.send(...messages).catch(() => undefined));
  for (const broken of [turned, changed, endless]) {
    await assert.rejects(checkLink(broken, { brakes: true }), Error);
  }
});

test("a frame that is not a batch is refused", () => {
  const frames = [[], [0], [0, 0], [0, 1], [0, 2, 7], [0, 1, 7, 0], [0, 1, 7, 0, 0], Array(17).fill([0, 1, 7]).flat()];
  for (const frame of frames) assert.throws(() => splitFrame(new Uint8Array(frame)), MalformedFrame, String(frame));
  assert.equal(splitFrame(new Uint8Array([0, 1, 7])).length, 1, "control: this one is a batch");
  const messages = Array.from({ length: 16 }, () => new Uint8Array(65_535));
  assert.equal(joinFrame(messages, new Uint8Array(FRAME_BYTES_MAX)).length, FRAME_BYTES_MAX);
});

test("a malformed frame or a text ends a WebSocket link and tells the peer why", async () => {
  for (const [bad, reason] of [[new Uint8Array([0, 9, 1]), "malformed"], ["hello", "not_binary"]] as const) {
    const { link, far } = await webSockets();
    const heard = new Promise<string>((resolve) => {
      far.onclose = (event) => resolve(event.reason);
    });
    far.stream.write(typeof bad === "string" ? Buffer.from([0x81, 5, ...Buffer.from(bad)]) : Buffer.from([0x82, bad.length, ...bad]));
    await assert.rejects(link.receive(), (error: unknown) => error instanceof LinkClosed && error.reason === reason);
    assert.equal(await heard, reason);
  }
});

test("a socket that breaks is a lost link, for a waiting receive and for a later send", async () => {
  const { link, far } = await webSockets();
  const waiting = link.receive();
  far.stream.destroy();
  await assert.rejects(waiting, (error: unknown) => error instanceof LinkClosed && error.reason === "lost");
  await assert.rejects(link.send(new Uint8Array(1)), LinkClosed);
});

test("a peer that does not read makes send wait, with a bounded buffer", async () => {
  const { link, far } = await webSockets();
  far.stream.pause();
  const batch = Array.from({ length: 16 }, () => new Uint8Array(65_535));
  let sent = 0;
  const writing = (async () => {
    for (; sent < 64; sent += 1) await link.send(...batch);
  })();
  await new Promise((resolve) => setTimeout(resolve, 300)); // a send that would not wait is through long before
  assert.ok(sent < 64, `${sent} MiB went into a socket that nobody reads`);
  assert.ok(sent >= BUFFERED_BYTES_MAX >> 21, "control: some of it was taken in");
  far.stream.resume();
  await writing;
  link.close();
});

test("a socket that never opens is given up", async () => {
  await assert.rejects(openWebSocket(new WebSocket("ws://127.0.0.1:1/link")), LinkClosed);
  const never = { binaryType: "arraybuffer", bufferedAmount: 0, readyState: 0, send() {}, close() {}, onopen: null, onmessage: null, onclose: null, onerror: null } as const;
  await assert.rejects(openWebSocket({ ...never }, 10), LinkClosed);
});
