// A list that the box gives page by page, as far as it has been asked for.

import { ask } from "../http.js";
import { useCallback, useEffect, useRef, useState } from "../view.js";

/** @typedef {{data: any[], more: boolean, busy: boolean, error: unknown}} Pages */

/** @type {Pages} */
const NOTHING = { data: [], more: false, busy: true, error: null };

/**
 * The pages of a door that knows `after`. Another path begins anew; what was there stays until the first answer.
 * @param {string} path with all of the query but `after`
 * @param {{all?: boolean}} [how] `all`: one page after another, without being asked
 */
export function usePages(path, { all = false } = {}) {
  const [pages, setPages] = useState(NOTHING);
  /** What of it belongs to this path. */
  const own = useRef(/** @type {any[]} */ ([]));
  const waiting = useRef(/** @type {AbortController | null} */ (null));

  const load = useCallback(async () => {
    waiting.current?.abort();
    const turn = new AbortController();
    waiting.current = turn;
    setPages((is) => ({ ...is, busy: true, error: null }));
    try {
      let more = true;
      do {
        const last = own.current.at(-1)?.id;
        const page = await ask("GET", last ? `${path}&after=${encodeURIComponent(last)}` : path, undefined, {
          signal: turn.signal,
        });
        if (turn.signal.aborted) return;
        own.current = [...own.current, ...page.data];
        more = page.has_more;
        setPages({ data: own.current, more, busy: all && more, error: null });
      } while (all && more);
    } catch (error) {
      if (!turn.signal.aborted) setPages((is) => ({ ...is, busy: false, error }));
    }
  }, [path, all]);
  useEffect(() => {
    own.current = [];
    load();
    return () => waiting.current?.abort();
  }, [load]);

  return {
    ...pages,
    /** Ask for what comes behind; after a failure for what failed. */
    next: load,
    /** Change what is there without asking. @param {(data: any[]) => any[]} how */
    change: (how) => {
      own.current = how(own.current);
      setPages((is) => ({ ...is, data: own.current }));
    },
  };
}
