"""A page's own RTCPeerConnection without our page around it: it offers, and then does what the test asks."""

JAVASCRIPT = """
window.rtc = (() => {
  const connection = new RTCPeerConnection({ iceServers: [] });
  const channel = connection.createDataChannel("qrshared");
  channel.binaryType = "arraybuffer";
  const own = [], parts = [];
  let bytes = 0, said = null, state = "new", wake = () => {};
  connection.onicecandidate = ({ candidate }) => own.push(candidate === null ? "" : candidate.candidate);
  channel.onmessage = ({ data }) => {
    if (typeof data === "string") said = data;
    else { parts.push(data); bytes += data.byteLength; }
  };
  channel.bufferedAmountLowThreshold = 256 << 10;
  channel.onbufferedamountlow = () => wake();
  channel.onopen = () => { state = "open"; };
  channel.onclose = () => { state = "closed"; };
  const waited = (holds) => new Promise((done) => {
    const look = () => (holds() ? done() : setTimeout(look, 20));
    look();
  });
  const digest = async (pieces) => {
    // FNV-1a: crypto.subtle is missing on insecure origins; what is changed, lost or swapped shows in this one too
    let hash = 0x811c9dc5;
    for (const piece of pieces) {
      for (const byte of new Uint8Array(piece)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    }
    return hash;
  };
  const pattern = (size, seed) => {
    const made = new Uint8Array(size);
    let x = seed >>> 0 || 1;
    for (let at = 0; at < size; at++) {
      x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0;
      made[at] = x & 255;
    }
    return made;
  };
  return {
    own,
    state: () => state,
    said: () => said,
    bytes: () => bytes,
    /** The offer with the candidates found so far, which on purpose is none: they come one by one. */
    offer: async () => {
      await connection.setLocalDescription(await connection.createOffer());
      return connection.localDescription.sdp;
    },
    gathered: async () => { await waited(() => own.includes("")); return own; },
    accept: (sdp) => connection.setRemoteDescription({ type: "answer", sdp }).then(() => true),
    send: async (size, seed) => {
      const all = pattern(size, seed);
      for (let at = 0; at < size; at += 65280) {
        if (channel.bufferedAmount > 1 << 20) await new Promise((done) => { wake = done; });
        channel.send(all.subarray(at, at + 65280));
      }
      return digest([all]);
    },
    digest: () => digest(parts),
    speak: (text) => channel.send(text),
    close: () => channel.close(),
    hangUp: () => connection.close(),
  };
})();
true
"""


def fnv1a(content: bytes, start: int = 0x811C9DC5) -> int:
    """The same sum as the page's."""
    value = start
    for byte in content:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def pattern(size: int, seed: int) -> bytes:
    """The same bytes as the page's: no run of them is like another."""
    made = bytearray(size)
    x = seed & 0xFFFFFFFF or 1
    for at in range(size):
        x = (x ^ (x << 13)) & 0xFFFFFFFF
        x ^= x >> 17
        x = (x ^ (x << 5)) & 0xFFFFFFFF
        made[at] = x & 255
    return bytes(made)
