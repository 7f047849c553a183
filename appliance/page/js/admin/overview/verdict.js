// Whether all is well, and what is not: judged from what the box says of itself.

/** Of a disk; less left is worth a word. */
const LEAST_FREE = 0.05;
const LEAST_MEMORY = 0.05;

/** @typedef {{what: string, name?: string, detail?: string}} Complaint */

/**
 * `grave` keeps the box from answering; `slight` does not yet.
 * @param {any} status as `GET /v1/admin/status` tells it
 * @returns {{mood: "well" | "starting" | "unwell", grave: Complaint[], slight: Complaint[]}}
 */
export function verdict(status) {
  const stages = /** @type {[string, any][]} */ (Object.entries(status.stages));
  /** @type {Complaint[]} */
  const grave = stages
    .filter(([, stage]) => stage.state !== "ready")
    .map(([name, stage]) => ({ what: stage.state, name, detail: stage.detail }));
  const failed = status.spoken && ["wrong", "silent"].includes(status.spoken.outcome);
  // With every stage ready, only self-tests that failed again and again keep a box from being so.
  if (status.status !== "ready" && !grave.length) grave.push({ what: failed ? "spoken" : "not_ready" });
  /** @type {Complaint[]} */
  const slight = [];
  if (failed && status.status === "ready") slight.push({ what: "spoken_once" });
  for (const disk of status.disks ?? []) {
    if (disk.free_bytes < disk.total_bytes * LEAST_FREE) slight.push({ what: "disk", name: disk.purpose });
  }
  const memory = status.memory;
  if (memory && memory.available_bytes < memory.total_bytes * LEAST_MEMORY) slight.push({ what: "memory" });
  for (const name of status.unseen) slight.push({ what: "unseen", name });
  const starting = grave.length > 0 && grave.every((each) => each.what === "starting");
  return { mood: starting ? "starting" : grave.length ? "unwell" : "well", grave, slight };
}
