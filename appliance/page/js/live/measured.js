// How long each reply took, measured here: from the user's last voice at the microphone to its first sound.

import { signal } from "../view.js";

const MOST = 50;
const MEASURE = "voice-to-voice";

/**
 * `voiceEnd`: when the user's last voice was at the microphone, by the page's clock. From there in ms, `box`: until the
 * reply's first audio left the box, as the box counts; `received`: until it came; `page`: until its first sample was
 * played. `latency`: what the browser says lies behind that, to the air. `roundTrip`: of the line. `over`: the box has
 * written down how it went.
 * @typedef {{response: string, item: string, voiceEnd: number, box: number, received: number, page: number | null,
 *     latency: number, roundTrip: number, over: boolean}} Timing
 */

export class Measured {
  /**
   * @param {import("./clock.js").Clock} clock
   * @param {import("../audio/player.js").Player} player
   * @param {import("./line.js").Line} line
   */
  constructor(clock, player, line) {
    this.clock = clock;
    this.player = player;
    this.line = line;
    this.turns = signal(/** @type {readonly Timing[]} */ ([]));
    /** What the box said of a response whose first audio is about to come. */
    this.told = new Map();
    player.onStart = (item, at) => this.started(item, at);
  }

  forget() {
    this.told.clear();
    this.turns.value = [];
  }

  /** @param {LiveEvent} event */
  hear(event) {
    if (event.type === "appliance.turn.timings") {
      this.told.set(event.response_id, { voiceEnd: this.clock.at(event.voice_end_ms), box: event.milliseconds.sent });
    } else if (event.type === "response.output_audio.delta" && this.told.has(event.response_id)) {
      const { voiceEnd, box } = this.told.get(event.response_id);
      this.told.delete(event.response_id);
      if (voiceEnd === null || Number.isNaN(voiceEnd)) return;
      const { response_id: response, item_id: item } = event;
      const received = performance.now() - voiceEnd;
      const turn = { response, item, voiceEnd, box, received, page: null, latency: 0, roundTrip: 0, over: false };
      this.turns.value = [...this.turns.peek().slice(1 - MOST), turn];
    } else if (event.type === "response.done") {
      const { id } = event.response;
      this.told.delete(id);
      this.turns.value = this.turns.peek().map((each) => (each.response === id ? { ...each, over: true } : each));
    }
  }

  /** A reply's first sample is played. @param {string} item @param {number} at */
  started(item, at) {
    const turn = this.turns.peek().find((each) => each.item === item && each.page === null);
    if (!turn) return;
    const { latency } = this.player;
    // Also where the browser's own tools look.
    if (this.turns.peek().length === MOST) performance.clearMeasures(MEASURE);
    performance.measure(MEASURE, { start: turn.voiceEnd, end: at, detail: { box: turn.box, latency } });
    const done = { ...turn, page: at - turn.voiceEnd, latency, roundTrip: this.line.roundTrip };
    this.turns.value = this.turns.peek().map((each) => (each === turn ? done : each));
  }
}
