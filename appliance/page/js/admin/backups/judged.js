// What the reading of a backup comes to: which words, in which colour.

/**
 * @param {{sound: boolean | null} | null} verdict null where it was not read since the box was started
 * @returns {{tone: string, words: string}}
 */
export function judged(verdict) {
  if (!verdict) return { tone: "quiet", words: "unread" };
  if (verdict.sound === null) return { tone: "warn", words: "cannot_tell" };
  return verdict.sound ? { tone: "good", words: "sound" } : { tone: "wrong", words: "damaged" };
}
