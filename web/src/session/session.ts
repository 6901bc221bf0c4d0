// One sealed link in use, from hello to close: one loop reads, one writes, a heartbeat notices silence.
import { LinkClosed } from "../links/port.ts";
import { ProtocolError, chunkBytes, decode, decodeDeflated, encode, isDeflated, writeChunk } from "../protocol/codec.ts";
import { PING_EVERY_S, SILENCE_S_MAX } from "../protocol/limits.ts";
import type { DeskMessage } from "../protocol/desk.ts";
import type { Chunk, Hello, Message, Reason, TransferMessage } from "../protocol/messages.ts";
import { commonVersion } from "../protocol/versions.ts";
import { SealError } from "../seal/index.ts";
import type { Clock } from "./clock.ts";
import type { Inflate } from "./inflate.ts";
import type { SealedLink } from "./sealed-link.ts";
import { Signal } from "./signal.ts";

/** After `wake` a link that was silent must show life by then: a phone that slept often holds a dead one. */
export const WAKE_PROOF_S = 4;

/** Words waiting to be sent; beyond that the daemon has stopped reading while it still asks. */
const POSTS_MAX = 10_000;

const HEARTBEAT_S = 1;

/** How a session came to its end. `signed`: the peer said so under the seal. */
export type Ended =
  | { readonly why: "goodbye"; readonly reason: Reason; readonly signed: true }
  | { readonly why: "lost" }
  | { readonly why: "ours"; readonly reason: Reason };

export type SessionMessage = TransferMessage | DeskMessage;

/** Who uses the session: gives what to send, takes what arrives. */
export interface SessionOwner {
  /** Chunks that can go out now, at most so many; their content may be views. Says `wake` when there are more later. */
  chunks(most: number): readonly Chunk[];
  /** A message of the transfer or desk family. */
  receive(message: SessionMessage): void;
}

export class Session {
  readonly #link: SealedLink;
  readonly #clock: Clock;
  readonly #owner: SessionOwner;
  readonly #inflate: Inflate | null;
  readonly #posts: Exclude<Message, Chunk>[] = [];
  readonly #signal = new Signal();
  #ended: Ended | null = null;
  #heardAt: number;
  #pingedAt: number;
  #pings = 0;
  #aliveBy = Number.POSITIVE_INFINITY; // set by `wake`
  #early: readonly Uint8Array[] = [];

  /** `inflate`: chunks may come deflated on this link, which every `accept` then says. */
  constructor(link: SealedLink, clock: Clock, owner: SessionOwner, inflate: Inflate | null = null) {
    this.#link = link;
    this.#clock = clock;
    this.#owner = owner;
    this.#inflate = inflate;
    this.#heardAt = clock.now();
    this.#pingedAt = clock.now();
  }

  /** Says hello and waits for the answer; null when the session ended instead (then `run` says how). */
  async greet(hello: Hello): Promise<Hello | null> {
    this.post(hello);
    const stop = this.#beat();
    try {
      await this.#flush();
      while (this.#ended === null) {
        const [first, ...rest] = await this.#link.receive();
        if (first === undefined) continue;
        this.#heardAt = this.#clock.now();
        const answer = decode(first);
        if (answer.t === "hello") {
          this.#early = rest;
          if (commonVersion(answer.versions) !== null) return answer;
          this.end("version");
        } else if (answer.t === "goodbye") this.#finish({ why: "goodbye", reason: answer.reason, signed: true });
        else throw new ProtocolError(`${answer.t} before hello`);
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      stop();
    }
    return null;
  }

  /** Reads and writes until the session ends. */
  async run(): Promise<Ended> {
    const stop = this.#beat();
    await Promise.all([this.#read(), this.#write()]);
    stop();
    return this.#ended ?? { why: "lost" };
  }

  /** Puts a message into the queue; after the end it goes nowhere. */
  post(...messages: readonly Exclude<Message, Chunk>[]): void {
    if (this.#ended !== null) return;
    const inflates = this.#inflate !== null;
    this.#posts.push(...messages.map((message) => (inflates && message.t === "accept" ? { ...message, deflate: true } : message)));
    if (this.#posts.length > POSTS_MAX) this.#finish({ why: "lost" });
    this.#signal.raise();
  }

  /** There may be chunks to send. */
  chunksReady(): void {
    this.#signal.raise();
  }

  /** The page is visible or online again: a living link answers soon, a dead one is not waited for. */
  wake(): void {
    if (this.#ended !== null) return;
    this.#ping();
    this.#aliveBy = Math.min(this.#aliveBy, this.#clock.now() + WAKE_PROOF_S);
  }

  /** Says goodbye and closes. */
  end(reason: Reason): void {
    this.post({ t: "goodbye", reason });
    if (this.#ended === null) this.#ended = { why: "ours", reason }; // the writer sends what is queued, then closes
    this.#signal.raise();
  }

  /** Ends at once and without a word: its link is not needed any more, and may be dead. */
  leave(): void {
    this.#finish({ why: "lost" });
  }

  async #read(): Promise<void> {
    try {
      for (let plaintexts = this.#early; this.#ended === null; plaintexts = await this.#link.receive()) {
        this.#heardAt = this.#clock.now();
        this.#aliveBy = Number.POSITIVE_INFINITY;
        const inflating = plaintexts.map((plaintext) => this.#inflated(plaintext)); // side by side
        for (const [at, plaintext] of plaintexts.entries()) {
          const chunk = inflating[at];
          this.#take(chunk ? await chunk : decode(plaintext));
        }
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A deflated chunk as it was; null for anything else. */
  #inflated(plaintext: Uint8Array): Promise<Chunk> | null {
    if (this.#inflate === null || !isDeflated(plaintext)) return null;
    const chunk = inflatedChunk(plaintext, this.#inflate);
    chunk.catch(() => undefined); // it is heard in its turn, unless the session is over by then
    return chunk;
  }

  #take(message: Message): void {
    if (this.#ended !== null) return;
    if (message.t === "ping") this.post({ t: "pong", n: message.n });
    else if (message.t === "goodbye") this.#finish({ why: "goodbye", reason: message.reason, signed: true });
    else if (message.t === "hello") throw new ProtocolError("a second hello");
    else if (message.t !== "pong") this.#owner.receive(message);
  }

  async #write(): Promise<void> {
    try {
      while (this.#ended === null) {
        if (!(await this.#flush())) await this.#signal.wait();
      }
      while (this.#posts.length > 0) await this.#flush(); // the goodbye
    } catch (error) {
      this.#failed(error);
    }
    this.#link.close(this.#ended?.why === "ours" ? this.#ended.reason : "done");
  }

  /** Sends one batch, words before chunks; false when there was nothing to say. */
  async #flush(): Promise<boolean> {
    let added = 0;
    for (; this.#posts.length > 0 && this.#link.left > 0; added += 1) {
      const post = this.#posts.shift();
      if (post !== undefined) {
        const plaintext = encode(post);
        this.#link.add(plaintext.length, (into) => into.set(plaintext));
      }
    }
    if (this.#ended === null && this.#link.left > 0) {
      for (const chunk of this.#owner.chunks(this.#link.left)) {
        this.#link.add(chunkBytes(chunk), (into) => writeChunk(into, chunk));
        added += 1;
      }
    }
    await this.#link.flush();
    return added > 0;
  }

  /** Looks at the clock every second until it is stopped. */
  #beat(): () => void {
    let takeBack = (): void => undefined;
    const look = (): void => {
      const now = this.#clock.now();
      if (now - this.#heardAt > SILENCE_S_MAX || now > this.#aliveBy) return this.#finish({ why: "lost" });
      if (now - this.#pingedAt >= PING_EVERY_S) this.#ping();
      takeBack = this.#clock.after(HEARTBEAT_S, look);
    };
    takeBack = this.#clock.after(HEARTBEAT_S, look);
    return () => takeBack();
  }

  #ping(): void {
    this.#pingedAt = this.#clock.now();
    this.#pings += 1;
    this.post({ t: "ping", n: this.#pings });
  }

  #failed(error: unknown): void {
    if (error instanceof ProtocolError) this.end("protocol");
    else if (error instanceof LinkClosed || error instanceof SealError) this.#finish({ why: "lost" });
    else {
      this.#finish({ why: "lost" });
      throw error; // our own fault: loud
    }
  }

  /** The end at once, without a word. */
  #finish(ended: Ended): void {
    this.#ended ??= ended;
    this.#posts.length = 0;
    this.#link.close("done");
    this.#signal.raise();
  }
}

async function inflatedChunk(plaintext: Uint8Array, inflate: Inflate): Promise<Chunk> {
  const { length, deflated, ...chunk } = decodeDeflated(plaintext);
  const content = await inflate(deflated, length);
  return content === null ? { ...chunk, content: new Uint8Array(), isSpoiled: true } : { ...chunk, content };
}
