// A command to be taken along.

import { Icon } from "../icons.js";
import { html, useState } from "../view.js";
import { t } from "../words.js";

/**
 * Browsers keep the clipboard from pages that are not secure; `refused` is called there.
 * @param {{text: string, words?: string, refused?: () => void}} props
 */
export function Copy({ text, words, refused }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
    } catch {
      refused?.();
    }
  };
  return html`<button type="button" class="plain small" onClick=${copy} title=${text}><${Icon} name="copy" />${t(done ? "copied" : (words ?? "hood.curl"))}</button>`;
}
