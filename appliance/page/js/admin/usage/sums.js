// What was used, added up by day, by user or by key.

/** Of one row of the box's, in the order in which they are shown. */
export const MEASURES = /** @type {const} */ ([
  "requests",
  "audio_seconds_heard",
  "audio_seconds_spoken",
  "input_tokens",
  "output_tokens",
  "documents",
]);

/** @typedef {typeof MEASURES[number]} Measure */
/** @typedef {Record<Measure, number>} Amount */
/** @typedef {Amount & {day: string, key_id: string, user: string}} Used */

/** @returns {Amount} */
export function nothing() {
  return {
    requests: 0,
    audio_seconds_heard: 0,
    audio_seconds_spoken: 0,
    input_tokens: 0,
    output_tokens: 0,
    documents: 0,
  };
}

/** All of it. @param {readonly Used[]} rows */
export function sum(rows) {
  const whole = nothing();
  for (const row of rows) for (const measure of MEASURES) whole[measure] += row[measure];
  return whole;
}

/**
 * @param {readonly Used[]} rows
 * @param {"day" | "user" | "key_id"} by
 */
function grouped(rows, by) {
  /** @type {Map<string, Used[]>} */
  const groups = new Map();
  for (const row of rows) groups.set(row[by], [...(groups.get(row[by]) ?? []), row]);
  return groups;
}

/**
 * By a name; those that used most come first.
 * @param {readonly Used[]} rows
 * @param {"day" | "user" | "key_id"} by
 * @returns {{name: string, amount: Amount}[]}
 */
export function sumsBy(rows, by) {
  const sums = [...grouped(rows, by)].map(([name, mine]) => ({ name, amount: sum(mine) }));
  return by === "day"
    ? sums.sort((one, other) => other.name.localeCompare(one.name))
    : sums.sort((one, other) => other.amount.requests - one.amount.requests || one.name.localeCompare(other.name));
}

/**
 * Each of the last days (UTC) until `today`, oldest first, with what was used on it.
 * @param {readonly Used[]} rows
 * @param {number} count
 * @param {Date} today
 * @returns {{name: string, amount: Amount}[]}
 */
export function days(rows, count, today) {
  const by = grouped(rows, "day");
  return Array.from({ length: count }, (_, number) => {
    const name = new Date(today.getTime() - (count - 1 - number) * 86_400_000).toISOString().slice(0, 10);
    return { name, amount: sum(by.get(name) ?? []) };
  });
}
