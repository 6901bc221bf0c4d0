/** What peers tell each other in sealed envelopes until they have a link; twin of `qrshared/remote/messages.py`. */

import { list, object, optional, tagged, text, whole, word } from "../protocol/shapes.ts";
import { type Shape, WrongValue } from "../protocol/shapes.ts";

// Bounds as in `qrshared/remote/messages.py`, which says why.
export const SDP_CHARACTERS_MAX = 32 * 1024;
export const CANDIDATE_CHARACTERS_MAX = 1024;
export const CANDIDATES_MAX = 64;
export const SERVERS_MAX = 8;
export const ATTEMPTS_MAX = 64;
export const URL_CHARACTERS_MAX = 512;
export const MID_CHARACTERS_MAX = 64;

export const FAIL_REASONS = ["busy", "offer", "candidate", "ice", "servers"] as const;
export type FailReason = (typeof FAIL_REASONS)[number];

/** Where one STUN or TURN server is, and what it wants to hear; an `RTCIceServer`. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** I want a link: give me what I need for it. */
export interface Call {
  readonly t: "call";
  readonly attempt: number;
}

/** What a link needs. */
export interface Servers {
  readonly t: "servers";
  readonly attempt: number;
  readonly servers: readonly IceServer[];
}

/** The initiator's half of a peer connection. */
export interface Offer {
  readonly t: "offer";
  readonly attempt: number;
  readonly sdp: string;
}

/** The responder's half. */
export interface Answer {
  readonly t: "answer";
  readonly attempt: number;
  readonly sdp: string;
}

/** Where I may be reached as well; an empty one: that was all. */
export interface Candidate {
  readonly t: "candidate";
  readonly attempt: number;
  readonly candidate: string;
  readonly mid?: string;
  readonly line?: number;
}

/** This attempt will not become a link. */
export interface Failed {
  readonly t: "failed";
  readonly attempt: number;
  readonly reason: FailReason;
}

/** How the link really goes, as the initiator's statistics say. */
export interface RoadUsed {
  readonly t: "road";
  readonly attempt: number;
  readonly road: "direct" | "relay";
}

/** I am done here. */
export interface Bye {
  readonly t: "bye";
}

export type MeetingMessage = Call | Servers | Offer | Answer | Candidate | Failed | RoadUsed | Bye;

/** One reliable message in its place; without a message: a later version's, which is confirmed and not heard. */
export interface Said {
  readonly t: "said";
  readonly n: number;
  readonly message: MeetingMessage | undefined;
}

/** Everything before `through` has arrived; `spoiled` envelopes came changed. */
export interface Got {
  readonly t: "got";
  readonly through: number;
  readonly spoiled: number;
}

const URL = /^(?:stun|turn)s?:[!-~]+$/;
const address: Shape<string> = {
  read(value) {
    const found = text(URL_CHARACTERS_MAX).read(value);
    // RTCPeerConnection throws for others, and would give up the whole connection.
    if (!URL.test(found)) throw new WrongValue("is no server's address");
    return found;
  },
  write: (value) => value,
};

const attempt = whole(ATTEMPTS_MAX);
const sdp = text(SDP_CHARACTERS_MAX);
const servers = object<IceServer>({
  urls: list(address, SERVERS_MAX, 1),
  username: optional(text(URL_CHARACTERS_MAX)),
  credential: optional(text(URL_CHARACTERS_MAX)),
});

const message = tagged<MeetingMessage>({
  call: object<Omit<Call, "t">>({ attempt }),
  servers: object<Omit<Servers, "t">>({
    attempt,
    servers: list(servers, SERVERS_MAX),
  }),
  offer: object<Omit<Offer, "t">>({ attempt, sdp }),
  answer: object<Omit<Answer, "t">>({ attempt, sdp }),
  candidate: object<Omit<Candidate, "t">>({
    attempt,
    candidate: text(CANDIDATE_CHARACTERS_MAX),
    mid: optional(text(MID_CHARACTERS_MAX)),
    line: optional(whole(65_535)),
  }),
  failed: object<Omit<Failed, "t">>({ attempt, reason: word(FAIL_REASONS) }),
  road: object<Omit<RoadUsed, "t">>({ attempt, road: word(["direct", "relay"] as const) }),
  bye: object<Omit<Bye, "t">>({}),
});

const TAGS: ReadonlySet<unknown> = new Set<MeetingMessage["t"]>([
  "call", "servers", "offer", "answer", "candidate", "failed", "road", "bye",
]);
const place = whole();
const toUtf8 = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** JSON of one reliable message; throws WrongValue for one beyond the bounds, which is our own fault. */
export function encodeSaid(n: number, said: MeetingMessage): Uint8Array {
  const written = message.write(said) as object;
  message.read(written);
  return toUtf8.encode(JSON.stringify({ n, ...written }));
}

/** JSON of a confirmation; it has no place of its own. */
export function encodeGot(through: number, spoiled: number): Uint8Array {
  return toUtf8.encode(JSON.stringify({ t: "got", through, ...(spoiled > 0 ? { spoiled } : {}) }));
}

/** Reads what was in an envelope; throws WrongValue. */
export function decode(plaintext: Uint8Array): Said | Got {
  const json = parse(plaintext);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new WrongValue("not an object");
  const { t, n, through, spoiled = 0 } = json as { readonly [name: string]: unknown };
  if (typeof t !== "string") throw new WrongValue("no t");
  if (t === "got") return { t, through: place.read(through), spoiled: place.read(spoiled) };
  return { t: "said", n: place.read(n), message: TAGS.has(t) ? message.read(json) : undefined };
}

function parse(plaintext: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(plaintext)) as unknown;
  } catch {
    throw new WrongValue("not JSON");
  }
}
