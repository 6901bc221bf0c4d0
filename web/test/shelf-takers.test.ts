// Who picked up what, in the words of the owner page.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PickUpFacts } from "../src/protocol/messages.ts";
import { OFFER_STATES } from "../src/protocol/vocabulary.ts";
import { takerWords } from "../src/view/shelf-takers.ts";
import { plain, play } from "./support/view-play.ts";

const NOW_MS = 1_800_000_000_000;
const TAKER: PickUpFacts = { item: "ab".repeat(16), device: "Pixel 8", state: "moving", bytes: 4e6, bytes_done: 1e6 };

test("a browser that has all of it was handed it; only a proof of a disk is called safe", () => {
  const handed = takerWords({ ...TAKER, state: "handed_over", at_ms: NOW_MS - 300_000 }, NOW_MS);
  assert.equal(plain(handed), "handed to Pixel 8, 5 minutes ago");
  const said = OFFER_STATES.map((state) => takerWords({ ...TAKER, state }, NOW_MS));
  assert.deepEqual(said.filter((words) => words.includes("safe")), ["safe on Pixel 8"]);
  assert.ok(said.every((words) => words.includes("Pixel 8")));
  assert.equal(plain(takerWords(TAKER, NOW_MS)), "Pixel 8: 1 MB of 4 MB");
});

test("a name that would turn the line around or break it is shown as text", () => {
  assert.doesNotMatch(takerWords({ ...TAKER, device: "a\u202eb\nc" }, NOW_MS), /[\u202e\n]/);
});

test("the page keeps what it is told last", () => {
  const state = play({ t: "news", facts: { t: "pick_up_list", pick_ups: [TAKER] } }, { t: "news", facts: { t: "pick_up_list", pick_ups: [] } });
  assert.deepEqual(state.pickUps?.pick_ups, []);
});
