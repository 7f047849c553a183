import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import * as kept from "../../../appliance/page/js/kept.js";
import { Asking } from "../../../appliance/page/js/live/asking.js";
import { Clock } from "../../../appliance/page/js/live/clock.js";
import { Reply } from "../../../appliance/page/js/live/reply.js";
import { signal } from "../../../appliance/page/js/view.js";

/** A page without a browser: what it sends is noted, and its loudspeaker plays nothing. */
class Page {
  constructor() {
    /** @type {LiveEvent[]} */
    this.sent = [];
    this.up = true;
    const send = (/** @type {LiveEvent} */ event) => this.up && this.sent.push(event) > 0;
    const player = {
      played: [],
      flush() {},
      play() {},
      end() {},
      heard: () => 730,
      sounds: signal(""),
      onEnd: () => {},
    };
    this.reply = new Reply(/** @type {any} */ (player), send);
    this.asking = new Asking(/** @type {any} */ ({ send }), new Clock(), this.reply, send);
    this.player = player;
  }

  /** @param {string} type @param {object} [more] */
  hear(type, more = {}) {
    const event = { type, ...more };
    this.reply.hear(event);
    this.asking.hear(event);
  }

  /** @param {number} count pieces of sound */
  speak(count) {
    for (let number = 0; number < count; number++) {
      this.asking.take({ pcm: new ArrayBuffer(2), level: 0.1, endedAt: 0 });
    }
  }

  /** The connection is lost. */
  lose() {
    this.up = false;
    this.asking.lost();
  }

  /** It is there again; the box has these items. @param {[string, "user" | "assistant"][]} items */
  find(items = []) {
    this.up = true;
    this.sent = [];
    this.hear("session.created");
    for (const [id, role] of items) this.hear("conversation.item.done", { item: { id, role } });
    this.asking.resume(items.map(([id, role]) => ({ id, role, text: "x", state: "done", clauses: [], citations: [] })));
  }

  /** Sends of one kind. @param {string} type */
  of(type) {
    return this.sent.filter((each) => each.type === type);
  }
}

/** @type {Page} */
let page;
beforeEach(() => {
  kept.handsFree.value = false;
  page = new Page();
  page.find();
});

/** A turn by the button, up to where it is let go. */
function hold() {
  page.asking.press();
  page.speak(20);
  page.hear("input_audio_buffer.speech_started", { item_id: "u1" });
  page.speak(20);
  page.asking.end();
}

test("a held turn is committed and answered", () => {
  hold();
  assert.deepEqual(
    page.sent.slice(-2).map((each) => each.type),
    ["input_audio_buffer.commit", "response.create"],
  );
  page.hear("input_audio_buffer.committed", { item_id: "u1" });
  assert.equal(page.reply.question, "u1");
  page.hear("conversation.item.done", { item: { id: "u1", role: "user" } });
  assert.equal(page.asking.waits, false);
  page.hear("response.created", { response: { id: "r1" } });
  page.hear("response.done", { response: { id: "r1", status: "completed" } });
  assert.equal(page.reply.owed.peek(), false);
});

test("two turns that are held while the line is away are both said when it is back, in one", () => {
  page.lose();
  page.asking.press();
  page.speak(30);
  page.asking.end();
  page.asking.press();
  page.speak(50);
  page.asking.end();
  page.find();
  assert.equal(page.of("input_audio_buffer.append").length, 80);
  assert.equal(page.of("input_audio_buffer.commit").length, 1);
});

test("a turn that the box took but did not write down is said again; one that it wrote down is answered", () => {
  hold();
  page.hear("input_audio_buffer.committed", { item_id: "u1" });
  page.lose();
  page.find();
  assert.equal(page.of("input_audio_buffer.append").length, 40);
  assert.equal(page.of("input_audio_buffer.commit").length, 1);
  page.hear("input_audio_buffer.committed", { item_id: "u2" });
  page.lose();
  page.find([["u2", "user"]]);
  assert.equal(page.of("input_audio_buffer.append").length, 0);
  assert.deepEqual(
    page.sent.map((each) => each.type),
    ["response.create"],
  );
});

test("an answer that was broken off is forgotten and asked for anew, an older one is left alone", () => {
  hold();
  page.hear("input_audio_buffer.committed", { item_id: "u1" });
  page.hear("conversation.item.done", { item: { id: "u1", role: "user" } });
  page.hear("response.created", { response: { id: "r1" } });
  page.lose();
  page.find([
    ["u0", "user"],
    ["a0", "assistant"],
    ["u1", "user"],
    ["a1", "assistant"],
  ]);
  assert.deepEqual(
    page.of("conversation.item.delete").map((each) => each.item_id),
    ["a1"],
  );
  assert.equal(page.of("response.create").length, 1);
});

test("an answer that has come whole is heard out over a lost line", () => {
  hold();
  page.hear("input_audio_buffer.committed", { item_id: "u1" });
  page.hear("conversation.item.done", { item: { id: "u1", role: "user" } });
  page.hear("response.created", { response: { id: "r1" } });
  page.hear("response.output_audio.delta", { response_id: "r1", item_id: "a1", delta: "" });
  page.hear("response.done", { response: { id: "r1", status: "completed" } });
  page.lose();
  page.find([
    ["u1", "user"],
    ["a1", "assistant"],
  ]);
  assert.deepEqual(page.sent, []);
  page.reply.heardOut("a1");
  assert.equal(page.reply.owed.peek(), false);
});

test("a key that may not go on from what was said has nothing answered that the box does not know", () => {
  hold();
  page.hear("input_audio_buffer.committed", { item_id: "u1" });
  page.hear("conversation.item.done", { item: { id: "u1", role: "user" } });
  page.lose();
  page.find([]);
  assert.deepEqual(page.sent, []);
  assert.equal(page.reply.owed.peek(), false);
});

test("a tap is no turn, and says so", () => {
  page.asking.press();
  page.speak(3);
  page.asking.end();
  assert.equal(page.of("input_audio_buffer.commit").length, 0);
  assert.equal(page.of("input_audio_buffer.clear").length, 1);
  assert.equal(page.asking.heardNothing.peek(), true);
});

test("a short turn is answered once it has words, and forgotten where it has none or they cannot be had", () => {
  const short = () => {
    page.asking.press();
    page.speak(10);
    page.asking.end();
    page.hear("input_audio_buffer.committed", { item_id: "u1" });
    page.sent = [];
  };
  short();
  page.hear("conversation.item.input_audio_transcription.completed", { item_id: "u1", transcript: "Yes." });
  assert.equal(page.of("response.create").length, 1);
  page = new Page();
  page.find();
  short();
  page.hear("conversation.item.input_audio_transcription.completed", { item_id: "u1", transcript: " " });
  assert.equal(page.of("response.create").length, 0);
  assert.equal(page.reply.owed.peek(), false);
  page = new Page();
  page.find();
  short();
  page.hear("conversation.item.input_audio_transcription.failed", { item_id: "u1", error: { code: "engine_down" } });
  assert.equal(page.reply.owed.peek(), false);
});

test("whoever presses again while the words of a short turn are awaited has both answered together", () => {
  page.asking.press();
  page.speak(10);
  page.asking.end();
  page.hear("input_audio_buffer.committed", { item_id: "u1" });
  page.asking.press();
  page.hear("conversation.item.input_audio_transcription.completed", { item_id: "u1", transcript: "Yes." });
  assert.equal(page.of("response.create").length, 0);
});

test("an answer that is stopped before it begins is never heard", () => {
  hold();
  page.reply.interrupt();
  page.hear("response.created", { response: { id: "r1" } });
  assert.deepEqual(page.sent.at(-1), { type: "response.cancel", response_id: "r1" });
  page.hear("response.output_audio.delta", { response_id: "r1", item_id: "a1", delta: "" });
  assert.equal(page.reply.speaking.peek(), false);
  page.hear("response.done", { response: { id: "r1", status: "cancelled" } });
  assert.equal(page.reply.owed.peek(), false);
});

test("one that sounds is cut where it was heard", () => {
  hold();
  page.hear("response.created", { response: { id: "r1" } });
  page.hear("response.output_audio.delta", { response_id: "r1", item_id: "a1", delta: "" });
  page.reply.interrupt();
  assert.deepEqual(page.sent.at(-1), {
    type: "conversation.item.truncate",
    item_id: "a1",
    content_index: 0,
    audio_end_ms: 730,
  });
});

test("another answer takes the place of one that is under way", () => {
  hold();
  page.hear("response.created", { response: { id: "r1" } });
  page.asking.type({ type: "message", id: "t1" });
  assert.deepEqual(
    page.sent.slice(-3).map((each) => each.type),
    ["conversation.item.create", "response.cancel", "response.create"],
  );
});

test("an answer that the box cannot give yet is asked for again when the other one has given way", () => {
  page.asking.type({ type: "message", id: "t1" });
  page.asking.type({ type: "message", id: "t2" });
  page.hear("response.created", { response: { id: "r1" } });
  page.hear("error", { error: { code: "response_active" } });
  assert.deepEqual(page.sent.at(-1), { type: "response.cancel", response_id: "r1" });
  page.hear("response.done", { response: { id: "r1", status: "cancelled" } });
  assert.equal(page.sent.at(-1)?.type, "response.create");
  assert.equal(page.reply.question, "t2");
  assert.equal(page.reply.owed.peek(), true);
});

test("a typed message is sent once, and again only on another line", () => {
  page.asking.type({ type: "message", id: "t1" });
  page.asking.type({ type: "message", id: "t2" });
  assert.deepEqual(
    page.of("conversation.item.create").map((each) => each.item.id),
    ["t1", "t2"],
  );
  page.hear("conversation.item.done", { item: { id: "t1", role: "user" } });
  page.lose();
  page.find([["t1", "user"]]);
  assert.deepEqual(
    page.of("conversation.item.create").map((each) => each.item.id),
    ["t2"],
  );
});
