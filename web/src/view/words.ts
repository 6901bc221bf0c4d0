// Every sentence the page can say about what happened: what it was, and what to do now.
import type { LinkView } from "../session/bridge.ts";
import type { AwayFault } from "../session/roads.ts";
import type { LineState, Reason, RoadInUse, WallHint } from "../protocol/messages.ts";
import { size } from "./numbers.ts";

/** What a computer is called before its name is known. */
export const UNNAMED = "this computer";

/** The same on a page from elsewhere, which nobody opens beside the computer itself. */
export const UNNAMED_ELSEWHERE = "your computer";

/** For a sentence that begins with the computer: its name as it is, "This computer" while it has none. */
export function first(computer: string): string {
  if (computer === UNNAMED) return "This computer";
  return computer === UNNAMED_ELSEWHERE ? "Your computer" : computer;
}

const REASONS: Readonly<Record<Reason, (computer: string) => string>> = {
  no_space: (computer) => `${first(computer)} has no room for it. Free some space there: then it goes on by itself, or retry.`,
  inbox_unwritable: (computer) => `${first(computer)} is not allowed to write into its folder. Look at it there, then retry.`,
  inbox_gone: (computer) => `The folder on ${computer} is missing, perhaps a drive is unplugged. Retry when it is back.`,
  disk_error: (computer) => `The disk of ${computer} reported an error. What is safe stays safe; check that disk, then retry.`,
  name_refused: (computer) => `${first(computer)} cannot store a file with this name. Rename it, then choose it again.`,
  source_changed: () => "It changed while it was being sent. Choose it again.",
  source_unreadable: () => "It could not be read here. If it is in a cloud, open it once so that it downloads, then choose it again.",
  too_many_items: () => "More than 100,000 files at once are too many. Send them in parts.",
  manifest_too_large: () => "The list of names is too long. Send the files in parts.",
  not_allowed: () => "This code does not allow that. Ask for another code.",
  allowance: () => "Guests have sent all they may send today. Ask the owner, or try again tomorrow.",
  protocol: (computer) => `This page and ${computer} misunderstood each other. Reload the page, then try again.`,
  short: () => "Not all of it arrived. Retry.",
  declined: (computer) => `${first(computer)} did not take it.`,
  unknown_transfer: (computer) => `${first(computer)} does not know about it any more. Retry.`,
  busy: (computer) => `${first(computer)} is busy. Retry in a minute.`,
  not_found: () => "It is not there any more.",
  unsupported: (computer) => `${first(computer)} cannot do that yet. Update it, then retry.`,
  bad_setting: () => "That value cannot be used.",
  another_tab: () => "It is already running in another tab.",
  revoked: () => "The owner has removed this browser. Scan the code again, or ask.",
  expired: () => "This browser was not here for a while. Scan the code again.",
  restarting: (computer) => `${first(computer)} is restarting. It goes on by itself.`,
  idle: () => "Nothing was heard for a while. It goes on by itself.",
  version: () => "This page is older than the program. Reload the page.",
  done: () => "It is finished.",
};

/** To a guest, while files come in from the owner's own devices alone. */
export function onlyOwn(computer: string): Sentence {
  return { title: `${first(computer)} takes files only from its owner’s devices.`, more: "Its owner can trust this device." };
}

/** Why something was not sent. Whose code does not let it send is offered no way to: what is not allowed here is a guest. */
export function unsentSentence(reason: Reason, computer: string): string {
  if (reason !== "not_allowed") return reasonSentence(reason, computer);
  const { title, more } = onlyOwn(computer);
  return `${title} ${more}`;
}

export function reasonSentence(reason: Reason, computer: string): string {
  return REASONS[reason](computer);
}

/** Why a whole batch was not taken; `needed` and `free` in bytes. */
export function declinedSentence(reason: Reason, needed: number | null, free: number | null, computer: string): string {
  if (reason === "no_space" && free !== null) {
    const left = `${first(computer)} has only ${size(free)} left`;
    return needed === null ? `${left}, that is not enough.` : `${left}, this needs ${size(needed)}.`;
  }
  return unsentSentence(reason, computer);
}

/** A state in two breaths: what it is, and what to do or expect. */
export interface Sentence {
  readonly title: string;
  readonly more: string;
}

type Refusal = Extract<LinkView, { state: "refused" }>["reason"];

const REFUSALS: Readonly<Record<Refusal, (computer: string) => Sentence>> = {
  unknown_key: () => ({ title: "This code is too old.", more: "Scan the new one: the code on the screen changes every few minutes." }),
  expired: () => ({ title: "Scan once more.", more: "This browser was not here for a while, so its access has ended." }),
  revoked: () => ({ title: "Access has ended.", more: "The owner has removed this browser. Scan the code again, or ask." }),
  wrong_road: () => ({ title: "This code works at home only.", more: "Join the same Wi-Fi as the computer, then scan again." }),
  version: () => ({ title: "Reload this page.", more: "The program was updated, and this page is still the old one." }),
  busy: (computer) => ({ title: `${first(computer)} is busy.`, more: "Too many are connected at once. Reload the page in a minute." }),
  handshake: (computer) => ({ title: "No private connection.", more: `What answered did not prove to be ${computer}. Scan the code on its screen again.` }),
};

/** Reloading helps where the page or the moment was wrong, never where the code is. */
export function isWorthReloading(reason: Refusal): boolean {
  return reason === "version" || reason === "busy" || reason === "handshake";
}

export function refusal(reason: Refusal, computer: string): Sentence {
  return REFUSALS[reason](computer);
}

/** What the daemon notes of an address, in plain words; the first note that is found decides. */
const ADDRESSES: readonly (readonly [note: RegExp, words: string])[] = [
  [/tunnel/, "a VPN, out of reach for phones at home"],
  [/virtual|without a physical port/, "for programs inside this computer"],
  [/link down/, "not plugged in or switched off"],
  [/self-assigned/, "no router has given it an address"],
  [/carrier or overlay/, "of a provider or a VPN"],
  [/public address/, "visible from the internet"],
  [/default (gateway|route)/, "on the way to your router"],
];

export function addressWords(notes: string): string {
  return ADDRESSES.find(([note]) => note.test(notes))?.[1] ?? "on a network at home";
}

/** What to do where another tab of the same browser is already at it. */
export const ELSEWHERE = "Close the other tab, or use this one: then it goes on here.";

/** Why the computer was not reached from another network, and what to try. */
const AWAY_FAULTS: Readonly<Record<AwayFault, (computer: string) => Sentence>> = {
  no_edge: () => ({ title: "The meeting point does not answer.", more: "Is this device on the internet? If it is, the meeting point may be down for the moment." }),
  // A room says nothing about codes: who was here before knows its computer, who comes by a code may hold a dead one.
  nobody: (computer) => computer === UNNAMED_ELSEWHERE
    ? { title: "Nobody answers this code.", more: "It was used, or it is too old: ask for a fresh one. Or the computer is off, or not connected to the meeting point." }
    : { title: `${first(computer)} cannot be reached right now.`, more: "It is off, or not connected to the meeting point." },
  silent: (computer) => ({ title: `${first(computer)} does not answer.`, more: "It is connected to the meeting point and says nothing. It may be busy, or just going to sleep." }),
  no_way: (computer) => ({ title: `No way to ${computer} from this network.`, more: `The two networks keep each other out. Try your home Wi-Fi or another network; a relay set up on ${computer} would help everywhere.` }),
  spoiled: () => ({ title: "Something on the way changed what was said.", more: "Nothing was sent. Try another network; if it stays like this, do not trust this meeting point." }),
  busy: (computer) => ({ title: `${first(computer)} is busy.`, more: "Too many are connected at once." }),
  version: () => ({ title: "Reload this page.", more: "The page and the program are not of the same version." }),
};

export function awayFault(fault: AwayFault, computer: string): Sentence {
  return AWAY_FAULTS[fault](computer);
}

/** How it stands with the meeting point, for the owner. */
export const EDGE_WORDS: Readonly<Record<LineState, string>> = {
  connected: "connected",
  connecting: "connecting…",
  failed: "not connected",
};

/** How the bytes go, beside the computer's name. */
export function roadWords(road: RoadInUse): string {
  return { home: "on your Wi-Fi, encrypted", direct: "straight there, encrypted", relay: "through your relay, encrypted" }[road];
}

/** In a sentence that ends with it: "12 MB/s over your Wi-Fi". */
export function overRoad(road: RoadInUse | null): string {
  return { home: "over your Wi-Fi", direct: "straight there", relay: "through your relay" }[road ?? "home"];
}

const ROADS: Readonly<Record<RoadInUse, (computer: string) => Sentence>> = {
  home: (computer) => ({ title: "Straight across your Wi-Fi", more: `What you send goes from this device to ${computer} and nowhere else. Nothing goes to the internet, and there is no account.` }),
  direct: (computer) => ({ title: `Straight to ${computer}`, more: `A meeting point introduced the two; what you send goes from this device to ${computer} and past everybody else. There is no account.` }),
  relay: (computer) => ({ title: "Through your relay, still encrypted", more: `The two networks keep each other out, so what you send goes through the relay that the owner of ${computer} has set up. It passes noise along and cannot read it.` }),
};

/** Where the page came from: a computer at home, over its own network, or a meeting point on the internet. */
export type Origin = "home" | "meeting point";

const HONESTLY: Readonly<Record<Origin, Sentence>> = {
  home: { title: "What it cannot promise", more: "This page itself came over your Wi-Fi unprotected. Somebody who actively changes what your Wi-Fi carries could alter this page. On a network you do not trust, do not send secrets." },
  "meeting point": { title: "What it cannot promise", more: "This page itself came from the meeting point. It sees that you and your computer meet, and when; it never sees a file or a name. Whoever runs it could alter this page, so use one that you or somebody you trust runs." },
};

/** The trust sheet, in the order a person asks. `words` are there only where nobody on the way can alter the page itself. */
export function trustSheet(computer: string, words: string | null, road: RoadInUse = "home", origin: Origin = "home"): readonly Sentence[] {
  return [
    ROADS[road](computer),
    { title: "Nobody listening can read it", more: `It is encrypted on the way. Somebody who listens ${road === "home" ? "on the Wi-Fi" : "anywhere between"} sees that something is sent, not what.` },
    { title: "Safe means safe", more: `A file is called safe when it lies whole on the disk of ${computer}, checked. If the connection breaks, it goes on where it stopped.` },
    ...(origin === "home" ? [{ title: "Guests can only send", more: "The code changes every few minutes. Whoever scans it can send files, and cannot see, take or delete anything." }] : []),
    ...(words === null ? [] : [{ title: "Compare with the computer if you like", more: `Your words are: ${words}. Where ${computer} shows the same four, nobody stands between.` }]),
    ...(words === null || origin !== "home" ? [HONESTLY[origin]] : []),
  ];
}

/** What a wall says where no phone has ever arrived. */
export const WALL_HINTS: Readonly<Record<WallHint, string>> = {
  unreached: "Scanned, and nothing opens? The phone must be on this same Wi‑Fi, not on mobile data and not on a guest network, which keeps devices apart; if it is, the owner’s page knows what else to look at.",
  opened: "A phone opened the page but did not get through: reload it there, and if that does not help, switch off its VPN or leave a guest network that keeps devices apart.",
};
