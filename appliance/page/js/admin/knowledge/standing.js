// How a document stands, of what two doors say of it: the collection's, and that of all documents.

/**
 * @typedef {"waiting" | "reading" | "ready" | "failed"} State
 * @typedef {{id: string, name: string, bytes: number, added: number, state: State, why: string, passages: number}} Standing
 */

/**
 * @param {{id: string, created_at: number, usage_bytes: number, status: string, last_error: {message: string} | null}} member
 * @param {{filename: string, passages: number} | undefined} file
 * @returns {Standing}
 */
export function standing(member, file) {
  const passages = file?.passages ?? 0;
  /** @type {State} */
  let state = passages ? "reading" : "waiting";
  if (member.status === "completed") state = "ready";
  if (member.status === "failed") state = "failed";
  return {
    id: member.id,
    name: file?.filename ?? member.id,
    bytes: member.usage_bytes,
    added: member.created_at,
    state,
    why: member.last_error?.message ?? "",
    passages,
  };
}

/** Whether the box still has something to read. @param {readonly Standing[]} all */
export function unfinished(all) {
  return all.some((each) => each.state === "waiting" || each.state === "reading");
}

/**
 * What is wrong with a file before it is sent: "empty_file", "large" or nothing.
 * @param {number} bytes @param {number} most
 */
export function wrongSize(bytes, most) {
  if (bytes === 0) return "empty_file";
  return bytes > most ? "large" : "";
}

/** Whether sending a file once more may help, after an error that is not about the file. @param {unknown} error */
export function worthATry(error) {
  const { status = 0, code = "" } = /** @type {{status?: number, code?: string}} */ (error ?? {});
  return status >= 500 || [401, 408, 429].includes(status) || code === "unreachable";
}
