// Names of the box's own, in the reader's words where there are any.

import { known, t } from "../words.js";

/** @param {string} prefix of the words @param {string} name */
export function named(prefix, name) {
  const key = `${prefix}_${name.replaceAll(/[^a-z0-9]+/g, "_")}`;
  return known(key) ? t(key) : name;
}
