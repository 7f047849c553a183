import assert from "node:assert/strict";
import { test } from "node:test";
import { Unsettled } from "../../../appliance/page/js/live/unsettled.js";

/** @param {Unsettled} unsettled @param {number} from @param {number} to */
function hear(unsettled, from, to, told = true) {
  for (let number = from; number < to; number++) unsettled.add(String(number), told);
}

test("of silence a second is kept", () => {
  const unsettled = new Unsettled();
  hear(unsettled, 0, 500);
  assert.equal(unsettled.pieces.length, 50);
  assert.equal(unsettled.pieces[0], "450");
});

test("a turn is kept whole until it is written down, and what follows it longer", () => {
  const unsettled = new Unsettled();
  hear(unsettled, 0, 100);
  unsettled.started();
  hear(unsettled, 100, 600);
  unsettled.committed();
  hear(unsettled, 600, 620);
  assert.equal(unsettled.pieces.length, 570);
  unsettled.settled();
  assert.deepEqual(
    unsettled.pieces,
    Array.from({ length: 20 }, (_, number) => String(600 + number)),
  );
});

test("of what the box does not hear all is kept: it may be speech", () => {
  const unsettled = new Unsettled();
  hear(unsettled, 0, 500, false);
  assert.equal(unsettled.pieces.length, 500);
});

test("what is said after a turn was ended here is not taken for a part of it", () => {
  const unsettled = new Unsettled();
  unsettled.started();
  hear(unsettled, 0, 30);
  unsettled.end();
  unsettled.started();
  hear(unsettled, 30, 50);
  unsettled.committed();
  unsettled.settled();
  assert.deepEqual(
    unsettled.pieces,
    Array.from({ length: 20 }, (_, number) => String(30 + number)),
  );
  assert.equal(unsettled.speaking, true);
});

test("a minute is the most", () => {
  const unsettled = new Unsettled();
  unsettled.started();
  hear(unsettled, 0, 5000);
  assert.equal(unsettled.pieces.length, 3000);
  assert.equal(unsettled.pieces.at(-1), "4999");
});
