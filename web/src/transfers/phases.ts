// Where a transfer stands at either end, and the tables of what is heard in each phase.
import type { TransferMessage } from "../protocol/messages.ts";

type Tag = TransferMessage["t"];

/** Where an outgoing transfer stands; `detached`: no link, or not proposed on it yet. */
export type SenderPhase = "detached" | "proposed" | "open" | "over";

/** Where an incoming transfer stands; `closing`: ended as a whole, but some items are still being placed. */
export type ReceiverPhase = "new" | "proposing" | "proposed" | "open" | "detached" | "closing" | "over";

export const SENDER_HEARS: Readonly<Record<SenderPhase, readonly Tag[]>> = {
  detached: [],
  proposed: ["defer", "accept", "hold", "decline", "cancel", "fail"],
  open: ["hold", "taken", "safe", "receipt", "rewind", "cancel", "fail"],
  over: [],
};

export const RECEIVER_HEARS: Readonly<Record<ReceiverPhase, readonly Tag[]>> = {
  new: ["propose"],
  proposing: ["propose", "cancel", "fail"],
  proposed: ["cancel", "fail"],
  open: ["chunk", "proof", "hold", "finish", "cancel", "fail"],
  detached: ["propose", "cancel", "fail"],
  closing: [],
  over: [],
};

/**
 * Phases that refuse what they do not hear, because the peer should know better; the others drain it, because it may
 * have been under way (`WIRE.md` 3.2: messages about a transfer that is over are ignored).
 */
export const REFUSES_THE_REST: ReadonlySet<SenderPhase | ReceiverPhase> = new Set(["proposing", "proposed", "open"]);
