// What a view shows of the box, asked for when it is opened and again as time goes by.

import { ask } from "./http.js";
import { useCallback, useEffect, useRef, useState } from "./view.js";

/**
 * @template T
 * @typedef {{data: T | null, error: unknown, seen: number}} News
 */

/**
 * What the box says to one or several questions. `load` stays the same function while the same is meant. `pace` says in
 * how many ms it is asked again, given the last answer and what was wrong since; 0: not by itself. `data` is null until
 * the first answer and stays what it was while later ones fail, or while something else is asked for; `seen` counts the
 * answers; `again` asks at once. Nothing is asked while the page is hidden, and at once when it is seen again.
 * @template T
 * @param {() => Promise<T>} load
 * @param {(data: T | null, error: unknown) => number} [pace]
 * @returns {News<T> & {again: () => Promise<void>}}
 */
export function useAnswer(load, pace = () => 0) {
  const [state, setState] = useState(/** @type {News<T>} */ ({ data: null, error: null, seen: 0 }));
  const last = useRef(state);
  const again = useRef(async () => {});
  useEffect(() => {
    let over = false;
    let asked = 0;
    let timer = 0;
    let waits = false;
    const later = () => {
      const wait = pace(last.current.data, last.current.error);
      clearTimeout(timer);
      waits = wait > 0 && !over;
      if (waits) timer = setTimeout(() => document.hidden || look(), wait);
    };
    const look = async () => {
      asked += 1;
      const mine = asked;
      waits = false;
      clearTimeout(timer);
      let news;
      try {
        news = { data: await load(), error: null, seen: last.current.seen + 1 };
      } catch (error) {
        news = { ...last.current, error };
      }
      if (over || mine !== asked) return; // nobody looks any more, or it was asked again meanwhile
      last.current = news;
      setState(news);
      later();
    };
    const seen = () => {
      if (!document.hidden && waits) look();
    };
    again.current = look;
    look();
    document.addEventListener("visibilitychange", seen);
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [load]);
  return { ...state, again: () => again.current() };
}

/**
 * What one door says, see `useAnswer`.
 * @param {string} path
 * @param {{everyMs?: number}} [how] again after so long; never where it is left out
 */
export function useDoor(path, { everyMs = 0 } = {}) {
  return useAnswer(
    useCallback(() => ask("GET", path), [path]),
    () => everyMs,
  );
}
