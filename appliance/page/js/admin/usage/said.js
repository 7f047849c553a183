// Amounts and days in words.

import { moment, number, t } from "../../words.js";
import { lasting } from "../lasting.js";

/** @param {import("./sums.js").Measure} measure @param {number} value */
export function amount(measure, value) {
  if (value === 0) return "–";
  return measure.startsWith("audio") ? lasting(value) : number(value);
}

/** A day as the box counts it (UTC). @param {string} day such as 2026-11-27 @param {Intl.DateTimeFormatOptions} [how] */
export function dayName(day, how = { day: "numeric", month: "short", weekday: "short" }) {
  return moment(Date.parse(`${day}T00:00:00Z`) / 1000, { ...how, timeZone: "UTC" });
}

/** @param {import("./sums.js").Measure} measure */
export function measureName(measure) {
  return t(`admin.usage.${measure}`);
}
