// The user's microphone: asked for on a press only, and given back when nobody listens any more.

import { base } from "../place.js";
import { RATE } from "./pcm.js";

/**
 * A piece of what was said: 20 ms of samples, how loud it was (0 to 1), and when its last sample was, by
 * `performance.now()`.
 * @typedef {{pcm: ArrayBuffer, level: number, endedAt: number}} Piece
 */

/** Why there is no microphone; `reason` is the end of a key in words/, but for `given_back`: nobody wants it any more. */
export class NoMicrophone extends Error {
  /** @param {"insecure" | "refused" | "missing" | "busy" | "unsupported" | "outdated" | "given_back"} reason */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** @type {Record<string, "refused" | "missing" | "busy">} */
const REASONS = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

export class Microphone {
  /**
   * @param {(piece: Piece) => void} hear
   * @param {() => void} lose it was pulled out, or taken by the system
   */
  constructor(hear, lose) {
    this.hear = hear;
    this.lose = lose;
    /** Whether somebody wants it, which may change while it is asked for. */
    this.wanted = false;
    /** @type {Promise<void> | null} */
    this.opening = null;
    /** @type {MediaStream | null} */
    this.stream = null;
    /** @type {AudioContext | null} */
    this.context = null;
  }

  get open() {
    return this.context !== null && (this.stream?.active ?? false);
  }

  /** Ask for it, once however often. Raises `NoMicrophone`. */
  begin() {
    this.wanted = true;
    this.opening ??= this.start().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  async start() {
    if (this.open) {
      await this.context?.resume();
      return;
    }
    this.close();
    if (!isSecureContext) throw new NoMicrophone("insecure");
    if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode) throw new NoMicrophone("unsupported");
    // Made ready while the browser asks its user: what is said first must not wait for it.
    const ready = listening({ sampleRate: RATE });
    ready.catch(() => {});
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
      });
    } catch (error) {
      ready.then((context) => context.close()).catch(() => {});
      throw new NoMicrophone(REASONS[/** @type {DOMException} */ (error).name] ?? "busy");
    }
    try {
      await this.connect(await ready, this.stream);
    } catch {
      this.close();
      throw new NoMicrophone("outdated"); // the audio thread's module is of another release, or cannot be had
    }
    if (!this.wanted) {
      this.close();
      throw new NoMicrophone("given_back");
    }
  }

  /** @param {AudioContext} context @param {MediaStream} stream */
  async connect(context, stream) {
    this.context = context;
    let source;
    try {
      source = context.createMediaStreamSource(stream);
    } catch {
      // Some browsers connect a microphone at the sound card's own rate only; then the audio thread resamples.
      await context.close();
      context = await listening();
      this.context = context;
      source = context.createMediaStreamSource(stream);
    }
    const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => {
      const ago = Math.max(0, context.currentTime - data.ended);
      this.hear({ pcm: data.pcm, level: data.level, endedAt: performance.now() - ago * 1000 });
    };
    source.connect(node);
    for (const track of stream.getTracks()) {
      track.onended = () => {
        this.end();
        this.lose();
      };
    }
    await context.resume();
  }

  /** Give it back; the browser's sign that somebody listens goes out. */
  end() {
    this.wanted = false;
    if (!this.opening) this.close();
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.context?.close().catch(() => {});
    this.stream = null;
    this.context = null;
  }
}

/** A context whose audio thread knows how to capture. @param {AudioContextOptions} [how] */
async function listening(how) {
  const context = new AudioContext({ latencyHint: "interactive", ...how });
  await context.audioWorklet.addModule(`${base}js/audio/capture_worklet.js`);
  return context;
}
