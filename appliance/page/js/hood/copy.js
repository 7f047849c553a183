// A command to be taken along.

import { Icon } from "../icons.js";
import { html, useState } from "../view.js";
import { t } from "../words.js";

/** @param {{text: string, words?: string}} props */
export function Copy({ text, words }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text).catch(() => {});
    setDone(true);
  };
  return html`<button class="plain small" onClick=${copy} title=${text}><${Icon} name="copy" />${t(done ? "copied" : (words ?? "hood.curl"))}</button>`;
}
