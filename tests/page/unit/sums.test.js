import assert from "node:assert/strict";
import { test } from "node:test";
import { days, nothing, sum, sumsBy } from "../../../appliance/page/js/admin/usage/sums.js";

/** @param {string} day @param {string} user @param {string} key_id @param {number} requests */
const used = (day, user, key_id, requests) => ({ ...nothing(), day, user, key_id, requests, input_tokens: 10 });

const ROWS = [
  used("2026-11-27", "ann", "k1", 3),
  used("2026-11-27", "ben", "k2", 5),
  used("2026-11-25", "ann", "k3", 4),
];

test("rows are added up by user and by key, most first, and by day, newest first", () => {
  const told = (/** @type {"day" | "user" | "key_id"} */ by) =>
    sumsBy(ROWS, by).map((each) => [each.name, each.amount.requests]);
  assert.deepEqual(told("user"), [
    ["ann", 7],
    ["ben", 5],
  ]);
  assert.deepEqual(told("key_id"), [
    ["k2", 5],
    ["k3", 4],
    ["k1", 3],
  ]);
  assert.deepEqual(told("day"), [
    ["2026-11-27", 8],
    ["2026-11-25", 4],
  ]);
  assert.equal(sum(ROWS).input_tokens, 30);
});

test("a day on which nothing was used is there too", () => {
  assert.deepEqual(
    days(ROWS, 4, new Date("2026-11-27T23:59:59Z")).map((each) => [each.name, each.amount.requests]),
    [
      ["2026-11-24", 0],
      ["2026-11-25", 4],
      ["2026-11-26", 0],
      ["2026-11-27", 8],
    ],
  );
});
