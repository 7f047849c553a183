// What waits to be played, sample by sample: gapless, with a little patience where the network is uneven.

const RATE = 24_000;
/** Played once so much is there; more after each time that it ran dry in the middle of a reply. */
const FIRST_MS = 40;
const MORE_MS = 40;
const MOST_MS = 240;

/** The queue of a player: pieces of replies, each reply known by its item's id. */
export class Playout {
  constructor() {
    /** @type {{item: string, samples: Int16Array, ended: boolean}[]} */
    this.pieces = [];
    this.offset = 0;
    this.waiting = 0;
    this.patience = (FIRST_MS * RATE) / 1000;
    this.flowing = false;
    /** The reply that sounds, or did last, and how many of its samples have. */
    this.item = "";
    this.played = 0;
    this.gaps = 0;
  }

  /** @param {string} item @param {Int16Array} samples */
  add(item, samples) {
    this.pieces.push({ item, samples, ended: false });
    this.waiting += samples.length;
  }

  /** No more of a reply comes. @param {string} item */
  end(item) {
    this.pieces.push({ item, samples: new Int16Array(0), ended: true });
  }

  /** Forget all that waits. */
  flush() {
    this.pieces = [];
    this.offset = 0;
    this.waiting = 0;
    this.flowing = false;
  }

  /**
   * Fill a stretch of output; silence where there is nothing.
   * @param {Float32Array} output
   * @returns {{started: string | null, finished: string | null}} ids of the replies that began and ended in it
   */
  fill(output) {
    let started = null;
    let finished = null;
    let at = 0;
    if (!this.flowing && this.ready()) this.flowing = true;
    while (this.flowing && at < output.length) {
      const piece = this.pieces[0];
      if (!piece) {
        this.runDry();
        break;
      }
      if (piece.ended) {
        this.pieces.shift();
        finished = piece.item;
        this.flowing = this.pieces.length > 0;
        this.patience = (FIRST_MS * RATE) / 1000;
        continue;
      }
      if (piece.item !== this.item) {
        this.item = piece.item;
        this.played = 0;
      }
      if (this.played === 0 && this.offset === 0) started = piece.item;
      const count = Math.min(output.length - at, piece.samples.length - this.offset);
      for (let n = 0; n < count; n++) {
        output[at + n] = /** @type {number} */ (piece.samples[this.offset + n]) / 32_768;
      }
      at += count;
      this.offset += count;
      this.played += count;
      this.waiting -= count;
      if (this.offset === piece.samples.length) {
        this.pieces.shift();
        this.offset = 0;
      }
    }
    output.fill(0, at);
    return { started, finished };
  }

  ready() {
    return this.waiting >= this.patience || this.pieces.some((piece) => piece.ended);
  }

  runDry() {
    this.flowing = false;
    this.gaps++;
    this.patience = Math.min(this.patience + (MORE_MS * RATE) / 1000, (MOST_MS * RATE) / 1000);
  }
}
