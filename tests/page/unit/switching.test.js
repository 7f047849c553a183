// How far the change of sets is, also while the box cannot be asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { switching } from "../../../appliance/page/js/admin/models/switching.js";

const asked = { to: "large", seen: 3 };
/** @type {{state: "done", from: string, to: string, why: string}} */
const before = { state: "done", from: "large", to: "starter", why: "" };

test("nothing was asked for, nothing is told", () => {
  assert.equal(switching({ asked: null, seen: 3, told: null, away: true }), null);
});

test("an answer from before the question does not count", () => {
  const change = switching({ asked, seen: 3, told: before, away: true });
  assert.deepEqual([change?.state, change?.to, change?.away], ["switching", "large", true]);
});

test("the box says how it went", () => {
  const failed = switching({
    asked,
    seen: 4,
    told: { state: "failed", from: "starter", to: "large", why: "no room" },
    away: false,
  });
  assert.deepEqual([failed?.state, failed?.from, failed?.why], ["failed", "starter", "no room"]);
  assert.equal(switching({ asked: null, seen: 1, told: before, away: false })?.state, "done");
});

test("a box that knows of no change was started again", () => {
  assert.equal(switching({ asked, seen: 4, told: null, away: false })?.state, "restarted");
});
