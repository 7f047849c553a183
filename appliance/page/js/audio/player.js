// The loudspeaker: replies one after another, without gaps, and how far each has been heard.

import { base } from "../place.js";
import { signal } from "../view.js";
import { fromBase64, RATE } from "./pcm.js";

export class Player {
  /** Whether this browser can play to this page: an audio thread is for secure pages only. */
  static get able() {
    return isSecureContext && "AudioWorkletNode" in globalThis;
  }

  constructor() {
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {AudioWorkletNode | null} */
    this.node = null;
    /** @type {Promise<void> | null} */
    this.opening = null;
    /** What came before the audio thread was there. @type {[object, Transferable[]][]} */
    this.early = [];
    /** The reply that sounds or did last, how much of it has (ms), and when that was, by the context's clock. */
    this.item = "";
    this.played = 0;
    this.at = 0;
    /** Id of the reply that sounds now; empty: none. */
    this.sounds = signal("");
    /** What it needs cannot be had: it is of another release, or the box is away. */
    this.onFault = () => {};
    /** @type {(item: string, at: number) => void} A reply's first sample leaves, at a time of `performance.now()`. */
    this.onStart = () => {};
    /** @type {(item: string) => void} */
    this.onEnd = () => {};
  }

  /** To be called from a press: browsers let nobody play before. */
  open() {
    if (!Player.able) return Promise.resolve();
    this.opening ??= this.begin().catch(() => {
      this.opening = null;
      this.early = [];
      this.context?.close();
      this.onFault();
    });
    this.wake();
    return this.opening;
  }

  /** Phones begin to play on a finger that is lifted only, and stop when another program wants to. */
  wake() {
    if (this.context?.state !== "running") this.context?.resume().catch(() => {});
  }

  async begin() {
    const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    this.context = context;
    context.resume();
    await context.audioWorklet.addModule(`${base}js/audio/player_worklet.js`);
    const node = new AudioWorkletNode(context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    node.port.onmessage = ({ data }) => this.hear(data);
    node.connect(context.destination);
    this.node = node;
    for (const [told, moved] of this.early) node.port.postMessage(told, moved);
    this.early = [];
  }

  /** @param {{started: string, finished: string, item: string, played: number, at: number}} told */
  hear(told) {
    this.item = told.item;
    this.played = (told.played * 1000) / RATE;
    this.at = told.at;
    if (told.started) {
      this.sounds.value = told.started;
      const ago = Math.max(0, (this.context?.currentTime ?? told.at) - told.at);
      this.onStart(told.started, performance.now() - ago * 1000);
    }
    if (told.finished) {
      this.sounds.value = "";
      this.onEnd(told.finished);
    }
  }

  /** @param {object} told @param {Transferable[]} [moved] */
  tell(told, moved = []) {
    if (this.node) this.node.port.postMessage(told, moved);
    else this.early.push([told, moved]);
  }

  /** More of a reply. @param {string} item @param {string} audio base64 */
  play(item, audio) {
    const pcm = fromBase64(audio);
    this.tell({ kind: "audio", item, pcm }, [pcm]);
  }

  /** No more of it comes. @param {string} item */
  end(item) {
    this.tell({ kind: "end", item });
  }

  /** Be silent at once. */
  flush() {
    this.early = [];
    this.tell({ kind: "flush" });
    this.sounds.value = "";
  }

  /** So much of a reply has been heard, in ms, as far as can be told. @param {string} item */
  heard(item) {
    if (item !== this.item || !this.context) return 0;
    const since = this.sounds.peek() ? Math.max(0, this.context.currentTime - this.at) * 1000 : 0;
    return Math.max(0, this.played + Math.min(since, 60) - this.latency);
  }

  /** From the audio thread to the air, in ms, as the browser estimates it. */
  get latency() {
    const { outputLatency = 0, baseLatency = 0 } = this.context ?? {};
    return (outputLatency || baseLatency) * 1000;
  }
}
