// The words around what was searched, with what was found marked in them.

/**
 * A text in pieces; `matches` are ranges of its characters as the box counts them: code points, not UTF-16's halves.
 * @param {string} text
 * @param {readonly (readonly [number, number])[]} matches in order
 * @returns {{text: string, found: boolean}[]}
 */
export function marked(text, matches) {
  const characters = [...text];
  const pieces = [];
  let at = 0;
  for (const [begin, end] of matches) {
    pieces.push({ text: characters.slice(at, begin).join(""), found: false });
    pieces.push({ text: characters.slice(begin, end).join(""), found: true });
    at = end;
  }
  pieces.push({ text: characters.slice(at).join(""), found: false });
  return pieces.filter((piece) => piece.text);
}
