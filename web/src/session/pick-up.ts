// One thing of the shelf that this page picks up: where it stands, and which proposal is about it.
import type { ShelfItem, TransferId } from "../protocol/messages.ts";
import type { Incoming } from "./incoming.ts";
import type { Place } from "./peer-bridge.ts";
import type { PickUpState, PickUpView } from "./pick-up-bridge.ts";
import type { Sinks } from "./sinks/port.ts";

export interface PickUp {
  readonly item: ShelfItem;
  readonly sinks: Sinks;
  readonly place: Place;
  /** `asked`: its answer is open; `promised`: its proposal is on its way; `missed`: not on the shelf, or not now, and asked for once more. */
  step: "queued" | "missed" | "asked" | "promised" | "begun" | "done" | "refused" | "stopped";
  transfer: TransferId | null;
  isPaused: boolean;
  /** Paused by nobody, until the road is none that costs; or a person has said to go on, or to wait. */
  forRelay: "waits" | "agreed" | null;
  isKept: boolean;
  /** Of an earlier page load. */
  readonly left: PickUpView["left"];
  sentence: string | null;
}

const STATES: Readonly<Record<PickUp["step"], PickUpState>> = {
  queued: "waiting", missed: "waiting", asked: "waiting", promised: "waiting", begun: "begun", done: "begun", refused: "refused", stopped: "stopped",
};

export function viewOf({ item: { item }, step, transfer, place, isPaused, isKept, left, sentence }: PickUp): PickUpView {
  const told = left === undefined ? {} : { left };
  return { item, state: STATES[step], transfer, place: place.by, isPaused, isKept, sentence, ...told };
}

/** A folder is put together while it arrives: there is no telling where it was. */
export function isOutliving({ kind }: ShelfItem): boolean {
  return kind !== "folder";
}

export function isOpen({ step }: PickUp): boolean {
  return step === "queued" || step === "missed" || step === "asked" || step === "promised" || step === "begun";
}

/** Whether a proposal is about this thing: a file by its name and size, a folder by all that is in it. */
export function isOf({ name, size, kind, count }: ShelfItem, { items }: Incoming): boolean {
  const bytes = items.reduce((sum, item) => sum + item.size, 0);
  if (bytes !== size || items.length === 0) return false;
  if (kind !== "folder") return items.length === 1 && items[0]?.name === name;
  const files = items.filter((item) => item.kind !== "folder").length;
  return (count === undefined || files === count) && items.every((item) => item.name === name || item.name.startsWith(`${name}/`));
}
