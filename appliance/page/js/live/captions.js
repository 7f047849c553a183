// A reply's text in the pieces that light up while it is spoken.

/**
 * A stretch of text; `start` and `end` in ms from the reply's first sample, where it is known when it sounds.
 * @typedef {{text: string, start: number | null, end: number | null}} Piece
 */

/**
 * All of a text, piece by piece. The words of each clause are looked for in order, whatever spaces are between.
 * @param {string} text
 * @param {readonly (readonly Word[] | undefined)[]} clauses
 * @returns {Piece[]}
 */
export function pieces(text, clauses) {
  /** @type {Piece[]} */
  const found = [];
  let at = 0;
  for (const word of clauses.flatMap((clause) => clause ?? [])) {
    const bare = word.text.trim();
    const place = bare ? text.indexOf(bare, at) : -1;
    if (place < 0) continue;
    if (place > at) found.push({ text: text.slice(at, place), start: null, end: null });
    found.push({ text: bare, start: word.start_ms, end: word.end_ms });
    at = place + bare.length;
  }
  if (at < text.length) found.push({ text: text.slice(at), start: null, end: null });
  return found;
}

/**
 * How many of the pieces have begun to sound; those between two words belong to the one before.
 * @param {readonly Piece[]} all
 * @param {number} heard ms
 */
export function lit(all, heard) {
  let count = 0;
  for (const [number, piece] of all.entries()) {
    if (piece.start === null) continue;
    if (piece.start > heard) break;
    count = number + 1;
  }
  return count;
}
