// A link after its handshake: plaintexts are sealed side by side into one room and sent as one batch; what arrives is opened.
import { BATCH_MESSAGES_MAX, type Link, LinkClosed, MESSAGE_BYTES_MAX } from "../links/port.ts";
import { type Cipher, type Initiator, PLAINTEXT_BYTES_MAX, type Sealed } from "../seal/index.ts";

const TAG_BYTES = MESSAGE_BYTES_MAX - PLAINTEXT_BYTES_MAX;

/** The clear part of a link must be over by then; a daemon gives up after ten seconds too. */
export const HANDSHAKE_S_MAX = 10;

export class SealedLink {
  readonly #link: Link;
  readonly #sealed: Sealed;
  readonly #plaintext = new Uint8Array(PLAINTEXT_BYTES_MAX);
  readonly #room = new Uint8Array(BATCH_MESSAGES_MAX * MESSAGE_BYTES_MAX);
  #batch: Uint8Array[] = [];
  #filled = 0;
  #early: readonly Uint8Array[];
  /** Names this link and no other; empty where nobody asked for it. */
  readonly handshakeHash: Uint8Array;

  /** `early` are sealed messages that came in one batch with the handshake's last. */
  constructor(link: Link, sealed: Sealed, early: readonly Uint8Array[] = [], handshakeHash: Uint8Array = new Uint8Array(0)) {
    this.handshakeHash = handshakeHash;
    this.#link = link;
    this.#sealed = sealed;
    this.#early = early;
  }

  /** Messages that still go into this batch. */
  get left(): number {
    return BATCH_MESSAGES_MAX - this.#batch.length;
  }

  /** Seals with another implementation of the same cipher from now on. */
  use(cipher: Cipher): void {
    this.#sealed.use(cipher);
  }

  /** Adds a plaintext of so many bytes that `fill` writes. */
  add(bytes: number, fill: (plaintext: Uint8Array) => void): void {
    const plaintext = this.#plaintext.subarray(0, bytes);
    fill(plaintext);
    const end = this.#filled + bytes + TAG_BYTES;
    this.#batch.push(this.#sealed.seal(plaintext, this.#room.subarray(this.#filled, end)));
    this.#filled = end;
  }

  /** Sends what was added since the last time; throws `LinkClosed`. */
  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length > 0) await this.#link.send(...batch);
    this.#filled = 0;
  }

  /** The next one or more plaintexts, in order; throws `LinkClosed`, or a seal error when one was spoiled on its way. */
  async receive(): Promise<readonly Uint8Array[]> {
    const messages = this.#early.length > 0 ? this.#early : await this.#link.receive();
    this.#early = [];
    // In place: what arrives is ours, and a fresh room for each message is garbage of its own, 1 MiB a frame.
    return messages.map((message) => this.#sealed.open(message, message.subarray(0, Math.max(0, message.length - TAG_BYTES))));
  }

  close(reason?: string): void {
    this.#link.close(reason);
  }
}

/** Plays the initiator's part on a fresh link; throws `LinkClosed`, `Refused` or another seal error, and closes the link then. */
export async function sealAsInitiator(link: Link, initiator: Initiator): Promise<SealedLink> {
  try {
    await sendIfOpen(link, initiator.opening());
    for (;;) {
      const messages = await link.receive();
      for (const [at, message] of messages.entries()) {
        for (const answer of initiator.receive(message)) await sendIfOpen(link, answer);
        if (initiator.sealed !== undefined) return new SealedLink(link, initiator.sealed, messages.slice(at + 1), initiator.handshakeHash);
      }
    }
  } catch (error) {
    link.close(error instanceof LinkClosed ? error.reason : "handshake");
    throw error;
  }
}

/** A responder that refuses closes at once: its reason is still to be read when our next word cannot be sent any more. */
async function sendIfOpen(link: Link, message: Uint8Array): Promise<void> {
  try {
    await link.send(message);
  } catch (error) {
    if (!(error instanceof LinkClosed)) throw error;
  }
}
