// What the history shows of a conversation's items, of a search, and of days.

import assert from "node:assert/strict";
import { test } from "node:test";
import { byDay } from "../../../appliance/page/js/history/days.js";
import { entries, utterances } from "../../../appliance/page/js/history/entries.js";
import { marked } from "../../../appliance/page/js/history/snippet.js";

const citation = { type: "file_citation", file_id: "file_1", filename: "a.pdf", passage: 2, quote: "E7" };
const ITEMS = [
  {
    type: "message",
    id: "s",
    role: "system",
    content: [{ type: "input_text", text: "Be short." }],
    status: "completed",
  },
  {
    type: "message",
    id: "u",
    role: "user",
    content: [{ type: "input_text", text: "What is E7?", clip: true }],
    status: "completed",
    created_at: 7,
  },
  { type: "reasoning", id: "r", content: [{ type: "reasoning_text", text: "Hm." }] },
  { type: "reasoning", id: "r2", content: [] },
  { type: "function_call", id: "f", call_id: "c", name: "look", arguments: '{"what":"E7"}' },
  { type: "function_call_output", id: "o", call_id: "c", output: "frozen" },
  { type: "function_call_output", id: "o2", call_id: "lost", output: [{ type: "input_text", text: "late" }] },
  {
    type: "message",
    id: "a",
    role: "assistant",
    content: [{ type: "output_text", text: "It is frozen", annotations: [citation] }],
    status: "incomplete",
  },
];

test("items become what was said, calls with what they gave, and notes", () => {
  const all = entries(ITEMS);
  assert.deepEqual(
    all.map((each) => [each.kind, each.id]),
    [
      ["note", "s"],
      ["said", "u"],
      ["note", "r"],
      ["call", "f"],
      ["call", "o2"],
      ["said", "a"],
    ],
  );
  const [, user, , call, lost, reply] = all;
  assert.deepEqual([user.at, user.clip, user.said.text], [7, true, "What is E7?"]);
  assert.deepEqual([call.name, call.gave], ["look", "frozen"]);
  assert.deepEqual([lost.name, lost.gave], ["", "late"]);
  assert.deepEqual([reply.at, reply.clip, reply.said.state], [null, false, "cut"]);
  assert.deepEqual(reply.said.citations, [citation]);
  assert.deepEqual(
    utterances(all).map((each) => each.id),
    ["u", "a"],
  );
});

test("what was searched is marked by code points", () => {
  assert.deepEqual(marked("🐈 a cat sat", [[4, 7]]), [
    { text: "🐈 a ", found: false },
    { text: "cat", found: true },
    { text: " sat", found: false },
  ]);
  assert.deepEqual(marked("cat", [[0, 3]]), [{ text: "cat", found: true }]);
});

test("neighbours of one day stand together", () => {
  const days = byDay([3, 4, 5, 9], (each) => (each < 5 ? "Monday" : "Tuesday"));
  assert.deepEqual(days, [
    { day: "Monday", things: [3, 4] },
    { day: "Tuesday", things: [5, 9] },
  ]);
  assert.deepEqual(byDay([], String), []);
});
