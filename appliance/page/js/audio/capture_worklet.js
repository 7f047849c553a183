// In the audio thread: the microphone as 16-bit samples at 24 kHz, 20 ms at a time.

import { Resampler } from "./resampler.js";

const RATE = 24_000;
const PIECE = RATE / 50;

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = sampleRate === RATE ? null : new Resampler(sampleRate, RATE);
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
    this.power = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const heard = inputs[0]?.[0];
    if (!heard) return true;
    const samples = this.resampler ? this.resampler.feed(heard) : heard;
    for (const sample of samples) {
      const limited = Math.max(-1, Math.min(1, sample));
      this.piece[this.filled++] = Math.round(limited * 32_767);
      this.power += limited * limited;
      if (this.filled === PIECE) this.send();
    }
    return true;
  }

  send() {
    // `ended`: when the last of these samples was at the microphone, by the context's clock.
    const ended = currentTime + 128 / sampleRate;
    const pcm = this.piece.buffer;
    this.port.postMessage({ pcm, level: Math.sqrt(this.power / PIECE), ended }, [pcm]);
    this.piece = new Int16Array(PIECE);
    this.filled = 0;
    this.power = 0;
  }
}

registerProcessor("capture", Capture);
