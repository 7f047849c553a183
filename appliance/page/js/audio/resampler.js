// From one sample rate to another, for browsers that give the microphone at the sound card's rate only.

const TAPS = 32;
const PHASES = 128;

/** A band-limited resampler: windowed sinc, its filter kept for so many places between two samples. */
export class Resampler {
  /** @param {number} from Hz @param {number} to Hz */
  constructor(from, to) {
    this.step = from / to;
    const cutoff = Math.min(1, to / from) * 0.92;
    this.filters = Array.from({ length: PHASES }, (_, phase) => filter(phase / PHASES, cutoff));
    this.kept = new Float32Array(TAPS);
    /** Where in `kept` and what follows it the next sample is. */
    this.at = TAPS / 2;
  }

  /**
   * The samples that can be made so far.
   * @param {Float32Array} samples
   */
  feed(samples) {
    const input = new Float32Array(this.kept.length + samples.length);
    input.set(this.kept);
    input.set(samples, this.kept.length);
    /** @type {number[]} */
    const output = [];
    while (Math.floor(this.at) + TAPS / 2 < input.length) {
      const whole = Math.floor(this.at);
      const taps = /** @type {Float32Array} */ (this.filters[Math.floor((this.at - whole) * PHASES)]);
      let sum = 0;
      for (let tap = 0; tap < TAPS; tap++) {
        sum += /** @type {number} */ (input[whole - TAPS / 2 + 1 + tap]) * /** @type {number} */ (taps[tap]);
      }
      output.push(sum);
      this.at += this.step;
    }
    const begin = Math.max(0, Math.min(input.length, Math.floor(this.at) - TAPS / 2 + 1));
    this.kept = input.slice(begin);
    this.at -= begin;
    return Float32Array.from(output);
  }
}

/** @param {number} phase between two samples @param {number} cutoff as a share of the input's band */
function filter(phase, cutoff) {
  const taps = new Float32Array(TAPS);
  let whole = 0;
  for (let tap = 0; tap < TAPS; tap++) {
    const x = tap - TAPS / 2 + 1 - phase;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutoff * x) / (Math.PI * cutoff * x);
    const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (TAPS / 2));
    taps[tap] = sinc * Math.max(0, window);
    whole += /** @type {number} */ (taps[tap]);
  }
  return taps.map((each) => each / whole);
}
