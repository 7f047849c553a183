// What a conversation's items are to a reader: things that were said, calls with what they gave, and thoughts.

import { citationsOf, textOf } from "../live/utterances.js";

/**
 * @typedef {{kind: "said", id: string, at: number | null, clip: boolean, said: Utterance}
 *     | {kind: "call", id: string, name: string, given: string, gave: string | null}
 *     | {kind: "note", id: string, name: "instructions" | "thoughts", text: string}} Entry
 */

/** @param {readonly LiveEvent[]} items as `…/items` gives them, oldest first @returns {Entry[]} */
export function entries(items) {
  const outputs = new Map(items.filter(isOutput).map((item) => [item.call_id, outputOf(item)]));
  const calls = new Set(items.filter((item) => item.type === "function_call").map((item) => item.call_id));
  return items.flatMap((item) => {
    const one = entry(item, outputs, calls);
    return one ? [one] : [];
  });
}

/** What was said of it, as the talk page has it. @param {readonly Entry[]} all */
export function utterances(all) {
  return all.flatMap((each) => (each.kind === "said" ? [each.said] : []));
}

/**
 * @param {LiveEvent} item
 * @param {ReadonlyMap<string, string>} outputs by the call's id
 * @param {ReadonlySet<string>} calls
 * @returns {Entry | null}
 */
function entry(item, outputs, calls) {
  const { id } = item;
  switch (item.type) {
    case "message":
      return message(item);
    case "function_call":
      return { kind: "call", id, name: item.name, given: item.arguments, gave: outputs.get(item.call_id) ?? null };
    case "function_call_output":
      return calls.has(item.call_id) ? null : { kind: "call", id, name: "", given: "", gave: outputOf(item) };
    case "reasoning":
      return textOf(item) ? { kind: "note", id, name: "thoughts", text: textOf(item) } : null;
    default:
      return null;
  }
}

/** @param {LiveEvent} item @returns {Entry} */
function message(item) {
  const text = textOf(item);
  if (item.role !== "user" && item.role !== "assistant")
    return { kind: "note", id: item.id, name: "instructions", text };
  const clip = (item.content ?? []).some((/** @type {LiveEvent} */ part) => part.clip === true);
  /** @type {Utterance} */
  const said = {
    id: item.id,
    role: item.role,
    text,
    state: item.status === "incomplete" ? "cut" : "done",
    clauses: [],
    citations: citationsOf(item),
  };
  return { kind: "said", id: item.id, at: item.created_at ?? null, clip, said };
}

/** @param {LiveEvent} item */
const isOutput = (item) => item.type === "function_call_output";

/** @param {LiveEvent} item @returns {string} */
function outputOf(item) {
  return typeof item.output === "string" ? item.output : textOf({ type: item.type, content: item.output });
}
