// The lines that are shown: what the box tells is put behind what there is, and of many the oldest go.

export const MOST = 2_000;

/** @typedef {{key: string, number: number, at: number, level: string, logger: string, event: string,
 *     fields: Record<string, unknown>, cut: boolean, text: string, gap: "lost" | "restarted" | null}} Line */
/** @typedef {{lines: Line[], next: number | null, beganAt: number | null}} Tail `next` is null before the first answer. */

/** @type {Tail} */
export const EMPTY = { lines: [], next: null, beganAt: null };

/**
 * @param {Tail} tail
 * @param {any} told as `GET /v1/admin/logs` tells it
 * @returns {Tail}
 */
export function added(tail, told) {
  const restarted = tail.beganAt !== null && tail.beganAt !== told.began_at;
  const gap = restarted ? "restarted" : told.lost ? "lost" : null;
  const lines = told.data.map((/** @type {any} */ line, /** @type {number} */ at) => ({
    ...line,
    key: `${told.began_at} ${line.number}`, // numbers begin anew with each start of the server
    text: `${line.level} ${line.logger} ${line.event} ${fieldsText(line.fields)}`.toLowerCase(),
    gap: at === 0 && tail.next !== null ? gap : null,
  }));
  const next = { lines: lines.length ? [...tail.lines, ...lines].slice(-MOST) : tail.lines, next: told.next };
  return { ...next, beganAt: told.began_at };
}

/** Those that have all the words in them. @param {readonly Line[]} lines @param {string} wanted */
export function withWords(lines, wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length ? lines.filter((line) => words.every((word) => line.text.includes(word))) : lines;
}

/** A field's value in as few characters as say it. @param {unknown} value */
export function valueText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @param {Record<string, unknown>} fields */
function fieldsText(fields) {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(" ");
}
