// Which assistant answers from a collection, and what a new one is called.

const MOST_NAME = 64;

/**
 * Of somebody's own assistants the one that knows this collection and no other, else one that knows it too.
 * @template {{owned_by: string, tool_resources: {file_search: {vector_store_ids: string[]}}}} T
 * @param {readonly T[]} assistants @param {string} collection @param {string} user
 * @returns {T | undefined}
 */
export function knowing(assistants, collection, user) {
  const stores = (/** @type {T} */ each) => each.tool_resources.file_search.vector_store_ids;
  const found = assistants.filter((each) => each.owned_by === user && stores(each).includes(collection));
  return found.find((each) => stores(each).length === 1) ?? found[0];
}

/**
 * A name that the box takes: printable, without a slash, not too long; from the second on with its number behind it.
 * @param {string} collection @param {number} number
 */
export function nameFor(collection, number) {
  const plain = collection.replace(/[\p{C}\p{Zl}\p{Zp}/]+/gu, " ").replace(/\s+/g, " ");
  const behind = number > 1 ? ` ${number}` : "";
  return (
    [...plain.trim()]
      .slice(0, MOST_NAME - behind.length)
      .join("")
      .trim() + behind
  );
}
