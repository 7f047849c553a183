// What is written in the form of an assistant, and what the box is told of it.

/** The box's name for the collections. */
export const STORES = "tool_resources.file_search.vector_store_ids";
/** What the form shows errors of, by the box's names; any other error stands below it. */
export const FIELDS = [
  "name",
  "description",
  "instructions",
  "voice",
  "language",
  "temperature",
  STORES,
  "retrieval",
  "shared",
];

/**
 * @typedef {{name: string, description: string, instructions: string, voice: string, language: string, temperature: string,
 *     collections: readonly string[], retrieval: "automatic" | "tool", shared: boolean}} Draft
 */

/** @type {Draft} */
export const EMPTY = {
  name: "",
  description: "",
  instructions: "",
  voice: "",
  language: "",
  temperature: "",
  collections: [],
  retrieval: "automatic",
  shared: false,
};

/** @param {any} assistant as the box gives it @returns {Draft} */
export function fromAssistant(assistant) {
  return {
    name: assistant.name,
    description: assistant.description ?? "",
    instructions: assistant.instructions ?? "",
    voice: assistant.voice ?? "",
    language: assistant.language ?? "",
    temperature: assistant.temperature === null ? "" : String(assistant.temperature),
    collections: assistant.tool_resources.file_search.vector_store_ids,
    retrieval: assistant.retrieval,
    shared: assistant.shared,
  };
}

/**
 * The body of what is asked; null takes a field back to what it is where nobody gives it.
 * @param {Draft} draft
 */
export function toBody(draft) {
  return {
    name: draft.name.trim(),
    description: draft.description.trim() || null,
    instructions: draft.instructions.trim() || null,
    voice: draft.voice || null,
    language: draft.language || null,
    temperature: draft.temperature === "" ? null : Number(draft.temperature),
    tool_resources: { file_search: { vector_store_ids: [...draft.collections] } },
    retrieval: draft.retrieval,
    shared: draft.shared,
  };
}

/** @param {readonly string[]} all @param {string} one */
export function toggled(all, one) {
  return all.includes(one) ? all.filter((each) => each !== one) : [...all, one];
}
