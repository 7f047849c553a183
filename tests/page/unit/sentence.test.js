import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces } from "../../../appliance/page/js/admin/doctor/sentence.js";

test("commands stand between backticks, and half a pair is none", () => {
  assert.deepEqual(pieces("`chmod go= x` and wait"), [
    { code: true, text: "chmod go= x" },
    { code: false, text: " and wait" },
  ]);
  assert.deepEqual(pieces("it's ` alone"), [{ code: false, text: "it's ` alone" }]);
});
