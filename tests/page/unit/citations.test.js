// A quote is found in its passage.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parted } from "../../../appliance/page/js/talk/quoted.js";

test("a quote is found whatever white space it has, and where something is left out around it", () => {
  assert.deepEqual(parted("One. Two (a\nb) is 1.5 bar. Three.", "… Two (a b) is 1.5 bar. …"), [
    "One. ",
    "Two (a\nb) is 1.5 bar.",
    " Three.",
  ]);
  assert.deepEqual(parted("One.", "One."), ["", "One.", ""]);
});

test("without its quote a passage is whole", () => {
  assert.deepEqual(parted("One.", "Two."), ["One.", "", ""]);
  assert.deepEqual(parted("One.", " … "), ["One.", "", ""]);
});
