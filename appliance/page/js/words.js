// The page's words in the reader's language. A language is one file in words/, found by its name; what it leaves out is English.

import { base } from "./place.js";
import { signal } from "./view.js";

const FALLBACK = "en";
const PATIENCE_MS = 8_000;

/** @type {Record<string, string>} */
let words = {};
/** @type {Record<string, string>} */
let fallback = {};
let plural = new Intl.PluralRules(FALLBACK);

/** The language that the page speaks now, as a BCP 47 tag. */
export const language = signal(FALLBACK);

/** All languages that there are files for. */
export const languages = (
  document.querySelector('meta[name="page"]')?.getAttribute("data-languages") ?? FALLBACK
).split(" ");

/**
 * The best of them for somebody who reads `wanted`, best first.
 * @param {readonly string[]} wanted
 */
export function fitting(wanted) {
  for (const tag of wanted) {
    const found = languages.find((each) => each === tag || each === tag.split("-")[0]);
    if (found) return found;
  }
  return FALLBACK;
}

/** Raises an error where it cannot be had, as after an update of the box. @param {string} tag */
async function file(tag) {
  const answer = await fetch(`${base}words/${tag}.json`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`words/${tag}.json: ${answer.status}`);
  return answer.json();
}

/**
 * Speak another language from now on. Where its words cannot be had, the old ones stay, and an error is raised.
 * @param {string} tag
 */
export async function speak(tag) {
  [words, fallback] = await Promise.all([file(tag), tag === FALLBACK ? {} : file(FALLBACK)]);
  plural = new Intl.PluralRules(tag);
  document.documentElement.lang = tag;
  language.value = tag;
}

/**
 * The words for something. `{name}` in them stands for `values.name`; with `values.count` there are words for one and
 * for several, under the key with `_one` and `_other` behind it.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const counted = "count" in values ? `${key}_${plural.select(Number(values.count))}` : key;
  const found = words[counted] ?? words[`${key}_other`] ?? words[key] ?? fallback[counted] ?? fallback[`${key}_other`];
  const text = found ?? fallback[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Whether there are words for a key. @param {string} key */
export function known(key) {
  return key in words || key in fallback;
}

/** The reader's own kind of the page's language, such as en-GB: numbers and times are written in it. */
function locale() {
  return navigator.languages.find((tag) => tag.split("-")[0] === language.value) ?? language.value;
}

/** @param {number} value @param {Intl.NumberFormatOptions} [how] */
export function number(value, how) {
  return new Intl.NumberFormat(locale(), how).format(value);
}

/** Bytes in the unit that reads best. @param {number} bytes */
export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const unit = /** @type {string} */ (units[step]);
  return number(bytes / 1000 ** step, { style: "unit", unit, maximumSignificantDigits: 3, unitDisplay: "short" });
}

/** Milliseconds, as seconds from one on. @param {number} ms */
export function span(ms) {
  const long = Math.abs(ms) >= 1000;
  return number(long ? ms / 1000 : ms, {
    style: "unit",
    unit: long ? "second" : "millisecond",
    maximumFractionDigits: long ? 2 : 0,
    unitDisplay: "short",
  });
}

/** A moment, in seconds since the epoch. @param {number} seconds @param {Intl.DateTimeFormatOptions} [how] */
export function moment(seconds, how = { dateStyle: "medium", timeStyle: "short" }) {
  return new Intl.DateTimeFormat(locale(), how).format(seconds * 1000);
}

/** A day as people say it: today, yesterday, or its date. @param {number} seconds */
export function day(seconds) {
  const then = new Date(seconds * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(then).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days < 0 || days > 1) return moment(seconds, { dateStyle: "full" });
  const said = new Intl.RelativeTimeFormat(language.value, { numeric: "auto" }).format(-days, "day");
  return said.charAt(0).toLocaleUpperCase(language.value) + said.slice(1);
}
