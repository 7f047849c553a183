import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "../../../appliance/page/js/audio/resampler.js";

/** @param {number} rate @param {number} hertz @param {number} seconds */
const tone = (rate, hertz, seconds) =>
  Float32Array.from({ length: rate * seconds }, (_, at) => Math.sin((2 * Math.PI * hertz * at) / rate));

/** Feeds in the blocks of an audio thread. @param {Float32Array} input @param {Resampler} resampler */
function all(input, resampler) {
  /** @type {number[]} */
  const output = [];
  for (let at = 0; at < input.length; at += 128) output.push(...resampler.feed(input.subarray(at, at + 128)));
  return output;
}

/** @param {number[]} samples */
const power = (samples) => Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);

for (const rate of [48_000, 44_100, 16_000]) {
  test(`${rate} Hz become 24,000: as long, as loud, as high`, () => {
    const output = all(tone(rate, 440, 1), new Resampler(rate, 24_000));
    assert.ok(Math.abs(output.length - 24_000) < 40, `${output.length} samples`);
    const middle = output.slice(1000, 23_000);
    assert.ok(Math.abs(power(middle) - Math.SQRT1_2) < 0.01, `${power(middle)}`);
    const rises = middle.filter((each, at) => each >= 0 && /** @type {number} */ (middle[at - 1] ?? 0) < 0).length;
    assert.ok(Math.abs(rises - (440 * 22_000) / 24_000) <= 1, `${rises}`);
  });
}

test("what 24,000 Hz cannot carry does not come back as another tone", () => {
  const output = all(tone(48_000, 16_000, 0.5), new Resampler(48_000, 24_000));
  assert.ok(power(output.slice(1000)) < 0.02, `${power(output.slice(1000))}`);
});
