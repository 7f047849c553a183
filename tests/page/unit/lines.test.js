import assert from "node:assert/strict";
import { test } from "node:test";
import { added, EMPTY, MOST, withWords } from "../../../appliance/page/js/admin/logs/lines.js";

/** @param {number} number */
const line = (number, event = "ready") => ({
  number,
  at: number,
  level: "info",
  logger: "appliance.cli",
  event,
  fields: { stage: "stt", took: 1.5 },
  cut: false,
});

/** @param {ReturnType<typeof line>[]} data */
const told = (data, more = {}) => ({ data, next: data.at(-1)?.number ?? 0, lost: false, began_at: 7, ...more });

test("new lines stand behind the others, and nothing is missing before the first answer", () => {
  const first = added(EMPTY, told([line(8), line(9)], { lost: true }));
  const tail = added(first, told([line(10)]));
  assert.deepEqual(
    tail.lines.map((each) => [each.key, each.gap]),
    [
      ["7 8", null],
      ["7 9", null],
      ["7 10", null],
    ],
  );
  assert.deepEqual([tail.next, tail.beganAt], [10, 7]);
});

test("a gap is told at the line behind it: lines that are lost, a server that was started anew", () => {
  const first = added(EMPTY, told([line(9)]));
  assert.equal(added(first, told([line(20)], { lost: true })).lines.at(-1)?.gap, "lost");
  const anew = added(first, told([line(9)], { lost: true, began_at: 8 }));
  assert.deepEqual([anew.lines.at(-1)?.gap, anew.lines.at(-1)?.key], ["restarted", "8 9"]);
});

test("of many lines the oldest go, and without news the list is the same one", () => {
  const full = added(EMPTY, told(Array.from({ length: MOST }, (_, at) => line(at))));
  const more = added(full, told([line(MOST)]));
  assert.deepEqual([more.lines.length, more.lines[0]?.number], [MOST, 1]);
  assert.equal(added(more, told([])).lines, more.lines);
});

test("words are looked for in event, logger and fields, all of them", () => {
  const { lines } = added(EMPTY, told([line(1, "Stage ready"), line(2, "listening")]));
  const found = (/** @type {string} */ words) => withWords(lines, words).map((each) => each.number);
  assert.deepEqual(found("stage=stt READY"), [1]);
  assert.deepEqual(found("  "), [1, 2]);
  assert.deepEqual(found("took=1.5"), [1, 2]);
  assert.deepEqual(found("nowhere"), []);
});
