// The doctor at work. It goes on while another view is shown, and what it said stays until it is asked again.

import { ask } from "../../http.js";
import { signal } from "../../view.js";

/** The box gives the doctor 150 seconds; a little more, so that the box says itself that it took too long. */
const PATIENCE_MS = 170_000;

/** @typedef {{name: string, outcome: "fault" | "warning" | "note" | "ok" | "skipped", seen: string, do: string}} Check */
/** @typedef {{outcome: Check["outcome"], appliance: string, at: string, checks: Check[]}} Page */

/**
 * `since`: when it began, in milliseconds of the browser's clock; null while nobody looks.
 * @type {import("../../../vendor/signals.js").Signal<{since: number | null, page: Page | null, error: unknown}>}
 */
export const examination = signal({
  since: /** @type {number | null} */ (null),
  page: /** @type {Page | null} */ (null),
  error: /** @type {unknown} */ (null),
});

/** @type {AbortController | null} */
let going = null;

export async function examine() {
  if (going) return;
  const mine = new AbortController();
  going = mine;
  const { page } = examination.value;
  examination.value = { since: performance.now(), page, error: null };
  try {
    const told = await ask("POST", "/v1/admin/doctor", undefined, { patience: PATIENCE_MS, signal: mine.signal });
    examination.value = { since: null, page: told, error: null };
  } catch (error) {
    examination.value = { since: null, page, error: mine.signal.aborted ? null : error };
  } finally {
    going = null;
  }
}

/** The box ends the doctor when nobody waits for it. */
export function stop() {
  going?.abort();
}
