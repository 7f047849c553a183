// What a view shows of the box, asked for when it is opened and again as time goes by.

import { ask } from "./http.js";
import { useCallback, useEffect, useRef, useState } from "./view.js";

/**
 * What a door says. `data` is null until the first answer and stays what it was while later ones fail, or while another
 * path is asked for; `again` asks at once. Nothing is asked while the page is hidden, and at once when it is seen again.
 * @param {string} path
 * @param {{everyMs?: number}} [how] again after so long, unless the box still answers; never where it is left out
 * @returns {{data: any, error: unknown, again: () => Promise<void>}}
 */
export function useDoor(path, { everyMs = 0 } = {}) {
  const [state, setState] = useState({ data: /** @type {any} */ (null), error: /** @type {unknown} */ (null) });
  const asked = useRef(0);
  const answered = useRef(0);
  const again = useCallback(async () => {
    asked.current += 1;
    const mine = asked.current;
    const told = (/** @type {{data?: any, error: unknown}} */ news) => {
      if (mine < answered.current) return; // a later question was answered before
      answered.current = mine;
      setState((before) => ({ ...before, ...news }));
    };
    try {
      told({ data: await ask("GET", path), error: null });
    } catch (error) {
      told({ error });
    }
  }, [path]);
  useEffect(() => {
    again();
    if (!everyMs) return undefined;
    const next = () => {
      if (!document.hidden && answered.current === asked.current) again();
    };
    const timer = setInterval(next, everyMs);
    document.addEventListener("visibilitychange", next);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", next);
    };
  }, [again, everyMs]);
  return { ...state, again };
}
