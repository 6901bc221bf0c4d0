// What an outbox needs of the page it works for, and of the session that carries what it says.
import type { Chunk, Message, TransferId } from "../protocol/messages.ts";
import type { Update } from "./bridge.ts";
import type { Clock } from "./clock.ts";
import type { Digest } from "./proof.ts";
import type { Hasher } from "./taking.ts";

/** What an outbox needs of the world. */
export interface OutboxPorts {
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly tell: (update: Update) => void;
  readonly digest: () => Promise<Digest>;
  /** Much is about to be sent. */
  readonly onBulk: () => void;
  /** Transfers of earlier page loads whose items may be among those that come. */
  readonly continues: readonly TransferId[];
  /** The other side is a computer that says at once, and asks nobody, whether there is room by now. */
  readonly isAskedForRoom?: boolean;
  /** For what the other side may have already; without it nothing is compared. */
  readonly hasher?: () => Hasher;
}

/** The session as the outbox sees it. */
export interface Wire {
  post(...messages: readonly Exclude<Message, Chunk>[]): void;
  chunksReady(): void;
}
