// How far the change of sets is, of what was asked for here, what the box says, and whether it can be reached.

/**
 * @typedef {{state: "switching" | "done" | "failed" | "restarted", to: string, from: string, why: string, away: boolean}} Change
 */

/**
 * `seen` counts the box's answers; one that came before the change was asked for knows nothing of it. A box that
 * forgot the change was started again by somebody else.
 * @param {{asked: {to: string, seen: number} | null, seen: number, away: boolean,
 *     told: {state: "switching" | "done" | "failed", from: string, to: string, why: string} | null}} given
 * @returns {Change | null}
 */
export function switching({ asked, seen, told, away }) {
  if (asked && seen <= asked.seen) return { state: "switching", to: asked.to, from: "", why: "", away };
  if (told) return { ...told, away: away && told.state === "switching" };
  return asked && { state: "restarted", to: asked.to, from: "", why: "", away };
}
