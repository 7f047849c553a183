// One file on its way to the box. fetch does not say how far it is, XMLHttpRequest does.

import { Refused } from "../../http.js";
import { who } from "../../who.js";

/** For the largest file over a slow line; the box gives up by itself where nothing comes. */
const PATIENCE_MS = 3_600_000;

/**
 * Rejects with `Refused`, or with an `AbortError` once `stop` says so.
 * @param {File} file
 * @param {(bytes: number) => void} sent
 * @param {AbortSignal} stop
 * @returns {Promise<{id: string}>}
 */
export function upload(file, sent, stop) {
  const form = new FormData();
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/files");
    request.responseType = "json";
    request.timeout = PATIENCE_MS;
    request.upload.onprogress = (event) => sent(event.loaded);
    request.onload = () =>
      request.status < 300 && request.response ? resolve(request.response) : reject(refusal(request));
    request.onerror = () => reject(new Refused("", 0, "unreachable"));
    request.ontimeout = request.onerror;
    request.onabort = () => reject(new DOMException("", "AbortError"));
    stop.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** @param {XMLHttpRequest} request */
function refusal(request) {
  if (request.status === 401 && who.peek()) who.value = null;
  const { message = "", code = `http_${request.status}`, param = null } = request.response?.error ?? {};
  return new Refused(message, request.status, code, param);
}
