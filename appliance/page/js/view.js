// How the page draws: Preact's components, written as tagged templates so that nothing has to be built, and signals.

import { useEffect, useReducer } from "../vendor/hooks.js";
import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { useCallback, useEffect, useRef, useState } from "../vendor/hooks.js";
export { render } from "../vendor/preact.js";
export { batch, computed, effect, signal } from "../vendor/signals.js";

export const html = htm.bind(h);

/**
 * A signal's value; the component is drawn again whenever it changes.
 * @template T
 * @param {import("../vendor/signals.js").ReadonlySignal<T>} source
 * @returns {T}
 */
export function useValue(source) {
  const [, again] = useReducer((/** @type {number} */ count, /** @type {void} */ _) => count + 1, 0);
  const drawn = source.value;
  useEffect(() => {
    let known = drawn; // it may have changed since it was drawn
    return source.subscribe((now) => {
      if (now !== known) again();
      known = now;
    });
  }, [source]);
  return drawn;
}
