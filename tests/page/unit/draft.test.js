// The form of an assistant and what the box is told of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EMPTY, fromAssistant, toBody, toggled } from "../../../appliance/page/js/admin/assistants/draft.js";

const ASSISTANT = {
  name: "Caretaker",
  description: null,
  instructions: "Answer in one sentence.",
  voice: "joe",
  language: null,
  temperature: 0,
  tool_resources: { file_search: { vector_store_ids: ["vs_1"] } },
  retrieval: "tool",
  shared: true,
};

test("what the box gives comes back as it was", () => {
  assert.deepEqual(toBody(fromAssistant(ASSISTANT)), ASSISTANT);
});

test("what is left empty is as usual", () => {
  const body = toBody({ ...EMPTY, name: " Anna ", instructions: "  " });
  assert.deepEqual([body.name, body.instructions, body.voice, body.temperature], ["Anna", null, null, null]);
  assert.equal(body.retrieval, "automatic");
});

test("a tick is set and taken away", () => {
  assert.deepEqual([toggled(["a"], "b"), toggled(["a", "b"], "a")], [["a", "b"], ["b"]]);
});
