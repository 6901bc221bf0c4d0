// What picking up from the shelf needs of the page around it, and of the session in use.
import type { Chunk, Message, RoadInUse } from "../protocol/messages.ts";
import type { Clock } from "./clock.ts";
import type { PickUpNews } from "./pick-up-bridge.ts";
import type { Digest } from "./proof.ts";
import type { Home, Parts } from "./sinks/parts.ts";
import type { Places } from "./sinks/places.ts";
import type { Hasher } from "./taking.ts";

export interface PickUpsPorts {
  readonly clock: Clock;
  readonly hasher: () => Hasher;
  readonly places: Places;
  /** Without these two nothing outlives the page. */
  readonly parts?: Parts;
  readonly digest?: () => Promise<Digest>;
  readonly tell: (news: PickUpNews) => void;
}

/** The session as it is used here. */
export interface PickUpsLine {
  readonly computer: string;
  /** Whose this is; null: nobody who could come back for something. */
  readonly home: Home | null;
  /** Null while it is not known; then `on` tells. */
  readonly road: RoadInUse | null;
  /** More than this does not go on by itself through a relay. */
  readonly asksAbove: number;
  readonly post: (...messages: readonly Exclude<Message, Chunk>[]) => void;
  /** Much is about to come. */
  readonly hurry: () => void;
}
