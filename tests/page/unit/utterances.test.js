import assert from "node:assert/strict";
import { test } from "node:test";
import { after } from "../../../appliance/page/js/live/utterances.js";

/** @param {LiveEvent[]} events @param {import("../../../appliance/page/js/live/utterances.js").Utterances} [list] */
const told = (events, list = []) => events.reduce(after, list);

/** @param {string} id @param {string} role @param {object[]} content @param {string} [status] */
const item = (id, role, content, status = "completed") => ({ id, type: "message", role, status, content });

const SPOKEN = [
  { type: "input_audio_buffer.speech_started", item_id: "u1" },
  { type: "conversation.item.input_audio_transcription.delta", item_id: "u1", delta: "What is" },
  { type: "conversation.item.input_audio_transcription.delta", item_id: "u1", delta: " the time" },
  { type: "input_audio_buffer.committed", item_id: "u1", previous_item_id: null },
  {
    type: "conversation.item.added",
    previous_item_id: null,
    item: item("u1", "user", [{ type: "input_audio", transcript: null }]),
  },
  {
    type: "conversation.item.done",
    previous_item_id: null,
    item: item("u1", "user", [{ type: "input_audio", transcript: null }]),
  },
];
const UNDERSTOOD = {
  type: "conversation.item.input_audio_transcription.completed",
  item_id: "u1",
  transcript: "What is the time?",
};
const REPLY = [
  { type: "response.output_item.added", response_id: "r1", item: item("a1", "assistant", [], "in_progress") },
  { type: "conversation.item.added", previous_item_id: "u1", item: item("a1", "assistant", [], "in_progress") },
  { type: "response.output_audio_transcript.delta", response_id: "r1", item_id: "a1", delta: "It is" },
  { type: "appliance.output_audio.words", item_id: "a1", clause: 0, words: [{ text: "It", start_ms: 0, end_ms: 90 }] },
  { type: "response.output_audio_transcript.delta", response_id: "r1", item_id: "a1", delta: " noon." },
];

test("words appear while they are said, and the final ones take their place", () => {
  const said = told(SPOKEN);
  assert.deepEqual(
    said.map(({ text, state }) => [text, state]),
    [["What is the time", "partial"]],
  );
  assert.deepEqual(
    told([UNDERSTOOD], said).map(({ text, state }) => [text, state]),
    [["What is the time?", "done"]],
  );
});

test("a reply grows, has its words' times, and ends as it was heard", () => {
  const all = told([...SPOKEN, UNDERSTOOD, ...REPLY]);
  assert.equal(all[1]?.text, "It is noon.");
  assert.equal(all[1]?.clauses[0]?.[0]?.text, "It");
  const cut = item("a1", "assistant", [{ type: "output_audio", transcript: "It is" }], "incomplete");
  assert.equal(told([{ type: "conversation.item.done", item: cut }], all)[1]?.state, "cut");
});

test("what is being said stays behind what was said, and an item takes the place it is given", () => {
  const speaking = told([{ type: "input_audio_buffer.speech_started", item_id: "u2" }], told([...SPOKEN, UNDERSTOOD]));
  const all = told(
    [
      {
        type: "conversation.item.added",
        previous_item_id: "u1",
        item: item("a1", "assistant", [{ type: "output_audio", transcript: "Noon." }]),
      },
    ],
    speaking,
  );
  assert.deepEqual(
    all.map(({ id }) => id),
    ["u1", "a1", "u2"],
  );
});

test("a conversation that is told again is the same once more", () => {
  const all = told([...SPOKEN, UNDERSTOOD, ...REPLY]);
  const again = told(
    [
      {
        type: "conversation.item.added",
        previous_item_id: null,
        item: item("u1", "user", [{ type: "input_audio", transcript: "What is the time?" }]),
      },
      {
        type: "conversation.item.added",
        previous_item_id: "u1",
        item: item("a1", "assistant", [{ type: "output_audio", transcript: "It is noon." }]),
      },
    ],
    all,
  );
  assert.deepEqual(
    again.map(({ id, text }) => [id, text]),
    [
      ["u1", "What is the time?"],
      ["a1", "It is noon."],
    ],
  );
});

test("system messages and calls are not shown, deleted items go", () => {
  assert.deepEqual(
    told([{ type: "conversation.item.added", item: item("s", "system", [{ type: "input_text", text: "x" }]) }]),
    [],
  );
  assert.deepEqual(told([{ type: "conversation.item.added", item: { type: "function_call", id: "f" } }]), []);
  assert.deepEqual(told([{ type: "conversation.item.deleted", item_id: "u1" }], told(SPOKEN)), []);
});

test("a failure is shown at the reply that failed", () => {
  const failed = {
    type: "response.done",
    response: { id: "r1", status: "failed", status_details: { error: { code: "engine_down" } } },
  };
  assert.equal(told([...SPOKEN, ...REPLY, failed])[1]?.failed, "engine_down");
});
