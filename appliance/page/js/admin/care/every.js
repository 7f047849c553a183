// All of a list that the box gives page by page.

import { ask } from "../../http.js";

const PAGE = 100;
/** Nobody looks through more; who has more uses the doors. */
const MOST = 1_000;

/** @param {string} path @returns {Promise<any[]>} */
export async function every(path) {
  /** @type {any[]} */
  const all = [];
  let after = "";
  while (all.length < MOST) {
    const page = await ask("GET", `${path}?limit=${PAGE}${after}`);
    all.push(...page.data);
    if (!page.has_more || !page.last_id) break;
    after = `&after=${encodeURIComponent(page.last_id)}`;
  }
  return all;
}
