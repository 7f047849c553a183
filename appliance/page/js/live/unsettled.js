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
    /** How many of the pieces belong to a turn that was ended here, and to turns that the box has taken. */
    this.ended = 0;
    this.over = 0;
  }

  /** Whether a turn is in it that is not written down. */
  get waits() {
    return this.ended > 0 || this.over > 0;
  }

  /** @param {string} piece @param {boolean} told whether the box hears it: what it does not may be speech */
  add(piece, told) {
    this.pieces.push(piece);
    const most = this.speaking || this.waits || !told ? MOST : LEAD;
    this.drop(this.pieces.length - most);
  }

  /** @param {number} count pieces, the oldest */
  drop(count) {
    if (count <= 0) return;
    this.pieces.splice(0, count);
    this.ended = Math.max(0, this.ended - count);
    this.over = Math.max(0, this.over - count);
  }

  started() {
    this.speaking = true;
  }

  /** The turn ends here; what follows is another one. */
  end() {
    this.speaking = false;
    this.ended = this.pieces.length;
  }

  /** The box has taken the turn, up to where it was ended here or, where the box noticed its end, all of it. */
  committed() {
    if (!this.ended) this.speaking = false;
    this.over = this.ended || this.pieces.length;
    this.ended = 0;
  }

  /** It is written down. */
  settled() {
    this.drop(this.over);
  }

  /** Nobody wants it said again. */
  forget() {
    this.pieces = [];
    this.speaking = false;
    this.ended = 0;
    this.over = 0;
  }
}
