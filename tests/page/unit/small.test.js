import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64, toBase64 } from "../../../appliance/page/js/audio/pcm.js";
import { curl, quoted } from "../../../appliance/page/js/hood/curl.js";
import { Clock } from "../../../appliance/page/js/live/clock.js";

test("a moment of the session's audio is a moment here", () => {
  const clock = new Clock();
  clock.add(20, 1020);
  clock.add(20, 1040);
  clock.add(20, 1160); // the microphone stood still for a while
  assert.equal(clock.at(10), 1010);
  assert.equal(clock.at(40), 1040);
  assert.equal(clock.at(50), 1150);
  assert.equal(clock.at(70), null);
  clock.reset();
  assert.equal(clock.at(10), null);
});

test("a shell takes each word whole", () => {
  assert.equal(quoted("it's"), "'it'\\''s'");
  assert.equal(
    curl("/v1/turns/resp_1/timings", { origin: "http://box:8080" }),
    'curl -s http://box:8080/v1/turns/resp_1/timings -H "Authorization: Bearer $APPLIANCE_KEY"',
  );
  assert.match(curl("/v1/chat", { origin: "http://b", body: { text: "it's" } }), /--json '\{"text":"it'\\''s"\}'$/);
});

test("samples survive base64, long ones too", () => {
  const samples = Int16Array.from({ length: 20_000 }, (_, at) => ((at * 37) % 65_536) - 32_768);
  assert.deepEqual(new Int16Array(fromBase64(toBase64(samples.buffer))), samples);
});
