// What the reading of a backup comes to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { judged } from "../../../appliance/page/js/admin/backups/judged.js";

test("each verdict has its words", () => {
  assert.equal(judged(null).words, "unread");
  assert.equal(judged({ sound: true }).words, "sound");
  assert.equal(judged({ sound: false }).words, "damaged");
  assert.equal(judged({ sound: null }).words, "cannot_tell");
});
