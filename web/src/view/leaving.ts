// Going from this page to another one of the same address: a person is asked before anything changes, and once.
import { confirm } from "./dialogs.ts";
import type { WorkerLine } from "./line.ts";
import { holdsUnsaved, unsavedOf } from "./received.ts";

/** Whether a computer's page may be left: what it still sends or holds is named. */
export async function mayLeave({ state, peers, shelf }: WorkerLine): Promise<boolean> {
  const ends = [
    ...(state.total.state === "sending" || state.total.state === "paused" ? ["What is not sent yet stops. Choose it again when you are back: what has arrived is not sent twice."] : []),
    ...(holdsUnsaved(peers) || shelf.holdsUnsaved((incoming) => unsavedOf(incoming).length > 0) ? ["What this page receives stops, and what is not saved is gone."] : []),
  ];
  return ends.length === 0 || confirm({ title: "Leave this page?", text: ends.join(" "), yes: "Leave it", no: "Stay here", isGrave: true });
}

let isAgreed = false;

/**
 * After a person has agreed. The browser's own question would come too late: its "Stay" brings back the page and not what is
 * stored by then, so that a reload would lead elsewhere.
 */
export function leaveFor(path: string): void {
  isAgreed = true;
  addEventListener("pageshow", () => (isAgreed = false), { once: true }); // the way back takes the page up as it was
  location.assign(path);
}

/** Lets the browser ask before the page goes, unless somebody has agreed here already. */
export function askAtUnload(event: BeforeUnloadEvent): void {
  if (!isAgreed) event.preventDefault();
}
