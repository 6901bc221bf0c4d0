// The look's promises, read from the style sheets themselves: contrast in both schemes, and what the policy forbids.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const VIEW = new URL("../src/view/", import.meta.url);
const tokens = readFileSync(new URL("tokens.css", VIEW), "utf8");

type Scheme = 0 | 1;

function role(name: string, scheme: Scheme): string {
  const [, light, dark] = new RegExp(`--${name}: var\\(--light, (#[0-9a-f]{6})\\) var\\(--dark, (#[0-9a-f]{6})\\)`).exec(tokens) ?? [];
  const colour = scheme === 0 ? light : dark;
  assert.ok(colour, `--${name} has a colour for both schemes`);
  return colour;
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** WCAG 2.2, 1.4.3. */
function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const PAIRS: readonly (readonly [ink: string, grounds: readonly string[]])[] = [
  ["ink", ["ground", "card", "sunk", "wash", "wait-wash"]],
  ["quiet", ["ground", "card", "sunk"]],
  ["go", ["ground", "card", "wash"]],
  ["wait", ["ground", "card", "wait-wash"]],
  ["stop", ["ground", "card"]],
  ["on-go", ["go", "go-deep"]],
  ["on-alarm", ["stop", "wait"]],
  ["ground", ["ink"]],
  ["go-turned", ["ink"]],
  ["stop-turned", ["ink"]],
];

test("every text role keeps 4.5 to 1 on every ground it stands on, in both schemes", () => {
  for (const [ink, grounds] of PAIRS) {
    for (const ground of grounds) {
      for (const scheme of [0, 1] as const) {
        const ratio = contrast(role(ink, scheme), role(ground, scheme));
        assert.ok(ratio >= 4.5, `--${ink} on --${ground} in ${scheme === 0 ? "light" : "dark"} is only ${ratio.toFixed(2)}`);
      }
    }
  }
  assert.ok(contrast("#a0a6ab", "#ffffff") < 4.5, "the rule can fail");
});

test("the figures beside the roles are the ones that are true", () => {
  for (const name of ["ink", "quiet", "go", "wait", "stop"]) {
    const said = new RegExp(`--${name}: [^/]*/\\*[^*]*?(\\d+\\.\\d) (\\d+\\.\\d) / (\\d+\\.\\d) (\\d+\\.\\d)`).exec(tokens)?.slice(1).map(Number);
    const true_ = ([0, 1] as const).flatMap((scheme) => ["ground", "card"].map((ground) => contrast(role(name, scheme), role(ground, scheme))));
    assert.deepEqual(said, true_.map((ratio) => Number(ratio.toFixed(1))), name);
  }
});

test("colours live in the tokens, and no element carries a style attribute", () => {
  for (const name of readdirSync(VIEW)) {
    const text = readFileSync(new URL(name, VIEW), "utf8");
    if (name.endsWith(".css") && name !== "tokens.css") {
      const colours = text.match(/#[0-9a-f]{3,8}\b/gi) ?? [];
      assert.deepEqual(colours.filter((colour) => colour !== "#fff" && colour !== "#15191b" && colour !== "#files" && !/^#f$/.test(colour)), [], name);
    }
    if (name.endsWith(".ts")) assert.doesNotMatch(text, /\sstyle=|styleMap|innerHTML|unsafeHTML/, name);
  }
});
