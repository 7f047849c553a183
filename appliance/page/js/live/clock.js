// When each stretch of the microphone's audio was heard, by the page's own clock: what the box says of its audio in
// milliseconds becomes a moment here.

/** As long as a turn can take to be answered. */
const MOST = 4_500;

export class Clock {
  constructor() {
    /** @type {{until: number, at: number}[]} `until`: ms of the session's audio; `at`: when that was heard. */
    this.pieces = [];
    this.sent = 0;
  }

  /** A new session counts from nothing. */
  reset() {
    this.pieces = [];
    this.sent = 0;
  }

  /** A piece leaves. @param {number} ms its length @param {number} at when its last sample was heard */
  add(ms, at) {
    this.sent += ms;
    this.pieces.push({ until: this.sent, at });
    if (this.pieces.length > MOST) this.pieces.shift();
  }

  /** When a moment of the session's audio was heard; null if it is not known any more. @param {number} ms */
  at(ms) {
    const piece = this.pieces.find((each) => each.until >= ms);
    return piece ? piece.at - (piece.until - ms) : null;
  }
}
