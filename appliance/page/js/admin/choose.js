// A few ways to look at the same thing, of which one is chosen.

import { html } from "../view.js";

/**
 * @template T
 * @param {{label: string, options: [T, string][], chosen: T, choose: (value: T) => void}} props
 */
export function Choose({ label, options, chosen, choose }) {
  return html`<div class="tabs" role="group" aria-label=${label}>
    ${options.map(
      ([value, words]) => html`<button key=${value} class="plain" aria-pressed=${value === chosen ? "true" : "false"}
      onClick=${() => choose(value)}>${words}</button>`,
    )}
  </div>`;
}
