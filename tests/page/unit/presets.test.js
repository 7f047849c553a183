// The assistant that answers from a collection, and the name of a new one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { knowing, nameFor } from "../../../appliance/page/js/admin/knowledge/presets.js";

/** @param {string} name @param {string} owner @param {string[]} stores */
const assistant = (name, owner, ...stores) => ({
  name,
  owned_by: owner,
  tool_resources: { file_search: { vector_store_ids: stores } },
});

test("one's own that knows the collection alone goes first, others' never", () => {
  const all = [
    assistant("theirs", "ben", "vs_1"),
    assistant("both", "anna", "vs_1", "vs_2"),
    assistant("one", "anna", "vs_1"),
  ];
  assert.equal(knowing(all, "vs_1", "anna")?.name, "one");
  assert.equal(knowing(all, "vs_2", "anna")?.name, "both");
  assert.equal(knowing(all, "vs_3", "anna"), undefined);
});

test("a name is one that the box takes", () => {
  assert.equal(nameFor("House / cellar\n", 1), "House cellar");
  assert.equal(nameFor("House", 2), "House 2");
  assert.equal([...nameFor("ü".repeat(99), 12)].length, 64);
});
