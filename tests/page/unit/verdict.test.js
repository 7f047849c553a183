import assert from "node:assert/strict";
import { test } from "node:test";
import { verdict } from "../../../appliance/page/js/admin/overview/verdict.js";

const READY = { state: "ready", detail: "ready" };
const WELL = {
  status: "ready",
  stages: { stt: READY, llm: READY },
  spoken: null,
  disks: [{ purpose: "state", total_bytes: 100, free_bytes: 50 }],
  memory: { total_bytes: 100, available_bytes: 50 },
  unseen: [],
};

/** @param {object} other */
const judged = (other) => verdict({ ...WELL, ...other });

test("a box that is ready is well, even if little of it can be looked at", () => {
  assert.deepEqual(judged({}), { mood: "well", grave: [], slight: [] });
  const blind = judged({ disks: null, memory: null, unseen: ["disks"] });
  assert.deepEqual(blind, { mood: "well", grave: [], slight: [{ what: "unseen", name: "disks" }] });
});

test("it starts while stages only start, and is unwell once one is down", () => {
  const starting = { state: "starting", detail: "loading" };
  const first = judged({ status: "not_ready", stages: { stt: READY, llm: starting } });
  assert.equal(first.mood, "starting");
  assert.deepEqual(first.grave, [{ what: "starting", name: "llm", detail: "loading" }]);
  const second = judged({ status: "not_ready", stages: { stt: { state: "down", detail: "killed" }, llm: starting } });
  assert.equal(second.mood, "unwell");
});

test("one self-test that failed is worth a word, those that keep the box from being ready are more", () => {
  const spoken = { outcome: "silent", at: 1, seconds: 30 };
  assert.deepEqual(judged({ spoken }).slight, [{ what: "spoken_once" }]);
  assert.deepEqual(judged({ spoken, status: "not_ready" }).grave, [{ what: "spoken" }]);
  assert.deepEqual(judged({ spoken: { ...spoken, outcome: "busy" } }).slight, []);
});

test("disks and memory that are almost full are told", () => {
  const full = judged({
    disks: [{ purpose: "state", total_bytes: 100, free_bytes: 4 }],
    memory: { total_bytes: 100, available_bytes: 4 },
  });
  assert.deepEqual(full.slight, [{ what: "disk", name: "state" }, { what: "memory" }]);
});
