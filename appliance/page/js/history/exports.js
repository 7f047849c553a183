// Files of a conversation to take along. They are fetched first, so that a refusal is told and not saved.

import { blob } from "../http.js";
import { Icon } from "../icons.js";
import { html } from "../view.js";
import { t } from "../words.js";
import { useAttempt } from "./attempt.js";
import { doorOf } from "./listed.js";

/** How long a browser may take to begin saving. */
const SAVED_MS = 60_000;
const ENDINGS = { markdown: "md", json: "json" };

/** @param {{id: string}} props */
export function Exports({ id }) {
  const { busy, wrong, attempt } = useAttempt();
  const take = (/** @type {string} */ format, /** @type {string} */ ending) =>
    attempt(async () => save(await blob(`${doorOf(id)}/export?format=${format}`), `${id}.${ending}`));
  return html`${Object.entries(ENDINGS).map(
    ([format, ending]) => html`<button key=${format} onClick=${() => take(format, ending)} disabled=${busy}>
      <${Icon} name="download" />${t(`history.export_${format}`)}</button>`,
  )}<p role="alert" class="wrong">${wrong}</p>`;
}

/** @param {Blob} file @param {string} name */
function save(file, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS);
}
