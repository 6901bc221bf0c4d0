// Small things go before big ones, and alike ones as they were chosen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeClass, smallFirst } from "../src/session/small-first.ts";

const CLASSES: readonly (readonly [bytes: number, found: number])[] = [
  [0, 0], [65_535, 0], [65_536, 1], [1_048_575, 1], [1_048_576, 2], [16_777_215, 2], [16_777_216, 3], [2 ** 32, 5], [2 ** 53 - 1, 10],
];

test("each class is sixteen times larger, as at the computer", () => {
  assert.deepEqual(CLASSES.map(([bytes]) => sizeClass(bytes)), CLASSES.map(([, found]) => found));
});

test("alike ones keep their order, and what was handed in stays as it was", () => {
  const things = [["film", 2 ** 31], ["b.jpg", 3e6], ["a.jpg", 4e6], ["note", 10], ["empty", 0]] as const;
  assert.deepEqual(smallFirst(things, ([, bytes]) => bytes).map(([name]) => name), ["note", "empty", "b.jpg", "a.jpg", "film"]);
  assert.equal(things[0][0], "film");
});
