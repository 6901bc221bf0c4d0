// What the page says of roads: which one is in use, why none is, and what it asks before much goes through a relay.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kind } from "../src/protocol/messages.ts";
import type { LinkView, Update } from "../src/session/bridge.ts";
import type { AwayFault } from "../src/session/roads.ts";
import { edgePage, mayBeOffered } from "../src/view/away-offer.ts";
import { headline } from "../src/view/headline.ts";
import { type Place, routeOf } from "../src/view/route.ts";
import { fold, phaseOf, roadOf } from "../src/view/store.ts";
import { awayFault, trustSheet, UNNAMED_ELSEWHERE } from "../src/view/words.ts";
import { LAPTOP, OPEN, START, item, items, link, plain, play, total } from "./support/view-play.ts";

const RELAYED: LinkView = { ...OPEN, road: "relay" };

test("a question about the relay comes before what moves, and goes when it is answered", () => {
  const held = [link({ ...RELAYED }), items(item(0, "waiting", { size: 6e9 })), total("paused", 1, { bytes: 6e9 })];
  const ask = (question: "none" | "asked" | "waits"): Update => ({ t: "relay", question, bytes: 6e9 });
  const asked = play(...held, ask("asked"));
  assert.equal(phaseOf(asked), "asked");
  assert.equal(plain(headline(asked, LAPTOP, 0).title), "This goes through your relay (6 GB).");
  assert.match(headline(asked, LAPTOP, 0).more, /^Send now, or wait for home Wi-Fi\?/);
  assert.equal(phaseOf(fold(asked, link({ state: "lost", retryInS: 1 }), START)), "asked", "a cut takes no question back");
  const waits = fold(asked, ask("waits"), START);
  assert.deepEqual([phaseOf(waits), headline(waits, LAPTOP, 0).title], ["held", "Waiting for home Wi-Fi."]);
  assert.equal(phaseOf(fold(fold(waits, ask("none"), START), total("sending", 1, { rate: 5 }), START)), "sending");
});

test("where nobody answers a code, the code is named first: a page that knows no computer cannot know better", () => {
  const said = awayFault("nobody", UNNAMED_ELSEWHERE);
  assert.deepEqual([said.title, /fresh one/.test(said.more), /fresh one/.test(awayFault("nobody", "STUDY-PC").more)], ["Nobody answers this code.", true, false]);
});

test("each way of not reaching the computer from elsewhere is a sentence with what to do, in plain words", () => {
  const faults: readonly AwayFault[] = ["no_edge", "nobody", "silent", "no_way", "spoiled", "busy", "version"];
  const said = faults.map((fault) => headline(play(link(OPEN), link({ state: "lost", retryInS: 4, fault })), LAPTOP, 0));
  assert.equal(new Set(said.map(({ title }) => title)).size, faults.length);
  for (const { title, more } of said) assert.doesNotMatch(`${title} ${more}`, /edge|TURN|ICE|ticket|undefined/);
  assert.deepEqual([said[1]?.title, plain(said[1]?.more ?? "")], ["STUDY-PC cannot be reached right now.", "It is off, or not connected to the meeting point. Trying again in 4 s."]);
  const stalled = play(link(OPEN), total("sending", 1, { bytesSafe: 2e9 }), link({ state: "lost", retryInS: 0, fault: "nobody" }));
  assert.match(headline(stalled, LAPTOP, 0).more, /2.GB are already safe/);
});

test("how it goes is said in plain words on every road", () => {
  const sheets = (["home", "direct", "relay"] as const).flatMap((road) => (["home", "meeting point"] as const).flatMap((origin) => trustSheet("STUDY-PC", null, road, origin)));
  for (const { title, more } of sheets) assert.doesNotMatch(`${title} ${more}`, /\bedge\b|TURN|\bticket/);
  assert.equal(trustSheet("STUDY-PC", null, "direct")[0]?.title, "Straight to STUDY-PC");
  assert.equal(trustSheet("STUDY-PC", null, "relay")[0]?.title, "Through your relay, still encrypted");
  assert.match(trustSheet("STUDY-PC", null, "direct", "meeting point").at(-1)?.more ?? "", /could alter this page/);
  assert.match(trustSheet("STUDY-PC", "coral lamp seven tulip", "direct", "meeting point").map(({ more }) => more).join(" "), /could alter this page/, "four equal words do not mend a page that lies");
  const moving = play(link(RELAYED), total("sending", 1, { rate: 2e6, leftS: 9 }));
  assert.match(headline(moving, LAPTOP, 0).more, /through your relay/);
  assert.deepEqual([roadOf(play(link(RELAYED))), roadOf(play(link({ state: "lost", retryInS: 1 })))], ["relay", null]);
});

test("the other page is offered to a trusted phone at home, and to nobody else", () => {
  const away = { edge: "https://meet.example", relay_ask_bytes: 1 };
  const trusted = { rights: ["send", "pick_up"], trust: "trusted", device: "ab".repeat(16), away };
  const here = { place: "home", leave: null } as const;
  assert.equal(mayBeOffered(trusted, here), true);
  assert.equal(mayBeOffered({ ...trusted, trust: "guest" }, here), false);
  assert.equal(mayBeOffered({ ...trusted, rights: ["send"] }, here), false);
  const { away: _, ...noEdge } = trusted;
  assert.equal(mayBeOffered(noEdge, here), false);
  assert.equal(mayBeOffered(trusted, { ...here, place: "edge" }), false);
  assert.equal(mayBeOffered(trusted, { ...here, leave: () => undefined }), false);
});

test("only a meeting point's page with its code is opened, whatever address the computer gives", () => {
  const code = `#1${"Ab-_".repeat(5)}AA`;
  const edge = "https://meet.example";
  for (const url of [`https://meet.example/p${code}`, `https://meet.example:8443/p${code}`, `http://127.0.0.1:8080/p${code}`, `http://[::1]:8080/p${code}`, `http://localhost/p${code}`]) {
    assert.equal(edgePage(url, edge), url);
  }
  assert.equal(edgePage(`http://192.168.1.9:8080/p${code}`, "http://192.168.1.9:8080"), `http://192.168.1.9:8080/p${code}`);
  const odd = [
    "", "javascript:alert(1)", `javascript:alert(1)//p${code}`, `data:text/html,x/p${code}`, `http://meet.example/p${code}`, `http://127.0.0.1.evil.example/p${code}`, `https://me:x@meet.example/p${code}`,
    `https://meet.example/p?x${code}`, `https://meet.example/owner${code}`, `https://meet.example/p/x${code}`, "https://meet.example/p", "https://meet.example/p#1short", `https://meet.example/p#2${code.slice(2)}`, `/p${code}`, `//evil.example/p${code}`, `blob:https://meet.example/p${code}`,
  ];
  for (const url of odd) assert.equal(edgePage(url, edge), null, url);
  assert.equal(edgePage(`http://192.168.1.9/p${code}`, undefined), null);
});

test("the bare address is a wall, and the phone page on a phone; a meeting point has the phone page for who is known, and neither wall nor owner", () => {
  const at = (path: string, kind: Kind, place: Place = "home", isKnown = false): string => routeOf(path, { device: { kind }, place, isKnown });
  assert.deepEqual([at("/", "laptop"), at("/", "tablet"), at("/", "phone")], ["wall", "wall", "phone"]);
  assert.deepEqual([at("/p", "laptop"), at("/p/", "laptop"), at("/owner", "phone")], ["phone", "phone", "owner"]);
  assert.deepEqual(["/", "/p", "/owner"].map((path) => at(path, "laptop", "edge", true)), ["phone", "phone", "phone"]);
  assert.deepEqual(["/", "/p", "/owner"].map((path) => at(path, "phone", "edge")), ["meet", "meet", "meet"]);
});
