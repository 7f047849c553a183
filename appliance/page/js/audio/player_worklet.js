// In the audio thread: plays what comes, and says how far it is.

import { Playout } from "./playout.js";

/** Blocks of 128 samples between two words of how far it is: 21 ms. */
const BETWEEN = 4;

class Player extends AudioWorkletProcessor {
  constructor() {
    super();
    this.playout = new Playout();
    this.blocks = 0;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  /** @param {{kind: string, item: string, pcm: ArrayBuffer}} told */
  take(told) {
    if (told.kind === "audio") this.playout.add(told.item, new Int16Array(told.pcm));
    else if (told.kind === "end") this.playout.end(told.item);
    else if (told.kind === "flush") this.playout.flush();
  }

  /** @param {Float32Array[][]} _ @param {Float32Array[][]} outputs */
  process(_, outputs) {
    const output = outputs[0]?.[0];
    if (!output) return true;
    const { started, finished } = this.playout.fill(output);
    const sounding = this.playout.flowing;
    this.blocks = sounding ? this.blocks + 1 : 0;
    if (started || finished || this.blocks % BETWEEN === 1) {
      const { item, played } = this.playout;
      this.port.postMessage({ started, finished, item, played, at: currentTime });
    }
    return true;
  }
}

registerProcessor("player", Player);
