// Things in the order of time, day by day.

/**
 * Neighbours of one day together; `dayOf` names a thing's day.
 * @template T
 * @param {readonly T[]} things
 * @param {(thing: T) => string} dayOf
 * @returns {{day: string, things: T[]}[]}
 */
export function byDay(things, dayOf) {
  /** @type {{day: string, things: T[]}[]} */
  const days = [];
  for (const thing of things) {
    const day = dayOf(thing);
    const last = days.at(-1);
    if (last?.day === day) last.things.push(thing);
    else days.push({ day, things: [thing] });
  }
  return days;
}
