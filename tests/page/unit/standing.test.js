// How a document stands, and which files are sent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { standing, unfinished, worthATry, wrongSize } from "../../../appliance/page/js/admin/knowledge/standing.js";

const member = (/** @type {object} */ more) => ({
  id: "file_1",
  created_at: 7,
  usage_bytes: 9,
  status: "in_progress",
  last_error: null,
  ...more,
});

test("a document waits until passages of it are there, and is unfinished so long", () => {
  const waiting = standing(member({}), { filename: "a.md", passages: 0 });
  assert.deepEqual([waiting.state, waiting.name, waiting.bytes, waiting.added], ["waiting", "a.md", 9, 7]);
  const reading = standing(member({}), { filename: "a.md", passages: 4 });
  assert.equal(reading.state, "reading");
  const ready = standing(member({ status: "completed" }), { filename: "a.md", passages: 9 });
  assert.equal(ready.state, "ready");
  assert.deepEqual([unfinished([ready, waiting]), unfinished([ready]), unfinished([])], [true, false, false]);
});

test("one that failed says why, and one whose name is not known yet has its id", () => {
  const failed = standing(member({ status: "failed", last_error: { message: "The PDF is damaged." } }), undefined);
  assert.deepEqual([failed.state, failed.why, failed.name], ["failed", "The PDF is damaged.", "file_1"]);
});

test("files that are empty or too large are not sent", () => {
  assert.deepEqual([wrongSize(0, 10), wrongSize(10, 10), wrongSize(11, 10)], ["empty_file", "", "large"]);
});

test("what is wrong with a file is not tried again, what is wrong with the box is", () => {
  const of = (/** @type {number} */ status, code = "") => worthATry({ status, code });
  assert.deepEqual(
    [of(400), of(413), of(0, "large"), of(503), of(429), of(0, "unreachable")],
    [false, false, false, true, true, true],
  );
});
