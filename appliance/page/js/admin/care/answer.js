// What the box says to several questions at once, asked again for as long as something is under way.

import { useEffect, useRef, useState } from "../../view.js";

/**
 * `load` stays the same function while the same is meant. `pace` says in how many ms it is asked again, given the last
 * answer and what was wrong since; 0: not by itself. `data` stays what it was while later questions fail; `seen` counts the answers.
 * @template T
 * @param {() => Promise<T>} load
 * @param {(data: T | null, error: unknown) => number} [pace]
 * @returns {{data: T | null, error: unknown, seen: number, again: () => Promise<void>}}
 */
export function useAnswer(load, pace = () => 0) {
  const [state, setState] = useState({
    data: /** @type {T | null} */ (null),
    error: /** @type {unknown} */ (null),
    seen: 0,
  });
  const again = useRef(async () => {});
  useEffect(() => {
    let over = false;
    let asked = 0;
    let timer = 0;
    /** @type {{data: T | null, error: unknown, seen: number}} */
    let last = { data: null, error: null, seen: 0 };
    const later = () => {
      const wait = pace(last.data, last.error);
      clearTimeout(timer);
      if (wait && !over) timer = setTimeout(() => (document.hidden ? later() : look()), wait);
    };
    const look = async () => {
      asked += 1;
      const mine = asked;
      clearTimeout(timer);
      let news;
      try {
        news = { data: await load(), error: null, seen: last.seen + 1 };
      } catch (error) {
        news = { ...last, error };
      }
      if (over || mine !== asked) return; // nobody looks any more, or it was asked again meanwhile
      last = news;
      setState(news);
      later();
    };
    again.current = look;
    look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [load]);
  return { ...state, again: () => again.current() };
}
