// The end of the box's log, asked for again and again.

import { ask } from "../../http.js";
import { useCallback, useEffect, useRef, useState } from "../../view.js";
import { added, EMPTY } from "./lines.js";

const EVERY_MS = 2_000;
const FIRST = 500;
const MORE = 1_000;

/**
 * Lines of a level and graver ones. Nothing is asked while it is paused or the page is hidden.
 * @param {string} level
 * @param {boolean} paused
 * @returns {{tail: import("./lines.js").Tail, error: unknown, again: () => Promise<void>}}
 */
export function useTail(level, paused) {
  const [state, setState] = useState({ tail: EMPTY, error: /** @type {unknown} */ (null) });
  const tail = useRef(EMPTY);
  const asks = useRef(/** @type {AbortController | null} */ (null));
  const again = useCallback(async () => {
    if (asks.current) return;
    const mine = new AbortController();
    asks.current = mine;
    try {
      let whole = false;
      while (!whole) {
        const { next } = tail.current;
        const which = next === null ? `limit=${FIRST}` : `after=${next}&limit=${MORE}`;
        const told = await ask("GET", `/v1/admin/logs?level=${level}&${which}`, undefined, { signal: mine.signal });
        whole = next === null || told.data.length < MORE;
        tail.current = added(tail.current, told);
        const { current } = tail;
        // Without news nothing is drawn again.
        setState((before) =>
          before.tail.lines === current.lines && before.tail.next !== null && !before.error
            ? before
            : { tail: current, error: null },
        );
      }
    } catch (error) {
      if (!mine.signal.aborted) setState({ tail: tail.current, error });
    } finally {
      if (asks.current === mine) asks.current = null;
    }
  }, [level]);
  useEffect(() => {
    tail.current = EMPTY;
    setState({ tail: EMPTY, error: null });
    return () => {
      asks.current?.abort();
      asks.current = null;
    };
  }, [level]);
  useEffect(() => {
    if (paused) return undefined;
    again();
    const timer = setInterval(() => document.hidden || again(), EVERY_MS);
    return () => clearInterval(timer);
  }, [again, paused]);
  return { ...state, again };
}
