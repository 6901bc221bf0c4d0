// A page whose workers have links over WebRTC: `rtc.ask(worker, verb, fields)`; and a raw data channel to compare with.
import { RtcHost } from "../../web/src/links/rtc-host.ts";

const sides = new Map();

function side(name) {
  const known = sides.get(name);
  if (known) return known;
  const worker = new Worker("/worker.js", { type: "module" });
  const { port1, port2 } = new MessageChannel();
  const made = { worker, host: new RtcHost(port1), asked: new Map(), next: 0 };
  worker.postMessage({ port: port2 }, [port2]);
  worker.onmessage = ({ data: { id, value, error } }) => {
    const { resolve, reject } = made.asked.get(id);
    made.asked.delete(id);
    error === undefined ? resolve(value ?? null) : reject(new Error(error));
  };
  sides.set(name, made);
  return made;
}

function ask(name, verb, fields = {}) {
  const at = side(name);
  const id = (at.next += 1);
  at.worker.postMessage({ ...fields, id, verb });
  return new Promise((resolve, reject) => at.asked.set(id, { resolve, reject }));
}

/** Two workers of this page, joined. */
async function join(one, two) {
  const sdp = await ask(two, "answer", { sdp: await ask(one, "offer") });
  await ask(one, "accept", { sdp });
  for (const [from, to] of [[one, two], [two, one]]) await ask(to, "add", { candidates: await ask(from, "candidates") });
  return Promise.all([ask(one, "opened"), ask(two, "opened")]);
}

/** Seconds for so many messages, and how many arrived spoiled. */
async function carry(from, to, messages, seed) {
  const start = performance.now();
  const [, wrong] = await Promise.all([ask(from, "send", { messages, seed }), ask(to, "receive", { messages, seed })]);
  return { seconds: (performance.now() - start) / 1000, wrong };
}

let raw;

/** Two ends of a data channel with nothing around it, the same each time: a new connection would start slowly again. */
async function joinRaw() {
  const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
  for (const [from, to] of [[a, b], [b, a]]) from.onicecandidate = ({ candidate }) => candidate && to.addIceCandidate(candidate);
  const channel = a.createDataChannel("raw");
  const far = new Promise((resolve) => (b.ondatachannel = (event) => resolve(event.channel)));
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  const arriving = await far;
  arriving.binaryType = "arraybuffer";
  if (channel.readyState !== "open") await new Promise((resolve) => (channel.onopen = resolve));
  return { channel, arriving };
}

/** Seconds for so many messages over it. */
async function carryRaw(messages, bytes) {
  raw ??= await joinRaw();
  const { channel, arriving } = raw;
  const start = performance.now();
  const done = new Promise((resolve) => {
    let arrived = 0;
    arriving.onmessage = () => (arrived += 1) === messages && resolve();
  });
  const message = new Uint8Array(bytes);
  channel.bufferedAmountLowThreshold = 256 << 10;
  let sent = 0;
  const pump = () => {
    for (; sent < messages && channel.bufferedAmount < 1 << 20; sent += 1) channel.send(message);
  };
  channel.onbufferedamountlow = pump;
  pump();
  await done;
  return (performance.now() - start) / 1000;
}

window.rtc = { ask, join, carry, carryRaw, drop: (name) => side(name).host.close() };
