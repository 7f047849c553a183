// Questions to the box. What it refuses is an error with its own sentence and code.

import { either } from "./either.js";
import { who } from "./who.js";

const PATIENCE_MS = 30_000;

/** What the box refused, or could not be asked. */
export class Refused extends Error {
  /** @param {string} message @param {number} status @param {string} code @param {string | null} [param] */
  constructor(message, status, code, param = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, form?: FormData, patience?: number, signal?: AbortSignal}} [more]
 * @returns {Promise<Response>}
 */
async function send(method, path, more = {}) {
  const waits = [AbortSignal.timeout(more.patience ?? PATIENCE_MS), ...(more.signal ? [more.signal] : [])];
  /** @type {RequestInit} */
  const how = { method, signal: either(waits), headers: {} };
  if (more.form) how.body = more.form;
  else if (more.body !== undefined) {
    how.body = JSON.stringify(more.body);
    how.headers = { "content-type": "application/json" };
  }
  let answer;
  try {
    answer = await fetch(path, how);
  } catch (error) {
    if (more.signal?.aborted) throw error;
    throw new Refused("", 0, "unreachable");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 401 && who.peek()) who.value = null;
  const { message = "", code = `http_${answer.status}`, param = null } = told.error ?? {};
  throw new Refused(message, answer.status, code, param);
}

/**
 * The whole of an answer: one that is cut off is none.
 * @template T
 * @param {Promise<T>} reading
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
async function whole(reading, signal) {
  try {
    return await reading;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("", 0, "unreachable");
  }
}

/**
 * Ask, and read the JSON that is answered.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {{patience?: number, signal?: AbortSignal}} [more]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body, more = {}) {
  const answer = await send(method, path, { body, ...more });
  return answer.status === 204 ? null : whole(answer.json(), more.signal);
}

/**
 * Send a form, such as one with a file.
 * @param {string} path
 * @param {FormData} form
 * @param {{patience?: number, signal?: AbortSignal}} [more]
 */
export async function sendForm(path, form, more = {}) {
  const answer = await send("POST", path, { form, patience: 600_000, ...more });
  return whole(answer.json(), more.signal);
}

/** What a door gives, as a blob. @param {string} path */
export async function blob(path) {
  const answer = await send("GET", path, { patience: 120_000 });
  return whole(answer.blob());
}
