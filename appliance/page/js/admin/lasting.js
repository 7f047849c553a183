// How long something lasts, as people say it: its two largest units.

import { number } from "../words.js";

/** @type {[string, number][]} */
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** @param {number} seconds */
export function lasting(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [unit, size] of UNITS) {
    if (left >= size || (!parts.length && unit === "second")) parts.push({ unit, count: Math.floor(left / size) });
    else if (parts.length) break; // two days and nine seconds are two days
    left %= size;
    if (parts.length === 2) break;
  }
  return parts.map(({ unit, count }) => number(count, { style: "unit", unit, unitDisplay: "short" })).join(" ");
}
