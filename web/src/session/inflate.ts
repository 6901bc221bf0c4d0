// Takes deflated chunks apart: never more comes out than was promised, and never less.

/** Raw DEFLATE (RFC 1951) that must give exactly `length` bytes; null where it gives anything else. */
export type Inflate = (raw: Uint8Array, length: number) => Promise<Uint8Array | null>;

/** A browser inflates all it is given before it lets itself be stopped: a piece of this size becomes 8 MiB at the very most. */
const PIECE_BYTES = 8_192;

/** What a browser brings along, on insecure origins too; null in those older than 2023. */
export function browserInflate(): Inflate | null {
  try {
    new DecompressionStream("deflate-raw");
    return inflate;
  } catch {
    return null; // not there at all, or it does not know this format
  }
}

async function inflate(raw: Uint8Array, length: number): Promise<Uint8Array | null> {
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const reader = readable.getReader();
  const fed = feed(writable.getWriter(), raw);
  const content = new Uint8Array(length);
  let filled = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return filled === length ? content : null;
      if (filled + value.length > length) {
        await reader.cancel();
        return null;
      }
      content.set(value, filled);
      filled += value.length;
    }
  } catch {
    return null; // no DEFLATE, cut short, or something behind it
  } finally {
    await fed;
  }
}

/** What goes wrong here is heard by who reads. */
async function feed(writer: WritableStreamDefaultWriter<BufferSource>, raw: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < raw.length; at += PIECE_BYTES) {
      await writer.ready;
      await writer.write(raw.slice(at, at + PIECE_BYTES));
    }
    await writer.close();
  } catch {
    return;
  }
}
