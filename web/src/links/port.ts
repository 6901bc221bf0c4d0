// The port every link adapter implements: send a batch, receive a batch, close.

/** One link message; Noise's limit and aiortc's alike. */
export const MESSAGE_BYTES_MAX = 65_535;

/** Messages one call moves, because one WebSocket message carries that many. */
export const BATCH_MESSAGES_MAX = 16;

/**
 * The connection ended. The reason is what a link itself can know (`done`, `going_away`, `malformed`, `not_binary`,
 * `too_big`, `refused`, `slow`, `lost`) or the short text the other side closed with.
 */
export class LinkClosed extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(`the connection ended (${reason})`);
    this.name = "LinkClosed";
    this.reason = reason;
  }
}

/** Ordered messages to one peer. One loop sends, one receives; any may close. */
export interface Link {
  /**
   * Sends up to `BATCH_MESSAGES_MAX` messages in order and waits while the peer is slow; throws `LinkClosed`.
   * Once it has resolved the caller may write over the messages' bytes.
   */
  send(...messages: readonly Uint8Array[]): Promise<void>;

  /** The next one or more messages, in order; throws `LinkClosed`. */
  receive(): Promise<readonly Uint8Array[]>;

  /** Ends the link and tells the peer why; the second call does nothing. Messages already sent still arrive. */
  close(reason?: string): void;
}
