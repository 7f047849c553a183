// What a view shows of the box, asked for when it is opened and again as time goes by.

import { ask } from "./http.js";
import { useCallback, useEffect, useState } from "./view.js";

/**
 * What a door says. `data` is null until the first answer and stays what it was while later ones fail; `again` asks
 * at once. Nothing is asked while the page is hidden.
 * @param {string} path
 * @param {{everyMs?: number}} [how] again after so long; never where it is left out
 * @returns {{data: any, error: unknown, again: () => Promise<void>}}
 */
export function useDoor(path, { everyMs = 0 } = {}) {
  const [state, setState] = useState({ data: /** @type {any} */ (null), error: /** @type {unknown} */ (null) });
  const again = useCallback(async () => {
    try {
      const data = await ask("GET", path);
      setState({ data, error: null });
    } catch (error) {
      setState((before) => ({ data: before.data, error }));
    }
  }, [path]);
  useEffect(() => {
    again();
    if (!everyMs) return undefined;
    const timer = setInterval(() => document.hidden || again(), everyMs);
    return () => clearInterval(timer);
  }, [again, everyMs]);
  return { ...state, again };
}
