// A session between devices without a computer at home: its secret is in the code that the second one scans, and in this tab.
import { fromBase64url, toBase64url } from "../base64url.ts";
import { asSecret, secretFromFragment, ticketFragment } from "../seal/index.ts";
import type { Met } from "../session/acquaintances.ts";
import { leaveFor } from "./leaving.ts";

const KEPT = "qrshared/1 session";
const SECRET_BYTES = 16;

export interface MeetingSession {
  readonly secret: Uint8Array;
  /** What the code says. */
  readonly url: string;
  /** This device came by the code of another. */
  readonly isGuest: boolean;
  /** The address held something that is no code: perhaps a link of which a part got lost. */
  readonly isDamaged: boolean;
  /** Whom this tab met in it before it was loaded anew: they know it again. */
  readonly met: readonly Met[];
}

interface Kept {
  readonly fragment: string;
  readonly isGuest: boolean;
  /** Names and keys, in base64url. */
  readonly met: readonly (readonly [string, string])[];
}

/**
 * Codes of computers lead to `/p`; a session's leads to the bare address, so that nobody looks there for a computer first.
 * After a reload the tab remembers which it was.
 */
export function isSession(): boolean {
  return location.pathname === "/" && (asSecret(location.hash) !== null || kept() !== null);
}

/** The session of the code in the address, of this tab, or a new one. */
export function meetingSession(): MeetingSession {
  const earlier = kept();
  const given = location.pathname === "/" && asSecret(location.hash) !== null ? { fragment: location.hash.slice(1), isGuest: true } : null;
  const isDamaged = given === null && location.pathname === "/" && location.hash.length > 1;
  const { fragment, isGuest } = given ?? earlier ?? { fragment: freshFragment(), isGuest: false };
  const met = earlier?.fragment === fragment ? earlier.met : [];
  keep({ fragment, isGuest, met });
  if (given !== null || isDamaged) history.replaceState(history.state, "", location.pathname); // it is a secret: not for the history
  return { secret: secretFromFragment(fragment), url: `${location.origin}/#${fragment}`, isGuest, isDamaged, met: met.flatMap(metOf) };
}

/** For the next load of this tab. */
export function keepMet(met: readonly Met[]): void {
  const session = kept();
  if (session !== null) keep({ ...session, met: met.map(({ name, key }) => [name, toBase64url(key)]) });
}

function metOf([name, spelled]: readonly [string, string]): readonly Met[] {
  const key = fromBase64url(spelled);
  return key === null ? [] : [{ name, key }];
}

/** Another one, with nobody in it yet: whoever has the code of an earlier one meets nobody here any more. */
export function beginSession(): void {
  keep({ fragment: freshFragment(), isGuest: false, met: [] }); // also where a computer is known: the bare address would lead to it
  leaveFor("/");
}

/** What is loaded next is no session. */
export function endSession(): void {
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // Without storage there is nothing that a reload would bring back.
  }
}

function freshFragment(): string {
  return ticketFragment(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
}

function kept(): Kept | null {
  try {
    const read: unknown = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (typeof read !== "object" || read === null || !("fragment" in read) || !("isGuest" in read)) return null;
    const { fragment, isGuest } = read;
    const met = "met" in read && Array.isArray(read.met) ? read.met.filter(isPair) : [];
    return typeof fragment === "string" && asSecret(fragment) !== null ? { fragment, isGuest: isGuest === true, met } : null;
  } catch {
    return null;
  }
}

function isPair(value: unknown): value is readonly [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === "string");
}

function keep(session: Kept): void {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(session));
  } catch {
    // A reload then begins a new session.
  }
}
