// Where in a passage the part is that a reply shares with it.

/** What a quote has where it leaves something out, at either end. */
const CUT = /^…\s*|\s*…$/g;

/**
 * A passage in three: before the quote, the quote, and behind it. White space may differ. Without a quote, or where it
 * is not found, all of it is before.
 * @param {string} text
 * @param {string} quote
 * @returns {[string, string, string]}
 */
export function parted(text, quote) {
  const words = quote.replace(CUT, "").split(/\s+/).filter(Boolean);
  if (!words.length) return [text, "", ""];
  const pattern = words.map((word) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("\\s+");
  const found = new RegExp(pattern, "u").exec(text);
  if (!found) return [text, "", ""];
  const end = found.index + found[0].length;
  return [text.slice(0, found.index), found[0], text.slice(end)];
}
