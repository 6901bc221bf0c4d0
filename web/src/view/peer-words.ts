// What the page says about another device: one note for what goes there, one for what comes from it.
import type { Incoming, Peer, Sent } from "./peer-store.ts";
import { counted, duration, percent, size } from "./numbers.ts";
import { visible } from "./names.ts";
import { reasonSentence } from "./words.ts";

export type Tone = "quiet" | "go" | "wait" | "stop";

export interface Note {
  readonly text: string;
  readonly tone: Tone;
}

/** A name another device chose, inside a sentence: it turns nothing around it (Unicode UAX #9, isolates). */
export function isolated(name: string): string {
  return `\u2068${visible(name)}\u2069`;
}

const note = (text: string, tone: Tone = "quiet"): Note => ({ text, tone });

/** What stands under the device's name. */
export function sendNote(peer: Peer | null): Note {
  if (peer === null) return note("tap to send files");
  const { view, sent } = peer;
  const name = isolated(view.name);
  const { total } = sent;
  if (total.items === 0 || total.state === "idle") return restNote(peer, name);
  if (total.state === "done") return doneNote(sent, name);
  switch (view.link.state) {
    case "meeting":
      return note(`connecting to ${name}…`);
    case "away":
      return note(`the connection to ${name} was lost, looking for it again…`, "wait");
    case "failed":
      return note(view.link.sentence, "stop");
    case "open":
      return movingNote(peer, name);
  }
}

function restNote({ view, sent }: Peer, name: string): Note {
  if (sent.declined !== null) return note(`${name} did not take it`, "stop");
  switch (view.link.state) {
    case "meeting":
      return note("connecting…");
    case "failed":
      return note(view.link.sentence, "stop");
    case "open":
    case "away":
      return note("tap to send files");
  }
}

function movingNote({ view, sent: { total } }: Peer, name: string): Note {
  if (view.relay.question === "asked") return note(`this goes through your relay (${size(view.relay.bytes)}). Send now, or wait for the same Wi-Fi?`, "wait");
  if (view.relay.question === "waits") return note("waits until both are on the same Wi-Fi", "wait");
  if (view.unanswered > 0 && total.bytesDone === 0) return note(`waiting for ${name} to accept`, "wait");
  const left = total.leftS === null ? "" : `, ${duration(total.leftS)} left`;
  return note(`${counted(total.items - total.done - total.failed, "file")} on the way, ${percent(total.bytesDone, total.bytes)} %${left}`);
}

function doneNote({ rows, total, declined }: Sent, name: string): Note {
  const failed = [...rows.values()].find(({ state }) => state === "failed");
  if (declined === "declined") return note(`${name} did not take it`, "stop");
  if (failed === undefined) return note(`${counted(total.done, "file")} handed over to ${name}`, "go");
  const done = total.done > 0 ? `${counted(total.done, "file")} handed over, ` : "";
  return note(`${done}${counted(total.failed, "file")} not: ${failureOf(failed.reason ?? "declined", name)}`, "stop");
}

function failureOf(reason: Parameters<typeof reasonSentence>[0], name: string): string {
  return reason === "no_space" ? `the browser there has no room for so much at once` : reasonSentence(reason, name);
}

/** The question, in a title and a line. */
export function question(name: string, { view }: Pick<Incoming, "view">): string {
  return `${isolated(name)} wants to send you ${counted(view.items, "file")} (${size(view.bytes)})`;
}

/** Browsers ask before a page may download several files; who said no, or nothing, may not know what that has to do with it. */
function hintOf(rows: Incoming["rows"]): string {
  const isRefused = [...rows.values()].some(({ state, reason }) => state === "failed" && reason === "declined");
  return isRefused ? " Your browser did not take them: allow this page several downloads, then ask for them again." : "";
}

/** How an accepted transfer stands. */
export function incomingNote({ view, rows, total, place }: Incoming, isLinked: boolean, unsaved: number): Note {
  switch (view.state) {
    case "asked":
      return note(`wants to send you ${counted(view.items, "file")}`, "wait");
    case "declined":
      return note("declined");
    case "cancelled":
      return note("cancelled, nothing of it was kept");
    case "failed":
      return note(view.reason === null ? "it did not arrive" : reasonSentence(view.reason, "the other device"), "stop");
    case "receiving": {
      if (!isLinked) return note(`the connection was lost at ${percent(total.bytesDone, total.bytes)} %, it goes on by itself`, "wait");
      const left = total.leftS === null ? "" : `, ${duration(total.leftS)} left`;
      return note(`receiving ${counted(view.items, "file")}, ${percent(total.bytesDone, total.bytes)} %${left}`);
    }
    case "done": {
      const lost = view.failed > 0 ? ` ${counted(view.failed, "file")} did not come.${place === "download" ? hintOf(rows) : ""}` : "";
      if (view.done === 0) return note(`nothing arrived.${lost}`, "stop");
      if (unsaved > 0) return note(`${counted(view.done, "file")} arrived. Save ${view.done === 1 ? "it" : "them"} before you close this page.${lost}`, "wait");
      if (place === "memory") return note(`${counted(view.done, "file")} saved.${lost}`, "go");
      const where = place === "download" ? "in your downloads" : place === "folder" ? "in the folder you chose" : "where you chose";
      return note(`${counted(view.done, "file")} saved ${where}.${lost}`, view.failed > 0 ? "stop" : "go");
    }
  }
}
