import assert from "node:assert/strict";
import { test } from "node:test";
import { lit, pieces } from "../../../appliance/page/js/live/captions.js";

const CLAUSES = [
  [
    { text: "**Hi**", start_ms: 0, end_ms: 300 },
    { text: " there.", start_ms: 300, end_ms: 700 },
  ],
  [{ text: "You.", start_ms: 800, end_ms: 1000 }],
];

test("the pieces together are the text, whatever stands between the words", () => {
  const text = "**Hi** there.\n\nYou. And more";
  const all = pieces(text, CLAUSES);
  assert.equal(all.map((each) => each.text).join(""), text);
  assert.deepEqual(
    all.filter((each) => each.start !== null).map((each) => each.text),
    ["**Hi**", "there.", "You."],
  );
});

test("a word lights up when it begins, and what is between with the one before it", () => {
  const all = pieces("**Hi** there.\n\nYou. And more", CLAUSES);
  const shown = (/** @type {number} */ ms) =>
    all
      .slice(0, lit(all, ms))
      .map((each) => each.text)
      .join("");
  assert.equal(shown(-1), "");
  assert.equal(shown(0), "**Hi**");
  assert.equal(shown(299), "**Hi**");
  assert.equal(shown(750), "**Hi** there.");
  assert.equal(shown(5000), "**Hi** there.\n\nYou.");
});

test("a clause that is not known yet is no word, and words that are not in the text are left out", () => {
  assert.deepEqual(pieces("Hi", [undefined, [{ text: "no", start_ms: 0, end_ms: 9 }]]), [
    { text: "Hi", start: null, end: null },
  ]);
  assert.deepEqual(pieces("", []), []);
});
