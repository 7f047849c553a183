// What was said and may yet be lost: sound that the box has not written down, to be said again over a new connection.

/** Of silence before somebody speaks, in pieces of 20 ms: what the box hears before the first word. */
const LEAD = 50;
/** A minute; of a longer turn its end is kept. */
const MOST = 3_000;

export class Unsettled {
  constructor() {
    /** @type {string[]} base64 */
    this.pieces = [];
    this.speaking = false;
    /** How many of the pieces belong to a turn that is over, but not written down. */
    this.over = 0;
  }

  /** @param {string} piece @param {boolean} told whether the box hears it: what it does not may be speech */
  add(piece, told) {
    this.pieces.push(piece);
    const most = this.speaking || this.over || !told ? MOST : LEAD;
    const extra = this.pieces.length - most;
    if (extra > 0) {
      this.pieces.splice(0, extra);
      this.over = Math.max(0, this.over - extra);
    }
  }

  started() {
    this.speaking = true;
  }

  /** The turn so far is over. */
  committed() {
    this.speaking = false;
    this.over = this.pieces.length;
  }

  /** It is written down. */
  settled() {
    this.pieces.splice(0, this.over);
    this.over = 0;
  }

  /** Nobody wants it said again. */
  forget() {
    this.pieces = [];
    this.speaking = false;
    this.over = 0;
  }
}
