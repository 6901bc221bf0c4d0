// A worker with links over WebRTC as the session worker has them, driven from outside: each message names a verb.
import { PeerConnections } from "../../web/src/links/rtc-remote.ts";
import { realClock } from "../../web/src/session/clock.ts";

const MESSAGE_BYTES = 65_280;
const BATCH = 16;

let connections;
let connection;
let link;
const later = [];

/** The n-th message of a stream: whoever knows the seed can tell whether a byte is wrong. */
function fill(words, seed, n) {
  let state = (seed * 2_654_435_761 + n * 40_503 + 1) >>> 0 || 1;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
}

function differs(message, seed, n) {
  if (message.length !== MESSAGE_BYTES) return true;
  const expected = new Uint32Array(MESSAGE_BYTES / 4);
  fill(expected, seed, n);
  const found = message.byteOffset % 4 === 0 ? message : message.slice();
  return new Uint32Array(found.buffer, found.byteOffset, expected.length).some((word, at) => word !== expected[at]);
}

const verbs = {
  async offer({ servers = [], relayOnly = false }) {
    connection = connections.open(servers, { relayOnly });
    return connection.offer();
  },
  async answer({ sdp, servers = [] }) {
    connection = connections.open(servers);
    return connection.answer(sdp);
  },
  accept: async ({ sdp }) => connection.accept(sdp),
  /** Everything that was found after the description. */
  async candidates() {
    connection.trickle((candidate) => later.push(candidate));
    await connection.gathered;
    return later;
  },
  add: async ({ candidates }) => candidates.forEach((candidate) => connection.addCandidate(candidate)),
  async opened() {
    link = await connection.opened();
    return connection.road();
  },
  counts: async () => connection.counts,
  async send({ messages, seed }) {
    const room = Array.from({ length: BATCH }, () => new Uint32Array(MESSAGE_BYTES / 4));
    for (let sent = 0; sent < messages; sent += BATCH) {
      const batch = room.slice(0, Math.min(BATCH, messages - sent));
      batch.forEach((words, at) => fill(words, seed, sent + at)); // what send was given may be written over
      await link.send(...batch.map((words) => new Uint8Array(words.buffer)));
    }
  },
  /** How many of so many messages were not what they should be. */
  async receive({ messages, seed }) {
    let wrong = 0;
    for (let n = 0; n < messages; ) {
      for (const message of await link.receive()) {
        if (differs(message, seed, n)) wrong += 1;
        n += 1;
      }
    }
    return wrong;
  },
  async close({ reason }) {
    link.close(reason);
  },
  async end() {
    for (;;) {
      try {
        await link.receive();
      } catch (error) {
        return error.reason;
      }
    }
  },
};

onmessage = ({ data }) => {
  if (data.port) {
    connections = new PeerConnections(data.port, realClock);
    return;
  }
  verbs[data.verb](data).then(
    (value) => postMessage({ id: data.id, value }),
    (error) => postMessage({ id: data.id, error: String(error.reason ?? error) }),
  );
};
