// A sentence of the doctor's, in which commands stand between backticks.

/** Pieces by turns: words, a command, words, … @param {string} text @returns {{code: boolean, text: string}[]} */
export function pieces(text) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return [{ code: false, text }]; // a backtick without its other half is none
  return parts.map((part, at) => ({ code: at % 2 === 1, text: part })).filter((part) => part.text !== "");
}
