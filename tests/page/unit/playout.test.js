import assert from "node:assert/strict";
import { test } from "node:test";
import { Playout } from "../../../appliance/page/js/audio/playout.js";

/** @param {number} count @param {number} value */
const samples = (count, value = 16_384) => new Int16Array(count).fill(value);

/** @param {Playout} playout @param {number} blocks */
function play(playout, blocks) {
  const output = new Float32Array(blocks * 128);
  const told = [];
  for (let block = 0; block < blocks; block++) told.push(playout.fill(output.subarray(block * 128, block * 128 + 128)));
  return { output, told };
}

test("waits for forty milliseconds, then plays every sample without a gap", () => {
  const playout = new Playout();
  playout.add("a", samples(480));
  assert.ok(
    play(playout, 4).output.every((each) => each === 0),
    "too little to begin with",
  );
  playout.add("a", samples(480));
  playout.add("a", samples(1600));
  const { output, told } = play(playout, 20);
  assert.ok(output.every((each) => each === 0.5));
  assert.deepEqual(told[0], { started: "a", finished: null });
  assert.equal(playout.played, 2560);
});

test("a reply shorter than that is played as soon as it is whole", () => {
  const playout = new Playout();
  playout.add("a", samples(100));
  playout.end("a");
  const { output, told } = play(playout, 1);
  assert.equal(output.filter((each) => each === 0.5).length, 100);
  assert.deepEqual(told[0], { started: "a", finished: "a" });
});

test("after it ran dry in the middle it waits for more than before, but not the next reply", () => {
  const playout = new Playout();
  playout.add("a", samples(1024));
  play(playout, 9);
  assert.equal(playout.gaps, 1);
  playout.add("a", samples(1024));
  assert.ok(
    play(playout, 8).output.every((each) => each === 0),
    "80 ms now",
  );
  playout.add("a", samples(1024));
  assert.ok(play(playout, 16).output.every((each) => each === 0.5));
  playout.end("a");
  assert.equal(play(playout, 1).told[0]?.finished, "a");
  playout.add("b", samples(1024));
  assert.equal(play(playout, 1).told[0]?.started, "b");
});

test("what is flushed is never heard, and the next reply counts from nothing", () => {
  const playout = new Playout();
  playout.add("a", samples(4096));
  play(playout, 2);
  playout.flush();
  assert.ok(play(playout, 2).output.every((each) => each === 0));
  playout.add("b", samples(1024, -16_384));
  const { output } = play(playout, 4);
  assert.ok(output.every((each) => each === -0.5));
  assert.equal(playout.item, "b");
  assert.equal(playout.played, 512);
});

test("one reply follows another without silence between them", () => {
  const playout = new Playout();
  playout.add("a", samples(1000));
  playout.end("a");
  playout.add("b", samples(1000, -16_384));
  const { output, told } = play(playout, 15);
  assert.equal(
    output.findIndex((each) => each < 0),
    1000,
  );
  assert.deepEqual(told.flatMap(({ started, finished }) => [finished, started]).filter(Boolean), ["a", "a", "b"]);
});
