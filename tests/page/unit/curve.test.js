import assert from "node:assert/strict";
import { test } from "node:test";
import { curve, roundUp } from "../../../appliance/page/js/admin/overview/curve.js";

test("a scale ends at a round number that is not below", () => {
  assert.deepEqual([0, 0.7, 1, 3, 51, 1000, 1001].map(roundUp), [1, 1, 1, 5, 100, 1000, 2000]);
});

test("a line breaks where nothing was, and a bucket alone is a dot", () => {
  const size = { width: 100, height: 10 };
  assert.equal(curve([0, 10, null, 5, null], 10, size), "M10 10L30 0M70 5h0");
  assert.equal(curve([null, null], 10, size), "");
  assert.equal(curve([20], 10, size), "M50 0h0", "what is above the scale stays in the picture");
});
