// Files that are being handed in, one after another. They go on while other pages are looked at.

import { ask } from "../../http.js";
import { signal } from "../../view.js";
import { upload } from "./upload.js";

/**
 * `fileId` once the box has it and only the collection lacks it; `error` says what failed.
 * @typedef {{id: number, store: string, file: File, state: "waiting" | "sending" | "failed", sent: number,
 *     fileId: string | null, error: unknown}} Upload
 */

export const uploads = signal(/** @type {readonly Upload[]} */ ([]));
/** How many have arrived: whoever shows a collection looks again. */
export const arrived = signal(0);

let last = 0;
let busy = false;
/** @type {Map<number, AbortController>} */
const stops = new Map();

addEventListener("beforeunload", (event) => {
  if (uploads.peek().some((each) => each.state !== "failed")) event.preventDefault();
});

/** @param {number} id @param {Partial<Upload>} news */
function change(id, news) {
  uploads.value = uploads.value.map((each) => (each.id === id ? { ...each, ...news } : each));
}

/**
 * `refused` says what is wrong with a file before it is sent.
 * @param {string} store @param {readonly File[]} files @param {(file: File) => unknown} refused
 */
export function handIn(store, files, refused) {
  const added = files.map((file) => {
    const error = refused(file);
    last += 1;
    /** @type {Upload} */
    const made = { id: last, store, file, state: error ? "failed" : "waiting", sent: 0, fileId: null, error };
    return made;
  });
  uploads.value = [...uploads.value, ...added];
  run();
}

/** Try one that failed once more. @param {number} id */
export function tryAgain(id) {
  change(id, { state: "waiting", sent: 0, error: null });
  run();
}

/** One is not wanted any more. @param {number} id */
export function drop(id) {
  uploads.value = uploads.value.filter((each) => each.id !== id);
  stops.get(id)?.abort();
}

async function run() {
  if (busy) return;
  busy = true;
  for (;;) {
    const next = uploads.peek().find((each) => each.state === "waiting");
    if (!next) break;
    await send(next);
  }
  busy = false;
}

/** @param {Upload} one */
async function send({ id, store, file, fileId }) {
  const stop = new AbortController();
  stops.set(id, stop);
  change(id, { state: "sending" });
  let given = fileId;
  try {
    given ??= (await upload(file, (sent) => change(id, { sent }), stop.signal)).id;
    if (stop.signal.aborted)
      await ask("DELETE", `/v1/files/${encodeURIComponent(given)}`); // it arrived all the same
    else await ask("POST", `/v1/vector_stores/${encodeURIComponent(store)}/files`, { file_id: given });
    uploads.value = uploads.value.filter((each) => each.id !== id);
    arrived.value += 1;
  } catch (error) {
    change(id, { state: "failed", fileId: given, error });
  } finally {
    stops.delete(id);
  }
}
