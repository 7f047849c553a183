// Who is at the page: signed in with a key, or anybody where the box is open.

import { signal } from "./view.js";

/**
 * Undefined: not known yet. Null: nobody, and the box wants a key.
 * @type {import("../vendor/signals.js").Signal<Who | null | undefined>}
 */
export const who = signal(/** @type {Who | null | undefined} */ (undefined));

/** @param {string} scope */
export function may(scope) {
  return who.value?.scopes.includes(scope) ?? false;
}
