/** One conversation with one peer of a room, through carriers trusted with nothing; twin of `qrshared/remote/meeting.py`. */
// Feed what arrives, then ask for `blobsToSend`: after each `receive`, `say` and `start`, and at `nextDue`.
// `qrshared/remote/WIRE.md` says what is said.

import { Envelopes, type Hello, type Role, encodeHello, isSealed, parseHello } from "../seal/envelopes.ts";
import { SealError, SealMisused } from "../seal/errors.ts";
import { deriveKeys, sameBytes } from "../seal/keys.ts";
import { WrongValue } from "../protocol/shapes.ts";
import { CANDIDATES_MAX, type MeetingMessage, decode, encodeGot } from "./messages.ts";
import { Outbox } from "./outbox.ts";

// As in `meeting.py`, in milliseconds.
export const VERIFY_MS = 30_000;
export const HELLO_WAIT_MS = 1000;
export const HELLO_WAIT_LONGEST_MS = 8000;
export const ANSWER_APART_MS = 500;

/** `met`: both nonces are known, nobody has proved anything; `verified`: the other side knows the secret and is here. */
export type MeetingState = "alone" | "met" | "verified" | "over";

/** Every legal step. */
const NEXT: Readonly<Record<MeetingState, readonly MeetingState[]>> = {
  alone: ["met", "over"],
  met: ["verified", "over"],
  verified: ["over"],
  over: [],
};

/**
 * Why a meeting is over; there is no second one with the same peer id.
 * `no_answer`: say that the other does not answer; `spoiled` and `reflected`: that something between changed what was
 * said; `wrong`: that the two do not understand each other; `bye` needs no sentence.
 */
export type OverReason = "bye" | "no_answer" | "spoiled" | "reflected" | "wrong";

/** `heard`: said by the other side in this meeting; each message once, in order. */
export type MeetingEvent =
  | { readonly t: "met" }
  | { readonly t: "verified" }
  | { readonly t: "heard"; readonly message: MeetingMessage }
  | { readonly t: "over"; readonly reason: OverReason };

type Side = "initiator" | "responder" | "home" | "caller" | "both";

const SAID_BY: Readonly<Record<MeetingMessage["t"], Side>> = {
  call: "caller", // the initiator, towards a home
  servers: "home",
  offer: "initiator",
  answer: "responder",
  candidate: "both",
  failed: "both",
  road: "initiator",
  bye: "both",
};

/** One side. Nothing that arrives throws; it is heard, dropped and counted, or ends this meeting alone. */
export class Meeting {
  state: MeetingState = "alone";
  peerRole: Role | undefined;
  /** False until `met`. */
  isInitiator = false;
  /** Envelopes that came changed, or that this meeting's peer cannot have said. */
  spoiled = 0;
  /** The same, as the other side tells it under the seal: our words are changed on their way. */
  spoiledThere = 0;
  overReason: OverReason | undefined;
  readonly role: Role;
  readonly #secret: Uint8Array;
  readonly #nonce: Uint8Array;
  #peerNonce = new Uint8Array(0);
  #envelopes: Envelopes | undefined;
  readonly #verifyUntil: number;
  #helloDue = Number.POSITIVE_INFINITY;
  #helloWait = HELLO_WAIT_MS;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #owesHello = false;
  #owesGot = false;
  #outbox = new Outbox();
  #expected = 0;
  readonly #candidatesHeard = new Map<number, number>();
  readonly #candidatesSaid = new Map<number, number>();

  /** `secret` is the room's; `now` and all other moments in milliseconds; `nonce` is for test vectors only. */
  constructor(secret: Uint8Array, role: Role, now: number, nonce?: Uint8Array) {
    this.role = role;
    this.#secret = deriveKeys(secret).envelopes;
    this.#nonce = nonce ?? crypto.getRandomValues(new Uint8Array(32));
    this.#verifyUntil = now + VERIFY_MS;
  }

  /** A page says hello, and again until the other side has proved itself; a home waits to be asked. */
  start(now: number): void {
    if (this.role === "page" && this.state === "alone") this.#helloDue = now;
  }

  /** Feed one envelope, as it came from anywhere. */
  receive(blob: Uint8Array, now: number): MeetingEvent[] {
    if (this.state === "over") return [];
    return isSealed(blob) ? this.#receiveSealed(blob) : this.#receiveHello(blob, now);
  }

  /** Say it until it is confirmed. After `bye`, or beyond 64 candidates an attempt, nothing is said. */
  say(message: MeetingMessage, now: number): void {
    if (this.state === "over") return;
    if (message.t === "bye") {
      this.#step("over");
      this.overReason = "bye";
      if (this.#envelopes !== undefined) this.#outbox.sayLast(message, now);
      return;
    }
    if (this.state === "alone" || !this.#maySay(message, true)) {
      throw new SealMisused(`${message.t} from the wrong side of a meeting, or too early`);
    }
    if (!isOneTooMany(message, this.#candidatesSaid)) this.#outbox.say(message, now);
  }

  /** What to send now, also again. Look at `overReason` afterwards: this may have been the end. */
  blobsToSend(now: number): Uint8Array[] {
    if (this.state !== "over" && this.#isTooLate(now)) {
      this.#end(this.spoiled > 0 || this.spoiledThere > 0 ? "spoiled" : "no_answer");
    }
    const blobs: Uint8Array[] = [];
    const isHelloDue = this.#helloDue <= now;
    if (isHelloDue) {
      this.#helloDue = now + this.#helloWait;
      this.#helloWait = Math.min(this.#helloWait * 2, HELLO_WAIT_LONGEST_MS);
      this.#owesGot ||= this.isInitiator;
    }
    if (this.#owesHello || isHelloDue) {
      this.#owesHello = false;
      blobs.push(encodeHello({ role: this.role, nonce: this.#nonce, echo: this.#peerNonce }));
    }
    const envelopes = this.#envelopes;
    if (envelopes !== undefined) {
      const plaintexts = this.#outbox.due(now);
      if (this.#owesGot) plaintexts.push(encodeGot(this.#expected, this.spoiled));
      this.#owesGot = false;
      for (const plaintext of plaintexts) blobs.push(envelopes.seal(plaintext));
    }
    return blobs;
  }

  /** When `blobsToSend` must be asked at the latest if nothing else happens; undefined: never again. */
  nextDue(): number | undefined {
    if (this.state === "over") return undefined;
    const verifyUntil = this.state === "verified" ? Number.POSITIVE_INFINITY : this.#verifyUntil;
    const due = Math.min(this.#helloDue, this.#outbox.nextDue(), verifyUntil);
    return due === Number.POSITIVE_INFINITY ? undefined : due;
  }

  #receiveHello(blob: Uint8Array, now: number): MeetingEvent[] {
    let hello: Hello;
    try {
      hello = parseHello(blob);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      this.spoiled += 1;
      return [];
    }
    if (sameBytes(hello.nonce, this.#nonce)) return this.#end("reflected");
    if (this.role === "home" && hello.role === "home") return [];
    if (hello.echo.length > 0 && !sameBytes(hello.echo, this.#nonce)) {
      this.spoiled += 1;
      return [];
    }
    let events: MeetingEvent[] = [];
    if (this.state === "alone") {
      events = this.#meet(hello);
    } else if (hello.role !== this.peerRole || !sameBytes(hello.nonce, this.#peerNonce)) {
      this.spoiled += 1;
      return [];
    }
    if (now - this.#answeredAt >= ANSWER_APART_MS) {
      this.#answeredAt = now;
      this.#owesHello = hello.echo.length === 0;
      this.#owesGot ||= this.state === "verified"; // whoever still says hello has opened nothing of ours
    }
    return events;
  }

  #meet(hello: Hello): MeetingEvent[] {
    const [mine, theirs] = [this.#nonce, hello.nonce];
    this.peerRole = hello.role;
    this.#peerNonce = new Uint8Array(theirs);
    this.isInitiator = this.role === hello.role ? isSmaller(mine, theirs) : this.role === "page";
    this.#envelopes = new Envelopes(this.#secret, {
      initiator: this.isInitiator ? mine : theirs,
      responder: this.isInitiator ? theirs : mine,
      isInitiator: this.isInitiator,
    });
    this.#owesGot = this.isInitiator; // something sealed at once, so that the other side can verify us
    this.#step("met");
    return [{ t: "met" }];
  }

  #receiveSealed(blob: Uint8Array): MeetingEvent[] {
    if (this.#envelopes === undefined) return []; // it overtook its hello: both come again
    let plaintext: Uint8Array | undefined;
    try {
      plaintext = this.#envelopes.open(blob);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      this.spoiled += 1;
      // Whoever said it should know; told ever more rarely, or a flood of nonsense would make us chatter.
      this.#owesGot ||= this.state === "verified" && Number.isInteger(Math.log2(this.spoiled));
      return [];
    }
    if (plaintext === undefined) return [];
    const events: MeetingEvent[] = [];
    if (this.state === "met") {
      this.#step("verified");
      this.#helloDue = Number.POSITIVE_INFINITY;
      // A responder answers the first proof; the initiator's is answered by then.
      this.#owesGot ||= !this.isInitiator;
      events.push({ t: "verified" });
    }
    try {
      return [...events, ...this.#hear(plaintext)];
    } catch (error) {
      if (!(error instanceof WrongValue)) throw error;
      return [...events, ...this.#end("wrong")];
    }
  }

  #hear(plaintext: Uint8Array): MeetingEvent[] {
    const said = decode(plaintext);
    if (said.t === "got") {
      if (!this.#outbox.confirm(said.through)) throw new WrongValue("confirms what was never said");
      this.spoiledThere = Math.max(this.spoiledThere, said.spoiled);
      return [];
    }
    this.#owesGot = true;
    if (said.n !== this.#expected) return [];
    this.#expected += 1;
    const { message } = said;
    if (message === undefined || isOneTooMany(message, this.#candidatesHeard)) return [];
    if (!this.#maySay(message, false)) throw new WrongValue("from the wrong side");
    return [{ t: "heard", message }, ...(message.t === "bye" ? this.#end("bye") : [])];
  }

  #maySay(message: MeetingMessage, mine: boolean): boolean {
    const [speaker, listener] = mine ? [this.role, this.peerRole] : [this.peerRole, this.role];
    const isInitiator = this.isInitiator === mine;
    switch (SAID_BY[message.t]) {
      case "initiator":
        return isInitiator;
      case "responder":
        return !isInitiator;
      case "home":
        return speaker === "home";
      case "caller":
        return isInitiator && listener === "home";
      case "both":
        return true;
    }
  }

  #isTooLate(now: number): boolean {
    return (this.state !== "verified" && now >= this.#verifyUntil) || this.#outbox.isGivenUp(now);
  }

  #end(reason: OverReason): MeetingEvent[] {
    this.#step("over");
    this.overReason = reason;
    this.#outbox = new Outbox();
    return [{ t: "over", reason }];
  }

  #step(state: MeetingState): void {
    if (!NEXT[this.state].includes(state)) throw new SealMisused(`a meeting that went from ${this.state} to ${state}`);
    this.state = state;
    if (state === "over") {
      this.#helloDue = Number.POSITIVE_INFINITY;
      this.#owesHello = false;
      this.#owesGot = false;
    }
  }
}

/** Bytewise, as both sides compare. */
function isSmaller(left: Uint8Array, right: Uint8Array): boolean {
  for (const [index, byte] of left.entries()) {
    const other = right[index] ?? 0;
    if (byte !== other) return byte < other;
  }
  return false;
}

/** Counts a candidate; the ones beyond the bound say nothing that the first did not. */
function isOneTooMany(message: MeetingMessage, counted: Map<number, number>): boolean {
  if (message.t !== "candidate" || message.candidate === "") return false;
  const count = (counted.get(message.attempt) ?? 0) + 1;
  counted.set(message.attempt, count);
  return count > CANDIDATES_MAX;
}
