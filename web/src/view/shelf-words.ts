// What the page says about one thing of the shelf.
import type { ShelfItem } from "../protocol/messages.ts";
import type { Place } from "../session/peer-bridge.ts";
import { leaf, visible } from "./names.ts";
import { ago, count, counted, duration, percent, size, until } from "./numbers.ts";
import type { Note } from "./peer-words.ts";
import type { Standing } from "./shelf-store.ts";
import { reasonSentence } from "./words.ts";

const WHERE: Readonly<Record<Place["by"], string>> = {
  file: "saved where you chose", folder: "saved in the folder you chose", download: "saved in your downloads", memory: "saved in your downloads",
};

/** Not worth a word of warning: it comes again in a moment. */
const FLEETING_BYTES = 5_000_000;

/** Files that are named where some did not come. */
const NAMED_MAX = 3;

/** `3 files, 12 MB`, or the size of the one. */
export function measures({ kind, size: bytes, count }: ShelfItem): string {
  return kind === "folder" && count !== undefined ? `${counted(count, "file")}, ${size(bytes)}` : size(bytes);
}

/** To its owner. Only what a command offers ends by itself; of the rest nobody knows for how long it has lain there. */
export function waitsWords({ expires_ms, modified_ms }: ShelfItem, nowMs: number): string {
  return expires_ms === undefined ? `changed ${ago(modified_ms, nowMs)}` : `offered by a command, until ${until(expires_ms, nowMs)}`;
}

/** What becomes of the files that the owner takes back. */
export function takeBackNote(items: readonly ShelfItem[]): string {
  const offered = items.filter((item) => item.expires_ms !== undefined).length;
  if (items.length === 0) return "";
  if (offered === 0) return "What you take back moves into the inbox.";
  const stays = "What a command offers stays where it is on this computer";
  return offered === items.length ? `${stays} when you take it back.` : `What you take back moves into the inbox. ${stays}.`;
}

/** How a plain download of this device goes or ended, which only the computer knows; null where nothing is known. */
export function takenWords({ taken, taken_ms, taken_bytes, size: bytes }: ShelfItem, nowMs: number): Note | null {
  const when = taken_ms === undefined ? "" : `, ${ago(taken_ms, nowMs)}`;
  if (taken === "done" || taken === "handed_over") return { text: `your browser has all of it${when}: look in its downloads`, tone: "go" };
  if (taken === "moving") return { text: "your browser downloads it, not encrypted", tone: "wait" };
  if (taken === "waiting") return { text: `stopped at ${size(taken_bytes ?? 0)} of ${size(bytes)}${when}. Save it again.`, tone: "stop" };
  return taken === "failed" ? { text: `a part of it did not come${when}. Save it again.`, tone: "stop" } : null;
}

/** `isZipped`: in this browser a folder comes as one file. */
export function shelfNote(item: ShelfItem, { state, incoming, place, bytesDone, isFleeting, reason, sentence }: Standing, computer: string, isZipped = false): Note {
  const part = `${percent(bytesDone, item.size)} %`;
  switch (state) {
    case "waits":
      return { text: `${measures(item)}${item.kind === "folder" && isZipped ? ", as one ZIP file" : ""}${item.to === undefined ? "" : ", for this device alone"}`, tone: "quiet" };
    case "queued":
      return { text: `${measures(item)}, waiting for its turn`, tone: "quiet" };
    case "moving": {
      const left = incoming?.total.leftS;
      return { text: `${size(bytesDone)} of ${size(item.size)}${left == null ? "" : `, ${duration(left)} left`}${isFleeting && item.size > FLEETING_BYTES ? ". If you close this page, it begins anew" : ""}`, tone: "quiet" };
    }
    case "paused":
      return { text: `paused at ${part}`, tone: "wait" };
    case "cut":
      return { text: `the connection was lost at ${part}, it goes on by itself`, tone: "wait" };
    case "arrived":
      return { text: `it is here${missing(incoming)}: save it before you close this page`, tone: "wait" };
    case "saved":
      return { text: `${measures(item)}, ${WHERE[place ?? "memory"]}`, tone: "go" };
    case "partly": {
      const all = incoming?.view.items ?? 0;
      const done = incoming?.view.done ?? 0;
      return { text: `${done} of ${counted(all, "file")} saved${missing(incoming)}. ${failure(reason, computer)}`, tone: "stop" };
    }
    case "failed":
      return { text: sentence || failure(reason, computer), tone: "stop" };
  }
}

/** What of it did not come, by name. */
function missing(incoming: Standing["incoming"]): string {
  const names = [...(incoming?.rows.values() ?? [])].filter(({ state }) => state === "failed").map(({ name }) => `“${visible(leaf(name))}”`);
  if (names.length === 0) return "";
  const more = names.length - NAMED_MAX;
  return `, without ${names.slice(0, NAMED_MAX).join(", ")}${more > 0 ? ` and ${count(more)} more` : ""}`;
}

/** Here the receiver is this browser: what it lacks is not the computer's fault. */
function failure(reason: Standing["reason"], computer: string): string {
  switch (reason) {
    case "no_space":
      return "This browser has no room for it. Save what has arrived first, then try again.";
    case "inbox_unwritable":
    case "inbox_gone":
      return "This browser may not write there. Save it again in another place.";
    case "disk_error":
      return "It could not be written here. Is there room on this device? Then save it again.";
    case "declined":
      return "The download was stopped in your browser.";
    case "source_changed":
      return `It changed on ${computer} while it was coming. Save it again.`;
    case "source_unreadable":
      return `${computer} cannot read it at the moment.`;
    case null:
      return "It did not arrive. Save it again.";
    default:
      return reasonSentence(reason, computer);
  }
}
