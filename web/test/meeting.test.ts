// Meetings: what Python recorded, played on both sides; and a hostile carrier.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { WrongValue } from "../src/protocol/shapes.ts";
import type { Role } from "../src/seal/envelopes.ts";
import { SealMisused } from "../src/seal/errors.ts";
import { Meeting, type MeetingEvent } from "../src/signaling/meeting.ts";
import {
  ATTEMPTS_MAX, CANDIDATES_MAX, CANDIDATE_CHARACTERS_MAX, type MeetingMessage, SDP_CHARACTERS_MAX, SERVERS_MAX,
  decode, encodeGot, encodeSaid,
} from "../src/signaling/messages.ts";
import { UNCONFIRMED_MAX } from "../src/signaling/outbox.ts";

type Step = { readonly who: number; readonly at: number } & (
  | { readonly do: "start" }
  | { readonly do: "say"; readonly message: MeetingMessage }
  | { readonly do: "receive"; readonly blob: string; readonly events: readonly MeetingEvent[] }
  | {
      readonly do: "ask";
      readonly blobs: readonly string[];
      readonly next_due: number | null;
      readonly state: string;
      readonly over: string | null;
      readonly spoiled: readonly [number, number];
    }
);
interface Vectors {
  readonly meetings: readonly {
    readonly name: string;
    readonly secret: string;
    readonly peers: readonly { readonly role: Role; readonly nonce: string }[];
    readonly steps: readonly Step[];
  }[];
  readonly messages: {
    readonly valid: readonly string[];
    readonly same: readonly (readonly [string, string])[];
    readonly unknown: readonly string[];
    readonly wrong: readonly string[];
  };
}
const vectors = JSON.parse(readFileSync(new URL("../../tests/vectors/meetings.json", import.meta.url), "utf8")) as Vectors;
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Does one step; what came out, in the words of the vectors. */
function play(meeting: Meeting, step: Step): object {
  switch (step.do) {
    case "start":
      meeting.start(step.at);
      return {};
    case "say":
      meeting.say(step.message, step.at);
      return {};
    case "receive":
      return { events: meeting.receive(bytes(step.blob), step.at) };
    case "ask": {
      const blobs = meeting.blobsToSend(step.at).map(hex);
      const due = meeting.nextDue();
      return {
        blobs,
        next_due: due === undefined ? null : Math.round(due),
        state: meeting.state,
        over: meeting.overReason ?? null,
        spoiled: [meeting.spoiled, meeting.spoiledThere],
      };
    }
  }
}

for (const { name, secret, peers, steps } of vectors.meetings) {
  test(`a recorded meeting goes as it went: ${name}`, () => {
    const meetings = peers.map(({ role, nonce }) => new Meeting(bytes(secret), role, 0, bytes(nonce)));
    for (const [place, step] of steps.entries()) {
      const meeting = meetings[step.who];
      assert.ok(meeting);
      assert.deepEqual({ ...step, ...play(meeting, step) }, step, `step ${place}`);
    }
    assert.ok(steps.length > 5);
  });
}

test("messages go there and back, and what is not in the table is refused", () => {
  const spell = (text: string): string => {
    const said = decode(utf8(text));
    if (said.t === "got") return Buffer.from(encodeGot(said.through, said.spoiled)).toString();
    assert.ok(said.message);
    return Buffer.from(encodeSaid(said.n, said.message)).toString();
  };
  for (const text of vectors.messages.valid) assert.equal(spell(text), text);
  for (const [text, spelt] of vectors.messages.same) assert.equal(spell(text), spelt);
  for (const text of vectors.messages.unknown) assert.deepEqual(decode(utf8(text)), { t: "said", n: 3, message: undefined });
  for (const text of vectors.messages.wrong) assert.throws(() => decode(utf8(text)), WrongValue, text);
  assert.throws(() => decode(Uint8Array.of(0xff)), WrongValue);
});

test("to say more than the bounds is our own fault", () => {
  const server = { urls: ["turn:x"] };
  const messages: readonly (readonly [MeetingMessage, MeetingMessage])[] = [
    [{ t: "call", attempt: ATTEMPTS_MAX }, { t: "call", attempt: ATTEMPTS_MAX + 1 }],
    [
      { t: "offer", attempt: 1, sdp: "s".repeat(SDP_CHARACTERS_MAX) },
      { t: "offer", attempt: 1, sdp: "s".repeat(SDP_CHARACTERS_MAX + 1) },
    ],
    [
      { t: "candidate", attempt: 1, candidate: "c".repeat(CANDIDATE_CHARACTERS_MAX) },
      { t: "candidate", attempt: 1, candidate: "c".repeat(CANDIDATE_CHARACTERS_MAX + 1) },
    ],
    [
      { t: "servers", attempt: 1, servers: Array.from({ length: SERVERS_MAX }, () => server) },
      { t: "servers", attempt: 1, servers: Array.from({ length: SERVERS_MAX + 1 }, () => server) },
    ],
  ];
  for (const [good, beyond] of messages) {
    assert.deepEqual(decode(encodeSaid(0, good)), { t: "said", n: 0, message: good });
    assert.throws(() => encodeSaid(0, beyond), WrongValue);
  }
});

const SECRET = new Uint8Array(16).fill(7);
type Change = (blob: Uint8Array, who: number) => readonly Uint8Array[];

/** Lets two meetings talk until both are silent; what each heard. */
function exchange(meetings: readonly [Meeting, Meeting], now: number, change: Change = (blob) => [blob]): MeetingEvent[][] {
  const events: MeetingEvent[][] = [[], []];
  for (let round = 0; round < 100; round += 1) {
    const said = meetings.map((meeting) => meeting.blobsToSend(now));
    if (said.every((blobs) => blobs.length === 0)) return events;
    for (const [who, blobs] of said.entries()) {
      for (const blob of blobs.flatMap((each) => change(each, who))) {
        events[1 - who]?.push(...(meetings[1 - who]?.receive(blob, now) ?? []));
      }
    }
  }
  throw new Error("they never come to rest");
}

function met(other: Role = "home"): [Meeting, Meeting] {
  const meetings: [Meeting, Meeting] = [new Meeting(SECRET, "page", 0), new Meeting(SECRET, other, 0)];
  for (const meeting of meetings) meeting.start(0);
  exchange(meetings, 0);
  assert.deepEqual(meetings.map(({ state }) => state), ["verified", "verified"]);
  return meetings;
}

test("two pages agree who initiates, whatever their nonces are", () => {
  for (let round = 0; round < 20; round += 1) {
    const [one, two] = met("page");
    assert.notEqual(one.isInitiator, two.isInitiator);
  }
});

test("nobody says what the other side says", () => {
  const [page, home] = met();
  assert.throws(() => page.say({ t: "answer", attempt: 1, sdp: "" }, 0), SealMisused);
  assert.throws(() => home.say({ t: "offer", attempt: 1, sdp: "" }, 0), SealMisused);
  assert.throws(() => new Meeting(SECRET, "page", 0).say({ t: "call", attempt: 1 }, 0), SealMisused);
});

test("an earlier meeting's recording says nothing in this one; with the same nonces it would", () => {
  const record = (nonces: readonly [Uint8Array, Uint8Array] | undefined): [Uint8Array[], [Meeting, Meeting]] => {
    const meetings: [Meeting, Meeting] = [new Meeting(SECRET, "page", 0, nonces?.[0]), new Meeting(SECRET, "home", 0, nonces?.[1])];
    const recording: Uint8Array[] = [];
    const keep: Change = (blob, who) => {
      if (who === 0) recording.push(blob);
      return [blob];
    };
    meetings[0].start(0);
    exchange(meetings, 0, keep);
    meetings[0].say({ t: "offer", attempt: 1, sdp: "earlier" }, 0);
    exchange(meetings, 0, keep);
    return [recording, meetings];
  };
  const heardBy = (home: Meeting, recording: readonly Uint8Array[]): MeetingEvent[] =>
    recording.flatMap((blob) => home.receive(blob, 0)).filter(({ t }) => t === "heard");

  const [recording] = record(undefined);
  assert.deepEqual(heardBy(new Meeting(SECRET, "home", 0), recording), []);
  const nonces = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
  assert.equal(heardBy(new Meeting(SECRET, "home", 0, nonces[1]), record(nonces)[0]).length, 1);
});

test("changed, doubled, swapped or sent back: only what was said is heard, once and in order", () => {
  const flip: Change = (blob) => [Uint8Array.from(blob, (byte, at) => (at === blob.length - 1 ? byte ^ 1 : byte))];
  const changes: readonly Change[] = [
    flip,
    (blob) => [blob.subarray(0, -1)],
    (blob) => [blob, blob, ...flip(blob, 0)],
    () => [],
    (blob) => [...flip(blob, 0), blob],
  ];
  for (const change of changes) {
    const [page, home] = met();
    const events: MeetingEvent[] = [];
    for (let attempt = 1; attempt <= 3; attempt += 1) page.say({ t: "call", attempt }, 1000);
    for (let at = 1000; at < 5000; at += 100) {
      events.push(...(exchange([page, home], at, at < 2500 ? change : undefined)[1] ?? []));
    }
    assert.deepEqual(events, [1, 2, 3].map((attempt) => ({ t: "heard", message: { t: "call", attempt } })));
  }
});

test("whoever speaks in vain is told whether somebody is between", () => {
  const spoil: Change = (blob, who) => (who === 0 ? [Uint8Array.from(blob, (byte, at) => (at > 20 ? byte ^ 1 : byte))] : [blob]);
  for (const [change, reason] of [[spoil, "spoiled"], [(): Uint8Array[] => [], "no_answer"]] as const) {
    const [page, home] = met();
    page.say({ t: "call", attempt: 1 }, 0);
    for (let at = 0; at < 31_000; at += 500) exchange([page, home], at, change);
    assert.equal(page.overReason, reason);
    assert.equal(page.nextDue(), undefined);
  }
});

test("candidates beyond the bound are not said, and much said in vain is a fault", () => {
  const [page, home] = met();
  for (let number = 0; number < CANDIDATES_MAX + 5; number += 1) page.say({ t: "candidate", attempt: 1, candidate: "c" }, 0);
  page.say({ t: "candidate", attempt: 1, candidate: "" }, 0);
  assert.equal(exchange([page, home], 0)[1]?.length, CANDIDATES_MAX + 1);
  for (let number = 0; number < UNCONFIRMED_MAX; number += 1) page.say({ t: "call", attempt: 1 }, 0);
  assert.throws(() => page.say({ t: "call", attempt: 1 }, 0), SealMisused);
});
